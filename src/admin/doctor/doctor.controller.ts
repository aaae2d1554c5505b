import { Body, Get, HttpCode, Injectable, Post, Query } from '@nestjs/common';
import { RouteConfig, RouteSchema } from '@nestjs/platform-fastify';
import { CHECKS, checksNamed, webhookCheck, type Check } from '../../doctor/index.js';
import { asError } from '../../errors.js';
import { Problem } from '../../http/index.js';
import { answers } from '../schema.js';
import { DoctorRuns } from './doctor-runs.js';
import { CapturedWebhook, DoctorQuery, DoctorView } from './doctor-schemas.js';

const tags = ['doctor'];

/** The checks of `doctor`, inside this replica: with its configuration, its network and its overrides. */
@Injectable()
export class DoctorController {
  constructor(private readonly runs: DoctorRuns) {}

  @Get()
  @RouteSchema({
    operationId: 'runDoctor',
    summary: 'Check the configuration of this replica, and every system that it uses.',
    description:
      'It reads from both systems and changes nothing there. 429 while the replica runs its checks for another request.',
    tags,
    querystring: DoctorQuery,
    response: answers('Each finding says what to change.', DoctorView),
  })
  run(@Query() { only }: DoctorQuery): Promise<DoctorView> {
    return this.runs.run(only === undefined ? CHECKS : requested(only));
  }

  @Post('webhook')
  @HttpCode(200)
  @RouteConfig({ admin: 'read' })
  @RouteSchema({
    operationId: 'checkWebhook',
    summary: 'Check a captured webhook against the keys of this replica, and say what is wrong with it.',
    description: 'Nothing is queued. The whole request may have WEBHOOK_BODY_LIMIT bytes.',
    tags,
    body: CapturedWebhook,
    response: answers('Each finding says what to change.', DoctorView),
  })
  checkWebhook(@Body() { headers, bodyBase64 }: CapturedWebhook): Promise<DoctorView> {
    return this.runs.run([webhookCheck({ headers, body: Buffer.from(bodyBase64, 'base64') })]);
  }
}

function requested(names: string): readonly Check[] {
  try {
    return checksNamed(names);
  } catch (error) {
    throw new Problem(400, { detail: asError(error).message });
  }
}
