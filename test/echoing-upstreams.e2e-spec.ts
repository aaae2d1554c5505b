import { Redis } from 'ioredis';
import { describe, expect, vi } from 'vitest';
import type { ConnectorProcess } from './support/connector-process.js';
import { type Harness, createIt } from './support/harness.js';
import { type ReceivedRequest, type Reply, startLocalServer } from './support/local-server.js';

/** Characters that every encoding writes differently. */
const FLUENT = {
  FLUENT_USERNAME: 'conn&ector+user@acme.example',
  FLUENT_PASSWORD: 'p@ss w"rd/+&é<1>',
  FLUENT_CLIENT_ID: 'client id/of+fluent',
  FLUENT_CLIENT_SECRET: 'fluent"secret\\with=all&signs',
};
const COMMERCETOOLS = {
  CTP_CLIENT_ID: 'client-of-commercetools',
  CTP_CLIENT_SECRET: 'secret/of+commercetools==',
};
const TOKEN = 'issued-token.AAAABBBBCCCCDDDD~EEEEFFFF';
const NEVER_SHOWN = [
  ...Object.values(FLUENT),
  ...Object.values(COMMERCETOOLS),
  TOKEN,
  Buffer.from(Object.values(COMMERCETOOLS).join(':')).toString('base64'),
].flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  new URLSearchParams({ secret }).toString().slice('secret='.length),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
]);

/** The ways in which an upstream repeats what it was sent while it refuses it, or breaks. */
const ANSWERS: Record<string, (echo: string) => Reply> = {
  'errors with 400': (message) => ({ status: 400, json: { errors: [{ message }] } }),
  'an error with 401': (text) => ({ status: 401, json: { error: text, error_description: text } }),
  'an error code with 500': (code) => ({
    status: 500,
    json: { errors: [{ message: 'failed', extensions: { code } }] },
  }),
  'GraphQL errors with 200': (message) => ({ json: { data: null, errors: [{ message }] } }),
  'HTML with 400': (text) => ({ status: 400, text: `<html><pre>${text}</pre></html>` }),
  'HTML with 200': (text) => ({ text: `<html><pre>${text}</pre></html>` }),
  'something that is not HTTP': (text) => (response) =>
    response.socket?.end(`HTTP/1.1 200 OK\r\n${text}\r\n\r\n`),
};

function echoOf({ headers, body }: ReceivedRequest): string {
  const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
  const values = isForm ? [body, ...new URLSearchParams(body).values()] : [];
  return ['refused:', headers.authorization, ...values].join(' ');
}

/** Everything that an operator, a scraper, or somebody who reads Redis gets to see. */
async function shownBy(
  { lines }: Harness,
  { managementUrl, output }: ConnectorProcess,
  redisUrl: string,
): Promise<string> {
  const texts: unknown[] = [lines, output];
  for (const path of ['/metrics', '/health']) texts.push(await (await fetch(managementUrl + path)).text());
  const redis = new Redis(redisUrl);
  try {
    for (const key of await redis.keys('*')) {
      if ((await redis.type(key)) === 'hash') texts.push(await redis.hgetall(key));
    }
  } finally {
    redis.disconnect();
  }
  // Some of it is JSON within JSON.
  const once = JSON.stringify(texts);
  const twice = unescaped(once);
  return [once, twice, unescaped(twice)].join('\n');
}

function unescaped(json: string): string {
  return json.replaceAll(/\\(["\\])/g, '$1');
}

const it = createIt();
it.override('environment', {
  RETRY_MAX_AGE: '0',
  RETRY_BASE_DELAY: '50',
  RETRY_MAX_DELAY: '100',
  LOG_LEVEL: 'trace',
});

describe('an upstream that answers with what it was sent gives no credentials away', () => {
  it.for([
    ['the API of commercetools', COMMERCETOOLS, '/graphql'],
    ['the token server of commercetools', COMMERCETOOLS, '/oauth/token'],
    ['the API of Fluent', FLUENT, '/graphql'],
    ['the token server of Fluent', FLUENT, '/oauth/token'],
  ] as const)('%s', { timeout: 120_000 }, async ([, credentials, path], { harness, redis }) => {
    let answer = (text: string): Reply => ({ text });
    await using upstream = await startLocalServer((request) =>
      request.path.endsWith(path)
        ? answer(echoOf(request))
        : { json: { access_token: TOKEN, expires_in: 1000 } },
    );
    const addresses =
      credentials === FLUENT ? ['FLUENT_BASE_URL'] : (['CTP_API_URL', 'CTP_AUTH_URL'] as const);
    const connector = await harness.startConnector({
      ...credentials,
      ...Object.fromEntries(addresses.map((name) => [name, upstream.url])),
    });
    const dead = (): Promise<number> => connector.metric('queue_jobs', 'state="dead"');

    for (const [index, [name, next]] of Object.entries(ANSWERS).entries()) {
      answer = next;
      await harness.fluent.walk(harness.addOrder(`O_${index}`), ['BOOKED']);
      const wait = { timeout: 30_000, interval: 50, message: name };
      await vi.waitFor(async () => expect(await dead(), name).toBe(index + 1), wait);
    }
    const shown = await shownBy(harness, connector, redis.url);
    expect(shown).toContain('refused: ');
    expect(shown).toContain('[redacted]');
    expect(NEVER_SHOWN.filter((text) => shown.includes(text))).toEqual([]);
  });
});
