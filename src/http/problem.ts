import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** What the client receives besides the status, and what only the log contains. */
export interface ProblemOptions extends ErrorOptions {
  /** What happened and what to change; no secrets, no values from the request. */
  readonly detail?: string;
  /** Further members of the problem document. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the log only. It may contain more than the client receives. */
  readonly reason?: string;
}

/** An error that the client receives as problem details (RFC 9457). */
export class Problem extends HttpException {
  readonly detail?: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** For the log only. */
  readonly reason: string;

  constructor(status: number, { detail, extensions = {}, headers = {}, reason, cause }: ProblemOptions = {}) {
    super(detail ?? STATUS_CODES[status] ?? 'Error', status, { cause });
    this.detail = detail;
    this.extensions = extensions;
    this.headers = headers;
    this.reason = reason ?? this.message;
  }

  /** The `application/problem+json` document. */
  toDocument(): Record<string, unknown> {
    const status = this.getStatus();
    return {
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...this.extensions,
    };
  }
}

/** Sends a problem document as the response. */
export function sendProblem(reply: FastifyReply, problem: Problem): void {
  void reply
    .code(problem.getStatus())
    .headers(problem.headers)
    .header('content-type', 'application/problem+json')
    .serializer((document: unknown) => JSON.stringify(document))
    .send(problem.toDocument());
}
