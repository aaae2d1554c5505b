-- keys: replicas settingsVersion
-- args: replicaPrefix id state ttlMs ratesPrefix ratesTtlSeconds batch
-- each: add
--
-- Says that a replica is alive and in which state, and adds what it has counted to the counts of this minute. `add` says what
-- is given for each count, from the argument FIRST on, EACH arguments for one. A field that ends in `Max` keeps the largest
-- number. A replica that got no answer sends the batch of counts again under its number, and a batch is added once. Returns
-- the version of the settings.
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', replicas, nowMs, id)
redis.call('ZREMRANGEBYSCORE', replicas, '-inf', nowMs - tonumber(ttlMs))
redis.call('PEXPIRE', replicas, ttlMs)
redis.call('SET', replicaPrefix .. id, state, 'PX', ttlMs)

local rates = ratesPrefix .. math.floor(nowMs / 60000)
local function add(field, number)
  if string.sub(field, -3) ~= 'Max' then
    redis.call('HINCRBY', rates, field, number)
  elseif tonumber(number) > tonumber(redis.call('HGET', rates, field) or '0') then
    redis.call('HSET', rates, field, number)
  end
end

local counted = replicaPrefix .. id .. ':counted'
if #ARGV >= FIRST and redis.call('GET', counted) ~= batch then
  for at = FIRST, #ARGV, EACH do add(unpack(ARGV, at, at + EACH - 1)) end
  redis.call('EXPIRE', rates, ratesTtlSeconds)
  redis.call('SET', counted, batch, 'EX', ratesTtlSeconds)
end
return redis.call('GET', settingsVersion) or '0'
