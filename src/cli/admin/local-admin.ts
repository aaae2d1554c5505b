import { ConnectorConfig } from '../../config/index.js';
import { asError } from '../../errors.js';
import { RedisConnections } from '../../redis/index.js';
import { type ConnectorSession, withConnector } from '../connector-session.js';
import { type Console, printLine } from '../console.js';
import type { ModuleOptions } from '../module-option.js';
import { type AdminApi, type AdminRequest, pathOf, readAnswer } from './admin-api.js';

/** The admin API of the services in this process, without a network. */
export class LocalAdmin implements AdminApi {
  constructor(private readonly session: ConnectorSession) {}

  async request<T>(request: AdminRequest): Promise<T> {
    const { app, adminToken } = this.session;
    const { statusCode, body } = await app.inject({
      method: request.method,
      url: pathOf(request),
      headers: { authorization: `Bearer ${adminToken}` },
      ...(request.body && { payload: request.body }),
    });
    return readAnswer<T>(request, statusCode, body);
  }
}

/** Runs `work` with the admin API of services in this process. @throws Error when Redis does not answer. */
export async function withLocalAdmin<T>(
  console: Console,
  options: ModuleOptions,
  work: (admin: AdminApi) => Promise<T>,
): Promise<T> {
  return withConnector(console, options, async (session) => {
    for (const warning of session.app.get(ConnectorConfig).warnings) {
      await printLine(console.stderr, `warning: ${warning}`);
    }
    await untilRedisAnswers(session, console.signal);
    return work(new LocalAdmin(session));
  });
}

/** @throws Error when Redis does not answer. */
export async function untilRedisAnswers({ app }: ConnectorSession, signal: AbortSignal): Promise<void> {
  await app
    .get(RedisConnections)
    .opened(signal)
    .catch((error: unknown) => {
      throw new Error(`Redis does not answer: ${asError(error).message}; check REDIS_URL`, { cause: error });
    });
}
