import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/command-line.js';
import { COMPLETE_ENVIRONMENT } from '../../test/support/complete-environment.js';
import { createTestConnector, generateWebhookKeys, signWebhook } from '../testing/index.js';
import type { CheckFinding } from '../doctor/index.js';

const NOTIFICATION = {
  id: '5b8f0a4e',
  name: 'fc.connect.order.webhook.order-status-update',
  accountId: 'ACME',
  retailerId: '1',
  entityId: '1021',
  entityRef: 'HD_1021',
  entityType: 'ORDER',
  attributes: { customer: 'Zoë' },
};
const BODY = JSON.stringify(NOTIFICATION);

// Each run of a command starts the connector's services.
describe('webhooks on the command line', { timeout: 60_000 }, () => {
  const keys = generateWebhookKeys();
  const others = generateWebhookKeys();
  const env = {
    ...COMPLETE_ENVIRONMENT,
    FLUENT_RETAILER_IDS: '1',
    FLUENT_WEBHOOK_PUBLIC_KEYS: keys.publicKey,
  };
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cli-webhook-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function file(content: string | Buffer): Promise<string> {
    const path = join(folder, `${Math.random()}`);
    await writeFile(path, content);
    return path;
  }

  /** A captured HTTP request. */
  function captured(body: string, headers: Record<string, string>): string {
    const lines = Object.entries({ Host: 'connector', 'Content-Type': 'application/json', ...headers });
    return `POST /hook HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
  }

  async function doctor(content: string | Buffer, more: Record<string, string> = {}) {
    const args = ['doctor', '--webhook', await file(content), '--json'];
    const { code, out, error } = await runCommand(args, { env: { ...env, ...more } });
    expect(error).toBe('');
    const { findings } = JSON.parse(out) as { findings: CheckFinding[] };
    const of = (subject: string) => findings.find((finding) => finding.subject === subject);
    return { code, of, statuses: findings.map(({ status }) => status) };
  }

  const signed = (body: string, key = keys) => ({
    'Fluent-Signature': signWebhook(body, key.privateKey)['fluent-signature'],
  });

  it('doctor accepts a genuine request as an HTTP message and as JSON, without Redis or the two systems', async () => {
    const http = await doctor(captured(BODY, signed(BODY)));
    expect(http.statuses).toEqual(['pass', 'pass', 'pass', 'pass', 'pass', 'pass', 'pass']);
    expect(http.code).toBe(0);
    const headers = { 'content-type': 'application/json', ...signed(BODY) };
    for (const body of [{ body: BODY }, { bodyBase64: Buffer.from(BODY).toString('base64') }]) {
      expect((await doctor(JSON.stringify({ headers, ...body }))).code).toBe(0);
    }
  });

  it('doctor skips what a packet dump or curl has before the request', async () => {
    const dump = `10:00 IP 10.0.0.7 > 10.0.0.8\nE..4..@.@.\u0001\n${captured(BODY, signed(BODY))}`;
    expect((await doctor(Buffer.from(dump))).code).toBe(0);
    const curl = captured(BODY, signed(BODY))
      .replace(/^(?=[A-Z][\w-]*[: ])/gm, '> ')
      .replace('\r\n\r\n', '\r\n>\r\n');
    expect((await doctor(curl)).code).toBe(0);
  });

  it('doctor says that no configured key has made the signature', async () => {
    const { code, of } = await doctor(captured(BODY, signed(BODY, others)));
    expect(code).toBe(1);
    expect(of('signature')).toMatchObject({
      status: 'fail',
      message: 'none of the 1 configured public keys has made fluent-signature',
      advice: expect.stringContaining('FLUENT_WEBHOOK_PUBLIC_KEYS'),
    });
  });

  it.each([
    ['compact JSON', BODY, JSON.stringify(NOTIFICATION, undefined, 2)],
    ['JSON indented by 2 spaces', JSON.stringify(NOTIFICATION, undefined, 2), BODY],
    ['compact JSON with escaped non-ASCII characters', BODY.replace('ë', '\\u00eb'), BODY],
    ['this one without the line break at its end', BODY, `${BODY}\n`],
    ['this one with a line break at its end', `${BODY}\n`, BODY],
    [
      'JSON with a space after each colon and comma',
      JSON.stringify(NOTIFICATION).replaceAll('":', '": ').replaceAll(',"', ', "'),
      BODY,
    ],
  ])('doctor finds out that the signed body is %s', async (what, original, received) => {
    const { of } = await doctor(captured(received, signed(original)));
    expect(of('signature')).toMatchObject({
      status: 'fail',
      message: `the key of account ACME has signed another body than this one: the signed body is ${what}`,
    });
  });

  it('doctor says that the body was changed, and that the capture is incomplete', async () => {
    const cut = BODY.slice(0, -20);
    const { of } = await doctor(
      captured(cut, { ...signed(BODY), 'Content-Length': String(Buffer.byteLength(BODY)) }),
    );
    expect(of('signature')?.message).toBe('the key of account ACME has signed another body than this one');
    expect(of('body')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('Content-Length says'),
    });
    expect(of('notification')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('not JSON'),
    });
  });

  it('doctor tells a missing header from one that is not Base64 or repeated', async () => {
    expect((await doctor(captured(BODY, {}))).of('signature')?.message).toBe('no signature header');
    const renamed = await doctor(captured(BODY, { 'X-Signature': 'abc' }));
    expect(renamed.of('signature')?.message).toBe('no signature header, but x-signature');
    const broken = await doctor(captured(BODY, { 'Fluent-Signature': 'not base64!' }));
    expect(broken.of('signature')?.message).toBe('fluent-signature is not one Base64 value');
  });

  it('doctor says that the signature is MD5, and accepts it where that is allowed', async () => {
    const headers = { 'flex.signature': signWebhook(BODY, keys.privateKey)['flex.signature'] };
    const { of } = await doctor(captured(BODY, headers));
    expect(of('signature')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining(
        'is right, and is an MD5 signature, which FLUENT_ALLOW_MD5_SIGNATURE does not',
      ),
    });
    const allowed = await doctor(captured(BODY, headers), { FLUENT_ALLOW_MD5_SIGNATURE: 'true' });
    expect(allowed.of('signature')?.status).toBe('pass');
  });

  it('doctor names missing fields, an unknown account or retailer, and a name that no handler takes', async () => {
    const send = async (change: object) => {
      const body = JSON.stringify({ ...NOTIFICATION, ...change });
      return doctor(captured(body, signed(body)));
    };
    expect((await send({ entityId: undefined, name: '' })).of('notification')?.message).toMatch(
      /^name .*, entityId .*$/,
    );
    expect((await send({ accountId: 'OTHER' })).of('account')?.message).toContain('configured are ACME');
    expect((await send({ retailerId: '7' })).of('retailer')).toMatchObject({ status: 'fail' });
    const unknown = await send({ name: 'order-updated' });
    expect(unknown.of('handler')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('"ignored"'),
    });
    expect(unknown.code).toBe(0);
  });

  it('doctor refuses another content type, an encoding, and a body beyond the limit', async () => {
    const text = captured(BODY, signed(BODY));
    const type = await doctor(text.replace('application/json', 'text/plain'));
    expect(type.of('content type')).toMatchObject({ status: 'fail', message: 'text/plain' });
    const encoded = await doctor(captured(BODY, { ...signed(BODY), 'Content-Encoding': 'gzip' }));
    expect(encoded.of('content type')?.status).toBe('fail');
    const large = await doctor(text, { WEBHOOK_BODY_LIMIT: '100' });
    expect(large.of('body')).toMatchObject({ status: 'fail', advice: 'raise WEBHOOK_BODY_LIMIT' });
  });

  it.each([
    [BODY, 'it has no headers; a body alone has no signature'],
    [JSON.stringify({ headers: {}, body: NOTIFICATION }), 'a parsed body has lost them'],
    ['POST /hook HTTP/1.1\r\nHost: x\r\n', 'it has no empty line'],
    ['POST /hook HTTP/1.1\r\nHost x\r\n\r\n', 'line 2 of the request is not a header'],
    ['hello', 'it is neither an HTTP request'],
  ])('refuses %j with exit code 2', async (content, message) => {
    const { code, error } = await runCommand(['doctor', '--webhook', await file(content)], { env });
    expect({ code, error }).toEqual({ code: 2, error: expect.stringContaining(message) });
    expect(error).not.toContain('Zoë');
  });

  it('sign prints a request that doctor accepts, and send delivers it', async () => {
    await using connector = await createTestConnector({ fluent: { webhookKeys: keys } });
    const { fluent } = connector.addOrder({ ref: 'HD_1021', status: 'BOOKED' });
    const key = await file(keys.privateKey);
    const notification = await file(JSON.stringify({ ...NOTIFICATION, entityId: fluent.id }));
    for (const format of [[], ['--json']]) {
      const { out } = await runCommand(['webhook', 'sign', notification, '--key', key, ...format]);
      expect((await doctor(out)).code).toBe(0);
    }
    const { out: request } = await runCommand(['webhook', 'sign', notification, '--key', key]);
    const send = ['webhook', 'send', await file(request), '--to', connector.webhookUrl];
    expect(await runCommand(send)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^HTTP 200 .*"accepted"/),
    });
    await connector.settled();
    expect(connector.commercetools.order('HD_1021')?.orderState).toBe('Confirmed');
    const direct = ['webhook', 'send', notification, '--key', key, '--to', connector.webhookUrl, '--json'];
    expect(await runCommand(direct)).toMatchObject({
      code: 0,
      out: expect.stringContaining('"status": 200'),
    });

    const wrong = [
      'webhook',
      'send',
      notification,
      '--key',
      await file(others.privateKey),
      '--to',
      connector.webhookUrl,
    ];
    expect(await runCommand(wrong)).toMatchObject({ code: 1, out: expect.stringMatching(/^HTTP 401 /) });
  });

  it('sign refuses a file that is not a private key, and does not show it', async () => {
    const key = await file('-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n');
    const { code, error } = await runCommand(['webhook', 'sign', await file(BODY), '--key', key]);
    expect({ code, error }).toEqual({
      code: 2,
      error: expect.stringContaining('must be a file with an RSA private key'),
    });
    expect(error).not.toContain('secret');
  });
});
