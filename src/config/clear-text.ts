import { BlockList, isIP, isIPv6 } from 'node:net';
import type { ConnectorDocument } from './document.js';
import { ConfigurationProblems, describeViolation, type Violation } from './problems.js';
import type { RedisTarget } from './redis-target.js';
import type { Variables } from './variables.js';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** An address, and the variable or the path in the file that holds it. */
type Address = readonly [path: string, url: string | undefined];

/** The variables to check. The command line has none for Redis and messages. */
type ConnectionVariables = Pick<Variables, 'CONNECTOR_CONFIG' | 'REQUIRE_TLS'> &
  Partial<
    Pick<Variables, 'REDIS_URL' | 'COMMERCETOOLS_MESSAGES_AUDIENCE' | 'COMMERCETOOLS_MESSAGES_JWKS_URL'>
  >;

/**
 * Finds connections to other hosts without TLS. An attacker on the network could read and change their content: credentials,
 * tokens, notifications, and the keys that verify tokens.
 *
 * @param document valid, with the accounts and projects of the file or of the environment.
 * @returns a warning for each, which names no host and no credentials.
 * @throws ConfigurationProblems in their place when `REQUIRE_TLS` is on.
 */
export function clearTextWarnings(
  variables: ConnectionVariables,
  document: Pick<ConnectorDocument, 'accounts'> & Partial<ConnectorDocument>,
): string[] {
  const connections = clearTextConnections(variables, document);
  if (!variables.REQUIRE_TLS || connections.length === 0) return connections.map(describeViolation);
  throw new ConfigurationProblems(
    connections.map(({ path, message }) => ({ path, message: `${message} (REQUIRE_TLS)` })),
  );
}

function clearTextConnections(
  variables: ConnectionVariables,
  document: Parameters<typeof clearTextWarnings>[1],
): Violation[] {
  const isFile = variables.CONNECTOR_CONFIG !== undefined;
  const addresses: Address[] = document.accounts.map(({ baseUrl }, index) => [
    isFile ? `accounts[${index}].baseUrl` : 'FLUENT_BASE_URL',
    baseUrl,
  ]);
  for (const [index, { authUrl, apiUrl }] of (document.projects ?? []).entries()) {
    addresses.push([isFile ? `projects[${index}].authUrl` : 'CTP_AUTH_URL', authUrl]);
    addresses.push([isFile ? `projects[${index}].apiUrl` : 'CTP_API_URL', apiUrl]);
  }
  if (variables.COMMERCETOOLS_MESSAGES_AUDIENCE !== undefined) {
    addresses.push(['COMMERCETOOLS_MESSAGES_JWKS_URL', variables.COMMERCETOOLS_MESSAGES_JWKS_URL]);
  }
  const violations = addresses
    .filter(([, url]) => url !== undefined && isRemoteHttp(url))
    .map(([path]) => ({ path, message: 'connects to another host without TLS; use https://' }));
  if (variables.REDIS_URL && isRemoteRedis(variables.REDIS_URL)) {
    violations.unshift({
      path: 'REDIS_URL',
      message: 'connects to another host without TLS; use rediss:// in place of redis://',
    });
  }
  return violations;
}

function isRemoteHttp(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopback(hostname);
}

/** @returns whether the address leads to this machine. */
export function isLoopbackUrl({ hostname }: URL): boolean {
  return isLoopback(hostname);
}

function isRemoteRedis(target: RedisTarget): boolean {
  if (target.topology === 'single') {
    const { protocol, hostname } = new URL(target.url);
    return protocol === 'redis:' && !isLoopback(hostname);
  }
  const nodes = target.topology === 'sentinel' ? target.sentinels : target.nodes;
  return !target.tls && nodes.some(({ host }) => !isLoopback(host));
}

/** @param hostname of a URL; IPv6 addresses may be in brackets. */
function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/[[\]]/g, '').toLowerCase();
  if (isIP(host) === 0) return host === 'localhost';
  return LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}
