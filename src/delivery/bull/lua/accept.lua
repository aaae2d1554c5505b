-- keys: failed marker unfinished finished
-- args: jobPrefix earlierDonePrefix orderPrefix options nonce orderTtlSeconds
-- each: store
-- include: numbering lanes finished
--
-- Takes notifications in one step. `store` says what is given for each, from the argument FIRST on, EACH arguments for one.
-- For each: is it a duplicate? If not, number it and add it as Bull adds a job. A dead letter that the sender repeats
-- starts over: Bull would ignore it forever. Returns for each 'accepted', 'duplicate', or the error that concerns it alone.
local nowMs = math.floor(nowMicros() / 1000)
local nowSeconds = math.floor(nowMs / 1000)
local levels = finishedLevels(finished)
local isAnnounced = false

local function isDuplicate(id)
  if isFinished(finished, levels, id, nowSeconds) then return true end
  -- The version before remembered each finished job with a key.
  if redis.call('EXISTS', earlierDonePrefix .. id) == 1 then return true end
  return redis.call('EXISTS', jobPrefix .. id) == 1 and not redis.call('ZSCORE', failed, id)
end

-- The job comes last. Until then the notification is no duplicate, and its sender may repeat what failed half-way.
local function store(id, name, data, lane, coalesceKey)
  local number
  if coalesceKey == '' then
    number = string.format('%.0f', nowMicros())
  else
    number = draw(orderPrefix .. coalesceKey, nonce, orderTtlSeconds)
  end
  local job = jobPrefix .. id
  if redis.call('ZREM', failed, id) == 1 then redis.call('DEL', job) end
  enqueue(jobPrefix, 'LPUSH', lane, id)
  redis.call('ZADD', unfinished, nowMs, id)
  redis.call(
    'HSET', job, 'name', name, 'data', '{"number":' .. number .. ',' .. data, 'opts', options,
    'timestamp', nowMs, 'delay', 0, 'priority', 0, 'key', coalesceKey, 'lane', lane
  )
  return 'accepted'
end

local results = {}
for at = FIRST, #ARGV, EACH do
  local result = 'duplicate'
  if not isDuplicate(ARGV[at]) then
    -- The first write. A server that refuses it, for example as a replica, refuses all: that error ends the script.
    if not isAnnounced then redis.call('ZADD', marker, 0, '0') end
    isAnnounced = true
    local _, outcome = pcall(store, unpack(ARGV, at, at + EACH - 1))
    -- Before version 7 of Redis an error is a text.
    result = (type(outcome) == 'table' or outcome == 'accepted') and outcome or { err = outcome }
  end
  results[#results + 1] = result
end
return results
