-- keys: failed
-- args: jobPrefix id
--
-- Removes a dead letter. Returns 0 when it is not one.
if redis.call('ZREM', failed, id) == 0 then return 0 end
redis.call('DEL', jobPrefix .. id)
return 1
