import type { CommercetoolsMessage } from '../notification/index.js';
import { parseJsonBytes, Problem, violationOf, type ContractViolation } from '../webhook/index.js';

/** What a delivery turned out to be. */
export type Delivery =
  | { readonly kind: 'message'; readonly message: CommercetoolsMessage }
  /** Something else that a subscription sends, e.g. that a resource was created. */
  | { readonly kind: 'other' };

/**
 * Takes what commercetools sent out of what a push service sends: the envelope of a Pub/Sub push
 * subscription, `{"message":{"data":"<Base64>"}}`, or the bare delivery.
 *
 * @throws Problem 400 when it is neither, or lists every violation when it is no message.
 */
export function openEnvelope(body: unknown): Delivery {
  const delivery = unwrap(body);
  if (!isRecord(delivery)) throw new Problem(400, { detail: 'the message is not a JSON object' });
  const { notificationType } = delivery;
  if (typeof notificationType === 'string' && notificationType !== 'Message') return { kind: 'other' };

  const resource = isRecord(delivery['resource']) ? delivery['resource'] : {};
  const type = delivery['type'] ?? notIncludedType(delivery);
  const required = {
    id: delivery['id'],
    type,
    projectKey: delivery['projectKey'],
    'resource.typeId': resource['typeId'],
    'resource.id': resource['id'],
  };
  const violations = Object.entries(required).flatMap(([field, value]): ContractViolation[] => {
    const message = violationOf(value);
    return message === undefined ? [] : [{ field, message }];
  });
  if (violations.length > 0) {
    throw new Problem(400, {
      detail: 'the body is not a commercetools message in the Platform format',
      extensions: { violations },
      reason: violations.map(({ field, message }) => `${field} ${message}`).join(', '),
    });
  }
  return { kind: 'message', message: { ...delivery, type } as CommercetoolsMessage };
}

function unwrap(body: unknown): unknown {
  if (!isRecord(body) || !isRecord(body['message'])) return body;
  const { data } = body['message'];
  const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
  // Node skips what is no Base64; a message that lost characters on the way must not pass for another one.
  if (bytes.length === 0 || bytes.toString('base64') !== data) {
    throw new Problem(400, { detail: 'message.data is not Base64' });
  }
  return parseJsonBytes(bytes, 'message.data');
}

/** A message that was too large for the subscription says its type elsewhere. */
function notIncludedType({ payloadNotIncluded }: Readonly<Record<string, unknown>>): unknown {
  return isRecord(payloadNotIncluded) ? payloadNotIncluded['payloadType'] : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
