import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PinoLogger } from 'nestjs-pino';
import type { WebhookOutcome } from '../metrics/index.js';
import { QueueUnavailableError } from '../queue/index.js';
import { IngressRejections } from './ingress-rejections.js';
import { Problem, sendProblem } from './problem.js';

/** Redis that restarts is back within seconds. */
const RETRY_AFTER_SECONDS = 5;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Answers every error of every route as problem details, and tells the client nothing about the inside. */
@Injectable()
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly rejections: IngressRejections,
    private readonly logger: PinoLogger,
  ) {
    logger.setContext('Http');
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = this.problemOf(exception, request);
    const status = problem.getStatus();
    if (status === 500) this.logger.error({ err: exception }, 'request failed unexpectedly; answered 500');
    if (request.method === 'POST') {
      this.rejections.record(request.routeOptions.url, outcomeOf(status), problem.reason, request.body);
    }
    // The rest of a body that was not read would be taken for the next request.
    if (status === 413) void reply.header('connection', 'close');
    sendProblem(reply, problem);
  }

  private problemOf(exception: unknown, request: FastifyRequest): Problem {
    if (exception instanceof Problem) return exception;
    if (exception instanceof QueueUnavailableError) {
      return new Problem(503, {
        detail: 'the notification could not be stored; send it again',
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
        reason: exception.message,
        cause: exception,
      });
    }
    // The sender went away, or was too slow: nobody reads the answer, and the connector is not to blame.
    if (request.raw.readableAborted) return new Problem(400, { reason: 'the request was broken off' });
    if (!(exception instanceof HttpException)) return new Problem(500, { cause: exception });
    const status = exception.getStatus();
    // Nest's message for an unknown route repeats the URL, which may carry anything.
    if (status === 404 && request.is404) return this.unknownRoute(request);
    return new Problem(status, { detail: status < 500 ? exception.message : undefined, cause: exception });
  }

  private unknownRoute({ url }: FastifyRequest): Problem {
    const server = this.adapterHost.httpAdapter.getInstance<FastifyInstance>();
    const path = url.split('?', 1)[0] ?? '/';
    const allowed = METHODS.filter((method) => server.hasRoute({ method, url: path }));
    return allowed.length > 0
      ? new Problem(405, { headers: { allow: allowed.join(', ') } })
      : new Problem(404);
  }
}

function outcomeOf(status: number): WebhookOutcome {
  if (status === 401) return 'unauthorized';
  return status < 500 ? 'invalid' : 'unavailable';
}
