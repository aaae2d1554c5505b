// Notifications that failed for good.

import { change, get, mayWrite, replayDeadLetters } from './api.js';
import {
  actionButton,
  announce,
  ask,
  badge,
  counted,
  facts,
  failure,
  field,
  h,
  notice,
  time,
  timeAgo,
} from './dom.js';

/** @typedef {import('../../dead-letters/dead-letter-schemas.js').DeadLetterPage} Page */
/** @typedef {import('../../dead-letters/dead-letter-schemas.js').DeadLetterView} Letter */
/** @typedef {Record<string, string>} Filter */

const CAUSES = ['configuration', 'permission', 'data', 'unknown'];
const PAGE_SIZE = 50;
const FIELDS = /** @type {const} */ ([
  'order',
  'cause',
  'error',
  'name',
  'account',
  'diedAfter',
  'diedBefore',
]);

/** @type {import('./console.js').Open} */
export async function view(_parts, query, signal) {
  /** @type {Filter} */
  const filter = {};
  for (const name of FIELDS) {
    const value = query.get(name);
    if (value) filter[name] = value;
  }
  const list = h('ol', { class: 'letters' });
  const more = h('div', { class: 'buttons' });
  const message = h('div');
  const summary = h('p', { class: 'muted' });

  /** @param {string} [after] */
  const load = async (after) => {
    const page = /** @type {Page} */ (
      await get('/dead-letters', { ...filter, limit: PAGE_SIZE, ...(after && { after }) }, signal)
    );
    if (after === undefined) list.replaceChildren();
    list.append(...page.deadLetters.map((letter) => row(letter, { refresh, message })));
    const shown = list.childElementCount;
    summary.textContent =
      page.total === 0
        ? 'There are no dead letters.'
        : `${counted(page.total, 'dead letter')} in all, ${shown} ${hasFilter() ? 'shown that match' : 'shown'}, newest first.`;
    more.replaceChildren();
    const { next } = page;
    if (next !== undefined) more.append(actionButton('Show more', async () => void (await load(next))));
    return page;
  };
  const hasFilter = () => Object.keys(filter).length > 0;
  const refresh = async () => {
    await load();
  };
  const first = await load();

  const content = h(
    'div',
    {},
    h(
      'div',
      { class: 'title' },
      h('div', {}, h('h1', { tabindex: '-1' }, 'Dead letters'), summary),
      mayWrite() &&
        first.total > 0 &&
        h(
          'div',
          { class: 'buttons' },
          actionButton(
            hasFilter() ? 'Replay all that match…' : 'Replay all…',
            () => replayMany(filter, message, refresh),
            'primary',
          ),
        ),
    ),
    filterForm(filter),
    message,
    list,
    more,
  );
  return { title: 'Dead letters', content };
}

/** @param {Filter} filter */
function filterForm(filter) {
  const text = (/** @type {string} */ name, /** @type {string} */ hint = '') =>
    h('input', {
      name,
      value: filter[name] ?? '',
      maxlength: 512,
      autocomplete: 'off',
      spellcheck: 'false',
      placeholder: hint,
    });
  const moment = (/** @type {string} */ name) =>
    h('input', { name, type: 'datetime-local', value: localOf(filter[name]) });
  const cause = h(
    'select',
    { name: 'cause' },
    h('option', { value: '' }, 'Any'),
    CAUSES.map((each) => h('option', { value: each, selected: filter['cause'] === each }, each)),
  );
  return h(
    'form',
    {
      class: 'card filters',
      'aria-label': 'Filter',
      onsubmit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        const form = /** @type {HTMLFormElement} */ (event.currentTarget);
        const wanted = new URLSearchParams();
        for (const [name, value] of new FormData(form)) {
          if (typeof value !== 'string' || value.trim() === '') continue;
          const given = value.trim();
          wanted.set(name, name.startsWith('died') ? new Date(given).toISOString() : given);
        }
        location.hash = `#/dead-letters${wanted.size > 0 ? `?${wanted}` : ''}`;
      },
    },
    field('Order', text('order', 'ref or Fluent id')),
    field('Cause', cause),
    field('Error', text('error', 'ConfigurationError')),
    field('Notification', text('name')),
    field('Fluent account', text('account')),
    field('Failed after', moment('diedAfter')),
    field('Failed before', moment('diedBefore')),
    h(
      'div',
      { class: 'buttons' },
      h('button', { type: 'submit' }, 'Filter'),
      Object.keys(filter).length > 0 && h('a', { class: 'button', href: '#/dead-letters' }, 'Clear'),
    ),
  );
}

/** For a field of the browser's time zone. @param {string | undefined} iso */
function localOf(iso) {
  if (!iso) return '';
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** @param {Letter} letter @param {{refresh: () => Promise<void>, message: HTMLElement}} tools */
function row(letter, { refresh, message }) {
  const {
    id,
    order,
    entity,
    error: lastError,
    cause,
    advice,
    attempts,
    diedAt,
    acceptedAt,
    name,
    notificationId,
    account,
    retailer,
  } = letter;
  const ref = order?.ref ?? entity.ref;
  const scope = new URLSearchParams({ account, retailer });
  const act = async (/** @type {string} */ done, /** @type {() => Promise<unknown>} */ action) => {
    try {
      await action();
      message.replaceChildren(notice('ok', done));
      announce(done);
    } catch (error) {
      message.replaceChildren(failure(error));
    }
    await refresh();
    document.querySelector('h1')?.focus();
  };
  const replay = async () => {
    const answer = await ask({
      title: `Replay the notification of ${ref}?`,
      text: 'It goes back into the queue with a fresh retry age. A sync reads the order as it is now.',
      confirm: 'Replay',
      reason: 'optional',
    });
    if (answer)
      await act(`The notification of ${ref} waits in the queue again.`, () =>
        change('POST', `/dead-letters/${id}/replay`, answer),
      );
  };
  const discard = async () => {
    const answer = await ask({
      title: `Discard the notification of ${ref}?`,
      text: 'It is removed for good. Reconciliation still compares the order when it changes.',
      confirm: 'Discard',
      tone: 'danger',
      reason: 'required',
    });
    if (answer)
      await act(`The notification of ${ref} is discarded.`, () =>
        change('DELETE', `/dead-letters/${id}`, answer),
      );
  };
  const subject = order?.ref
    ? h('a', { href: `#/orders/${encodeURIComponent(order.ref)}?${scope}` }, ref)
    : h('span', {}, `${entity.type} ${ref}`);
  return h(
    'li',
    { class: 'card letter' },
    h(
      'div',
      { class: 'letter-head' },
      h('h2', {}, subject),
      badge(cause === 'unknown' ? 'idle' : 'bad', cause),
      h('span', { class: 'muted' }, 'failed ', timeAgo(diedAt), ` after ${counted(attempts, 'attempt')}`),
      mayWrite() &&
        h(
          'div',
          { class: 'buttons' },
          actionButton('Replay…', replay),
          actionButton('Discard…', discard, 'quiet-danger'),
        ),
    ),
    h('p', { class: 'error-text' }, h('strong', {}, lastError.name), ` ${lastError.message}`),
    h('p', { class: 'advice' }, 'What to do: ', advice, '.'),
    h(
      'details',
      {},
      h('summary', {}, 'More'),
      facts([
        ['Notification', name],
        ['Notification id', h('code', {}, notificationId)],
        ['Account', account],
        ['Retailer', retailer],
        ['Entity', `${entity.type} ${entity.ref} (${entity.id})`],
        ['Accepted', time(acceptedAt)],
        ['Failed', time(diedAt)],
        ['Letter id', h('code', {}, id)],
      ]),
    ),
  );
}

/** @param {Filter} filter @param {HTMLElement} message @param {() => Promise<void>} refresh */
async function replayMany(filter, message, refresh) {
  const which = { ...filter, ...(Object.keys(filter).length === 0 && { all: true }) };
  try {
    const { matched, byCause } = await replayDeadLetters({ ...which, dryRun: true });
    const parts = Object.entries(byCause).filter(([, count]) => count > 0);
    if (matched === 0) {
      message.replaceChildren(notice('info', 'No dead letter matches.'));
      return;
    }
    const answer = await ask({
      title: `Replay ${counted(matched, 'dead letter')}?`,
      text: [
        h('p', {}, 'Each goes back into the queue with a fresh retry age. By cause:'),
        h(
          'ul',
          {},
          parts.map(([cause, count]) => h('li', {}, `${count} ${cause}`)),
        ),
      ],
      confirm: `Replay ${matched}`,
      reason: 'optional',
    });
    if (!answer) return;
    const { replayed } = await replayDeadLetters({ ...which, ...answer });
    const done = `${counted(replayed, 'notification waits', 'notifications wait')} in the queue again.`;
    message.replaceChildren(notice('ok', done));
    announce(done);
    await refresh();
  } catch (error) {
    message.replaceChildren(failure(error));
  }
}
