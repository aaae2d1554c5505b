-- keys: job lock unfinished
-- args: id token lockMs ttlMs state problem progress committed endedAt
--
-- Writes the progress of a backfill, for the holder of its lock only. `endedAt` is empty while it is unfinished. Returns
-- 'written', 'lost' when another replica works on it, or 'cancelled'.
if redis.call('GET', lock) ~= token then return 'lost' end
if redis.call('HGET', job, 'state') == 'cancelled' then return 'cancelled' end
if redis.call('EXISTS', job) == 0 then return 'lost' end
redis.call('HSET', job, 'state', state, 'progress', progress, 'committed', committed, 'problem', problem)
redis.call('PEXPIRE', job, ttlMs)
redis.call('PEXPIRE', lock, lockMs)
if endedAt ~= '' then
  redis.call('HSET', job, 'endedAt', endedAt)
  redis.call('HDEL', unfinished, id)
end
return 'written'
