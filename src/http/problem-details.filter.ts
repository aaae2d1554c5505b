import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PinoLogger } from 'nestjs-pino';
import { TransientError } from '../errors.js';
import type { WebhookOutcome } from '../metrics/index.js';
import { RejectionReporter } from './rejection-reporter.js';
import { Problem, sendProblem } from './problem.js';

/** A Redis that restarts is back within seconds. */
const RETRY_AFTER_SECONDS = 5;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Turns every error of every route into problem details, without internals. */
@Injectable()
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly rejections: RejectionReporter,
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
      this.rejections.report(request.routeOptions.url, outcomeOf(status), problem.reason, request.body);
    }
    // The unread rest of the body would be parsed as the next request.
    if (status === 413) void reply.header('connection', 'close');
    sendProblem(reply, problem);
  }

  private problemOf(exception: unknown, request: FastifyRequest): Problem {
    if (exception instanceof Problem) return exception;
    if (exception instanceof TransientError) {
      return new Problem(503, {
        detail: 'the request could not be stored; send it again',
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
        reason: exception.message,
        cause: exception,
      });
    }
    // The client went away or was too slow. Nobody reads this response, and the connector did not fail.
    if (request.raw.readableAborted) return new Problem(400, { reason: 'the client aborted the request' });
    if (!(exception instanceof HttpException)) return new Problem(500, { cause: exception });
    const status = exception.getStatus();
    // Nest's message for an unknown route repeats the URL, which may contain secrets.
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
