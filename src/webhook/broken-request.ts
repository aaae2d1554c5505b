import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Problem, sendProblem } from './problem.js';

const STATUS_OF: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

/** Answers a URL that the router cannot read; it does so before any filter of Nest is reached. */
export function answerBrokenUrl(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, new Problem(error.statusCode ?? 400));
}

/** Answers what is no HTTP request, or never became one, as problem details like every other error. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  writeProblem(socket, new Problem(STATUS_OF[error.code ?? ''] ?? 400));
  socket.destroy(error);
}

/** Answers where there is no response to write to; the connection cannot be used any further. */
export function writeProblem(socket: Socket, problem: Problem): void {
  if (!socket.writable) return;
  const status = problem.getStatus();
  const body = JSON.stringify(problem.toDocument());
  const headers = {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
    ...problem.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}
