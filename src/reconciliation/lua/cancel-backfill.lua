-- keys: job unfinished
-- args: id nowMs
--
-- Cancels a backfill unless it has ended. Returns the state before, or '' when there is no such backfill.
local state = redis.call('HGET', job, 'state')
if not state then return '' end
if redis.call('HEXISTS', unfinished, id) == 0 then return state end
redis.call('HSET', job, 'state', 'cancelled', 'endedAt', nowMs)
redis.call('HDEL', job, 'problem')
redis.call('HDEL', unfinished, id)
return state
