-- keys: replicas settingsVersion
-- args: replicaPrefix id state ttlMs ratesPrefix ratesTtlSeconds batch, and for each count: field number
--
-- Says that a replica is alive and in which state, and adds what it has counted to the counts of this minute. A field that
-- ends in `Max` keeps the largest number. A replica that got no answer sends the batch of counts again under its number,
-- and a batch is added once. Returns the version of the settings.
local replicas, settingsVersion = KEYS[1], KEYS[2]
local replicaPrefix, id, state, ttlMs, ratesPrefix, ratesTtlSeconds, batch = unpack(ARGV, 1, 7)
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', replicas, nowMs, id)
redis.call('ZREMRANGEBYSCORE', replicas, '-inf', nowMs - tonumber(ttlMs))
redis.call('PEXPIRE', replicas, ttlMs)
redis.call('SET', replicaPrefix .. id, state, 'PX', ttlMs)
local counted = replicaPrefix .. id .. ':counted'
if #ARGV > 7 and redis.call('GET', counted) ~= batch then
  local rates = ratesPrefix .. math.floor(nowMs / 60000)
  for at = 8, #ARGV, 2 do
    local field, number = ARGV[at], ARGV[at + 1]
    if string.sub(field, -3) ~= 'Max' then
      redis.call('HINCRBY', rates, field, number)
    elseif tonumber(number) > tonumber(redis.call('HGET', rates, field) or '0') then
      redis.call('HSET', rates, field, number)
    end
  end
  redis.call('EXPIRE', rates, ratesTtlSeconds)
  redis.call('SET', counted, batch, 'EX', ratesTtlSeconds)
end
return redis.call('GET', settingsVersion) or '0'
