import { Command, InvalidArgumentError } from 'commander';
import { ConfigurationProblems, ConnectorConfig } from '../../config/index.js';
import {
  type Check,
  type CheckFinding,
  CHECKS,
  fail,
  runChecks,
  skip,
  webhookCheck,
} from '../../doctor/index.js';
import { ConfigurationError } from '../../errors.js';
import { LocalAdmin } from '../admin/local-admin.js';
import { type ModuleOptions, withConnector, withModuleOption } from '../connector-session.js';
import { type Console, EXIT } from '../console.js';
import { printCounts, printFinding } from '../finding-output.js';
import { orderCheck } from '../order-check.js';
import { type OrderOptions, withOrderOptions } from '../order-output.js';
import { Output } from '../output.js';
import { readRequest } from '../webhook-file.js';

interface Options extends ModuleOptions, OrderOptions {
  readonly only?: readonly Check[];
  readonly order?: string;
  readonly webhook?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

export function doctorCommand(console: Console, end: (code: number) => void): Command {
  return withOrderOptions(withModuleOption(new Command('doctor')))
    .description('check the configuration and every system that the connector uses, and say what to change')
    .option('--only <checks>', `comma-separated: ${CHECKS.map(({ name }) => name).join(', ')}`, toChecks)
    .option('--order <ref>', 'also compare an order in both systems, and show what a sync would send')
    .option('--webhook <file>', 'check a captured request in place of all else; - reads standard input')
    .option('--strict', 'fail on warnings, too')
    .option('--json', 'findings as JSON')
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

async function diagnose(
  options: Options,
  console: Console,
  report: (finding: CheckFinding) => Promise<void>,
): Promise<void> {
  const { order, webhook } = options;
  // A captured request needs neither Redis nor the two systems.
  const only =
    webhook === undefined ? (options.only ?? CHECKS) : [webhookCheck(await readRequest(webhook, console))];
  try {
    await withConnector(console, options, async (session) => {
      const { app } = session;
      const checks =
        order === undefined ? only : [...only, orderCheck(order, options, new LocalAdmin(session))];
      const context = { services: app, config: app.get(ConnectorConfig), signal: console.signal };
      for await (const finding of runChecks(checks, context)) await report(finding);
    });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const finding of invalidConfiguration(error, only)) await report(finding);
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
  return text.split(',').map((name) => {
    const check = CHECKS.find((candidate) => candidate.name === name.trim());
    if (check) return check;
    throw new InvalidArgumentError(
      `${name} is not a check; the checks are ${CHECKS.map((each) => each.name).join(', ')}`,
    );
  });
}
