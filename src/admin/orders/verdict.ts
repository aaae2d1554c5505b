import type { PauseView } from '../accounts/account-schemas.js';
import type { OrderNow, OrderStory } from './order-schemas.js';

/** Pure: what the two sides of an order mean, and what to do. */
export function verdictOf(ref: string, now: OrderNow, story: OrderStory, pause?: PauseView): string {
  return `${comparison(ref, now)}${pending(story)}${paused(pause)}`;
}

function paused(pause: PauseView | undefined): string {
  if (!pause) return '';
  const { by, since, reason } = pause;
  return ` ${by} has paused the account at ${since} (${reason}): notifications wait until it is resumed.`;
}

/** What is still to come for the order, or needs a person. */
function pending({ notifications }: OrderStory): string {
  const last = notifications.findLast(({ healedAt }) => healedAt === undefined);
  if (last?.outcome === 'waiting') return ` A notification of ${last.acceptedAt} waits to be processed.`;
  if (last?.outcome === 'retried')
    return ` The notification is retried (attempt ${last.attempts}): ${last.error?.message ?? ''}`;
  if (last?.outcome === 'dead')
    return ` The notification failed for good: ${last.error?.message ?? ''}. Replay the dead letter when that is healed.`;
  return '';
}

function comparison(ref: string, now: OrderNow): string {
  const { fluent, commercetools, difference, problem, reasons } = now;
  if (problem) return `Order ${ref} cannot be compared: ${problem.message}`;
  if (!fluent)
    return `Fluent has no order ${ref} for a configured retailer. Check the ref, and account and retailer.`;
  if (!commercetools)
    return `commercetools has no order for the Fluent ref ${ref}. Check ORDER_LOOKUP and ORDER_REF_PREFIX.`;
  if (difference.length > 0) {
    const changes = difference.map(
      ({ state, is, shouldBe }) => `${state} is ${is ?? 'unset'} and should be ${shouldBe}`,
    );
    return `commercetools differs from Fluent's status ${fluent.status}: ${changes.join('; ')}. Sync the order to correct it.`;
  }
  const open = Object.entries(reasons ?? {}).filter(([, reason]) => reason.startsWith('left alone'));
  if (open.length === 3) {
    const why = open.map(([state, reason]) => `${state} ${reason}`).join('; ');
    return `No state follows from Fluent's status ${fluent.status}: ${why}.`;
  }
  return `Both agree: commercetools shows what Fluent's status ${fluent.status} stands for.`;
}
