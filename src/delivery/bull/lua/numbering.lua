-- Draws the next number of a key, and tells the epoch in which it counts. Numbers increase strictly within an
-- epoch, also when the clock is set back. A key that expired, or that a server lost, begins a new epoch.
local micros
-- The same time in the whole script: each look at the clock is another call.
local function nowMicros()
  if not micros then
    local time = redis.call('TIME')
    micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  return micros
end

-- The number that follows the latest one of a key, which is nil for a new key.
local function numberAfter(latest)
  return string.format('%.0f', math.max(nowMicros(), tonumber(latest or '0') + 1))
end

local function write(orderKey, number, epoch, ttlSeconds)
  redis.call('HSET', orderKey, 'latest', number, 'epoch', epoch)
  redis.call('EXPIRE', orderKey, ttlSeconds)
end

local function draw(orderKey, nonce, ttlSeconds)
  local known = redis.call('HMGET', orderKey, 'latest', 'epoch')
  local number, epoch = numberAfter(known[1]), known[2] or nonce
  write(orderKey, number, epoch, ttlSeconds)
  return number, epoch
end

-- Draws the ticket of a run, and reads what is known of its key.
local function ticketOf(orderKey, nonce, ttlSeconds)
  local known = redis.call('HMGET', orderKey, 'latest', 'epoch', 'covered', 'observed', 'notBefore', 'ownAge')
  local number, epoch = numberAfter(known[1]), known[2] or nonce
  write(orderKey, number, epoch, ttlSeconds)
  return { number, epoch, known[3], known[4], known[5], known[6] }
end

local function plainTicket()
  return { string.format('%.0f', nowMicros()), '', false, false, false, false }
end
