-- keys: index unfinished
-- args: prefix id account retailer request nowMs ttlMs maxKept maxUnfinished
--
-- Stores a backfill unless an unfinished one covers the same retailer, or too many are unfinished. Backfills whose keys have
-- expired leave the lists here, so that a lost replica does not block a retailer forever. Returns 'created', 'full', or 'busy'
-- and the id of the other one.
local all = redis.call('HGETALL', unfinished)
for at = 1, #all, 2 do
  if redis.call('EXISTS', prefix .. all[at]) == 0 then
    redis.call('HDEL', unfinished, all[at])
  else
    local its = cjson.decode(all[at + 1])
    local overlaps = its[2] == '' or retailer == '' or its[2] == retailer
    if its[1] == account and overlaps then return { 'busy', all[at] } end
  end
end
if redis.call('HLEN', unfinished) >= tonumber(maxUnfinished) then return { 'full' } end
redis.call('HSET', prefix .. id, 'request', request, 'state', 'running')
redis.call('PEXPIRE', prefix .. id, ttlMs)
redis.call('HSET', unfinished, id, cjson.encode({ account, retailer }))
redis.call('ZADD', index, nowMs, id)
local kept = redis.call('ZRANGE', index, 0, -1)
local excess = #kept - tonumber(maxKept)
for _, each in ipairs(kept) do
  local isGone = redis.call('EXISTS', prefix .. each) == 0
  if isGone or excess > 0 and redis.call('HEXISTS', unfinished, each) == 0 then
    redis.call('DEL', prefix .. each)
    redis.call('ZREM', index, each)
    excess = excess - 1
  end
end
return { 'created' }
