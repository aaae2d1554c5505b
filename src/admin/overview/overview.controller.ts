import { Get, Injectable } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { answers } from '../schema.js';
import { OverviewView } from './overview-schemas.js';
import { Overview } from './overview.js';

/** What all replicas do at this moment. */
@Injectable()
export class OverviewController {
  constructor(private readonly overview: Overview) {}

  @Get('overview')
  @RouteSchema({
    operationId: 'getOverview',
    summary:
      'Show the rates of the last minutes, the queue, and what holds notifications back, of all replicas.',
    tags: ['overview'],
    response: answers('Counts of replicas are at most a few seconds old.', OverviewView),
  })
  read(): Promise<OverviewView> {
    return this.overview.read();
  }
}
