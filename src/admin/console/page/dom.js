// What every part of the page is made of. Data becomes text nodes and attributes only, never markup.

/** @typedef {Node | string | number | null | undefined | false} One */
/** @typedef {One | readonly (One | readonly (One | readonly One[])[])[]} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => unknown)>} Properties */
/** @typedef {'ok' | 'warn' | 'bad' | 'info' | 'idle'} Tone */

const GLYPHS = { ok: '✓', warn: '!', bad: '✕', info: '→', idle: '–' };

/**
 * Makes an element. Functions are listeners, under `on` and the name of the event; `false` and `undefined` leave an attribute out.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

/** @param {Element} parent @param {readonly Child[]} children */
function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (typeof child !== 'object') parent.append(String(child));
    else if (child instanceof Node) parent.append(child);
    else append(parent, child);
  }
}

/** A state in words, with a sign and a colour. @param {Tone} tone @param {Child} text */
export function badge(tone, text) {
  return h(
    'span',
    { class: `badge ${tone}` },
    h('span', { class: 'glyph', 'aria-hidden': 'true' }, GLYPHS[tone]),
    text,
  );
}

/** What went wrong, or what to know. @param {Tone} tone @param {...Child} children */
export function notice(tone, ...children) {
  return h(
    'div',
    { class: `notice ${tone}`, role: tone === 'bad' ? 'alert' : undefined },
    h('span', { class: 'glyph', 'aria-hidden': 'true' }, GLYPHS[tone]),
    h('div', {}, ...children),
  );
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {unknown} error */
export function failure(error) {
  return notice('bad', messageOf(error));
}

/** @param {string} title @param {{id?: string, aside?: Child, class?: string}} options @param {...Child} children */
export function section(title, { id = slug(title), aside, class: name = '' }, ...children) {
  const heading = h('h2', { id }, title);
  return h(
    'section',
    { class: `card ${name}`, 'aria-labelledby': id },
    aside ? h('div', { class: 'card-head' }, heading, h('div', { class: 'aside' }, aside)) : heading,
    ...children,
  );
}

/** @param {string} text */
function slug(text) {
  return text.toLowerCase().replaceAll(/\W+/g, '-');
}

/** A form's field with its label. @param {string} label @param {HTMLElement} control @param {string} [hint] */
export function field(label, control, hint) {
  const id = control.id || `f-${slug(label)}`;
  control.id = id;
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`);
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    control,
    hint && h('p', { class: 'hint', id: `${id}-hint` }, hint),
  );
}

/**
 * @param {string} caption
 * @param {readonly string[]} heads
 * @param {readonly HTMLTableRowElement[]} rows
 * @param {string} [name]
 */
export function table(caption, heads, rows, name = '') {
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h(
      'table',
      { class: name },
      h('caption', { class: 'visually-hidden' }, caption),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ...heads.map((head, index) =>
            h('th', { scope: 'col', class: rows[0]?.cells[index]?.className }, head),
          ),
        ),
      ),
      h('tbody', {}, ...rows),
    ),
  );
}

/** Pairs of a name and a value; pairs without a value are left out. @param {readonly (readonly [string, Child])[]} pairs */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== '' && value !== false);
  return h(
    'dl',
    { class: 'facts' },
    known.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** A moment in the browser's time zone; the title tells UTC. @param {string} iso */
export function time(iso) {
  return h('time', { datetime: iso, title: iso }, DATE.format(new Date(iso)));
}

/** A moment, and how long ago it was. @param {string} iso */
export function timeAgo(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  return h('time', { datetime: iso, title: `${DATE.format(new Date(iso))} (${iso})` }, ago(seconds));
}

/** @param {number} seconds */
function ago(seconds) {
  return seconds < 1 ? 'just now' : `${duration(seconds)} ago`;
}

/** The two largest units. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  /** @type {[number, string][]} */
  const units = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  let rest = Math.round(seconds);
  const first = units.findIndex(([size]) => rest >= size);
  return units
    .slice(first, first + 2)
    .flatMap(([size, unit]) => {
      const count = Math.floor(rest / size);
      rest %= size;
      return count > 0 ? [`${count} ${unit}`] : [];
    })
    .join(' ');
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString('en-GB')} ${count === 1 ? one : many}`;
}

/** Tells screen readers what has happened. @param {string} message */
export function announce(message) {
  const announcer = document.getElementById('announcer');
  if (announcer) announcer.textContent = message;
}

/**
 * Asks before something is changed. Escape and Cancel answer undefined. The dialog gives the focus back.
 *
 * @param {{title: string, text: Child, confirm: string, tone?: 'danger' | 'primary', reason: 'required' | 'optional'}} question
 * @returns {Promise<{reason: string | undefined} | undefined>}
 */
export function ask({ title, text, confirm, tone = 'primary', reason }) {
  return new Promise((resolve) => {
    const input = h('input', { name: 'reason', maxlength: 200, minlength: 3, autocomplete: 'off' });
    input.required = reason === 'required';
    const label = reason === 'required' ? 'Reason' : 'Reason (optional)';
    const cancel = h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');
    const dialog = h('dialog', { 'aria-labelledby': 'ask-title' });
    dialog.append(
      h(
        'form',
        { method: 'dialog' },
        h('h2', { id: 'ask-title' }, title),
        h('div', { class: 'prose' }, text),
        field(label, input, 'The audit log keeps it. At least 3 characters.'),
        h(
          'div',
          { class: 'buttons end' },
          cancel,
          h('button', { type: 'submit', value: 'yes', class: tone }, confirm),
        ),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes' ? { reason: input.value.trim() || undefined } : undefined);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * A button that works while its action runs: it cannot be pressed twice, and tells that it is busy.
 *
 * @param {string} label
 * @param {(event: Event) => Promise<void>} action what it throws is the action's own to show
 * @param {string} [name]
 */
export function actionButton(label, action, name = '') {
  const button = h(
    'button',
    {
      type: 'button',
      class: name,
      onclick: async (/** @type {Event} */ event) => {
        if (button.ariaDisabled === 'true') return;
        // Not `disabled`: the focus would be lost.
        button.ariaDisabled = 'true';
        try {
          await action(event);
        } finally {
          button.ariaDisabled = null;
        }
      },
    },
    label,
  );
  return button;
}

/**
 * Repeats an action until the view is left. It rests while nobody sees the page.
 *
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} action
 * @param {(error: unknown) => void} onError
 */
export function every(ms, signal, action, onError) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const next = () => {
    if (!signal.aborted) timer = setTimeout(run, ms);
  };
  const run = () => {
    if (document.hidden) next();
    else
      action()
        .catch((error) => signal.aborted || onError(error))
        .finally(next);
  };
  signal.addEventListener('abort', () => clearTimeout(timer));
  next();
}

/** A status, which a narrow screen breaks at its underscores. @param {string} status @returns {Child} */
export function breakable(status) {
  return status.split(/(?<=_)/).flatMap((part, index) => (index === 0 ? [part] : [h('wbr', {}), part]));
}

/** Shows new content in the place of the old, and keeps the focus where it was. @param {HTMLElement} parent @param {...Node} content */
export function replace(parent, ...content) {
  const active = document.activeElement;
  const name = active && parent.contains(active) ? nameOf(active) : '';
  parent.replaceChildren(...content);
  if (name === '') return;
  const same = [...parent.querySelectorAll('a, button, summary, [tabindex]')].find(
    (each) => nameOf(each) === name,
  );
  if (same instanceof HTMLElement) same.focus({ preventScroll: true });
}

/** @param {Element} element */
function nameOf(element) {
  return element.ariaLabel ?? element.textContent;
}
