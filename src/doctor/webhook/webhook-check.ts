import { nameOf } from '../../call-override.js';
import type { AccountConfig } from '../../config/index.js';
import { HandlerRegistry } from '../../handlers/index.js';
import { encodingProblem, parseJson } from '../../http/index.js';
import { asError } from '../../errors.js';
import { RsaSignatureVerifier, SignatureVerifier, violationsOf } from '../../webhook/index.js';
import { type Check, type CheckContext, type Finding, fail, pass, skip, warn } from '../finding.js';
import type { CapturedRequest } from './captured-request.js';
import { explainSignature } from './explain-signature.js';

/** Checks a captured webhook as the connector would, and says what is wrong with it. Nothing is queued. */
export function webhookCheck(request: CapturedRequest): Check {
  return {
    name: 'webhook',
    async *run(context) {
      yield* checkTransfer(request, context);
      const accounts = verify(request, context);
      yield accounts.finding;
      yield* checkNotification(request, accounts.verified, context);
    },
  };
}

function* checkTransfer({ headers, body }: CapturedRequest, { config }: CheckContext): Generator<Finding> {
  const type = headers['content-type'];
  const problem = encodingProblem(headers);
  if (type === undefined || !/^application\/json\s*(;|$)/i.test(type)) {
    yield fail('content type', type ?? 'none', 'send the body as application/json');
  } else {
    yield problem ? fail('content type', problem.message) : pass('content type', type);
  }
  const declared = headers['content-length'];
  const limit = config.server.webhookBodyLimitBytes;
  if (body.length > limit) {
    yield fail(
      'body',
      `${body.length} bytes, and WEBHOOK_BODY_LIMIT is ${limit}`,
      'raise WEBHOOK_BODY_LIMIT',
    );
  } else if (declared !== undefined && Number(declared) !== body.length) {
    yield warn(
      'body',
      `${body.length} bytes, and Content-Length says ${declared}`,
      'the capture is incomplete, or an editor has changed it; capture the request again',
    );
  } else {
    yield pass('body', `${body.length} bytes`);
  }
}

function verify(
  request: CapturedRequest,
  { services, config: { accounts } }: CheckContext,
): { finding: Finding; verified: readonly AccountConfig[] } {
  const verifier = services.get(SignatureVerifier, { strict: false });
  const { headers, body } = request;
  try {
    const reason = verifier.checkHeaders(headers, accounts);
    const result =
      reason === undefined ? verifier.verify(body, headers, accounts) : { verified: false as const, reason };
    if (result.verified) {
      const ids = result.accounts.map(({ id }) => id).join(', ');
      return { finding: pass('signature', `right, by a key of account ${ids}`), verified: result.accounts };
    }
    if (!(verifier instanceof RsaSignatureVerifier)) {
      return { finding: fail('signature', `${result.reason} (${nameOf(verifier)})`), verified: [] };
    }
    const { message, advice } = explainSignature(request, accounts);
    return { finding: fail('signature', message, advice), verified: [] };
  } catch (error) {
    return { finding: fail('signature', `${nameOf(verifier)}: ${asError(error).message}`), verified: [] };
  }
}

function* checkNotification(
  { body }: CapturedRequest,
  verified: readonly AccountConfig[],
  { config, services }: CheckContext,
): Generator<Finding> {
  let notification: Readonly<Record<string, unknown>>;
  try {
    const parsed = parseJson(body, 'the body');
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw new Error('it is not a JSON object');
    notification = parsed as typeof notification;
  } catch (error) {
    yield fail('notification', asError(error).message);
    return;
  }
  const violations = violationsOf(notification);
  yield violations.length > 0
    ? fail(
        'notification',
        violations.map(({ field, message }) => `${field} ${message}`).join(', '),
        'correct the rule in Fluent',
      )
    : pass('notification', 'has every required field');
  yield* checkSender(notification, verified, config);
  const { name } = notification;
  if (typeof name !== 'string') return;
  const registry = services.get(HandlerRegistry, { strict: false });
  yield registry.find(name)
    ? pass('handler', name)
    : warn(
        'handler',
        `no handler takes ${name}, so it is answered with "ignored"; handlers take ${registry.names.join(', ')}`,
        'correct the name in Fluent, or add it to ORDER_STATUS_EVENT_NAMES',
      );
}

function* checkSender(
  { accountId, retailerId }: Readonly<Record<string, unknown>>,
  verified: readonly AccountConfig[],
  config: CheckContext['config'],
): Generator<Finding> {
  if (typeof accountId !== 'string' || typeof retailerId !== 'string') return;
  const ids = config.accounts.map(({ id }) => id).join(', ');
  if (!config.account(accountId)) {
    yield fail('account', `${accountId} is not configured; configured are ${ids}`, 'check FLUENT_ACCOUNT_ID');
    return;
  }
  if (verified.length === 0)
    yield skip('account', `${accountId} is configured; the signature does not prove it`);
  else if (verified.some(({ id }) => id === accountId)) yield pass('account', accountId);
  else {
    yield fail(
      'account',
      `the request names ${accountId}, and is signed with a key of ${verified.map(({ id }) => id).join(', ')} only`,
      `add the key to the webhookPublicKeys of ${accountId}`,
    );
  }
  yield config.scope(accountId, retailerId)
    ? pass('retailer', retailerId)
    : fail(
        'retailer',
        `${retailerId} is not configured; configured are ${config.retailerIds(accountId).join(', ')}`,
        'add it to FLUENT_RETAILER_IDS, or correct the rule in Fluent',
      );
}
