-- keys: wait active delayed failed marker unfinished finished
-- args: jobPrefix earlierDonePrefix orderPrefix lockToken orderTtlSeconds
-- each: settle
-- include: numbering finished
--
-- Ends deliveries, each in one step: records the coverage, releases the lock, and moves the job. `settle` says what is given
-- for each, from the argument FIRST on, EACH arguments for one. `run` is empty when nothing ran, else 'changed', 'unchanged'
-- or 'failed'. Returns for each 'settled', 'outrun' when the job comes again in place of 'done', 'missing' when it should come
-- again and Redis does not know it any more, or the error that concerns it alone.
local SCORE_OF_MS = 4096
-- A shorter delay wakes a waiting worker, so that it waits no longer than until then.
local SHORT_DELAY_MS = 6000
-- Longer than a circuit stays open; a job that an earlier version has promoted is not removed from the index.
local PARKED_TTL_SECONDS = 3600

local nowMs = math.floor(nowMicros() / 1000)

local function settle(
  id, coalesceKey, epoch, ticket, run, covered, observed, notBeforeInMs, ownAge, action, delayMs, lane, parkedFor,
  progress, data, reason, doneTtlSeconds
)
  local job = jobPrefix .. id
  local lock = job .. ':lock'
  local order = orderPrefix .. coalesceKey

  local known = epoch ~= ''
      and redis.call('HMGET', order, 'epoch', 'covered', 'changedUntil', 'latest', 'observed', 'notBefore')
    or {}
  local before = tonumber(known[2] or '0')
  local isOutrun = false
  local ranUntil
  if epoch ~= '' and known[1] ~= epoch then
    -- The key began after the run: what others found and changed meanwhile is not known.
    isOutrun = run == 'changed' or run == 'unchanged'
  elseif run == 'changed' then
    isOutrun = before > tonumber(ticket)
  elseif run == 'unchanged' then
    isOutrun = tonumber(known[3] or '0') > tonumber(ticket)
  end
  -- What the key becomes is written at once.
  local written, removed = {}, {}
  local function set(field, value)
    written[#written + 1] = field
    written[#written + 1] = value
  end
  if epoch ~= '' and (run == 'changed' or run ~= '' and (isOutrun or action ~= 'done')) then
    ranUntil = numberAfter(known[4])
    set('latest', ranUntil)
    set('epoch', known[1] or epoch)
    if run == 'changed' then set('changedUntil', ranUntil) end
  end

  -- A key of another epoch began after the run: the run's number says nothing there.
  if epoch ~= '' and known[1] == epoch then
    if covered ~= '' then
      if not isOutrun and tonumber(covered) > before then
        set('covered', covered)
        if observed ~= '' then
          set('observed', observed)
        elseif known[5] then
          removed[#removed + 1] = 'observed'
        end
      end
      if known[6] then
        removed[#removed + 1] = 'notBefore'
        removed[#removed + 1] = 'ownAge'
      end
    elseif notBeforeInMs ~= '' then
      set('notBefore', nowMs + tonumber(notBeforeInMs))
      set('ownAge', ownAge)
    end
  end
  if #written > 0 then redis.call('HSET', order, unpack(written)) end
  if #removed > 0 then redis.call('HDEL', order, unpack(removed)) end
  if ranUntil or known[1] == epoch and covered ~= '' then redis.call('EXPIRE', order, orderTtlSeconds) end

  local isDone = action == 'done' and not isOutrun
  if isDone then markFinished(finished, id, tonumber(doneTtlSeconds), math.floor(nowMs / 1000)) end
  if redis.call('EXISTS', job) == 0 then
    if isDone then return 'settled' end
    -- Another worker may have ended it before this run changed something.
    if ranUntil then
      forgetFinished(finished, id)
      redis.call('DEL', earlierDonePrefix .. id)
    end
    return 'missing'
  end
  -- Also for the worker that may have the job by now.
  local function leaveToOthers()
    if ranUntil then redis.call('HSET', job, 'ranUntil', ranUntil) end
    return 'settled'
  end
  local holder = redis.call('GET', lock)
  if holder and holder ~= lockToken then return leaveToOthers() end
  -- The lock may have ended, and the job may wait for another worker again.
  if redis.call('LREM', active, -1, id) == 0 then
    local waits = redis.call('LREM', jobPrefix .. (redis.call('HGET', job, 'lane') or 'wait'), -1, id)
    if waits == 0 and redis.call('LREM', wait, -1, id) == 0 then
      redis.call('DEL', lock)
      return leaveToOthers()
    end
  end

  if isDone then
    redis.call('DEL', lock, job)
    redis.call('ZREM', unfinished, id)
    return 'settled'
  end
  redis.call('DEL', lock)
  if ranUntil then redis.call('HSET', job, 'ranUntil', ranUntil) end
  if action == 'dead' then
    redis.call('HSET', job, 'data', data, 'failedReason', reason, 'finishedOn', nowMs)
    redis.call('HDEL', job, 'progress')
    redis.call('ZADD', failed, nowMs, id)
    redis.call('ZREM', unfinished, id)
  else
    redis.call('HSET', job, 'progress', progress, 'lane', lane)
    if parkedFor ~= '' then
      local parked = jobPrefix .. 'parked:' .. parkedFor
      redis.call('HSET', job, 'parkedFor', parkedFor)
      redis.call('ZADD', parked, nowMs, id)
      redis.call('EXPIRE', parked, PARKED_TTL_SECONDS)
    end
    redis.call('ZADD', delayed, (nowMs + tonumber(delayMs)) * SCORE_OF_MS, id)
    if tonumber(delayMs) < SHORT_DELAY_MS then redis.call('ZADD', marker, 0, '0') end
  end
  return action == 'done' and isOutrun and 'outrun' or 'settled'
end

-- A server that refuses writes, for example as a replica, refuses all: that error ends the script. Nothing has this key.
redis.call('DEL', jobPrefix .. 'none')
local results = {}
for at = FIRST, #ARGV, EACH do
  local isWhole, outcome = pcall(settle, unpack(ARGV, at, at + EACH - 1))
  -- Before version 7 of Redis an error is a text.
  results[#results + 1] = (isWhole or type(outcome) == 'table') and outcome or { err = outcome }
end
return results
