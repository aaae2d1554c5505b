import type { PauseView } from '../accounts/account-schemas.js';
import type { OrderNow, OrderStory } from './order-schemas.js';

/** Pure: what the two sides of an order mean, and what to do. */
export function verdictOf(ref: string, now: OrderNow, story: OrderStory, pause?: PauseView): string {
  const open = pending(now, story);
  // A notification that is under way syncs the order, and a sync would meet what has stopped it.
  const advice = open === '' ? ' Sync the order to correct it.' : '';
  return `${comparison(ref, now, advice)}${lost(now)}${unannounced(now, story)}${open}${paused(pause)}`;
}

function lost({ hooks }: OrderNow): string {
  return hooks
    .filter((each) => each.lost !== undefined)
    .map(({ hook, lost: why = '' }) => ` The order is updated without ${hook}: ${sentence(why)}`)
    .join('');
}

function paused(pause: PauseView | undefined): string {
  if (!pause) return '';
  const { by, since, reason } = pause;
  return ` ${by} has paused the account at ${since} (${reason}): notifications wait until it is resumed.`;
}

/** Why nothing has corrected a difference. */
function unannounced({ fluent, difference }: OrderNow, { notifications, problem }: OrderStory): string {
  if (!fluent || difference.length === 0) return '';
  if (problem !== undefined)
    return ` Whether a notification of ${fluent.status} came is not known: ${sentence(problem)}`;
  if (notifications.some(({ announced }) => announced === fluent.status)) return '';
  return ` No notification of ${fluent.status} is on record: check the webhook rule in Fluent, and the ignored webhooks.`;
}

/** What is still to come for the order, or needs a person. */
function pending({ problem }: OrderNow, { notifications }: OrderStory): string {
  const last = notifications.findLast(({ healedAt }) => healedAt === undefined);
  if (last?.outcome === 'waiting') return ` A notification of ${last.acceptedAt} waits to be processed.`;
  const why = last?.error?.message;
  const reason = why === undefined || why === problem?.message ? ' for this reason.' : `: ${sentence(why)}`;
  if (last?.outcome === 'retried') return ` The notification is retried (attempt ${last.attempts})${reason}`;
  if (last?.outcome === 'dead')
    return ` The notification failed for good${reason} Replay the dead letter when that is healed.`;
  return '';
}

function comparison(ref: string, now: OrderNow, advice: string): string {
  const { fluent, commercetools, difference, problem, reasons, hooks } = now;
  if (problem) return `Order ${ref} cannot be compared: ${sentence(problem.message)}`;
  if (!fluent)
    return `Fluent has no order with the ref ${ref} for a configured retailer. Check the ref (it is not Fluent's id), the account and the retailer.`;
  if (!commercetools)
    return `commercetools has no order for the Fluent ref ${ref}. Check ORDER_LOOKUP and ORDER_REF_PREFIX.`;
  if (difference.length > 0) {
    const changes = difference.map(
      ({ state, is, shouldBe }) => `${state} is ${is ?? 'unset'} and should be ${shouldBe}`,
    );
    return `commercetools differs from Fluent's status ${fluent.status}: ${changes.join('; ')}.${advice}`;
  }
  const added = hooks.filter(({ actions }) => actions.length > 0);
  if (added.length > 0) {
    const what = added.map(({ hook, actions }) => `${hook} adds ${actions.join(', ')}`).join('; ');
    return `The states agree with Fluent's status ${fluent.status}, but the hooks have something to send: ${what}.${advice}`;
  }
  const open = Object.entries(reasons ?? {}).filter(([, reason]) => reason.startsWith('left alone'));
  if (open.length === 3) {
    const why = open.map(([state, reason]) => `${state} ${reason}`).join('; ');
    return `No state follows from Fluent's status ${fluent.status}: ${why}.`;
  }
  return `Both agree: commercetools shows what Fluent's status ${fluent.status} stands for.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
