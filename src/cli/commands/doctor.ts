import { type Command, InvalidArgumentError } from 'commander';
import { ConfigurationProblems, ConnectorConfig } from '../../config/index.js';
import type { CapturedWebhook, DoctorView } from '../../admin/index.js';
import {
  type CapturedRequest,
  type Check,
  type CheckFinding,
  CHECKS,
  checksNamed,
  fail,
  runChecks,
  skip,
  webhookCheck,
} from '../../doctor/index.js';
import { ConfigurationError, asError } from '../../errors.js';
import { type AdminOptions, remoteAdmin, withAdminOptions } from '../admin/admin-session.js';
import { LocalAdmin, untilRedisAnswers } from '../admin/local-admin.js';
import { withConnector } from '../connector-session.js';
import { type Console, EXIT, printLine } from '../console.js';
import { printCounts, printFinding } from '../finding-output.js';
import { checkOrder } from '../order-check.js';
import { type OrderOptions, withOrderOptions } from '../order-output.js';
import { Output } from '../output.js';
import { readRequest } from '../captured-file.js';

interface Options extends AdminOptions, OrderOptions {
  readonly only?: readonly Check[];
  readonly order?: string;
  readonly webhook?: string;
  readonly strict?: boolean;
}

export function doctorCommand(command: Command, console: Console, end: (code: number) => void): void {
  withOrderOptions(withAdminOptions(command))
    .option('--only <checks>', `comma-separated: ${CHECKS.map(({ name }) => name).join(', ')}`, toChecks)
    .option('--order <ref>', 'also compare an order in both systems, and show what a sync would send')
    .option('--webhook <file>', 'only check a captured request; - reads standard input')
    .option('--strict', 'also fail on warnings')
    .action(async (options: Options) => {
      const output = new Output(console, options.json === true);
      const findings: CheckFinding[] = [];
      await diagnose(options, console, async (finding) => {
        findings.push(finding);
        if (!output.isJson) await printFinding(finding, output);
      });
      const bad = options.strict ? ['fail', 'warn'] : ['fail'];
      const isOk = !findings.some(({ status }) => bad.includes(status));
      await (output.isJson ? output.json({ ok: isOk, findings }) : printCounts(findings, output));
      if (!isOk) end(EXIT.failed);
    });
}

type Report = (finding: CheckFinding) => Promise<void>;

/** In the running connector at `--url`, or with the configuration. */
async function diagnose(options: Options, console: Console, report: Report): Promise<void> {
  const { order, webhook } = options;
  const captured = webhook === undefined ? undefined : await readRequest(webhook, console);
  const admin = await remoteAdmin(console, options);
  if (!admin) {
    await diagnoseHere(options, captured, console, report);
    return;
  }
  const { findings } = await admin.request<DoctorView>(
    captured
      ? { method: 'POST', path: '/doctor/webhook', body: bodyOf(captured) }
      : { method: 'GET', path: '/doctor', query: { only: options.only?.map(({ name }) => name).join(',') } },
  );
  for (const finding of findings) await report(finding);
  if (order !== undefined) await report(await checkOrder(order, options, admin));
}

function bodyOf({ headers, body }: CapturedRequest): CapturedWebhook {
  return { headers: { ...headers }, bodyBase64: body.toString('base64') };
}

async function diagnoseHere(
  options: Options,
  captured: CapturedRequest | undefined,
  console: Console,
  report: Report,
): Promise<void> {
  // A captured request needs neither Redis nor the two systems.
  const checks = captured ? [webhookCheck(captured)] : (options.only ?? CHECKS);
  try {
    await withConnector(console, options, async (session) => {
      const { app } = session;
      const context = { services: app, config: app.get(ConnectorConfig), signal: console.signal };
      for await (const finding of runChecks(checks, context)) await report(finding);
      if (options.order === undefined) return;
      // The checks may not have needed Redis yet. Without it, the order is compared, and only its story is missing.
      await untilRedisAnswers(session, console.signal).catch((error: unknown) =>
        printLine(console.stderr, `warning: ${asError(error).message}`),
      );
      await report(await checkOrder(options.order, options, new LocalAdmin(session)));
    });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const finding of invalidConfiguration(error, checks)) await report(finding);
  }
}

/** Nothing else can be checked without a configuration. */
function invalidConfiguration(error: ConfigurationError, checks: readonly Check[]): CheckFinding[] {
  const problems = error instanceof ConfigurationProblems ? error.problems : [error.message];
  return [
    ...problems.map((problem) => ({ check: 'configuration', ...fail('configuration', problem) })),
    ...checks
      .filter(({ name }) => name !== 'configuration')
      .map(({ name }) => ({ check: name, ...skip(name, 'needs a valid configuration') })),
  ];
}

function toChecks(text: string): readonly Check[] {
  try {
    return checksNamed(text);
  } catch (error) {
    throw new InvalidArgumentError(asError(error).message);
  }
}
