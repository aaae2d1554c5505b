-- keys: wait failed marker unfinished
-- args: jobPrefix id data
--
-- Puts a dead letter back. Returns 0 when it is not one any more.
if redis.call('ZREM', failed, id) == 0 then return 0 end
local job = jobPrefix .. id
local acceptedMs = redis.call('HGET', job, 'timestamp')
redis.call('HSET', job, 'data', data)
redis.call('HDEL', job, 'progress', 'failedReason', 'finishedOn', 'processedOn', 'stalledCounter', 'ranUntil')
redis.call('LPUSH', wait, id)
redis.call('ZADD', unfinished, acceptedMs, id)
redis.call('ZADD', marker, 0, '0')
return 1
