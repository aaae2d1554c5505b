// What all replicas do now, and what holds them back.

import { get } from './api.js';
import {
  announce,
  badge,
  counted,
  duration,
  every,
  failure,
  h,
  notice,
  replace,
  section,
  table,
  time,
  timeAgo,
} from './dom.js';

/** @typedef {import('../../overview/overview-schemas.js').OverviewView} Overview */
/** @typedef {import('../../settings/settings-schemas.js').IgnoredView} Ignored */

const REFRESH_MS = 3000;
/** As in `/health`: longer than usual retries take. */
const STUCK_SECONDS = 900;

/** @type {import('./console.js').Open} */
export async function view(_parts, _query, signal) {
  const live = h('div');
  const ignored = h('div');
  let isPaused = false;
  let troubles = '';
  const show = async () => {
    if (isPaused) return;
    const overview = /** @type {Overview} */ (await get('/overview', {}, signal));
    const open = live.querySelector('details')?.open ?? false;
    replace(live, ...parts(overview, open));
    const now = overview.problems.map(({ check }) => check).join(', ');
    if (now !== troubles) announce(now === '' ? 'All problems are gone.' : `Problems: ${now}`);
    troubles = now;
  };
  await show();
  const { ignored: names } = /** @type {Ignored} */ (await get('/ignored', {}, signal));
  if (names.length > 0) ignored.replaceChildren(ignoredTable(names));
  every(REFRESH_MS, signal, show, (error) => live.replaceChildren(failure(error)));
  const toggle = h(
    'button',
    {
      type: 'button',
      'aria-pressed': 'false',
      onclick: () => {
        isPaused = !isPaused;
        toggle.setAttribute('aria-pressed', String(isPaused));
      },
    },
    'Pause refreshing',
  );
  return {
    title: 'Overview',
    content: h('div', {}, h('div', { class: 'title' }, h('h1', {}, 'Overview'), toggle), live, ignored),
  };
}

/** @param {Overview} overview @param {boolean} isOpen */
function parts({ at, replicas, minutes, queue, paused, circuits, problems }, isOpen) {
  // The last minute is not over.
  const last = minutes.at(-2);
  const ageSeconds = queue.oldestUnfinishedAt
    ? (Date.parse(at) - Date.parse(queue.oldestUnfinishedAt)) / 1000
    : 0;
  const troubles = [
    ...problems.map(({ check, advice, replicas: count }) => [
      h('strong', {}, check),
      `: ${advice ?? 'GET /health has the details'}`,
      ` (${counted(count, 'replica')})`,
    ]),
    ...paused.map(({ account, by, since, reason }) => [
      h('strong', {}, `Account ${account}`),
      ` was paused by ${by}, `,
      timeAgo(since),
      `: ${reason}`,
    ]),
    ...(queue.dead === 0
      ? []
      : [[h('a', { href: '#/dead-letters' }, counted(queue.dead, 'notification')), ' failed for good']]),
    ...circuits.map(({ target, state, since }) => [
      h('strong', {}, target),
      ` does not answer: its circuit is ${state} since `,
      time(since),
    ]),
  ];
  return [
    troubles.length === 0
      ? notice('ok', h('p', { class: 'verdict' }, 'Everything works.'))
      : notice(
          'warn',
          h('p', { class: 'verdict' }, counted(troubles.length, 'thing needs', 'things need'), ' attention'),
          h(
            'ul',
            { class: 'plain' },
            troubles.map((text) => h('li', {}, text)),
          ),
        ),
    h(
      'dl',
      { class: 'tiles' },
      tile('Accepted', last?.accepted ?? 0, 'per minute'),
      tile('Finished', last?.finished ?? 0, 'per minute'),
      tile(
        'Lag',
        last?.lagSeconds ? duration(last.lagSeconds.mean) : '–',
        last?.lagSeconds ? `mean, ${duration(last.lagSeconds.max)} at most` : 'nothing finished',
      ),
      tile('Waiting', queue.waiting, `${queue.active} running, ${queue.delayed} delayed`),
      tile(
        'Oldest unfinished',
        ageSeconds > 0 ? duration(ageSeconds) : '–',
        ageSeconds > STUCK_SECONDS ? badge('warn', 'longer than 15 min') : 'age',
      ),
      tile(
        'Dead letters',
        queue.dead,
        queue.dead > 0 ? h('a', { href: '#/dead-letters' }, 'Show them') : 'none',
      ),
    ),
    section(
      'The last 15 minutes',
      { aside: h('span', { class: 'muted' }, `${counted(replicas.length, 'replica')}, as of `, time(at)) },
      chart(minutes),
      h('details', { open: isOpen }, h('summary', {}, 'As a table'), minuteTable(minutes)),
    ),
  ];
}

/** @param {string} name @param {import('./dom.js').Child} value @param {import('./dom.js').Child} note */
function tile(name, value, note) {
  return h(
    'div',
    { class: 'tile' },
    h('dt', {}, name),
    h('dd', {}, h('strong', {}, value), h('span', { class: 'muted' }, note)),
  );
}

/** For each minute a bar of what was accepted, and one of how it ended. @param {Overview['minutes']} minutes */
function chart(minutes) {
  const most = Math.max(1, ...minutes.flatMap(({ accepted, finished, dead }) => [accepted, finished + dead]));
  const bar = (
    /** @type {string} */ name,
    /** @type {number} */ x,
    /** @type {number} */ from,
    /** @type {number} */ count,
  ) =>
    svg('rect', {
      class: name,
      x,
      y: 60 - ((from + count) / most) * 56,
      width: 8,
      height: (count / most) * 56,
    });
  const bars = minutes.flatMap(({ accepted, finished, dead }, index) => [
    bar('accepted', index * 20 + 1, 0, accepted),
    bar('finished', index * 20 + 10, 0, finished),
    bar('dead', index * 20 + 10, finished, dead),
  ]);
  const text = `Accepted, finished and dead notifications of each minute, ${most} at most`;
  const viewBox = `0 0 ${minutes.length * 20} 60`;
  return h(
    'figure',
    {},
    svg('svg', { viewBox, preserveAspectRatio: 'none', role: 'img', 'aria-label': text }, bars),
    h(
      'figcaption',
      { class: 'muted' },
      ['accepted', 'finished', 'dead'].map((name) => [h('span', { class: `key ${name}` }), name]),
      ` · at most ${most} per minute`,
    ),
  );
}

/** @param {string} tag @param {Record<string, string | number>} attributes @param {readonly Node[]} children */
function svg(tag, attributes, children = []) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @param {Overview['minutes']} minutes */
function minuteTable(minutes) {
  return table(
    'Each minute',
    ['Minute', 'Accepted', 'Finished', 'Retried', 'Dead', 'Mean lag', 'Longest lag'],
    minutes.toReversed().map(({ from, accepted, finished, retried, dead, lagSeconds }) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, time(from)),
        [accepted, finished, retried, dead].map((count) => h('td', { class: 'number' }, count)),
        [lagSeconds?.mean, lagSeconds?.max].map((lag) =>
          h('td', { class: 'number' }, lag === undefined ? '–' : duration(lag)),
        ),
      ),
    ),
  );
}

/** @param {Ignored['ignored']} names */
function ignoredTable(names) {
  return section(
    'Webhooks that no handler took',
    { aside: h('span', { class: 'muted' }, 'since this replica started') },
    table(
      'Ignored webhooks',
      ['Name', 'Account', 'Count'],
      names.map(({ name, account, count }) =>
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, name),
          h('td', {}, account),
          h('td', { class: 'number' }, count),
        ),
      ),
    ),
  );
}
