import { isJsonObject } from '../json.js';
import { PermanentError } from '../errors.js';
import type { FluentNotification } from './notification.js';

const NAME_PREFIX = 'commercetools.';

/** Who caused a change in commercetools. */
export interface CommercetoolsInitiator {
  /** The API client. */
  readonly clientId?: string | null;
  /** Whether it was commercetools itself, e.g. the Merchant Center. */
  readonly isPlatformClient?: boolean | null;
}

/** What every message of a commercetools subscription has. */
export interface CommercetoolsMessageEnvelope {
  /** Unique within the project, identical on redelivery. */
  readonly id: string;
  /** e.g. `OrderStateChanged`. */
  readonly type: string;
  readonly projectKey: string;
  /** What changed, e.g. `{ typeId: 'order', id }`. */
  readonly resource: { readonly typeId: string; readonly id: string };
  /** The version that the change produced. */
  readonly resourceVersion?: unknown;
  readonly resourceUserProvidedIdentifiers?: unknown;
  /** Who caused the change. Not every message names it. */
  readonly createdBy?: CommercetoolsInitiator | null;
}

/**
 * A message of a commercetools subscription in the Platform format. The fields that its type adds (`orderState`, …) are
 * not checked. Each may be missing: the message may have been too large for the subscription (`payloadNotIncluded`).
 *
 * @typeParam TMessage the message's type of commercetools' TypeScript SDK, e.g. `ReturnInfoAddedMessage`
 */
export type CommercetoolsMessage<TMessage extends object = Record<string, unknown>> =
  CommercetoolsMessageEnvelope & Readonly<Partial<Omit<TMessage, keyof CommercetoolsMessageEnvelope>>>;

/** @returns the notification name that selects the handler of a message type: `commercetools.OrderStateChanged`. */
export function messageNotificationName(type: string): string {
  return NAME_PREFIX + type;
}

/**
 * Turns a message into a notification, for one retailer whose orders are in the project. The queue, the retries and the
 * handlers then treat it like one from Fluent.
 */
export function messageNotification(
  message: CommercetoolsMessage,
  accountId: string,
  retailerId: string,
): FluentNotification {
  const { id, type, projectKey, resource } = message;
  return {
    // Ids are unique in a project, and the queue tells notifications apart by account and id.
    id: [projectKey, id, retailerId].join(':'),
    name: messageNotificationName(type),
    accountId,
    retailerId,
    entityType: NAME_PREFIX + resource.typeId,
    entityId: resource.id,
    entityRef: referenceOf(message),
    attributes: message,
  };
}

/**
 * @typeParam TMessage the message's type of commercetools' TypeScript SDK, e.g. `ReturnInfoAddedMessage`
 * @returns the message that a notification of a handler for `commercetools.…` carries.
 * @throws PermanentError when it carries no message, e.g. because a Fluent workflow uses such a name.
 */
export function commercetoolsMessageOf<TMessage extends object = Record<string, unknown>>({
  name,
  entityType,
  attributes,
}: FluentNotification): CommercetoolsMessage<TMessage> {
  if (name.startsWith(NAME_PREFIX) && entityType.startsWith(NAME_PREFIX) && isJsonObject(attributes)) {
    return attributes as unknown as CommercetoolsMessage<TMessage>;
  }
  throw new PermanentError(
    `notification ${name} carries no commercetools message; rename it in the Fluent workflow, because names that begin with ${NAME_PREFIX} are reserved`,
    { code: 'NoMessage' },
  );
}

/** The resource's order number, key or id, for logs and dead letters. */
function referenceOf({ resource, resourceUserProvidedIdentifiers: given }: CommercetoolsMessage): string {
  const { orderNumber, key } = isJsonObject(given) ? given : {};
  return (
    ([orderNumber, key].find((name) => typeof name === 'string' && name !== '') as string) ?? resource.id
  );
}
