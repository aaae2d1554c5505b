-- keys: active delayed unfinished
-- args: jobPrefix mostLooked
-- include: lanes
--
-- Counts by account what waits, runs and is delayed, and finds the oldest unfinished job of each. Of the delayed and of the
-- unfinished jobs it looks at `mostLooked` each: those that are due next, and the oldest. An account whose oldest job is
-- not among these gets the oldest of its other jobs that were looked at. Returns a list of
-- { account, waiting, background, running, delayed, oldestMs or '' }.
local accounts, order = {}, {}
local function of(account)
  local counts = accounts[account]
  if not counts then
    counts = { prompt = 0, background = 0, running = 0, delayed = 0 }
    accounts[account] = counts
    order[#order + 1] = account
  end
  return counts
end

-- A job of an earlier version has no lane, so that its account is not known.
local function look(id, field)
  local known = redis.call('HMGET', jobPrefix .. id, 'lane', 'timestamp')
  local account = string.match(known[1] or '', '^%a+:(.*)$')
  if not account then return end
  local counts = of(account)
  if field then counts[field] = counts[field] + 1 end
  local acceptedMs = tonumber(known[2])
  if acceptedMs and (not counts.oldest or acceptedMs < counts.oldest) then counts.oldest = acceptedMs end
end

for _, kind in ipairs({ 'prompt', 'background' }) do
  for _, account in ipairs(redis.call('ZRANGE', ringOf(jobPrefix, kind), 0, -1)) do
    local lane = jobPrefix .. kind .. ':' .. account
    of(account)[kind] = redis.call('LLEN', lane)
    local first = redis.call('LINDEX', lane, -1)
    if first then look(first) end
  end
end
for _, id in ipairs(redis.call('LRANGE', active, 0, -1)) do look(id, 'running') end
for _, id in ipairs(redis.call('ZRANGE', delayed, 0, tonumber(mostLooked) - 1)) do look(id, 'delayed') end
for _, id in ipairs(redis.call('ZRANGE', unfinished, 0, tonumber(mostLooked) - 1)) do look(id) end

local found = {}
for _, account in ipairs(order) do
  local counts = accounts[account]
  found[#found + 1] = {
    account, counts.prompt, counts.background, counts.running, counts.delayed,
    counts.oldest and string.format('%.0f', counts.oldest) or ''
  }
end
return found
