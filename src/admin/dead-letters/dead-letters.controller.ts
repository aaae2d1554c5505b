import { Delete, Get, HttpCode, Injectable, Param, Post, Query } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Problem } from '../../http/index.js';
import { answers } from '../schema.js';
import {
  DeadLetterListQuery,
  DeadLetterPage,
  DeadLetterParams,
  DeadLetterView,
  DiscardResult,
  ReasonQuery,
  ReplayManyQuery,
  ReplayManyResult,
  ReplayResult,
  RequiredReasonQuery,
} from './dead-letter-schemas.js';
import { DeadLetters } from './dead-letters.js';

const tags = ['dead letters'];

/** Notifications that failed for good. */
@Injectable()
export class DeadLettersController {
  constructor(private readonly deadLetters: DeadLetters) {}

  @Get()
  @RouteSchema({
    operationId: 'listDeadLetters',
    summary: 'List dead letters, newest first.',
    tags,
    querystring: DeadLetterListQuery,
    response: answers('The letters that match.', DeadLetterPage),
  })
  list(@Query() { limit, after, ...filter }: DeadLetterListQuery): Promise<DeadLetterPage> {
    return this.deadLetters.list(filter, limit, after);
  }

  @Post('replay')
  @HttpCode(200)
  @RouteSchema({
    operationId: 'replayDeadLetters',
    summary: 'Put all dead letters that match back into the queue, or count them.',
    description:
      'Each begins with a fresh retry age. Replaying is safe: a sync reads the order as it is now.',
    tags,
    querystring: ReplayManyQuery,
    response: answers('How many matched and were replayed.', ReplayManyResult),
  })
  replayMany(@Query() query: ReplayManyQuery): Promise<ReplayManyResult> {
    const { dryRun, after, all, reason: _, ...filter } = query;
    if (Object.keys(filter).length === 0 && !all) {
      throw new Problem(400, { detail: 'name a filter, or all=true to replay every dead letter' });
    }
    return this.deadLetters.replayMany(filter, { dryRun, after });
  }

  @Get(':id')
  @RouteSchema({
    operationId: 'getDeadLetter',
    summary: 'Show one dead letter.',
    tags,
    params: DeadLetterParams,
    response: answers('The letter.', DeadLetterView),
  })
  async find(@Param() { id }: DeadLetterParams): Promise<DeadLetterView> {
    return (await this.deadLetters.find(id)) ?? gone();
  }

  @Post(':id/replay')
  @HttpCode(200)
  @RouteSchema({
    operationId: 'replayDeadLetter',
    summary: 'Put one dead letter back into the queue.',
    tags,
    params: DeadLetterParams,
    querystring: ReasonQuery,
    response: answers('It waits in the queue again.', ReplayResult),
  })
  async replay(@Param() { id }: DeadLetterParams): Promise<ReplayResult> {
    return (await this.deadLetters.replay(id)) ? { replayed: true } : gone();
  }

  @Delete(':id')
  @RouteSchema({
    operationId: 'discardDeadLetter',
    summary: 'Remove one dead letter for good.',
    tags,
    params: DeadLetterParams,
    querystring: RequiredReasonQuery,
    response: answers('It is removed.', DiscardResult),
  })
  async discard(@Param() { id }: DeadLetterParams): Promise<DiscardResult> {
    return (await this.deadLetters.discard(id)) ? { discarded: true } : gone();
  }
}

function gone(): never {
  throw new Problem(404, {
    detail: 'there is no dead letter with this id; it may have been replayed or discarded',
  });
}
