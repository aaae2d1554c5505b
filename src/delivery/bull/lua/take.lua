-- keys: wait active delayed marker
-- args: jobPrefix orderPrefix lockToken lockMs max nonce orderTtlSeconds
-- include: numbering
--
-- Promotes what is due, and takes up to `max` jobs: each is locked and gets the ticket of its run.
-- Returns the milliseconds until the next delayed job is due (or ''), the time, and the jobs.
local PROMOTED_AT_ONCE = 1000
-- Bull's scores of delayed jobs hold the time in all but the lowest 12 bits.
local SCORE_OF_MS = 4096

local nowMs = math.floor(nowMicros() / 1000)
local due = redis.call(
  'ZRANGEBYSCORE', delayed, 0, nowMs * SCORE_OF_MS + SCORE_OF_MS - 1, 'LIMIT', 0, PROMOTED_AT_ONCE
)
for _, id in ipairs(due) do
  redis.call('ZREM', delayed, id)
  redis.call('LPUSH', wait, id)
end

local taken = {}
while #taken < tonumber(max) do
  local id = redis.call('RPOPLPUSH', wait, active)
  if not id then break end
  local job = jobPrefix .. id
  local fields = redis.call('HMGET', job, 'data', 'progress', 'stalledCounter', 'key', 'ranUntil')
  if not fields[1] then
    redis.call('LREM', active, 1, id)
  else
    redis.call('SET', job .. ':lock', lockToken, 'PX', lockMs)
    redis.call('HSET', job, 'processedOn', nowMs)
    local key = fields[4]
    local ticket
    if key and key ~= '' then
      ticket = ticketOf(orderPrefix .. key, nonce, orderTtlSeconds)
    else
      ticket = plainTicket()
    end
    taken[#taken + 1] = { id, fields[1], fields[2], fields[3], fields[4], fields[5], ticket }
  end
end

-- Whoever took the marker may have left work for others.
if redis.call('LLEN', wait) > 0 then redis.call('ZADD', marker, 0, '0') end
local nextDue = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
local nextDueInMs = nextDue and math.max(math.floor(tonumber(nextDue) / SCORE_OF_MS) - nowMs, 0) or ''
return { nextDueInMs, nowMs, taken }
