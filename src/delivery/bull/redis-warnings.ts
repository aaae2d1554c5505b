/** The configuration that the Redis server must match. */
export interface RedisUse {
  /** Whether a replica takes over when the master fails: sentinels or a cluster. */
  readonly hasFailover: boolean;
  /** `REDIS_WAIT_REPLICAS` */
  readonly waitReplicas: number;
}

/** Above this share of `maxmemory`, the queue accepts nothing. Workers need the rest to free memory. */
export const HIGH_WATER_MARK = 0.9;

/** @returns the share of `maxmemory` in use, from INFO's text; 0 when Redis has no limit or does not report it. */
export function usedMemoryShare(info: string): number {
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const limit = field('maxmemory');
  return limit > 0 ? field('used_memory') / limit : 0;
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
  const share = usedMemoryShare(info);
  if (share >= HIGH_WATER_MARK) {
    warnings.push(
      `Redis uses ${Math.floor(share * 100)} % of its maxmemory, and webhooks are refused so that workers can continue; ` +
        'raise maxmemory',
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
