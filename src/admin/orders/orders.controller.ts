import { Get, HttpCode, Injectable, Param, Post, Query } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { ConnectorError, TransientError } from '../../errors.js';
import { MessageQueue } from '../../delivery/index.js';
import { Problem } from '../../http/index.js';
import { pauseViewOf } from '../pause-view.js';
import { answers } from '../schema.js';
import { OrderFinder } from './order-finder.js';
import { OrderInspector } from './order-inspector.js';
import { OrderStoryReader } from './order-story-reader.js';
import { OrderParams, OrderQuery, OrderView, SyncQuery, SyncView } from './order-schemas.js';
import { verdictOf } from './verdict.js';

const tags = ['orders'];
/** Longer than a person waits. */
const TIMEOUT_MS = 60_000;

/** One order on both sides. */
@Injectable()
export class OrdersController {
  constructor(
    private readonly finder: OrderFinder,
    private readonly inspector: OrderInspector,
    private readonly stories: OrderStoryReader,
    private readonly queue: MessageQueue,
  ) {}

  @Get(':ref')
  @RouteSchema({
    operationId: 'getOrder',
    summary: "Tell an order's story, and compare both systems now.",
    tags,
    params: OrderParams,
    querystring: OrderQuery,
    response: answers('The order.', OrderView),
  })
  async find(@Param() { ref }: OrderParams, @Query() query: OrderQuery): Promise<OrderView> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const found = await this.finder.find(ref, query, signal);
    const [now, story, pauses] = await Promise.all([
      this.inspector.inspect(found, signal),
      this.stories.read(found),
      // The story has the problem of a queue that does not answer.
      this.queue.pauses().catch(() => undefined),
    ]);
    const pause = pauses?.get(found.accountId);
    const pauseView = pause && pauseViewOf(pause);
    return {
      account: found.accountId,
      ...(found.scope && { retailer: found.scope.retailerId }),
      ref,
      ...(pauseView && { pause: pauseView }),
      verdict: verdictOf(ref, now, story, pauseView),
      now,
      story,
    };
  }

  @Post(':ref/sync')
  @HttpCode(200)
  @RouteSchema({
    operationId: 'syncOrder',
    summary: 'Bring an order into agreement now, or show what would be sent and why.',
    tags,
    params: OrderParams,
    querystring: SyncQuery,
    response: answers('How the sync ended.', SyncView),
  })
  async sync(
    @Param() { ref }: OrderParams,
    @Query() { dryRun, account, retailer }: SyncQuery,
  ): Promise<SyncView> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const { id, scope, error } = await this.finder.find(ref, { account, retailer }, signal);
    if (error) throw asProblem(error);
    if (id === undefined || !scope) {
      throw new Problem(404, {
        detail: `Fluent has no order ${ref} for a configured retailer; check the ref, account and retailer`,
      });
    }
    try {
      return await this.inspector.syncNow({ id, ref }, scope, { dryRun, signal });
    } catch (thrown) {
      throw asProblem(thrown);
    }
  }
}

/** The messages of the connector's errors are made for operators. */
function asProblem(error: unknown): unknown {
  if (!(error instanceof ConnectorError)) return error;
  return new Problem(error instanceof TransientError ? 503 : 422, { detail: error.message, cause: error });
}
