import { Injectable } from '@nestjs/common';
import type { RetailerScope } from '../config/index.js';
import type { CommercetoolsMessage } from '../notification/index.js';

/**
 * Decides which retailers a message of a commercetools project is for, when several share the project.
 *
 * Override it when the message says whose it is, e.g. by its store or a custom field. The default is
 * {@link ProjectMessageRouter}: the message is for every retailer of the project, and handlers leave alone what belongs
 * to another one. Override it in `ConnectorModule.register({ overrides })`.
 *
 * An override runs before the message is stored, so it must be quick and must not call another system. The sender
 * delivers the message again when it throws. A message that is for no retailer is answered `ignored`.
 *
 * @example
 * class StoreMessageRouter extends MessageRouter {
 *   override retailersOf({ store }: CommercetoolsMessage, candidates: readonly RetailerScope[]) {
 *     const retailerId = store?.key === 'us' ? '2' : '1';
 *     return candidates.filter((scope) => scope.retailerId === retailerId);
 *   }
 * }
 *
 * ConnectorModule.register({ overrides: [{ provide: MessageRouter, useClass: StoreMessageRouter }] });
 */
export abstract class MessageRouter {
  /**
   * @param candidates every configured retailer of the message's project, at least one.
   * @returns those of the candidates that the message is for.
   */
  abstract retailersOf(
    message: CommercetoolsMessage,
    candidates: readonly RetailerScope[],
  ): readonly RetailerScope[];
}

/** Every message is for every retailer of its project. */
@Injectable()
export class ProjectMessageRouter extends MessageRouter {
  retailersOf(
    _message: CommercetoolsMessage,
    candidates: readonly RetailerScope[],
  ): readonly RetailerScope[] {
    return candidates;
  }
}
