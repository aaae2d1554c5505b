/** What the connector is told about the Redis that it uses. */
export interface RedisUse {
  /** Whether a replica takes over when the master fails: sentinels or a cluster. */
  readonly hasFailover: boolean;
  /** `REDIS_WAIT_REPLICAS` */
  readonly waitReplicas: number;
}

/**
 * @param info the text of Redis' INFO (CONFIG is forbidden on many managed servers).
 * @returns what an operator should change so that no accepted notification can be lost.
 */
export function redisWarnings(info: string, { hasFailover, waitReplicas }: RedisUse): string[] {
  const fields = new Map(info.split(/\r?\n/).map((line) => line.split(':', 2) as [string, string]));
  const warnings: string[] = [];
  if (fields.get('aof_enabled') !== '1') {
    warnings.push(
      'Redis does not persist every write: accepted notifications can be lost; set appendonly yes',
    );
  }
  const policy = fields.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `Redis may evict accepted notifications (maxmemory-policy ${policy}); set maxmemory-policy noeviction`,
    );
  }
  if (hasFailover && waitReplicas === 0) {
    warnings.push(
      'a replica that takes over may lack the last notifications that were accepted; set REDIS_WAIT_REPLICAS=1',
    );
  }
  const replicas = Number(fields.get('connected_slaves') ?? 0);
  if (replicas < waitReplicas) {
    warnings.push(
      `Redis has ${replicas} replicas and REDIS_WAIT_REPLICAS is ${waitReplicas}: nothing is accepted; add replicas`,
    );
  }
  return warnings;
}
