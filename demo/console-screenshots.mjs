// `npm run screenshots`: takes the pictures of docs/console.md, with a connector, emulators and Debian's Chromium.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { PrivateRedis, createTestConnector } from '../dist/testing/index.js';

const FOLDER = process.argv[2] ?? 'docs/images';
const TOKEN = 'a-token-for-pictures-only';
const PICTURES = [
  ['console-overview', 'overview'],
  ['console-order', 'orders/HD-2042'],
  ['console-dead-letters', 'dead-letters'],
  ['console-mappings', 'mappings'],
  ['console-accounts', 'accounts'],
];
const VARIANTS = [
  { suffix: '', options: { viewport: { width: 1180, height: 820 }, colorScheme: 'light' } },
  { suffix: '-dark', options: { viewport: { width: 1180, height: 820 }, colorScheme: 'dark' } },
  { suffix: '-narrow', options: { viewport: { width: 360, height: 780 }, colorScheme: 'light' } },
];

const redis = await PrivateRedis.start();
const connector = await createTestConnector({
  redisUrl: redis.url,
  env: { LOG_LEVEL: 'silent', ADMIN_TOKEN: TOKEN, ORDER_NOT_FOUND_MAX_AGE: '0' },
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
try {
  await makeOrders(connector);
  await workUntilAMinuteIsFull(connector);
  mkdirSync(FOLDER, { recursive: true });
  for (const { suffix, options } of VARIANTS) {
    const context = await browser.newContext({ ...options, locale: 'en-GB', timezoneId: 'Europe/Berlin' });
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(error));
    await page.goto(`${connector.url}/admin`);
    await page.getByLabel('Admin token').fill(TOKEN);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('banner').waitFor();
    for (const [name, hash] of picturesOf(suffix)) {
      await page.goto(`${connector.url}/admin#/${hash}`);
      await page.locator('main:not([aria-busy]) h1').waitFor();
      if (name === 'console-order') await page.locator('.timeline details summary').first().click();
      await page.evaluate(() => document.activeElement?.blur());
      await page.screenshot({ path: `${FOLDER}/${name}${suffix}.png`, fullPage: true });
    }
    await context.close();
  }
  const files = VARIANTS.flatMap(({ suffix }) =>
    picturesOf(suffix).map(([name]) => `${FOLDER}/${name}${suffix}.png`),
  );
  // Debian's package pngquant: a third of the size.
  execFileSync('pngquant', ['--force', '--speed', '1', '--nofs', '--ext', '.png', '24', ...files]);
} finally {
  await browser.close();
  await connector.stop();
  await redis.stop();
}

/** The variants show one page each. */
function picturesOf(suffix) {
  return suffix === '' ? PICTURES : PICTURES.filter(([name]) => name === 'console-order');
}

/** An order that agrees, one that differs, some that commercetools does not have, and a gap in a mapping. */
async function makeOrders({ fluent, commercetools }) {
  const walk = async (ref, statuses) => {
    const order = fluent.addOrder({ ref });
    commercetools.addOrder({ orderNumber: ref });
    for (const status of statuses) {
      await fluent.move(order.id, status);
      await connector.settled();
    }
    return order;
  };
  await walk('HD-2041', ['BOOKED', 'PICK_PACK', 'AWAITING_COURIER_COLLECTION', 'COMPLETE']);
  for (let count = 0; count < 20; count++) await walk(`CC-${1000 + count}`, ['BOOKED']);
  const { id } = await walk('HD-2042', ['PENDING_PAYMENT', 'BOOKED', 'PICK_PACK']);
  fluent.setStatus(id, 'AWAITING_COURIER_COLLECTION');
  for (const ref of ['HD-2051', 'HD-2052', 'HD-2053']) {
    const order = fluent.addOrder({ ref });
    await fluent.move(order.id, 'BOOKED');
    await connector.settled();
  }
}

/** The rates are those of the last full minute. */
async function workUntilAMinuteIsFull({ url }) {
  const headers = { authorization: `Bearer ${TOKEN}` };
  for (let count = 0; ; count++) {
    const { minutes } = await (await fetch(`${url}/admin/overview`, { headers })).json();
    if (minutes.at(-2).finished > 0 && minutes.at(-1).finished > 9) return;
    const ref = `CC-${2000 + count}`;
    const { id } = connector.addOrder({ ref }).fluent;
    await connector.fluent.move(id, 'BOOKED');
    await setTimeout(300);
  }
}
