// The baseline of work: the same three calls per notification, from Bull, with nothing else.
import Bull from 'bull';
import { Agent, request } from 'undici';

const env = process.env as Record<string, string>;
const dispatcher = new Agent({ connections: Number(env['CONCURRENCY']) });

async function post<T>(url: string, headers: Record<string, string>, body: string): Promise<T> {
  const response = await request(url, { method: 'POST', headers, body, dispatcher });
  return (await response.body.json()) as T;
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const fluentToken = await post<{ access_token: string }>(
  `${env['FLUENT_BASE_URL']}/oauth/token`,
  form,
  new URLSearchParams({
    grant_type: 'password',
    username: env['FLUENT_USERNAME']!,
    password: env['FLUENT_PASSWORD']!,
    client_id: env['FLUENT_CLIENT_ID']!,
    client_secret: env['FLUENT_CLIENT_SECRET']!,
    scope: 'api',
  }).toString(),
);
const commercetoolsToken = await post<{ access_token: string }>(
  `${env['CTP_AUTH_URL']}/oauth/token`,
  {
    ...form,
    authorization: `Basic ${Buffer.from(`${env['CTP_CLIENT_ID']}:${env['CTP_CLIENT_SECRET']}`).toString('base64')}`,
  },
  new URLSearchParams({ grant_type: 'client_credentials', scope: env['CTP_SCOPES']! }).toString(),
);

const graphql = <T>(url: string, token: string, query: string, variables: object): Promise<{ data: T }> =>
  post(
    url,
    { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    JSON.stringify({ query, variables }),
  );
const fluentUrl = `${env['FLUENT_BASE_URL']}/graphql`;
const commercetoolsUrl = `${env['CTP_API_URL']}/${env['CTP_PROJECT_KEY']}/graphql`;

const queue = new Bull('bare', env['REDIS_URL']!, { prefix: '{bench}' });
await queue.isReady();
const count = Number(env['COUNT']);
const from = Number(env['FROM']);
for (let i = 0; i < count; i += 500) {
  await queue.addBulk(
    Array.from({ length: Math.min(500, count - i) }, (_, offset) => ({
      name: 'status',
      data: { entityId: String(from + i + offset), entityRef: `O_${from + i + offset}` },
      opts: { removeOnComplete: true },
    })),
  );
}

const warmUp = Number(env['WARM_UP']);
let done = 0;
let usageWhenWarm = process.cpuUsage();

async function sync(job: { data: unknown }): Promise<void> {
  const { entityId, entityRef } = job.data as { entityId: string; entityRef: string };
  const { data: read } = await graphql<{ order: { id: string; version: number } }>(
    commercetoolsUrl,
    commercetoolsToken.access_token,
    'query Order($orderNumber: String) { order(orderNumber: $orderNumber) { id version orderState paymentState shipmentState } }',
    { orderNumber: entityRef },
  );
  await graphql(
    fluentUrl,
    fluentToken.access_token,
    'query Order($id: ID!) { orderById(id: $id) { id ref status retailer { id } } }',
    { id: entityId },
  );
  await graphql(
    commercetoolsUrl,
    commercetoolsToken.access_token,
    'mutation Search($id: String!, $version: Long!, $actions: [OrderUpdateAction!]!) { search: updateOrder(id: $id, version: $version, actions: $actions) { id } }',
    {
      id: read.order.id,
      version: read.order.version,
      actions: [
        { changeOrderState: { orderState: 'Confirmed' } },
        { changePaymentState: { paymentState: 'Paid' } },
      ],
    },
  );
  done++;
  if (done === warmUp) {
    usageWhenWarm = process.cpuUsage();
    process.send?.({});
  }
  if (done === count) {
    const { user, system } = process.cpuUsage(usageWhenWarm);
    process.send?.({ cpuMicros: user + system });
  }
}

// The parent asks twice: until it is warm, and until it is done.
process.once('message', () => {
  void queue.process('*', Number(env['CONCURRENCY']), sync);
});
process.send?.({});
