import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

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

/** @param values the content of a values file. @param release its name. */
export function helmTemplate(values: unknown, release = 'rel'): ToolResult {
  return run('helm', ['template', release, CHART, ...NAMESPACE, '--values', '-'], JSON.stringify(values));
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

/** Checks the manifests in a file or folder against the schemas of Kubernetes and of the custom resources. */
export function validateManifests(path: string): ToolResult {
  const schemas = ['--version', KUBERNETES_VERSION, '--local-crds', join(folder, 'crds')];
  return run('kubectl-validate', [path, ...schemas]);
}
