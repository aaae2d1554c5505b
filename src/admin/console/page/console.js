// The frame of the page: sign-in, navigation by the address behind #, and the session's end.

import { ApiError, resume, signIn, signOut, whenSignedOut } from './api.js';
import { failure, field, h, messageOf, notice } from './dom.js';

/** @typedef {import('./api.js').Session} Session */
/**
 * @typedef {object} View
 * @property {string} title
 * @property {Node} content
 */
/** @typedef {(parts: readonly string[], query: URLSearchParams, signal: AbortSignal) => Promise<View> | View} Open */

/** Loaded when they are opened. @type {Record<string, () => Promise<{view: Open}>>} */
const VIEWS = {
  overview: () => import('./overview.js'),
  orders: () => import('./order.js'),
  'dead-letters': () => import('./dead-letters.js'),
  mappings: () => import('./mappings.js'),
  accounts: () => import('./accounts.js'),
};
/** @type {readonly (readonly [hash: string, label: string])[]} */
const NAVIGATION = [
  ['#/overview', 'Overview'],
  ['#/orders', 'Orders'],
  ['#/dead-letters', 'Dead letters'],
  ['#/mappings', 'Mappings'],
  ['#/accounts', 'Accounts'],
];
const START = 'overview';

const app = /** @type {HTMLElement} */ (document.getElementById('app'));
let current = new AbortController();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let sessionTimer;

/** @param {string} message what to say when the person did not ask to leave */
function showSignIn(message = '') {
  current.abort();
  clearTimeout(sessionTimer);
  document.title = 'Sign in · Connector console';
  const input = h('input', {
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    spellcheck: 'false',
  });
  const problem = h('div', { role: 'alert' }, message && notice('info', message));
  const button = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const form = h(
    'form',
    {
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        button.disabled = true;
        try {
          showShell(await signIn(input.value.trim()));
        } catch (error) {
          const isWrong = error instanceof ApiError && error.status === 401;
          const text = isWrong
            ? 'This token is not configured. Check ADMIN_TOKEN and ADMIN_TOKENS.'
            : messageOf(error);
          problem.replaceChildren(notice('bad', text));
          button.disabled = false;
          input.focus();
          input.select();
        }
      },
    },
    problem,
    field(
      'Admin token',
      input,
      'ADMIN_TOKEN, or one of ADMIN_TOKENS. The session lasts 8 hours; the browser never stores the token.',
    ),
    button,
  );
  app.replaceChildren(
    h(
      'main',
      { class: 'sign-in card' },
      logo(),
      h('h1', {}, 'Connector console'),
      h('p', { class: 'muted' }, 'Fluent Order Management and commercetools'),
      form,
    ),
  );
  input.focus();
}

function logo() {
  return h('img', { src: '/admin/console/icon.svg', alt: '', width: '28', height: '28' });
}

/** @param {Session} session */
function showShell(session) {
  const { name, scope, expiresAt } = session;
  const leave = async () => {
    try {
      await signOut();
      showSignIn('You are signed out.');
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) showSignIn('You are signed out.');
      else main.prepend(failure(error));
    }
  };
  const search = h('input', {
    type: 'search',
    name: 'ref',
    placeholder: 'Order ref',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    maxlength: 512,
    id: 'order-search',
  });
  const main = h('main', { id: 'main', tabindex: '-1' });
  const nav = h(
    'nav',
    { 'aria-label': 'Main' },
    h(
      'ul',
      {},
      NAVIGATION.map(([hash, label]) => h('li', {}, h('a', { href: hash }, label))),
    ),
  );
  app.replaceChildren(
    h('button', { type: 'button', class: 'skip', onclick: () => main.focus() }, 'Skip to content'),
    h(
      'header',
      {},
      h('a', { class: 'brand', href: '#/' }, logo(), h('span', {}, 'Connector console')),
      nav,
      h(
        'form',
        {
          role: 'search',
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            location.hash = `#/orders/${encodeURIComponent(search.value.trim())}`;
          },
        },
        h('label', { for: 'order-search', class: 'visually-hidden' }, 'Find an order by its ref'),
        search,
        h('button', { type: 'submit' }, 'Find'),
      ),
      h(
        'div',
        { class: 'who' },
        h('span', { title: expiresAt && `The session ends at ${expiresAt}` }, name),
        scope === 'read' && h('span', { class: 'badge' }, 'reads only'),
        h('button', { type: 'button', onclick: leave }, 'Sign out'),
      ),
    ),
    main,
  );
  clearTimeout(sessionTimer);
  const leftMs = Date.parse(expiresAt ?? '') - Date.now();
  if (leftMs > 0) sessionTimer = setTimeout(() => showSignIn('The session is over. Sign in again.'), leftMs);
  void openView(main, nav, false);
  onhashchange = () => void openView(main, nav, true);
}

/** @param {HTMLElement} main @param {HTMLElement} nav @param {boolean} moveFocus */
async function openView(main, nav, moveFocus) {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const [path = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [first = '', ...parts] = path.split('/').map(decode);
  const name = first === '' ? START : first;
  for (const link of nav.querySelectorAll('a')) {
    if (link.hash === `#/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  main.setAttribute('aria-busy', 'true');
  const load = VIEWS[name];
  /** @type {View} */
  let view;
  try {
    if (!load) throw new ApiError(404, 'There is no such page.');
    const { view: open } = await load();
    view = await open(parts, new URLSearchParams(search), signal);
  } catch (error) {
    if (signal.aborted || (error instanceof ApiError && error.status === 401)) return;
    view = {
      title: 'Something went wrong',
      content: h('div', {}, h('h1', {}, 'Something went wrong'), failure(error)),
    };
  }
  if (signal.aborted) return;
  main.replaceChildren(view.content);
  main.removeAttribute('aria-busy');
  document.title = `${view.title} · Connector console`;
  if (!moveFocus) return;
  // A screen reader then reads the new page's heading.
  const heading = main.querySelector('h1');
  heading?.setAttribute('tabindex', '-1');
  heading?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

whenSignedOut(() => showSignIn('The session is over. Sign in again.'));
try {
  const session = await resume();
  if (session) showShell(session);
  else showSignIn();
} catch (error) {
  showSignIn(messageOf(error));
}
