-- keys: wait active delayed marker paused
-- args: jobPrefix orderPrefix lockToken lockMs max held nonce orderTtlSeconds
-- include: numbering lanes
--
-- Promotes what is due, and takes up to `max` jobs of accounts that are not paused: each is locked and gets the ticket of
-- its run. `held` is a JSON text of `HeldSlots`. Returns 1 when jobs are left in the lanes, the milliseconds until the next delayed job is due (or ''), the time, and the jobs.
local PROMOTED_AT_ONCE = 1000
local SLOTS_PER_FREE_SLOT = 3
-- Bull's scores of delayed jobs hold the time in all but the lowest 12 bits.
local SCORE_OF_MS = 4096

local nowMs = math.floor(nowMicros() / 1000)
local due = redis.call(
  'ZRANGEBYSCORE', delayed, 0, nowMs * SCORE_OF_MS + SCORE_OF_MS - 1, 'LIMIT', 0, PROMOTED_AT_ONCE
)
for _, id in ipairs(due) do
  redis.call('ZREM', delayed, id)
  local waits = redis.call('HMGET', jobPrefix .. id, 'lane', 'parkedFor')
  if waits[2] then redis.call('ZREM', jobPrefix .. 'parked:' .. waits[2], id) end
  enqueue(jobPrefix, 'LPUSH', waits[1], id)
end

local slots = cjson.decode(held)
local byAccount = slots.byAccount
local inBackground = slots.background
local free = tonumber(max)

-- What an earlier version left in Bull's list is also a lane. Its accounts are not known, so it takes turns by chance.
local EARLIER = ''
local lanes = {
  prompt = redis.call('ZRANGE', ringOf(jobPrefix, 'prompt'), 0, -1),
  background = redis.call('ZRANGE', ringOf(jobPrefix, 'background'), 0, -1),
}
for _, account in ipairs(redis.call('HKEYS', paused)) do
  for _, accounts in pairs(lanes) do
    for index = #accounts, 1, -1 do
      if accounts[index] == account then table.remove(accounts, index) end
    end
  end
end
if redis.call('LLEN', wait) > 0 then
  table.insert(lanes.prompt, nowMicros() % 2 == 0 and 1 or #lanes.prompt + 1, EARLIER)
end

-- The index of the account that holds the fewest slots, of these the one that was served longest ago.
local function fewest(kind)
  local best, least
  for index, account in ipairs(lanes[kind]) do
    local count = byAccount[account] or 0
    if (not slots.reserves or count < SLOTS_PER_FREE_SLOT * free) and (not best or count < least) then
      best, least = index, count
    end
  end
  return best
end

-- The same rules as `nextLane` in lanes.ts.
local function nextLane()
  local prompt = fewest('prompt')
  local most = prompt and slots.backgroundShare or math.max(slots.backgroundShare, SLOTS_PER_FREE_SLOT * free)
  local background = inBackground < most and fewest('background')
  if background then return 'background', background end
  return 'prompt', prompt
end

local lengths = {}
local function lengthOf(list)
  lengths[list] = lengths[list] or redis.call('LLEN', list)
  return lengths[list]
end

-- Moves the first job of a lane to the active ones, and the account to the end of its ring.
local function nextJob(kind, index)
  local account = table.remove(lanes[kind], index)
  local list = account == EARLIER and wait or jobPrefix .. kind .. ':' .. account
  local ring = ringOf(jobPrefix, kind)
  lengths[list] = lengthOf(list) - 1
  local id = redis.call('RPOPLPUSH', list, active)
  if lengths[list] <= 0 then
    redis.call('ZREM', ring, account)
  else
    table.insert(lanes[kind], account)
    if account ~= EARLIER and #lanes[kind] > 1 then redis.call('ZADD', ring, nextTurn(ring), account) end
  end
  return id, account
end

local taken = {}
while free > 0 do
  local kind, index = nextLane()
  if not index then break end
  local id, account = nextJob(kind, index)
  local job = id and jobPrefix .. id
  local fields = job and redis.call('HMGET', job, 'data', 'progress', 'stalledCounter', 'key', 'ranUntil')
  if job and not fields[1] then
    redis.call('LREM', active, 1, id)
  elseif job then
    redis.call('SET', job .. ':lock', lockToken, 'PX', lockMs)
    redis.call('HSET', job, 'processedOn', nowMs)
    free = free - 1
    byAccount[account] = (byAccount[account] or 0) + 1
    if kind == 'background' then inBackground = inBackground + 1 end
    local key = fields[4]
    local ticket
    if key and key ~= '' then
      ticket = ticketOf(orderPrefix .. key, nonce, orderTtlSeconds)
    else
      ticket = plainTicket()
    end
    taken[#taken + 1] = { id, fields[1], fields[2], fields[3], fields[4], fields[5], kind, ticket }
  end
end

-- Whoever took the marker may have left work for others.
local isLeft = #lanes.prompt + #lanes.background > 0
if isLeft then redis.call('ZADD', marker, 0, '0') end
local nextDue = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
local nextDueInMs = nextDue and math.max(math.floor(tonumber(nextDue) / SCORE_OF_MS) - nowMs, 0) or ''
return { isLeft and 1 or 0, nextDueInMs, nowMs, taken }
