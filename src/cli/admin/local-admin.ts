import type { ConnectorSession } from '../connector-session.js';
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
