/**
 * @param info the text of Redis' INFO (CONFIG is forbidden on many managed servers).
 * @returns what an operator should change so that no accepted notification can be lost.
 */
export function redisWarnings(info: string): string[] {
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
  return warnings;
}
