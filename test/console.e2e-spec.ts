import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readdirSync, statSync } from 'node:fs';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, onTestFinished, vi } from 'vitest';
import type { TestConnector } from '../src/testing/index.js';
import { ADMIN_TOKEN } from './support/admin-client.js';
import {
  accessibilityProblems,
  evaluate,
  hasBrowser,
  openPage,
  requireBrowserInCi,
  startBrowser,
  type WatchedPage,
} from './support/browser.js';
import { it as base } from './support/harness.js';

const READ_TOKEN = 'a-token-that-only-reads';
const env = { ADMIN_TOKEN, ADMIN_TOKENS: `grafana:read:${READ_TOKEN}`, ORDER_NOT_FOUND_MAX_AGE: '0' };
const HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>';
const LONG = `O_${'x'.repeat(400)}`;
const PAGES = 'src/admin/console/page';

requireBrowserInCi();

const it = base
  .extend('browser', { scope: 'file' }, async ({}, { onCleanup }) => {
    const browser = await startBrowser();
    onCleanup(() => browser.close());
    return browser;
  })
  /** Opens the console of a new connector, and at the end checks that nothing went wrong in the page. */
  .extend('openConsole', async ({ startTestConnector, browser }, { onCleanup }) => {
    const opened: WatchedPage[] = [];
    onCleanup(async () => {
      for (const { page } of opened) await page.context().close();
      expect(opened.flatMap(({ problems }) => problems)).toEqual([]);
    });
    return async (options: BrowserContextOptions = {}): Promise<{ connector: TestConnector; page: Page }> => {
      const connector = await startTestConnector({ env });
      const watched = await openPage(browser, options);
      opened.push(watched);
      await watched.page.goto(`${connector.url}/admin`);
      return { connector, page: watched.page };
    };
  });

async function signIn(page: Page, token = ADMIN_TOKEN): Promise<void> {
  await page.getByLabel('Admin token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('banner').waitFor();
}

/** Opens a view. @param hash what follows `#/`. */
async function visit(page: Page, hash: string, heading: string): Promise<void> {
  await evaluate(page, `location.hash = ${JSON.stringify(`#/${hash}`)}`);
  await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
}

/** A notification that failed for good, because commercetools does not have its order. */
async function addDeadLetter(connector: TestConnector, ref: string): Promise<void> {
  const { id } = connector.fluent.addOrder({ ref });
  await connector.fluent.move(id, 'BOOKED');
  await connector.settled();
}

/** A notification that will fail for good as soon as it runs. */
async function addUnsettled(connector: TestConnector): Promise<void> {
  const { id } = connector.fluent.addOrder({ ref: 'O_9' });
  await connector.fluent.move(id, 'BOOKED');
}

async function deadLetters({ queue }: TestConnector): Promise<number> {
  return (await queue.counts()).dead;
}

describe.skipIf(!hasBrowser)('signing in', () => {
  it('opens the console with a right token, keeps it over a reload, and ends at sign-out', async ({
    openConsole,
  }) => {
    const { page } = await openConsole();
    await signIn(page);
    await page.reload();
    await page.getByRole('banner').getByText('admin', { exact: true }).waitFor();
    expect(await evaluate(page, 'document.cookie')).toBe('');
    const stored = await evaluate(page, 'JSON.stringify([{ ...localStorage }, { ...sessionStorage }])');
    expect(stored).toBe('[{},{}]');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    expect(await page.context().cookies()).toEqual([]);
    await page.reload();
    await page.getByLabel('Admin token').waitFor();
  });

  it('says that a token is wrong, and after ten of them when to try again', async ({ openConsole }) => {
    const { page } = await openConsole();
    for (let attempt = 1; attempt <= 11; attempt++) {
      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await page.getByLabel('Admin token').fill(`wrong-${attempt}`);
      await page.keyboard.press('Enter');
      expect((await answered).status()).toBe(attempt <= 10 ? 401 : 429);
      const text = attempt <= 10 ? /This token is not configured/ : /too many wrong admin tokens.*in \d+ s/;
      await page.getByRole('alert').getByText(text).waitFor();
    }
    await expectFocus(page, 'Admin token');
  });

  it('asks for the token again when the session is over', async ({ openConsole }) => {
    const { page } = await openConsole();
    await signIn(page);
    // The overview refreshes, so it would end the session before the click.
    await page.getByRole('link', { name: 'Mappings' }).click();
    await page.getByRole('heading', { level: 1, name: 'Mappings' }).waitFor();
    await page.context().clearCookies();
    await page.getByRole('link', { name: 'Dead letters' }).click();
    await page.getByText('The session is over. Sign in again.').waitFor();
    await signIn(page);
    await page.getByRole('heading', { level: 1, name: 'Dead letters' }).waitFor();
  });

  it('leaves by itself after eight hours', async ({ openConsole }) => {
    const { page } = await openConsole();
    await page.clock.install();
    await page.reload();
    await signIn(page);
    await page.clock.fastForward('07:59:00');
    expect(await page.getByRole('banner').isVisible()).toBe(true);
    await page.clock.fastForward('02:00');
    await page.getByText('The session is over. Sign in again.').waitFor();
  });
});

describe.skipIf(!hasBrowser)('an order', () => {
  it('is found by its ref, told as a story, previewed and synced', async ({ openConsole }) => {
    const { connector, page } = await openConsole();
    const { fluent, commercetools } = connector.addOrder({ ref: 'O_1' });
    await connector.fluent.move(fluent.id, 'BOOKED');
    await connector.settled();
    connector.addOrder({ ref: 'O_2', status: 'BOOKED' });
    await signIn(page);
    await page.getByRole('searchbox', { name: 'Find an order by its ref' }).fill('O_1');
    await page.keyboard.press('Enter');
    await page.getByText("Both agree: commercetools shows what Fluent's status BOOKED stands for.").waitFor();
    const story = page.getByRole('region', { name: 'Story' });
    await story.getByText(/^✓\s*updated$/).waitFor();
    await story.getByText('What was read, mapped and sent').click();
    await story.getByText('Open -> Confirmed').waitFor();
    const row = page.getByRole('row', { name: /^Payment/ });
    expect(await row.innerText()).toMatch(/Paid\s+Paid\s+✓\s*agrees\s+BOOKED = Paid in/);
    expect(await page.getByRole('region', { name: 'Now' }).innerText()).toContain(commercetools.id);

    await visit(page, 'orders/O_2', 'O_2');
    await page.getByText(/^commercetools differs from Fluent's status BOOKED/).waitFor();
    await page.getByRole('button', { name: 'Show what would be sent' }).click();
    const preview = page.getByRole('region', { name: 'What a sync would send', exact: true }).first();
    await preview.getByText('Nothing has been sent yet.').waitFor();
    expect(await preview.getByRole('row', { name: /^Order/ }).innerText()).toMatch(/Open\s+Confirmed/);
    expect(connector.commercetools.order('O_2')?.version).toBe(1);
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByText('commercetools took the update.').waitFor();
    expect(connector.commercetools.order('O_2')?.orderState).toBe('Confirmed');
    await page.getByText(/^Both agree/).waitFor();
  });

  it('that does not exist is told in words', async ({ openConsole }) => {
    const { page } = await openConsole();
    await signIn(page);
    await visit(page, 'orders/nobody%2Fknows', 'nobody/knows');
    await page
      .getByText(/^Fluent has no order with the ref nobody\/knows for a configured retailer\./)
      .waitFor();
    expect(await page.getByRole('button', { name: 'Sync now' }).count()).toBe(0);
  });
});

describe.skipIf(!hasBrowser)('dead letters', () => {
  it('are filtered, counted before a replay, replayed and discarded with a reason', async ({
    openConsole,
  }) => {
    const { connector, page } = await openConsole();
    for (const ref of ['O_1', 'O_2', 'O_3']) await addDeadLetter(connector, ref);
    await signIn(page);
    await page.getByRole('link', { name: 'Dead letters' }).click();
    await page.getByText('3 dead letters in all, 3 shown, newest first.').waitFor();

    await page.getByLabel('Order', { exact: true }).fill('O_2');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByText('3 dead letters in all, 1 shown that match, newest first.').waitFor();
    connector.commercetools.addOrder({ orderNumber: 'O_2' });
    await page.getByRole('button', { name: 'Replay all that match…' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.innerText()).toContain('1 data');
    await dialog.getByRole('button', { name: 'Replay 1' }).click();
    await page.getByText('1 notification waits in the queue again.').first().waitFor();
    await connector.waitForRun({ outcome: 'updated' });
    expect(await deadLetters(connector)).toBe(2);

    await page.getByRole('link', { name: 'Clear' }).click();
    const letter = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'O_3' }) });
    await letter.getByRole('button', { name: 'Discard…' }).click();
    await dialog.getByRole('button', { name: 'Discard' }).click();
    expect(await dialog.isVisible(), 'a reason is required').toBe(true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await deadLetters(connector)).toBe(2);
    await letter.getByRole('button', { name: 'Discard…' }).click();
    await dialog.getByLabel('Reason').fill('sent by mistake');
    await dialog.getByRole('button', { name: 'Discard' }).click();
    await page.getByText('The notification of O_3 is discarded.').first().waitFor();
    expect(await deadLetters(connector)).toBe(1);
  });

  it('show hostile and long texts as text, and keep the layout, also on a narrow screen', async ({
    openConsole,
  }) => {
    const { connector, page } = await openConsole({ viewport: { width: 360, height: 740 } });
    for (const ref of [HOSTILE, LONG]) await addDeadLetter(connector, ref);
    await signIn(page);
    await visit(page, 'dead-letters', 'Dead letters');
    await page.getByRole('link', { name: HOSTILE }).waitFor();
    await expectNoOverflow(page);
    await page.getByRole('link', { name: HOSTILE }).click();
    await page.getByRole('heading', { level: 1, name: HOSTILE }).waitFor();
    await page.getByText(`no order for the Fluent ref ${HOSTILE}`).first().waitFor();
    await expectNoOverflow(page);
    expect(await page.locator('main img, main script').count()).toBe(0);
    await visit(page, `orders/${LONG}`, LONG);
    await expectNoOverflow(page);
  });
});

describe.skipIf(!hasBrowser)('a change', () => {
  it('is refused when a page of another origin makes the browser send it', async ({ openConsole }) => {
    const { connector, page } = await openConsole();
    await addDeadLetter(connector, 'O_1');
    await signIn(page);
    const target = `${connector.url}/admin/dead-letters/replay?all=true`;
    // The other port of the same host is the same site: the cookie is sent.
    const foreign = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<form method="post" action="${target}"><button>Win a prize</button></form>`);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void foreign.close());
    await once(foreign, 'listening');
    await page.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`);
    const refused = page.waitForResponse(target);
    await evaluate(
      page,
      `void fetch('${target}', { method: 'POST', mode: 'no-cors', credentials: 'include' })`,
    );
    // Not 401: the session was recognised.
    expect((await refused).status()).toBe(403);
    const submitted = page.waitForResponse(target);
    await page.getByRole('button').click();
    expect((await submitted).status()).toBe(403);
    expect(await deadLetters(connector)).toBe(1);
  });

  it('is neither offered nor accepted with a token that only reads', async ({ openConsole }) => {
    const { connector, page } = await openConsole();
    await addDeadLetter(connector, 'O_1');
    connector.addOrder({ ref: 'O_2', status: 'BOOKED' });
    await signIn(page, READ_TOKEN);
    await page.getByText('reads only').waitFor();
    await visit(page, 'orders/O_2', 'O_2');
    expect(await page.locator('main').getByRole('button').allInnerTexts()).toEqual(['Reload']);
    await visit(page, 'dead-letters', 'Dead letters');
    await page.getByRole('link', { name: 'O_1' }).waitFor();
    expect(await page.locator('main').getByRole('button').allInnerTexts()).toEqual(['Filter']);
    await visit(page, 'mappings', 'Mappings');
    expect(await page.locator('main').getByRole('button').count()).toBe(0);
    await visit(page, 'accounts', 'Accounts');
    expect(await page.locator('main').getByRole('button').count()).toBe(0);
    const status = await evaluate(
      page,
      `fetch('/admin/session').then((answer) => answer.json()).then(({ csrfToken }) =>
        fetch('/admin/dead-letters/replay?all=true', { method: 'POST', headers: { 'x-csrf-token': csrfToken } }))
        .then((answer) => answer.status)`,
    );
    expect(status).toBe(403);
    expect(await deadLetters(connector)).toBe(1);
  });
});

describe.skipIf(!hasBrowser)('the overview', () => {
  it('shows rates, queue and problems of this moment, without a reload', async ({ openConsole }) => {
    const { connector, page } = await openConsole();
    await signIn(page);
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    const letters = page.locator('.tile', { hasText: 'Dead letters' });
    await letters.getByText('none').waitFor();
    await connector.queue.pause('ACME', { by: 'alice', since: new Date(), reason: 'credentials change' });
    await addUnsettled(connector);
    await page.getByText(/was paused by alice, .*: credentials change/).waitFor({ timeout: 20_000 });
    await page.locator('.tile', { hasText: 'Waiting' }).getByText('1', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Pause refreshing' }).click();
    await connector.queue.resume('ACME');
    await connector.settled();
    await page.getByRole('button', { name: 'Pause refreshing', pressed: true }).click();
    await letters.getByText('Show them').waitFor({ timeout: 20_000 });
    await page.getByText('1 notification failed for good').waitFor();
    expect(await page.getByText('Everything works.').count()).toBe(0);
  });
});

describe.skipIf(!hasBrowser)('mappings', () => {
  it('are a table of Fluent statuses and states, with gaps and errors in words', async ({ openConsole }) => {
    const { connector, page } = await openConsole();
    const setPayment = (lobValue: object): void =>
      void connector.fluent.setSetting({
        name: 'fc.connect.commerce-tools.order.payment-status-mapping',
        lobValue,
        valueType: 'JSON',
        context: 'RETAILER',
        contextId: Number(connector.fluent.retailerId),
      });
    await signIn(page);
    await visit(page, 'mappings', 'Mappings');
    const card = page.getByRole('region', { name: /^Account ACME · retailer 1$/ });
    const booked = card.getByRole('row', { name: /^BOOKED/ });
    expect(await booked.innerText()).toMatch(/BOOKED\s+Confirmed\s+Paid\s+Pending/);
    setPayment({ fluent: { CREATED: 'Pending', BOOKED: 'Payed' } });
    await page.getByRole('button', { name: 'Read again from Fluent' }).click();
    await card.getByText(/^Payment state: .*Payed/).waitFor();
    await booked.getByText('no entry').waitFor();
  });
});

describe.skipIf(!hasBrowser)('accounts', () => {
  it('are paused with a reason and resumed, and orders of a range of time are synced again', async ({
    openConsole,
  }) => {
    const { connector, page } = await openConsole();
    await signIn(page);
    await visit(page, 'accounts', 'Accounts');
    const row = page.getByRole('row', { name: /^ACME/ });
    await row.getByText('working').waitFor();
    await row.getByRole('button', { name: 'Pause ACME' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('credentials change');
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await row.getByText(/by admin, .*: credentials change/).waitFor();
    expect((await connector.queue.pauses()).get('ACME')).toMatchObject({ by: 'admin' });
    await row.getByRole('button', { name: 'Resume ACME' }).click();
    await dialog.getByRole('button', { name: 'Resume' }).click();
    await row.getByText('working').waitFor();

    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    await page.getByLabel('From', { exact: true }).fill(localTime(Date.now() - 3_600_000));
    await page.getByRole('button', { name: 'Reconcile…' }).click();
    await dialog.getByRole('button', { name: 'Reconcile' }).click();
    await page.getByText('Reconciliation has begun.').first().waitFor();
    await page.getByText(/^✓\s*finished$/).waitFor({ timeout: 30_000 });
    await page.getByText(/100 % of the range/).waitFor();
    await vi.waitFor(
      () => expect(connector.commercetools.order('O_1')?.orderState).toBe('Confirmed'),
      10_000,
    );
  });
});

describe.skipIf(!hasBrowser)('the page', () => {
  it('works with the keyboard alone', async ({ openConsole }) => {
    const { connector, page } = await openConsole();
    connector.addOrder({ ref: 'O_1', status: 'BOOKED' });
    await page.getByLabel('Admin token').waitFor();
    await page.keyboard.type(ADMIN_TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('banner').waitFor();
    await tabTo(page, 'Find an order by its ref');
    await page.keyboard.type('O_1');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'O_1' }).waitFor();
    // The new view's heading has the focus, so that a screen reader reads it and Tab goes on from there.
    await vi.waitFor(async () => expect(await focused(page)).toBe('O_1'), 5000);
    await tabTo(page, 'Sync now');
    expect(await evaluate(page, 'getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await page.keyboard.press('Enter');
    await page.getByText('commercetools took the update.').waitFor();
    expect(connector.commercetools.order('O_1')?.orderState).toBe('Confirmed');
    await vi.waitFor(async () => expect(await focused(page)).toBe('Synced'), 5000);

    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'O_1' }).waitFor();
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('Tab');
    await expectFocus(page, 'Skip to content');
    await page.keyboard.press('Enter');
    expect(await evaluate(page, 'document.activeElement.tagName')).toBe('MAIN');
  });

  it('leads the focus into a dialog and back', async ({ openConsole }) => {
    const { connector, page } = await openConsole();
    await addDeadLetter(connector, 'O_1');
    await signIn(page);
    await visit(page, 'dead-letters', 'Dead letters');
    await tabTo(page, 'Discard…');
    await page.keyboard.press('Enter');
    await expectFocus(page, 'Reason');
    await page.keyboard.press('Escape');
    await vi.waitFor(async () => expect(await focused(page)).toBe('Discard…'), 5000);
  });

  it.for(['light', 'dark'] as const)(
    'has no accessibility problem that axe finds, in %s',
    async (colorScheme, { openConsole }) => {
      const { connector, page } = await openConsole({ colorScheme });
      await page.getByLabel('Admin token').waitFor();
      const problems = [...(await accessibilityProblems(page))];
      const { fluent } = connector.addOrder({ ref: 'O_1' });
      await connector.fluent.move(fluent.id, 'BOOKED');
      connector.addOrder({ ref: 'O_2', status: 'BOOKED' });
      await addDeadLetter(connector, 'O_3');
      await signIn(page);
      const background = await evaluate(page, 'getComputedStyle(document.documentElement).backgroundColor');
      expect(background).toBe(colorScheme === 'light' ? 'rgb(246, 247, 249)' : 'rgb(16, 18, 22)');
      const views = [
        ['orders', 'Find an order'],
        ['orders/O_1', 'O_1'],
        ['orders/O_2', 'O_2'],
        ['dead-letters', 'Dead letters'],
        ['mappings', 'Mappings'],
        ['accounts', 'Accounts'],
      ] as const;
      for (const [hash, heading] of views) {
        await visit(page, hash, heading);
        for (const summary of await page.locator('summary').all()) await summary.click();
        problems.push(...(await accessibilityProblems(page)));
      }
      await visit(page, 'dead-letters', 'Dead letters');
      await page.getByRole('button', { name: 'Discard…' }).click();
      problems.push(...(await accessibilityProblems(page)));
      expect(problems).toEqual([]);
    },
  );

  it('is small, loads nothing from elsewhere, and each view loads only what it needs', async ({
    openConsole,
  }) => {
    const { connector, page } = await openConsole();
    const loaded = new Set<string>();
    page.on('request', (request) => loaded.add(new URL(request.url()).origin));
    await signIn(page);
    await page.goto(`${connector.url}/admin#/orders/O_1`);
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'O_1' }).waitFor();
    expect([...loaded]).toEqual([connector.url]);
    const sizes = await evaluate<number[]>(
      page,
      "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/admin/console/')).map((entry) => entry.decodedBodySize)",
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60 * 1024);
    expect(readdirSync(PAGES).reduce((sum, name) => sum + statSync(`${PAGES}/${name}`).size, 0)).toBeLessThan(
      84 * 1024,
    );
  });

  it('shows its first content within a second of what an empty page takes', async ({ openConsole }) => {
    const { connector, page } = await openConsole();
    await signIn(page);
    const empty = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<title>x</title><h1>x</h1>');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void empty.close());
    await once(empty, 'listening');
    const emptyPage = `http://127.0.0.1:${(empty.address() as AddressInfo).port}/`;
    // In turn, and the best of each: other work of the machine delays both.
    const times = { console: Infinity, empty: Infinity };
    for (let turn = 0; turn < 3; turn++) {
      await page.goto(emptyPage);
      times.empty = Math.min(times.empty, await firstContent(page));
      await page.goto(`${connector.url}/admin#/orders`);
      await page.getByRole('heading', { level: 1, name: 'Find an order' }).waitFor();
      times.console = Math.min(times.console, await firstContent(page));
    }
    expect(times.console - times.empty).toBeLessThan(1000);
  });
});

/** @returns milliseconds from the navigation to the first text or picture, by the browser's own clock. */
async function firstContent(page: Page): Promise<number> {
  return evaluate(
    page,
    `new Promise((resolve) => new PerformanceObserver((list) => {
      const entry = list.getEntriesByName('first-contentful-paint')[0];
      if (entry) resolve(entry.startTime);
    }).observe({ type: 'paint', buffered: true }))`,
  );
}

/** @returns the name of the element that has the focus. */
function focused(page: Page): Promise<string> {
  return evaluate(
    page,
    "document.activeElement?.labels?.[0]?.textContent ?? document.activeElement?.textContent ?? ''",
  );
}

async function expectFocus(page: Page, label: string): Promise<void> {
  await vi.waitFor(async () => expect(await focused(page)).toBe(label), 5000);
}

/** Presses Tab until an element has the focus, as a person without a mouse does. */
async function tabTo(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    seen.push(await focused(page));
    if (seen.at(-1) === name) return;
  }
  throw new Error(`Tab does not reach ${name}; it reaches ${seen.join(', ')}`);
}

/** Nothing is wider than the screen. */
async function expectNoOverflow(page: Page): Promise<void> {
  expect(
    await evaluate(page, 'document.documentElement.scrollWidth - document.documentElement.clientWidth'),
  ).toBe(0);
}

/** As a field for date and time takes it. */
function localTime(at: number): string {
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
