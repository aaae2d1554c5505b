-- Draws the next number of a key, and tells the epoch in which it counts. Numbers increase strictly within an
-- epoch, also when the clock is set back. A key that expired, or that a server lost, begins a new epoch.
local function nowMicros()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function draw(orderKey, nonce, ttlSeconds)
  local number = nowMicros()
  local known = redis.call('HMGET', orderKey, 'latest', 'epoch')
  local latest = tonumber(known[1] or '0')
  if latest >= number then number = latest + 1 end
  local epoch = known[2] or nonce
  redis.call('HSET', orderKey, 'latest', string.format('%.0f', number), 'epoch', epoch)
  redis.call('EXPIRE', orderKey, ttlSeconds)
  return string.format('%.0f', number), epoch
end

-- Draws the ticket of a run, and reads what is known of its key: coverage first, so that it is older.
local function ticketOf(orderKey, nonce, ttlSeconds)
  local known = redis.call('HMGET', orderKey, 'covered', 'observed', 'notBefore', 'ownAge')
  local number, epoch = draw(orderKey, nonce, ttlSeconds)
  return { number, epoch, known[1], known[2], known[3], known[4] }
end

local function plainTicket()
  return { string.format('%.0f', nowMicros()), '', false, false, false, false }
end
