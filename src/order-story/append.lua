-- keys: index bytes
-- args: prefix maxEntries maxBytes oldestMs orderBytes, and for each entry: order atMs id entry heals
--
-- Appends entries to the stories of their orders, and keeps the memory of all stories within its limit. `bytes` counts what
-- the entries hold, and `orderBytes` for each order. An entry takes the place of an older one about the same notification
-- when that is among the newest, so that a notification that is retried a hundred times does not push out the others.
-- Returns the entries about dead letters of those orders for which `heals` is '1'.
local index, bytes = KEYS[1], KEYS[2]
local prefix, maxEntries, maxBytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local oldestMs, orderBytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local NEWEST = -8
-- More than one call adds, so that the limit holds after each.
local MOST_EVICTED = 500

local change = 0
local dead = {}
for at = 6, #ARGV, 5 do
  local order, atMs, id, entry, heals = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local story = prefix .. order
  for _, older in ipairs(redis.call('LRANGE', story, NEWEST, -1)) do
    if string.sub(older, 1, #id) == id then
      redis.call('LREM', story, -1, older)
      change = change - #older
    elseif heals == '1' and string.find(older, '"outcome":"dead"', 1, true) then
      dead[#dead + 1] = older
    end
  end
  local length = redis.call('RPUSH', story, entry)
  change = change + #entry
  while length > maxEntries do
    change = change - #redis.call('LPOP', story)
    length = length - 1
  end
  change = change + orderBytes * redis.call('ZADD', index, atMs, order)
end

local total = redis.call('INCRBY', bytes, change)
for _ = 1, MOST_EVICTED do
  local oldest = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
  if #oldest == 0 or (total <= maxBytes and tonumber(oldest[2]) >= oldestMs) then break end
  local story = prefix .. oldest[1]
  local size = orderBytes
  for _, entry in ipairs(redis.call('LRANGE', story, 0, -1)) do size = size + #entry end
  redis.call('DEL', story)
  redis.call('ZREM', index, oldest[1])
  total = redis.call('INCRBY', bytes, -size)
end
return dead
