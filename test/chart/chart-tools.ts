import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';

export const CHART = 'helm/fluent-commercetools-connector';
/** What the schema validator knows; the chart needs at least 1.27. */
const KUBERNETES_VERSION = '1.30';
const NAMESPACE = ['--namespace', 'shop'];

const folder =
  process.env['CHART_TOOLS'] ??
  join(
    process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    'fluent-commercetools-connector/chart-tools',
  );

/** Whether `.ci/install-chart-tools` has been run on this machine. */
export const hasChartTools = existsSync(join(folder, 'installed'));

/** Says that checks are skipped; fails a run in CI that would skip them without anybody noticing. */
export function requireChartToolsInCi(): void {
  if (hasChartTools) return;
  const missing = `its tools are not in ${folder} (.ci/install-chart-tools puts them there, with Go)`;
  if (process.env['CI']) throw new Error(`the chart cannot be checked: ${missing}`);
  process.stderr.write(`SKIPPED: the checks of the chart; ${missing}\n`);
}

/** How a tool ended. */
export interface ToolResult {
  readonly ok: boolean;
  /** Its standard output. */
  readonly text: string;
  /** Everything that it said. */
  readonly output: string;
}

function run(tool: string, args: readonly string[], input?: string): ToolResult {
  const { status, stdout, stderr, error } = spawnSync(join(folder, 'bin', tool), args, {
    encoding: 'utf8',
    input,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) throw error;
  return { ok: status === 0, text: stdout, output: stdout + stderr };
}

/** The folder of the tools, for PATH. */
export const CHART_TOOLS_BIN = join(folder, 'bin');

/** Checks GitHub workflows. @param args paths, or `-` for `input`. */
export function actionlint(args: readonly string[], input?: string): ToolResult {
  return run('actionlint', args, input);
}

const templates = new Map<string, ToolResult>();

/** Renders each set of values once. @param values the content of a values file. @param release its name. */
export function helmTemplate(values: unknown, release = 'rel'): ToolResult {
  const input = JSON.stringify(values);
  const key = `${release} ${input}`;
  let result = templates.get(key);
  if (!result) {
    result = run('helm', ['template', release, CHART, ...NAMESPACE, '--values', '-'], input);
    templates.set(key, result);
  }
  return result;
}

/** Renders with the objects of a cluster at hand, as `helm upgrade` does. @param server the URL of its API. */
export async function helmTemplateWithCluster(values: unknown, server: string): Promise<ToolResult> {
  const args = ['template', 'rel', CHART, ...NAMESPACE, '--values', '-', '--dry-run=server', '--is-upgrade'];
  // Of the validation, the server's part is missing.
  args.push('--disable-openapi-validation');
  return new Promise((resolve) => {
    const child = execFile(
      join(folder, 'bin', 'helm'),
      [...args, '--kube-apiserver', server, '--kube-token', 'none'],
      { encoding: 'utf8', env: { ...process.env, KUBECONFIG: '/dev/null' } },
      (error, text, stderr) => resolve({ ok: error === null, text, output: text + stderr }),
    );
    child.stdin?.end(JSON.stringify(values));
  });
}

/** @param values the content of a values file. */
export function helmLint(values: unknown): ToolResult {
  return run('helm', ['lint', '--strict', CHART, '--values', '-'], JSON.stringify(values));
}

/** What an operator is told after `helm install`. @param values the content of a values file. */
export function helmNotes(values: unknown): ToolResult {
  const { text, ...result } = run(
    'helm',
    ['install', 'rel', CHART, ...NAMESPACE, '--dry-run=client', '--values', '-'],
    JSON.stringify(values),
  );
  const notes = text.slice(text.indexOf('\nNOTES:'));
  return { ...result, text: notes, output: result.ok ? notes : result.output };
}

/**
 * Checks manifests against the schemas of Kubernetes and of the custom resources, all at once: loading the schemas takes
 * longer than a check.
 *
 * @param manifests YAML texts by name.
 * @returns the problems of each text that has some, by name.
 */
export function problemsOfManifests(manifests: Readonly<Record<string, string>>): Record<string, string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'fluent-connector-manifests-'));
  try {
    const names = Object.keys(manifests);
    names.forEach((name, index) => writeFileSync(join(directory, `${index}.yaml`), manifests[name]!));
    const schemas = ['--version', KUBERNETES_VERSION, '--local-crds', join(folder, 'crds')];
    const { text, output } = run('kubectl-validate', [directory, '--output', 'json', ...schemas]);
    if (!text.startsWith('{')) throw new Error(output);
    const results = Object.entries(JSON.parse(text) as Record<string, ValidatedObject[]>);
    if (results.length !== names.length) throw new Error(`not every manifest was checked: ${output}`);
    return Object.fromEntries(
      results
        .map(([path, objects]): [string, string[]] => [
          names[Number.parseInt(basename(path))]!,
          objects.filter(({ status }) => status !== 'Success').map(({ message = 'unknown' }) => message),
        ])
        .filter(([, problems]) => problems.length > 0),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface ValidatedObject {
  readonly status: string;
  readonly message?: string;
}
