import { Delete, Get, HttpCode, Injectable, Param, Post, Query, Req, Res } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../http/index.js';
import { Backfills, MAX_UNFINISHED_BACKFILLS, type Backfill } from '../../reconciliation/index.js';
import { ADMIN_PATH, AdminAccess } from '../access/admin-access.js';
import { RequestedScope } from '../requested-scope.js';
import { answers } from '../schema.js';
import { BackfillList, BackfillParams, BackfillView, CancelQuery, StartQuery } from './reconcile-schemas.js';

const tags = ['reconcile'];
/** Longer ranges are mistyped, or better read in parts. */
const MAX_RANGE_DAYS = 366;
const DAY_MS = 86_400_000;

/** Syncs the orders again that Fluent updated in a range of time. */
@Injectable()
export class ReconcileController {
  constructor(
    private readonly backfills: Backfills,
    private readonly requested: RequestedScope,
    private readonly access: AdminAccess,
  ) {}

  @Post()
  @HttpCode(202)
  @RouteSchema({
    operationId: 'startReconcile',
    summary: 'Sync again all orders that Fluent updated in a range of time.',
    description:
      'It runs in the background: each order waits in the background lane of its account, so that webhooks go first. ' +
      'Any replica with a worker continues where another one stopped. 409 while another reconcile covers the same retailer.',
    tags,
    querystring: StartQuery,
    response: answers('The reconcile is accepted. Follow its progress by its id.', BackfillView, 202),
  })
  async start(
    @Query() query: StartQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BackfillView> {
    const accountId = this.requested.accountOf(query.account);
    const { retailer } = query;
    if (retailer !== undefined) this.requested.scopeOf(accountId, retailer);
    const created = await this.backfills.create({
      accountId,
      ...(retailer !== undefined && { retailerId: retailer }),
      ...rangeOf(query),
      requestedBy: this.access.actorOf(request).name,
    });
    if (created.result === 'full') {
      throw new Problem(409, {
        detail: `${MAX_UNFINISHED_BACKFILLS} reconciles are unfinished; wait for one to end, or cancel one`,
      });
    }
    if (created.result === 'busy') {
      throw new Problem(409, {
        detail: `reconcile ${created.id} already covers this retailer; wait until it ends, or cancel it`,
      });
    }
    void reply.header('location', `${ADMIN_PATH}/reconcile/${created.backfill.id}`);
    return viewOf(created.backfill);
  }

  @Get()
  @RouteSchema({
    operationId: 'listReconciles',
    summary: 'List running and earlier reconciles.',
    tags,
    response: answers('Each with its progress.', BackfillList),
  })
  async list(): Promise<BackfillList> {
    return { backfills: (await this.backfills.list()).map(viewOf) };
  }

  @Get(':id')
  @RouteSchema({
    operationId: 'getReconcile',
    summary: 'Show the progress of a reconcile.',
    tags,
    params: BackfillParams,
    response: answers('Its progress.', BackfillView),
  })
  async find(@Param() { id }: BackfillParams): Promise<BackfillView> {
    const found = await this.backfills.find(id);
    return found ? viewOf(found) : unknown();
  }

  @Delete(':id')
  @RouteSchema({
    operationId: 'cancelReconcile',
    summary: 'Cancel a reconcile. What it has submitted stays in the queue.',
    tags,
    params: BackfillParams,
    querystring: CancelQuery,
    response: answers('The cancelled reconcile.', BackfillView),
  })
  async cancel(@Param() { id }: BackfillParams): Promise<BackfillView> {
    const before = await this.backfills.cancel(id);
    if (before === undefined) return unknown();
    if (before !== 'running' && before !== 'paused') {
      throw new Problem(409, { detail: `reconcile ${id} is ${before} and cannot be cancelled` });
    }
    return this.find({ id });
  }
}

function rangeOf(query: StartQuery): { from: number; to: number } {
  const from = Date.parse(query.from);
  const to = query.to === undefined ? Date.now() : Date.parse(query.to);
  if (from >= to) throw new Problem(400, { detail: 'from must be before to, and before now' });
  // Fluent's clock may be ahead of ours.
  if (to > Date.now() + DAY_MS)
    throw new Problem(400, { detail: 'to is in the future; leave it out for now' });
  if (to - from > MAX_RANGE_DAYS * DAY_MS) {
    throw new Problem(400, { detail: `the range has more than ${MAX_RANGE_DAYS} days; request it in parts` });
  }
  return { from, to };
}

function viewOf({
  id,
  accountId,
  retailerId,
  state,
  problem,
  progress,
  endedAt,
  ...job
}: Backfill): BackfillView {
  const { position, pagesRead, ordersFound, submitted, skipped } = progress;
  const iso = (at: number): string => new Date(at).toISOString();
  return {
    id,
    account: accountId,
    ...(retailerId !== undefined && { retailer: retailerId }),
    from: iso(job.from),
    to: iso(job.to),
    state,
    ...(problem !== undefined && { problem }),
    position: iso(Math.min(position, job.to)),
    pagesRead,
    ordersFound,
    submitted,
    skipped,
    requestedBy: job.requestedBy,
    requestedAt: iso(job.requestedAt),
    ...(endedAt !== undefined && { endedAt: iso(endedAt) }),
  };
}

function unknown(): never {
  throw new Problem(404, { detail: 'there is no reconcile with this id; reconciles are kept for 7 days' });
}
