-- keys: paused marker
-- args: accountId
--
-- Ends the pause of an account, and wakes a worker that waits. Returns 0 when it was not paused.
local wasPaused = redis.call('HDEL', paused, accountId)
redis.call('ZADD', marker, 0, '0')
return wasPaused
