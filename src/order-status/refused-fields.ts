import { UNEXPECTED } from '../call-override.js';
import { CircuitOpenError, ConnectorError, asError } from '../errors.js';
import { OutageError, ServerFaultError } from '../transport/index.js';
import type { Hook } from './order-status-hooks.js';

/** Errors of an override or of the connector itself. */
const OWN_CODES: ReadonlySet<string | undefined> = new Set([UNEXPECTED, 'InvalidReturn', 'Timeout']);

/** @returns whether the fields of a query may be the cause of an error: the system answered, and refused the query. */
export function mayComeFromFields(error: unknown): boolean {
  if (!(error instanceof ConnectorError)) return false;
  const isOutage =
    error instanceof OutageError || error instanceof ServerFaultError || error instanceof CircuitOpenError;
  return !isOutage && !OWN_CODES.has(error.code);
}

/**
 * Finds the hooks because of whose fields a query is refused, by asking for fewer of them.
 *
 * @param read sends the query with the fields of the given hooks.
 * @returns them with the reason; none when the query is not refused any more, undefined when hooks are not the cause.
 * @throws the error of a query that was not refused but failed.
 */
export async function whoseFieldsAreRefused(
  hooks: readonly Hook[],
  read: (hooks: readonly Hook[]) => Promise<unknown>,
): Promise<ReadonlyMap<Hook, string> | undefined> {
  if ((await refusal(read, [])) !== undefined) return undefined;
  const refused = new Map<Hook, string>();
  for (const hook of hooks) {
    const reason = await refusal(read, [hook]);
    if (reason !== undefined) refused.set(hook, reason);
  }
  if (refused.size > 0) return refused;
  // Each alone is accepted. All of them together may be too much for the system.
  const reason = await refusal(read, hooks);
  return reason === undefined ? refused : new Map(hooks.map((hook) => [hook, reason]));
}

async function refusal(
  read: (hooks: readonly Hook[]) => Promise<unknown>,
  hooks: readonly Hook[],
): Promise<string | undefined> {
  try {
    await read(hooks);
    return undefined;
  } catch (error) {
    if (!mayComeFromFields(error)) throw error;
    return asError(error).message;
  }
}
