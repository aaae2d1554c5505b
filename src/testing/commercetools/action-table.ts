import type { OrderContent } from './order-record.js';
import type { ProjectState } from './project-state.js';

/** What an update action can use besides its payload. */
export interface ActionSurroundings {
  /** Of the update, ISO 8601. */
  readonly time: string;
  readonly project: ProjectState;
}

/** From the order before an update action to the order after it. */
export type Action<Payload> = (
  order: OrderContent,
  payload: Payload,
  surroundings: ActionSurroundings,
) => OrderContent;

/** The function of each update action. */
export type ActionTable<Payloads> = { readonly [Name in keyof Payloads]: Action<Payloads[Name]> };

/**
 * Carries out an update action of an extension.
 *
 * @param payload as the SDL of the extension describes it.
 * @param surroundings the time of the update, ISO 8601.
 * @returns the order after it; return the same object when nothing changes.
 * @throws an Error of graphql-js to refuse the whole update.
 */
export type UpdateActionRule = (
  order: OrderContent,
  // eslint-disable-next-line typescript/no-explicit-any -- its type is in the SDL
  payload: any,
  surroundings: { readonly time: string },
) => OrderContent;
