-- keys: wait active delayed failed unfinished
-- args: jobPrefix
-- include: lanes
--
-- Counts the jobs by state. A worker of an older version does not tidy the list of unfinished ones: entries
-- whose job is gone, or is a dead letter, are removed here, a bounded number at a time.
local MOST_TIDIED = 100
local oldest
for _ = 1, MOST_TIDIED do
  oldest = redis.call('ZRANGE', unfinished, 0, 0, 'WITHSCORES')
  if #oldest == 0 then break end
  if redis.call('EXISTS', jobPrefix .. oldest[1]) == 1 and not redis.call('ZSCORE', failed, oldest[1]) then break end
  redis.call('ZREM', unfinished, oldest[1])
end
local waiting = redis.call('LLEN', wait)
for _, kind in ipairs({ 'prompt', 'background' }) do
  for _, account in ipairs(redis.call('ZRANGE', ringOf(jobPrefix, kind), 0, -1)) do
    waiting = waiting + redis.call('LLEN', jobPrefix .. kind .. ':' .. account)
  end
end
return {
  waiting, redis.call('LLEN', active), redis.call('ZCARD', delayed),
  redis.call('ZCARD', failed), oldest[2] or ''
}
