import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = process.env['CHROMIUM'] ?? PATHS.find(existsSync);
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Whether a browser is installed; CI must have one. */
export const hasBrowser = executablePath !== undefined;

/** Says that checks are skipped; fails a run in CI that would skip them without anybody noticing. */
export function requireBrowserInCi(): void {
  if (hasBrowser) return;
  const missing = 'there is no Chromium (.ci/install-chromium gets it; CHROMIUM names one that is elsewhere)';
  if (process.env['CI']) throw new Error(missing);
  process.stderr.write(`SKIPPED: the checks in a browser; ${missing}\n`);
}

/** Starts it without a window. In a container, the user is root, and Chromium's sandbox refuses that. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

/** A page that remembers what went wrong in it. */
export interface WatchedPage {
  readonly page: Page;
  /** Violations of the Content-Security-Policy, and uncaught errors. */
  readonly problems: string[];
}

/** Opens an empty page with cookies of its own. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const problems: string[] = [];
  await context.exposeFunction('reportViolation', (text: string) => problems.push(text));
  await context.addInitScript({
    content:
      "addEventListener('securitypolicyviolation', (event) => " +
      'reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));',
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(String(error)));
  return { page, problems };
}

/**
 * Runs a text in a page, through the debugger: the page's own policy forbids it.
 *
 * @returns what it evaluates to, as far as JSON has it.
 */
export async function evaluate<T>(page: Page, expression: string): Promise<T> {
  const session = await page.context().newCDPSession(page);
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value as T;
}

/** Checks what the page shows now with axe: WCAG, and best practices. @returns a line for each violation. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  await evaluate(page, `${AXE}; undefined`);
  return evaluate(
    page,
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, help, nodes }) =>
        nodes.map(({ html, any }) => [id, help, html, any[0]?.message].join(': '))))`,
  );
}
