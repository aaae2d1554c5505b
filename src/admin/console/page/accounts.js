// Which accounts are held back and why, and orders of a range of time that are synced again.

import { change, get, mayWrite } from './api.js';
import {
  actionButton,
  announce,
  ask,
  badge,
  every,
  failure,
  field,
  h,
  notice,
  replace,
  section,
  table,
  time,
  timeAgo,
} from './dom.js';

/** @typedef {import('../../accounts/account-schemas.js').AccountList} Accounts */
/** @typedef {Accounts['accounts'][number]} Account */
/** @typedef {import('../../reconcile/reconcile-schemas.js').BackfillList} Backfills */
/** @typedef {Backfills['backfills'][number]} Backfill */

const REFRESH_MS = 3000;
/** @type {Record<Backfill['state'], import('./dom.js').Tone>} */
const TONES = { running: 'info', paused: 'warn', finished: 'ok', failed: 'bad', cancelled: 'idle' };

/** @type {import('./console.js').Open} */
export async function view(_parts, _query, signal) {
  const message = h('div', { tabindex: '-1' });
  const accounts = h('div');
  const backfills = h('div');
  const trouble = h('div');
  const show = async () => {
    const [{ accounts: lines }, { backfills: jobs }] = /** @type {[Accounts, Backfills]} */ (
      await Promise.all([get('/accounts', {}, signal), get('/reconcile', {}, signal)])
    );
    trouble.replaceChildren();
    replace(accounts, accountTable(lines, act));
    replace(backfills, backfillList(jobs, act));
  };
  const fail = (/** @type {unknown} */ error) => trouble.replaceChildren(failure(error));
  /** @param {string} done @param {() => Promise<unknown>} action */
  const act = async (done, action) => {
    try {
      await action();
      message.replaceChildren(notice('ok', done));
      announce(done);
    } catch (error) {
      message.replaceChildren(failure(error));
    }
    await show().catch(fail);
    message.focus();
  };
  await show();
  every(REFRESH_MS, signal, show, fail);
  const content = h(
    'div',
    {},
    h('h1', {}, 'Accounts'),
    message,
    trouble,
    section('Work of each account', {}, accounts),
    section(
      'Reconcile',
      {},
      h(
        'p',
        { class: 'muted' },
        'Syncs all orders again that Fluent updated in a range of time. It runs in the background, after live webhooks.',
      ),
      mayWrite() && reconcileForm(act),
      backfills,
    ),
  );
  return { title: 'Accounts', content };
}

/** @typedef {(done: string, action: () => Promise<unknown>) => Promise<void>} Act */

/** @param {readonly Account[]} accounts @param {Act} act */
function accountTable(accounts, act) {
  const heads = [
    'Account',
    'State',
    'Waiting',
    'Background',
    'Running',
    'Delayed',
    'Oldest unfinished',
    ...(mayWrite() ? ['Change'] : []),
  ];
  return table(
    'Accounts',
    heads,
    accounts.map(({ account, pause, circuits, lanes, oldestUnfinishedAt }) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, account),
        h(
          'td',
          { class: 'why' },
          pause
            ? [
                badge('warn', 'paused'),
                h('span', { class: 'muted' }, `by ${pause.by}, `, timeAgo(pause.since), `: ${pause.reason}`),
              ]
            : circuits.length === 0 && badge('ok', 'working'),
          circuits.map(({ target, state, since }) => [
            badge('bad', 'held back'),
            h(
              'span',
              { class: 'muted' },
              `${target} does not answer; its circuit is ${state} since `,
              time(since),
            ),
          ]),
        ),
        [lanes.waiting, lanes.background, lanes.running, lanes.delayed].map((count) =>
          h('td', { class: 'number' }, count),
        ),
        h('td', {}, oldestUnfinishedAt ? timeAgo(oldestUnfinishedAt) : '–'),
        mayWrite() && h('td', {}, pauseButton(account, pause !== undefined, act)),
      ),
    ),
  );
}

/** @param {string} account @param {boolean} isPaused @param {Act} act */
function pauseButton(account, isPaused, act) {
  const path = `/accounts/${encodeURIComponent(account)}`;
  const button = isPaused
    ? actionButton('Resume…', async () => {
        const answer = await ask({
          title: `Resume ${account}?`,
          text: 'Its notifications are processed again, in all replicas.',
          confirm: 'Resume',
          reason: 'optional',
        });
        if (answer) await act(`${account} is resumed.`, () => change('POST', `${path}/resume`, {}, answer));
      })
    : actionButton('Pause…', async () => {
        const answer = await ask({
          title: `Pause ${account}?`,
          text: 'Webhooks are accepted and wait, in all replicas, until somebody resumes the account.',
          confirm: 'Pause',
          tone: 'danger',
          reason: 'required',
        });
        if (answer) await act(`${account} is paused.`, () => change('POST', `${path}/pause`, {}, answer));
      });
  button.setAttribute('aria-label', `${isPaused ? 'Resume' : 'Pause'} ${account}`);
  return button;
}

/** @param {Act} act */
function reconcileForm(act) {
  const from = h('input', { name: 'from', type: 'datetime-local', required: true, step: '1' });
  const to = h('input', { name: 'to', type: 'datetime-local', step: '1' });
  const account = h('input', { name: 'account', maxlength: 512, autocomplete: 'off', spellcheck: 'false' });
  const retailer = h('input', { name: 'retailer', maxlength: 512, autocomplete: 'off', spellcheck: 'false' });
  return h(
    'form',
    {
      class: 'filters',
      'aria-label': 'Reconcile',
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        const range = {
          from: new Date(from.value).toISOString(),
          to: to.value && new Date(to.value).toISOString(),
        };
        const scope = { account: account.value.trim(), retailer: retailer.value.trim() };
        const answer = await ask({
          title: 'Reconcile these orders?',
          text: `All orders that Fluent updated from ${range.from} to ${range.to || 'now'} are synced again.`,
          confirm: 'Reconcile',
          reason: 'optional',
        });
        if (answer)
          await act('Reconciliation has begun.', () =>
            change('POST', '/reconcile', { ...range, ...scope, ...answer }),
          );
      },
    },
    field('From', from, 'In your time zone.'),
    field('To', to, 'Now, when left empty.'),
    field('Account', account, 'Only with several accounts.'),
    field('Retailer', retailer, 'All retailers, when left empty.'),
    h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, 'Reconcile…')),
  );
}

/** @param {readonly Backfill[]} backfills @param {Act} act */
function backfillList(backfills, act) {
  if (backfills.length === 0) return h('p', { class: 'muted' }, 'None was requested within the last 7 days.');
  return h(
    'ul',
    { class: 'plain jobs' },
    backfills.map(
      ({
        id,
        account,
        retailer,
        from,
        to,
        state,
        problem,
        position,
        ordersFound,
        submitted,
        skipped,
        requestedBy,
        requestedAt,
      }) => {
        const range = Date.parse(to) - Date.parse(from);
        const isEnded = state !== 'running' && state !== 'paused';
        const done = state === 'finished' ? 1 : (Date.parse(position) - Date.parse(from)) / range;
        const name = `Account ${account}, ${retailer ? `retailer ${retailer}` : 'all retailers'}`;
        const cancel = async () => {
          const answer = await ask({
            title: 'Cancel this reconciliation?',
            text: 'What it has submitted stays in the queue.',
            confirm: 'Cancel it',
            tone: 'danger',
            reason: 'optional',
          });
          if (answer)
            await act('The reconciliation is cancelled.', () => change('DELETE', `/reconcile/${id}`, answer));
        };
        const button = mayWrite() && !isEnded && actionButton('Cancel…', cancel);
        if (button) button.ariaLabel = `Cancel reconciliation ${id}`;
        return h(
          'li',
          {},
          h(
            'div',
            { class: 'entry-head' },
            badge(TONES[state], state),
            h('strong', {}, name),
            h('span', { class: 'muted' }, time(from), ' – ', time(to)),
            button,
          ),
          h('progress', { max: 1, value: done, 'aria-label': `Progress of ${name}` }),
          h(
            'p',
            { class: 'muted' },
            `${Math.floor(done * 100)} % of the range · ${ordersFound} orders found · ${submitted} submitted`,
            skipped > 0 && ` · ${skipped} moments skipped`,
            ` · by ${requestedBy}, `,
            timeAgo(requestedAt),
          ),
          problem && notice('warn', problem),
        );
      },
    ),
  );
}
