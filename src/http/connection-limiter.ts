import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { ConnectorMetrics } from '../metrics/index.js';
import { LimitedLog } from './limited-log.js';

const MAX_CONNECTIONS = 1024;
/** Half of all connections. A load balancer needs far fewer, and one client cannot take them all. */
const MAX_CONNECTIONS_PER_ADDRESS = 512;
/** How long a connection without an authenticated request may be idle. */
const IDLE_TIMEOUT_MS = 5000;
/** By how much earlier a client is told to close an idle connection, so that no request crosses with its end. */
const ANNOUNCED_EARLIER_MS = 1000;

/** Closed in favour of a new connection, or as the new one. */
type DropReason = 'evicted' | 'limit';

/** Limits of one server. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Of one IPv4 address, or one IPv6 network of 64 bits. */
  readonly maxConnectionsPerAddress: number;
  readonly idleTimeoutMs: number;
}

/**
 * Prevents unauthenticated clients from taking every connection of a server. At a limit, it closes the oldest connection
 * without an authenticated request in favour of the new one. Such connections also have a short idle
 * time-out. It keeps connections that carried an authenticated request.
 */
@Injectable()
export class ConnectionLimiter {
  private readonly trusted = new WeakSet<Socket>();
  /** Without an authenticated request; oldest first, by server. */
  private readonly strangers = new WeakMap<Socket, Set<Socket>>();
  /** By connection whose response announces the short idle time-out: lets it announce the long one instead. */
  private readonly announcing = new WeakMap<Socket, () => void>();

  constructor(
    private readonly metrics: ConnectorMetrics,
    private readonly log: LimitedLog,
  ) {
    for (const reason of ['evicted', 'limit']) metrics.connectionsDropped.inc({ reason }, 0);
  }

  /** Marks the connection of an authenticated request. */
  trust(socket: Socket): void {
    this.trusted.add(socket);
    this.strangers.get(socket)?.delete(socket);
    this.announcing.get(socket)?.();
    this.announcing.delete(socket);
  }

  /** Applies the limits to a server that does not listen yet. */
  attach(
    server: Server,
    {
      maxConnections = MAX_CONNECTIONS,
      maxConnectionsPerAddress = MAX_CONNECTIONS_PER_ADDRESS,
      idleTimeoutMs = IDLE_TIMEOUT_MS,
    }: Partial<ConnectionLimits> = {},
  ): void {
    const strangers = new Set<Socket>();
    const perAddress = new Map<string, number>();
    let total = 0;

    server.on('connection', (socket) => {
      const address = clientOf(socket.remoteAddress ?? '');
      const ofAddress = perAddress.get(address) ?? 0;
      if (ofAddress >= maxConnectionsPerAddress || total >= maxConnections) {
        const isOneClient = ofAddress >= maxConnectionsPerAddress;
        const victim = oldestOf(strangers, (each) => !isOneClient || addresses.get(each) === address);
        if (!victim) {
          this.drop(socket, 'limit');
          return;
        }
        this.drop(victim, 'evicted');
        forget(victim);
      }
      total++;
      perAddress.set(address, (perAddress.get(address) ?? 0) + 1);
      addresses.set(socket, address);
      strangers.add(socket);
      this.strangers.set(socket, strangers);
      socket.setTimeout(idleTimeoutMs);
      socket.once('close', () => forget(socket));
    });
    // Node has closed this socket at its own limit, and emits no other event for it.
    server.on('drop', () => this.count('limit'));
    // Node's own time-out for kept connections starts after each response, and is meant for trusted ones.
    const onRequest: RequestListener = ({ socket }, response) => {
      // Nothing closes a connection while its request is answered.
      socket.setTimeout(0);
      if (this.trusted.has(socket)) return;
      if (response.shouldKeepAlive) {
        const announce = (timeoutMs: number): void => {
          if (response.headersSent) return;
          response.setHeader('keep-alive', `timeout=${Math.floor(timeoutMs / 1000)}`);
        };
        response.setHeader('connection', 'keep-alive');
        announce(idleTimeoutMs - ANNOUNCED_EARLIER_MS);
        this.announcing.set(socket, () => announce(server.keepAliveTimeout));
      }
      response.once('finish', () => {
        if (!this.trusted.has(socket)) socket.setTimeout(idleTimeoutMs);
      });
    };
    // Before the listeners that answer: some answer at once.
    server.prependListener('request', onRequest);
    server.prependListener('checkContinue', onRequest);

    const addresses = new WeakMap<Socket, string>();
    const forget = (socket: Socket): void => {
      const address = addresses.get(socket);
      if (address === undefined) return;
      addresses.delete(socket);
      strangers.delete(socket);
      total--;
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    };
  }

  private drop(socket: Socket, reason: DropReason): void {
    this.count(reason);
    socket.destroy();
  }

  private count(reason: DropReason): void {
    this.metrics.connectionsDropped.inc({ reason });
    this.log.write(
      'warn',
      { reason },
      reason === 'evicted'
        ? 'too many connections: closed the oldest one without an authenticated request'
        : 'too many connections: closed a new one',
    );
  }
}

/**
 * @param address as the operating system writes it.
 * @returns the key of one client: its IPv4 address, or its IPv6 /64 network, in which it can use any address.
 */
export function clientOf(address: string): string {
  const ipv4 = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!ipv4.includes(':')) return ipv4;
  const [start = [], end = []] = ipv4
    .replace(/%.*/, '')
    .split('::')
    .map((part) => part.split(':').filter(Boolean));
  const zeros = Array<string>(8 - start.length - end.length).fill('0');
  return `${[...start, ...zeros, ...end].slice(0, 4).join(':')}::/64`;
}

function oldestOf(sockets: ReadonlySet<Socket>, isIt: (socket: Socket) => boolean): Socket | undefined {
  for (const socket of sockets) if (isIt(socket)) return socket;
  return undefined;
}
