-- keys: active marker
-- args: jobPrefix orderPrefix nonce orderTtlSeconds
-- include: numbering lanes
--
-- Gives the jobs of workers that died to others: a job in progress whose lock has ended. They go first.
local recovered = 0
for _, id in ipairs(redis.call('LRANGE', active, 0, -1)) do
  local job = jobPrefix .. id
  if redis.call('EXISTS', job .. ':lock') == 0 then
    redis.call('LREM', active, 1, id)
    if redis.call('EXISTS', job) == 1 then
      redis.call('HINCRBY', job, 'stalledCounter', 1)
      -- The worker may have written until now.
      local fields = redis.call('HMGET', job, 'key', 'lane')
      local key = fields[1]
      if key and key ~= '' then
        local ranUntil = draw(orderPrefix .. key, nonce, orderTtlSeconds)
        redis.call('HSET', job, 'ranUntil', ranUntil)
      end
      enqueue(jobPrefix, 'RPUSH', fields[2], id)
      recovered = recovered + 1
    end
  end
end
if recovered > 0 then redis.call('ZADD', marker, 0, '0') end
return recovered
