import { Injectable } from '@nestjs/common';
import type { RetailerScope } from '../config/index.js';
import type { CommercetoolsMessage } from '../notification/index.js';

/**
 * Decides which retailers receive a commercetools message when several share the project.
 *
 * Override it if the message identifies the retailer, for example by its store or a custom field. The default,
 * {@link ProjectMessageRouter}, sends the message to every retailer of the project, and handlers skip orders of other
 * retailers. Register an override in `ConnectorModule.register({ overrides })`.
 *
 * An override runs before the connector stores the message, so it must be quick and must not call another system. If it
 * throws, the sender delivers the message again. If it returns no retailer, the connector answers `ignored`.
 *
 * @example
 * class StoreMessageRouter extends MessageRouter {
 *   override retailersOf({ store }: CommercetoolsMessage, candidates: readonly RetailerScope[]) {
 *     const { key } = (store ?? {}) as { readonly key?: string };
 *     const retailerId = key === 'us' ? '2' : '1';
 *     return candidates.filter((scope) => scope.retailerId === retailerId);
 *   }
 * }
 *
 * ConnectorModule.register({ overrides: [{ provide: MessageRouter, useClass: StoreMessageRouter }] });
 */
export abstract class MessageRouter {
  /**
   * @param candidates every configured retailer of the message's project, at least one.
   * @returns the candidates that receive the message.
   */
  abstract retailersOf(
    message: CommercetoolsMessage,
    candidates: readonly RetailerScope[],
  ): readonly RetailerScope[];
}

/** Sends every message to every retailer of its project. */
@Injectable()
export class ProjectMessageRouter extends MessageRouter {
  retailersOf(
    _message: CommercetoolsMessage,
    candidates: readonly RetailerScope[],
  ): readonly RetailerScope[] {
    return candidates;
  }
}
