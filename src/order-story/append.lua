-- keys: index bytes dead
-- args: storyPrefix maxEntries maxBytes atMs oldestMs orderBytes
-- each: append
--
-- Appends entries to the stories of their orders, and keeps the memory of all stories within its limit. `append` says what is
-- given for each, from the argument FIRST on, EACH arguments for one. `bytes` counts what the entries hold, and `orderBytes`
-- for each order. `heals` is 1 when the run of the entry heals dead letters. `replaced` is a text that an older entry about
-- the same notification contains, which the entry replaces: one that is retried a hundred times does not push out the others.
-- It is empty for most entries, which need no look at the story. `dead` has the orders whose stories may tell of a dead letter
-- that is not healed. Returns the entries about those that a run heals.

-- More than one call adds, so that the limit holds after each.
local MOST_EVICTED = 500

local change = 0
local letters = {}
local active = {}
local isAnyDead = redis.call('EXISTS', dead) == 1

local function isLetter(entry)
  return string.find(entry, '"outcome":"dead"', 1, true) and not string.find(entry, '"healedAt":', 1, true)
end

local function remove(story, identity)
  for _, older in ipairs(redis.call('LRANGE', story, 0, -1)) do
    if string.find(older, identity, 1, true) then
      redis.call('LREM', story, -1, older)
      change = change - #older
    end
  end
end

local function collectLetters(story, order)
  local count = #letters
  for _, entry in ipairs(redis.call('LRANGE', story, 0, -1)) do
    if isLetter(entry) then letters[#letters + 1] = entry end
  end
  if #letters == count then redis.call('SREM', dead, order) end
end

local function append(order, entry, heals, replaced)
  local story = storyPrefix .. order
  if replaced ~= '' then
    remove(story, replaced)
    if isLetter(entry) then
      redis.call('SADD', dead, order)
      isAnyDead = true
    end
  end
  if isAnyDead and heals == '1' and redis.call('SISMEMBER', dead, order) == 1 then
    collectLetters(story, order)
  end
  local length = redis.call('RPUSH', story, entry)
  change = change + #entry
  while length > tonumber(maxEntries) do
    change = change - #redis.call('LPOP', story)
    length = length - 1
  end
  active[#active + 1] = atMs
  active[#active + 1] = order
end

for at = FIRST, #ARGV, EACH do append(unpack(ARGV, at, at + EACH - 1)) end
if #active > 0 then change = change + orderBytes * redis.call('ZADD', index, unpack(active)) end

local total = redis.call('INCRBY', bytes, change)
for _ = 1, MOST_EVICTED do
  local oldest = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
  if #oldest == 0 or (total <= tonumber(maxBytes) and tonumber(oldest[2]) >= tonumber(oldestMs)) then break end
  local story = storyPrefix .. oldest[1]
  local size = orderBytes
  for _, entry in ipairs(redis.call('LRANGE', story, 0, -1)) do size = size + #entry end
  redis.call('DEL', story)
  redis.call('ZREM', index, oldest[1])
  redis.call('SREM', dead, oldest[1])
  total = redis.call('INCRBY', bytes, -size)
end
return letters
