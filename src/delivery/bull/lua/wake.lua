-- keys: delayed marker
-- args: jobPrefix target
-- include: lanes
--
-- Moves jobs that wait for an open circuit to their lanes, the longest parked first. Returns how many are left.
local WOKEN_AT_ONCE = 1000
local parked = jobPrefix .. 'parked:' .. target
for _, id in ipairs(redis.call('ZRANGE', parked, 0, WOKEN_AT_ONCE - 1)) do
  redis.call('ZREM', parked, id)
  -- A job whose delay has ended is in its lane already.
  if redis.call('ZREM', delayed, id) == 1 then
    enqueue(jobPrefix, 'LPUSH', redis.call('HGET', jobPrefix .. id, 'lane'), id)
    redis.call('ZADD', marker, 0, '0')
  end
end
return redis.call('ZCARD', parked)
