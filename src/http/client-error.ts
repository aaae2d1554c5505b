import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Problem, sendProblem } from './problem.js';

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

/** Answers a URL that Fastify's router cannot decode. Nest's exception filters do not see these requests. */
export function handleMalformedUrl(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, new Problem(error.statusCode ?? 400));
}

/** Answers bytes that Node cannot parse as an HTTP request, and requests that did not arrive in time. */
export function handleClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  writeProblem(socket, new Problem(STATUS_BY_CODE[error.code ?? ''] ?? 400));
  socket.destroy(error);
}

/**
 * Refuses a request whose body is not read to its end, and closes the connection. Otherwise Node would continue to parse
 * the rest of the body: a body in chunks of one byte costs forty times more that way.
 *
 * @returns false when the response has to wait for others on the connection, and is not sent.
 */
export function refuseUnread(request: IncomingMessage, response: ServerResponse, problem: Problem): boolean {
  if (!response.socket) return false;
  writeProblem(response.socket, problem);
  request.destroy();
  return true;
}

/** Whether a request announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Writes a problem document straight to a connection for which no response object exists. */
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
