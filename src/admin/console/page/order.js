// One order: what both systems say now, and its story.

import { change, get, mayWrite } from './api.js';
import {
  actionButton,
  announce,
  badge,
  breakable,
  counted,
  facts,
  failure,
  field,
  h,
  notice,
  section,
  table,
  time,
  timeAgo,
} from './dom.js';

/** @typedef {import('../../orders/order-schemas.js').OrderView} OrderView */
/** @typedef {import('../../orders/order-schemas.js').SyncView} SyncView */
/** @typedef {OrderView['now']} Now */
/** @typedef {OrderView['story']['notifications'][number]} Notification */
/** @typedef {import('./dom.js').Tone} Tone */

const STATES = /** @type {const} */ ({
  orderState: 'Order',
  paymentState: 'Payment',
  shipmentState: 'Shipment',
});
/** @type {Record<Notification['outcome'], [Tone, string]>} */
const OUTCOMES = {
  waiting: ['info', 'waiting'],
  updated: ['ok', 'updated'],
  unchanged: ['ok', 'unchanged'],
  unmapped: ['warn', 'unmapped'],
  superseded: ['idle', 'superseded'],
  retried: ['warn', 'retrying'],
  dead: ['bad', 'dead letter'],
};
/** Of the details of a run. */
const DETAILS = /** @type {Record<string, string>} */ ({
  ...STATES,
  fluentStatus: 'Fluent status',
  order: 'Order number',
  orderVersion: 'Version read',
  states: 'States',
  reasons: 'Why',
  mappings: 'Mappings',
  skippedStatuses: 'Skipped statuses',
  doubt: 'Doubt',
});
const SKIPPED = /** @type {Record<string, string>} */ ({
  nothing_skipped: 'none',
  filled: 'their states come from the status history',
  unknown: 'not known',
});
const SOURCES = {
  webhook: 'Webhook from Fluent',
  reconciliation: 'Found by reconciliation',
  commercetools: 'Message from commercetools',
};

/** @type {import('./console.js').Open} */
export async function view([ref = ''], query, signal) {
  if (ref === '') return { title: 'Orders', content: startPage(query) };
  const scope = { account: query.get('account') ?? undefined, retailer: query.get('retailer') ?? undefined };
  const path = `/orders/${encodeURIComponent(ref)}`;
  const content = h('div');
  const result = h('div', { class: 'result' });
  const show = async () => {
    const order = /** @type {OrderView} */ (await get(path, scope, signal));
    content.replaceChildren(...page(order, result, actions(order)));
    return order;
  };
  /** @param {OrderView} order */
  const actions = (order) => {
    const sync = async (/** @type {boolean} */ dryRun) => {
      announce(dryRun ? 'Computing the update' : 'Syncing the order');
      try {
        const done = /** @type {SyncView} */ (await change('POST', `${path}/sync`, { ...scope, dryRun }));
        if (!dryRun) await show();
        const panel = syncPanel(done);
        result.replaceChildren(panel);
        panel.querySelector('h2')?.focus();
      } catch (error) {
        result.replaceChildren(failure(error));
      }
    };
    const reload = actionButton('Reload', async () => {
      try {
        await show();
        announce('The order was read again.');
        content.querySelector('h1')?.focus();
      } catch (error) {
        result.replaceChildren(failure(error));
      }
    });
    const isFound = order.now.fluent !== undefined;
    return h(
      'div',
      { class: 'buttons' },
      reload,
      mayWrite() && isFound && actionButton('Show what would be sent', () => sync(true)),
      mayWrite() && isFound && actionButton('Sync now', () => sync(false), 'primary'),
    );
  };
  await show();
  return { title: ref, content };
}

/** @param {URLSearchParams} query */
function startPage(query) {
  const ref = h('input', {
    name: 'ref',
    required: true,
    maxlength: 512,
    autocomplete: 'off',
    spellcheck: 'false',
    value: query.get('ref') ?? '',
  });
  const account = h('input', { name: 'account', maxlength: 512, autocomplete: 'off', spellcheck: 'false' });
  const retailer = h('input', { name: 'retailer', maxlength: 512, autocomplete: 'off', spellcheck: 'false' });
  return h(
    'div',
    {},
    h('h1', {}, 'Find an order'),
    h(
      'form',
      {
        class: 'card filters',
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const scope = new URLSearchParams();
          if (account.value) scope.set('account', account.value.trim());
          if (retailer.value) scope.set('retailer', retailer.value.trim());
          location.hash = `#/orders/${encodeURIComponent(ref.value.trim())}${scope.size > 0 ? `?${scope}` : ''}`;
        },
      },
      field('Order ref', ref, "The order's ref in Fluent."),
      field('Fluent account', account, 'Only with several accounts.'),
      field('Retailer', retailer, 'Only when several retailers have the ref.'),
      h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, 'Find order')),
    ),
  );
}

/** @param {OrderView} order @param {HTMLElement} result @param {HTMLElement} actions */
function page({ ref, account, retailer, verdict, now, story }, result, actions) {
  return [
    h(
      'div',
      { class: 'title' },
      h(
        'div',
        {},
        h('p', { class: 'eyebrow' }, `Account ${account}${retailer ? ` · retailer ${retailer}` : ''}`),
        h('h1', { class: 'ref', tabindex: '-1' }, ref),
      ),
      actions,
    ),
    notice(
      toneOf(now),
      h('p', { class: 'verdict' }, verdict),
      now.problem && h('p', { class: 'muted' }, `${now.problem.name} · cause: ${now.problem.cause}`),
    ),
    result,
    section(
      'Now',
      { aside: h('span', { class: 'muted' }, 'read ', time(now.readAt)) },
      sides(now),
      comparison(now),
      hookActions(now.hooks, 'Hooks add'),
    ),
    history(now),
    section(
      'Story',
      { aside: h('span', { class: 'muted' }, counted(story.notifications.length, 'notification')) },
      timeline(story, ref),
    ),
  ];
}

/** @param {Now} now @returns {Tone} */
function toneOf({ problem, fluent, commercetools, difference, reasons }) {
  if (problem || !fluent || !commercetools) return 'bad';
  if (difference.length > 0) return 'warn';
  const open = Object.values(reasons ?? {}).filter((reason) => reason.startsWith('left alone'));
  return open.length === 3 ? 'warn' : 'ok';
}

/** @param {Now} now */
function sides({ fluent, commercetools }) {
  return h(
    'div',
    { class: 'sides' },
    h(
      'div',
      {},
      h('h3', {}, 'Fluent'),
      fluent
        ? [
            h('p', { class: 'big' }, fluent.status),
            facts([
              ['Id', fluent.id],
              ['Updated', fluent.updatedOn && time(fluent.updatedOn)],
            ]),
          ]
        : h('p', { class: 'muted' }, 'No order, or no answer.'),
    ),
    h(
      'div',
      {},
      h('h3', {}, 'commercetools'),
      commercetools
        ? [
            h('p', { class: 'big' }, commercetools.orderNumber ?? commercetools.id),
            facts([
              ['Version', commercetools.version],
              ['Project', commercetools.project],
              ['Id', h('code', {}, commercetools.id)],
            ]),
          ]
        : h('p', { class: 'muted' }, 'No order, or no answer.'),
    ),
  );
}

/** @param {Now} now */
function comparison({ commercetools, difference, mappings, reasons }) {
  if (!commercetools && mappings.length === 0) return null;
  const rows = /** @type {(keyof typeof STATES)[]} */ (Object.keys(STATES)).map((state) => {
    const line = mappings.find((mapping) => mapping.state === state);
    const differs = difference.find((each) => each.state === state);
    const has = commercetools?.[state] ?? 'not set';
    const verdict = differs
      ? badge('warn', 'differs')
      : line?.value === undefined
        ? badge('idle', 'stays')
        : badge('ok', 'agrees');
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, STATES[state]),
      h('td', { 'data-head': 'commercetools has' }, has),
      h('td', { 'data-head': 'Should be' }, differs?.shouldBe ?? line?.value ?? '–'),
      h('td', { 'data-head': 'Result' }, verdict),
      h(
        'td',
        { class: 'why', 'data-head': 'Why' },
        reasons?.[state] ?? (line ? `${line.status} = ${line.value ?? 'no entry'}` : 'no mapping'),
        !reasons && line && h('span', { class: 'muted' }, `${line.setting} (${line.context})`),
      ),
    );
  });
  return table(
    'States of the order',
    ['State', 'commercetools has', 'Should be', 'Result', 'Why'],
    rows,
    'states',
  );
}

/** @param {Now['hooks']} hooks @param {string} who */
function hookActions(hooks, who) {
  const names = hooks.flatMap(({ actions, lost }) => (lost === undefined ? actions : []));
  return (
    names.length > 0 &&
    h(
      'p',
      {},
      `${who} `,
      names.map((name, index) => [index > 0 && ', ', h('code', {}, name)]),
    )
  );
}

/** @param {Now} now */
function history({ statusHistory, statusHistoryProblem }) {
  if (!statusHistory && !statusHistoryProblem) return '';
  return section(
    'Status history in Fluent',
    {},
    statusHistoryProblem && notice('info', `The history is not known: ${statusHistoryProblem}`),
    statusHistory &&
      h(
        'ol',
        { class: 'steps' },
        statusHistory.map(({ status, at }) => h('li', {}, h('strong', {}, breakable(status)), time(at))),
      ),
  );
}

/** @param {OrderView['story']} story @param {string} ref */
function timeline({ notifications, problem }, ref) {
  if (notifications.length === 0)
    return problem
      ? notice('info', `The story cannot be shown: ${problem}`)
      : h(
          'p',
          { class: 'muted' },
          'No notification of this order is remembered. The connector keeps stories for HISTORY_TTL.',
        );
  // The newest first: it explains the present.
  return [
    problem && notice('info', `The story may be incomplete: ${problem}`),
    h(
      'ol',
      { class: 'timeline', reversed: true },
      notifications.toReversed().map((each) => entry(each, ref)),
    ),
  ];
}

/** @param {Notification} notification @param {string} ref */
function entry(notification, ref) {
  const {
    outcome,
    announced,
    source,
    acceptedAt,
    at,
    attempts,
    error,
    details,
    deadLetterId,
    healedAt,
    name,
    notificationId,
  } = notification;
  const [tone, word] = healedAt
    ? /** @type {[Tone, string]} */ (['ok', 'dead letter, healed since'])
    : OUTCOMES[outcome];
  return h(
    'li',
    { class: tone },
    h(
      'div',
      { class: 'entry-head' },
      badge(tone, word),
      h('strong', {}, announced ?? name),
      time(acceptedAt),
    ),
    h(
      'p',
      { class: 'muted' },
      [
        SOURCES[source],
        attempts > 1 && counted(attempts, 'attempt'),
        outcome !== 'waiting' && `took ${took(acceptedAt, at)}`,
      ]
        .filter(Boolean)
        .join(' · '),
    ),
    error && h('p', { class: 'error-text' }, h('strong', {}, error.name), ` ${error.message}`),
    outcome === 'dead' &&
      deadLetterId &&
      h('p', {}, h('a', { href: `#/dead-letters?order=${encodeURIComponent(ref)}` }, 'Show the dead letter')),
    h(
      'details',
      {},
      h('summary', {}, 'What was read, mapped and sent'),
      facts([
        ['Notification', name],
        ['Id', h('code', {}, notificationId)],
        ['Outcome at', time(at)],
        ['Healed', healedAt && timeAgo(healedAt)],
        ...Object.entries(details ?? {}).map(
          ([key, value]) =>
            /** @type {const} */ ([
              DETAILS[key] ?? key,
              detail(key === 'skippedStatuses' ? (SKIPPED[String(value)] ?? value) : value),
            ]),
        ),
      ]),
    ),
  );
}

/** @param {string} from @param {string} until */
function took(from, until) {
  const ms = Date.parse(until) - Date.parse(from);
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}

/** @param {unknown} value @returns {import('./dom.js').Child} */
function detail(value) {
  if (Array.isArray(value)) return value.map(String).join(', ');
  if (typeof value === 'object' && value !== null) {
    return h(
      'ul',
      { class: 'plain' },
      Object.entries(value).map(([key, each]) =>
        h('li', {}, h('span', { class: 'muted' }, `${DETAILS[key] ?? key}: `), String(each)),
      ),
    );
  }
  return String(value);
}

/** @param {SyncView} sync */
function syncPanel({ dryRun, outcome, difference, reasons, hooks }) {
  const isNothing = outcome !== 'updated';
  const title = dryRun ? 'What a sync would send' : 'Synced';
  const panel = section(
    title,
    { class: 'highlight' },
    isNothing
      ? h('p', {}, badge('ok', outcome), dryRun ? ' Nothing would be sent.' : ' Nothing had to be sent.')
      : [
          h(
            'p',
            {},
            badge(dryRun ? 'info' : 'ok', outcome),
            dryRun ? ' Nothing has been sent yet.' : ' commercetools took the update.',
          ),
          difference.length > 0 &&
            table(
              title,
              ['State', dryRun ? 'Is' : 'Was', dryRun ? 'Would be' : 'Is now'],
              difference.map(({ state, is, shouldBe }) =>
                h(
                  'tr',
                  {},
                  h('th', { scope: 'row' }, STATES[state]),
                  h('td', {}, is ?? 'not set'),
                  h('td', {}, h('strong', {}, shouldBe)),
                ),
              ),
            ),
          hookActions(hooks, dryRun ? 'Hooks would add' : 'Hooks added'),
        ],
    h(
      'details',
      {},
      h('summary', {}, 'Why'),
      facts(
        /** @type {(keyof typeof STATES)[]} */ (Object.keys(STATES)).map((state) => [
          STATES[state],
          reasons[state],
        ]),
      ),
    ),
  );
  panel.querySelector('h2')?.setAttribute('tabindex', '-1');
  return panel;
}
