import { pathToFileURL } from 'node:url';
import type { FluentEmulator } from '../../src/testing/index.js';

/** What the tests use of the SDK. */
interface Sdk {
  createClient(context: object, options?: { validateConnection?: boolean }): Promise<SdkClient>;
}

export interface SdkClient {
  // oxlint-disable-next-line typescript/no-explicit-any
  graphql(payload: object): Promise<any>;
  validateWebhook(payload: object, signature: string, rawPayload: string): Promise<boolean>;
  sendEvent(event: object, mode?: 'async' | 'sync'): Promise<{ id: string; eventStatus?: string }>;
  getEventById(id: string): Promise<{ id: string; name: string; eventStatus: string }>;
  getEvents(filter: object): Promise<{ start: number; count: number; hasMore: boolean; results: object[] }>;
  createJob(job: object): Promise<{ id: string }>;
  getJobStatus(id: string): Promise<{ id: string; status: string }>;
  sendBatch(jobId: string, content: object): Promise<{ id: string }>;
  getBatchStatus(
    jobId: string,
    id: string,
  ): Promise<{ status: string; processedEntities: number; totalEntities: number; errors: object[] }>;
}

const { FC_CONNECT_SDK } = process.env;
if (!FC_CONNECT_SDK) throw new Error('run this with: npm run test:sdk');
const sdk = (await import(pathToFileURL(FC_CONNECT_SDK).href)) as Sdk;

/** The vendor's client, pointed at an emulator. */
export function connectSdk(
  fluent: FluentEmulator,
  overrides: object = {},
  options = { validateConnection: true },
): Promise<SdkClient> {
  const { environment } = fluent;
  const config = {
    baseUrl: fluent.url,
    retailerId: fluent.retailerId,
    clientId: environment.FLUENT_CLIENT_ID,
    clientSecret: environment.FLUENT_CLIENT_SECRET,
    username: environment.FLUENT_USERNAME,
    password: environment.FLUENT_PASSWORD,
    publicKey: fluent.webhookKeys.publicKey,
    retryConfig: { baseRetryDelayMs: 100 },
    ...overrides,
  };
  return sdk.createClient({ config }, options);
}
