// Which commercetools state each Fluent status stands for, with what is missing or wrong.

import { change, get, mayWrite } from './api.js';
import {
  actionButton,
  announce,
  badge,
  counted,
  failure,
  h,
  notice,
  section,
  table,
  timeAgo,
} from './dom.js';

/** @typedef {import('../../settings/settings-schemas.js').SettingsView} Settings */
/** @typedef {Settings['settings'][number]} Line */

const KINDS = /** @type {const} */ ({
  order: 'Order state',
  payment: 'Payment state',
  shipping: 'Shipment state',
});

/** @type {import('./console.js').Open} */
export async function view(_parts, _query, signal) {
  const body = h('div');
  const message = h('div');
  const show = (/** @type {Settings} */ { settings }) => body.replaceChildren(...retailers(settings));
  const refresh = async () => {
    try {
      show(/** @type {Settings} */ (await change('POST', '/settings/refresh')));
      message.replaceChildren(notice('ok', 'The settings were read from Fluent again.'));
      announce('The settings were read from Fluent again.');
    } catch (error) {
      message.replaceChildren(failure(error));
    }
  };
  show(/** @type {Settings} */ (await get('/settings', {}, signal)));
  const intro = 'The commercetools states that each Fluent status stands for, as this replica uses them.';
  const content = h(
    'div',
    {},
    h(
      'div',
      { class: 'title' },
      h('div', {}, h('h1', {}, 'Mappings'), h('p', { class: 'muted' }, intro)),
      mayWrite() && actionButton('Read again from Fluent', refresh),
    ),
    message,
    body,
  );
  return { title: 'Mappings', content };
}

/** @param {readonly Line[]} lines */
function retailers(lines) {
  if (lines.length === 0) {
    return [
      notice(
        'info',
        'No retailer is configured by its id, so no mapping can be shown before an order needs it.',
      ),
    ];
  }
  const groups = Map.groupBy(lines, ({ account, retailer }) => `Account ${account} · retailer ${retailer}`);
  return [...groups].map(([name, mappings], index) => retailerCard(name, mappings, `retailer-${index}`));
}

/** @param {string} name @param {readonly Line[]} mappings @param {string} id */
function retailerCard(name, mappings, id) {
  const statuses = [...new Set(mappings.flatMap(({ entries }) => Object.keys(entries)))];
  const gaps = statuses.filter((status) =>
    mappings.some(({ found, entries }) => found && entries[status] === undefined),
  );
  const problems = mappings.flatMap(({ mapping, problems: texts }) =>
    texts.map((text) => `${KINDS[mapping]}: ${text}`),
  );
  const summary =
    problems.length > 0
      ? badge('bad', counted(problems.length, 'problem'))
      : gaps.length > 0
        ? badge('warn', counted(gaps.length, 'status with a gap', 'statuses with gaps'))
        : badge('ok', 'complete');
  const rows = statuses.map((status) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, status),
      mappings.map(({ entries, found }) =>
        h('td', {}, entries[status] ?? (found ? badge('warn', 'no entry') : badge('bad', 'no mapping'))),
      ),
    ),
  );
  return section(
    name,
    { id, aside: summary },
    problems.length > 0 &&
      notice(
        'bad',
        h(
          'ul',
          { class: 'plain' },
          problems.map((problem) => h('li', {}, problem)),
        ),
      ),
    statuses.length > 0 &&
      table(`Mappings of ${name}`, ['Fluent status', ...mappings.map(({ mapping }) => KINDS[mapping])], rows),
    h(
      'details',
      {},
      h('summary', {}, 'Where the mappings are from'),
      h('ul', { class: 'plain' }, mappings.map(source)),
    ),
  );
}

/** @param {Line} line */
function source({ mapping, found, name, names, context, readAt, isStale }) {
  const from = found
    ? [h('code', {}, name), ` (${context})`]
    : ['not found as ', h('code', {}, names.join(' or '))];
  return h(
    'li',
    {},
    `${KINDS[mapping]}: `,
    from,
    readAt && [', read ', timeAgo(readAt)],
    isStale && [' ', badge('warn', 'outdated: Fluent did not answer')],
  );
}
