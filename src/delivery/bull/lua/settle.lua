-- keys: wait active delayed failed marker unfinished done order
-- args: jobPrefix id lockToken epoch covered observed notBeforeInMs ownAge action delayMs progress data reason doneTtlSeconds orderTtlSeconds
-- include: numbering
--
-- Ends a delivery in one step: records the coverage, releases the lock, and moves the job.
-- Returns 'settled', 'lost' when another worker has the job, or 'missing' when Redis does not know it any more.
local SCORE_OF_MS = 4096
-- A shorter delay wakes a waiting worker, so that it waits no longer than until then.
local SHORT_DELAY_MS = 6000

local nowMs = math.floor(nowMicros() / 1000)
local job = jobPrefix .. id
local lock = job .. ':lock'

-- A key of another epoch began after the run: the run's number says nothing there.
if epoch ~= '' and redis.call('HGET', order, 'epoch') == epoch then
  if covered ~= '' then
    local before = tonumber(redis.call('HGET', order, 'covered') or '0')
    if tonumber(covered) > before then
      redis.call('HSET', order, 'covered', covered)
      if observed == '' then
        redis.call('HDEL', order, 'observed')
      else
        redis.call('HSET', order, 'observed', observed)
      end
    end
    redis.call('HDEL', order, 'notBefore', 'ownAge')
    redis.call('EXPIRE', order, orderTtlSeconds)
  elseif notBeforeInMs ~= '' then
    redis.call('HSET', order, 'notBefore', nowMs + tonumber(notBeforeInMs), 'ownAge', ownAge)
  end
end

if action == 'done' then redis.call('SET', done, '1', 'EX', doneTtlSeconds) end
local holder = redis.call('GET', lock)
if holder and holder ~= lockToken then return 'lost' end
if redis.call('EXISTS', job) == 0 then return 'missing' end
redis.call('DEL', lock)
-- The lock may have ended, and the job may wait for another worker again.
if redis.call('LREM', active, -1, id) == 0 then
  if redis.call('LREM', wait, -1, id) == 0 then return 'lost' end
end

if action == 'done' then
  redis.call('DEL', job)
  redis.call('ZREM', unfinished, id)
elseif action == 'dead' then
  redis.call('HSET', job, 'data', data, 'failedReason', reason, 'finishedOn', nowMs)
  redis.call('HDEL', job, 'progress')
  redis.call('ZADD', failed, nowMs, id)
  redis.call('ZREM', unfinished, id)
else
  redis.call('HSET', job, 'progress', progress)
  redis.call('ZADD', delayed, (nowMs + tonumber(delayMs)) * SCORE_OF_MS, id)
  if tonumber(delayMs) < SHORT_DELAY_MS then redis.call('ZADD', marker, 0, '0') end
end
return 'settled'
