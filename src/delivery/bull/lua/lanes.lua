-- The lanes of waiting jobs: for each account a list of those that somebody waits for, 'prompt:<account>', and one of
-- those in the background, 'background:<account>'. A ring for each kind remembers whose turn it is: its members are the
-- accounts whose list has jobs, and the one that was served longest ago has the lowest score.
local function ringOf(jobPrefix, kind)
  return jobPrefix .. 'ring:' .. kind
end

local function nextTurn(ring)
  return tonumber(redis.call('ZRANGE', ring, -1, -1, 'WITHSCORES')[2] or '0') + 1
end

-- Adds a job to its lane: LPUSH puts it last, RPUSH first. A job of an earlier version has no lane but Bull's list.
local function enqueue(jobPrefix, command, lane, id)
  local kind, account = string.match(lane or '', '^(%a+):(.*)$')
  if not kind then
    redis.call(command, jobPrefix .. 'wait', id)
    return
  end
  redis.call(command, jobPrefix .. lane, id)
  local ring = ringOf(jobPrefix, kind)
  if not redis.call('ZSCORE', ring, account) then redis.call('ZADD', ring, nextTurn(ring), account) end
end
