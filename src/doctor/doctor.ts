import { clockCheck } from './checks/clock.js';
import { commercetoolsCheck } from './checks/commercetools.js';
import { configurationCheck } from './checks/configuration.js';
import { fluentCheck } from './checks/fluent.js';
import { hooksCheck } from './checks/hooks.js';
import { mappingsCheck } from './checks/mappings.js';
import { queueCheck } from './checks/queue.js';
import { redisCheck } from './checks/redis.js';
import { webhookKeysCheck } from './checks/webhook-keys.js';
import { type Check, type CheckContext, type Finding, fail } from './finding.js';
import { asError } from '../errors.js';

/** Every check, in the order in which later ones depend on earlier ones. */
export const CHECKS: readonly Check[] = [
  configurationCheck,
  redisCheck,
  queueCheck,
  webhookKeysCheck,
  fluentCheck,
  mappingsCheck,
  commercetoolsCheck,
  hooksCheck,
  clockCheck,
];

/** @param names comma-separated. @throws RangeError when one of them is not a check. */
export function checksNamed(names: string): readonly Check[] {
  return names.split(',').map((name) => {
    const check = CHECKS.find((candidate) => candidate.name === name.trim());
    if (check) return check;
    const known = CHECKS.map((each) => each.name).join(', ');
    throw new RangeError(`${name.trim()} is not a check; the checks are ${known}`);
  });
}

/** A finding, and the check that made it. */
export interface CheckFinding extends Finding {
  readonly check: string;
}

/** Runs checks one after the other, and yields each finding at once. */
export async function* runChecks(
  checks: readonly Check[],
  context: Omit<CheckContext, 'earlier'>,
): AsyncGenerator<CheckFinding> {
  const earlier: Finding[] = [];
  for (const { name, run } of checks) {
    context.signal.throwIfAborted();
    try {
      for await (const finding of run({ ...context, earlier })) {
        earlier.push(finding);
        yield { check: name, ...finding };
      }
    } catch (error) {
      // An override may throw where the connector's own code does not.
      context.signal.throwIfAborted();
      yield { check: name, ...fail(name, `the check failed: ${asError(error).message}`) };
    }
  }
}
