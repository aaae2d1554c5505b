-- keys: failed marker unfinished
-- args: jobPrefix id data lane
-- include: lanes
--
-- Puts a dead letter back. Returns 0 when it is not one any more.
if redis.call('ZREM', failed, id) == 0 then return 0 end
local job = jobPrefix .. id
local acceptedMs = redis.call('HGET', job, 'timestamp')
redis.call('HSET', job, 'data', data, 'lane', lane)
redis.call('HDEL', job, 'progress', 'failedReason', 'finishedOn', 'processedOn', 'stalledCounter', 'ranUntil')
enqueue(jobPrefix, 'LPUSH', lane, id)
redis.call('ZADD', unfinished, acceptedMs, id)
redis.call('ZADD', marker, 0, '0')
return 1
