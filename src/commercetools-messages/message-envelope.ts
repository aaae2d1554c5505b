import { isJsonObject } from '../json.js';
import type { CommercetoolsMessage } from '../notification/index.js';
import { parseJson, Problem, requiredTextViolation, type FieldViolation } from '../http/index.js';

/** A delivery of a subscription. */
export type Delivery =
  | { readonly kind: 'message'; readonly message: CommercetoolsMessage }
  /** Another kind of delivery, e.g. `ResourceCreated`. */
  | { readonly kind: 'other' };

/**
 * Reads the delivery from the envelope of a Pub/Sub push subscription, `{"message":{"data":"<Base64>"}}`, or takes a
 * body without an envelope as the delivery itself.
 *
 * @throws Problem 400 when the body is neither, with every violation when it is not a message.
 */
export function openEnvelope(body: unknown): Delivery {
  const delivery = unwrap(body);
  if (!isJsonObject(delivery)) throw new Problem(400, { detail: 'the message is not a JSON object' });
  const { notificationType } = delivery;
  if (typeof notificationType === 'string' && notificationType !== 'Message') return { kind: 'other' };

  const resource = isJsonObject(delivery['resource']) ? delivery['resource'] : {};
  const type = delivery['type'] ?? notIncludedType(delivery);
  const required = {
    id: delivery['id'],
    type,
    projectKey: delivery['projectKey'],
    'resource.typeId': resource['typeId'],
    'resource.id': resource['id'],
  };
  const violations = Object.entries(required).flatMap(([field, value]): FieldViolation[] => {
    const message = requiredTextViolation(value);
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
  if (!isJsonObject(body) || !isJsonObject(body['message'])) return body;
  const { data } = body['message'];
  const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
  // Node's decoder skips unknown characters; a damaged message must not be read as a different one.
  if (bytes.length === 0 || bytes.toString('base64') !== data) {
    throw new Problem(400, { detail: 'message.data is not Base64' });
  }
  return parseJson(bytes, 'message.data');
}

/** commercetools sends messages that are too large for the subscription without payload, and their type in here. */
function notIncludedType({ payloadNotIncluded }: Readonly<Record<string, unknown>>): unknown {
  return isJsonObject(payloadNotIncluded) ? payloadNotIncluded['payloadType'] : undefined;
}
