import { Get, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { RouteSchema } from '@nestjs/platform-fastify';

/** The description of every endpoint, made from the schemas that check their requests and answers. */
@Injectable()
export class OpenApiController {
  constructor(private readonly host: HttpAdapterHost) {}

  @Get('openapi.json')
  @RouteSchema({ hide: true })
  document(): unknown {
    return this.host.httpAdapter.getInstance<FastifyInstance>().swagger();
  }
}
