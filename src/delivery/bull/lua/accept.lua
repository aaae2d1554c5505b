-- keys: failed marker unfinished done order
-- args: jobPrefix id name data options lane coalesceKey nonce orderTtlSeconds
-- include: numbering lanes
--
-- Takes a notification in one step: is it a duplicate? If not, number it and add it as Bull adds a job. A dead
-- letter that the sender repeats begins anew: Bull would ignore it for ever.
if redis.call('EXISTS', done) == 1 then return 'duplicate' end
local job = jobPrefix .. id
if redis.call('EXISTS', job) == 1 then
  if redis.call('ZREM', failed, id) == 0 then return 'duplicate' end
  redis.call('DEL', job)
end

local number
if coalesceKey == '' then
  number = string.format('%.0f', nowMicros())
else
  number = draw(order, nonce, orderTtlSeconds)
end
local nowMs = math.floor(nowMicros() / 1000)
redis.call(
  'HSET', job, 'name', name, 'data', '{"number":' .. number .. ',' .. data, 'opts', options,
  'timestamp', nowMs, 'delay', 0, 'priority', 0, 'key', coalesceKey, 'lane', lane
)
enqueue(jobPrefix, 'LPUSH', lane, id)
redis.call('ZADD', unfinished, nowMs, id)
redis.call('ZADD', marker, 0, '0')
return 'accepted'
