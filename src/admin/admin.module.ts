import swagger from '@fastify/swagger';
import { Controller, Module, type DynamicModule, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { HealthModule } from '../health/index.js';
import { OrderStatusModule } from '../order-status/index.js';
import { ReconciliationModule } from '../reconciliation/index.js';
import { PACKAGE_VERSION } from '../package-info.js';
import { ADMIN_PATH, AdminAccess, isAdminRoute } from './access/admin-access.js';
import { AdminAudit } from './access/admin-audit.js';
import { AdminSessions } from './access/admin-sessions.js';
import { AdminTokens } from './access/admin-tokens.js';
import { AttemptLimiter } from './access/attempt-limiter.js';
import { SESSION_COOKIE } from './access/session-cookie.js';
import { ConsoleController } from './console/console.controller.js';
import { SessionController } from './console/session.controller.js';
import { AccountsController } from './accounts/accounts.controller.js';
import { Accounts } from './accounts/accounts.js';
import { DeadLettersController } from './dead-letters/dead-letters.controller.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { DoctorController } from './doctor/doctor.controller.js';
import { DoctorRuns } from './doctor/doctor-runs.js';
import { OrderFinder } from './orders/order-finder.js';
import { OrderInspector } from './orders/order-inspector.js';
import { OrderStoryReader } from './orders/order-story-reader.js';
import { OrdersController } from './orders/orders.controller.js';
import { OverviewController } from './overview/overview.controller.js';
import { Overview } from './overview/overview.js';
import { Replicas } from './overview/replicas.js';
import { ReconcileController } from './reconcile/reconcile.controller.js';
import { RequestedScope } from './requested-scope.js';
import { lateSchemas } from './late-schemas.js';
import { MappingSettingsView } from './settings/mapping-settings.js';
import { SettingsController } from './settings/settings.controller.js';
import { OpenApiController } from './openapi.controller.js';

const ADMIN_ROUTES = Symbol('ADMIN_ROUTES');

const CONTROLLERS: readonly (readonly [path: string, controller: Type])[] = [
  [ADMIN_PATH, ConsoleController],
  [`${ADMIN_PATH}/session`, SessionController],
  [ADMIN_PATH, OpenApiController],
  [ADMIN_PATH, OverviewController],
  [ADMIN_PATH, SettingsController],
  [`${ADMIN_PATH}/orders`, OrdersController],
  [`${ADMIN_PATH}/dead-letters`, DeadLettersController],
  [`${ADMIN_PATH}/reconcile`, ReconcileController],
  [`${ADMIN_PATH}/accounts`, AccountsController],
  [`${ADMIN_PATH}/doctor`, DoctorController],
];

/** What operators ask and do. There is nothing of it until a token is configured. */
@Module({
  imports: [OrderStatusModule, ReconciliationModule, HealthModule],
  providers: [
    AdminTokens,
    AttemptLimiter,
    AdminAudit,
    AdminSessions,
    AdminAccess,
    RequestedScope,
    Accounts,
    Overview,
    Replicas,
    DeadLetters,
    DoctorRuns,
    OrderFinder,
    OrderInspector,
    OrderStoryReader,
    MappingSettingsView,
  ],
})
export class AdminModule {
  /** Whether there are routes is configuration, and Nest reads it from metadata; see `WebhookModule.register`. */
  static register(): DynamicModule {
    const controllers = CONTROLLERS.map(([path, base]) => ({ path, type: class extends base {} as Type }));
    const routes = {
      provide: ADMIN_ROUTES,
      inject: [HttpAdapterHost, AdminTokens, AdminAccess],
      useFactory: async (host: HttpAdapterHost, tokens: AdminTokens, access: AdminAccess) => {
        for (const { path, type } of controllers) Controller(tokens.exist ? path : [])(type);
        if (tokens.exist) await prepare(host.httpAdapter.getInstance<FastifyInstance>(), access);
        return tokens.exist;
      },
    };
    return { module: AdminModule, controllers: controllers.map(({ type }) => type), providers: [routes] };
  }
}

/** Before Nest adds the routes: each of them is protected and described. */
async function prepare(server: FastifyInstance, access: AdminAccess): Promise<void> {
  const compileLate = lateSchemas();
  server.addHook('onRoute', (route) => {
    access.protect(route);
    if (isAdminRoute(route)) compileLate(route);
  });
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Admin API of the Fluent–commercetools connector',
        version: PACKAGE_VERSION,
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
        },
      },
      security: [{ token: [] }, { session: [] }],
    },
    hideUntagged: true,
  });
}
