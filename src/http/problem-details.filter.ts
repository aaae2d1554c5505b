import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TransientError } from '../errors.js';
import { RedisNotConfiguredError } from '../redis/index.js';
import { hasBody, refuseUnread } from './client-error.js';
import { LimitedLog } from './limited-log.js';
import { Problem, sendProblem } from './problem.js';
import { RejectionReporter } from './rejection-reporter.js';

/** A Redis that restarts is back within seconds. */
const RETRY_AFTER_SECONDS = 5;
/** Of a parameter that is repeated to its sender. */
const MAX_NAME_LENGTH = 64;

/** Turns every error of every route into problem details, without internals. */
@Injectable()
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  constructor(
    private readonly rejections: RejectionReporter,
    private readonly log: LimitedLog,
  ) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = problemOf(exception, request);
    const status = problem.getStatus();
    if (status === 500) {
      this.log.write('error', { err: exception }, 'request failed unexpectedly; answered 500');
    }
    if (request.method === 'POST') {
      this.rejections.report(request.routeOptions.url, status, problem.reason, request.body);
    }
    const isUnread = !request.raw.complete && hasBody(request.raw);
    if (isUnread && refuseUnread(request.raw, reply.raw, problem)) {
      reply.hijack();
      return;
    }
    // The unread rest of the body would be parsed as the next request.
    if (isUnread) void reply.header('connection', 'close');
    sendProblem(reply, problem);
  }
}

function problemOf(exception: unknown, request: FastifyRequest): Problem {
  if (exception instanceof Problem) return exception;
  if (exception instanceof TransientError) {
    return new Problem(503, {
      detail: 'the request could not be stored; send it again',
      headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      reason: exception.message,
      cause: exception,
    });
  }
  if (exception instanceof RedisNotConfiguredError) {
    return new Problem(501, { detail: exception.message, cause: exception });
  }
  // The client closed the connection or was too slow. It does not read this response, and the connector did not fail.
  if (request.raw.readableAborted) return new Problem(400, { reason: 'the client aborted the request' });
  const violation = schemaViolation(exception);
  if (violation !== undefined) return new Problem(400, { detail: violation });
  if (!(exception instanceof HttpException)) return new Problem(500, { cause: exception });
  const status = exception.getStatus();
  // Nest's message for an unknown route repeats the URL, which may contain secrets.
  if (status === 404 && request.is404) return new Problem(404);
  return new Problem(status, { detail: status < 500 ? exception.message : undefined, cause: exception });
}

/** @returns what is wrong with a request by the schema of its route, as Fastify reports it. */
function schemaViolation(exception: unknown): string | undefined {
  if (!(exception instanceof Error) || !('validation' in exception) || !Array.isArray(exception.validation)) {
    return undefined;
  }
  const [first] = exception.validation as { params?: { additionalProperty?: unknown } }[];
  const unknown = first?.params?.additionalProperty;
  return typeof unknown === 'string'
    ? `${exception.message}: ${unknown.slice(0, MAX_NAME_LENGTH)}`
    : exception.message;
}
