-- keys: any
-- each: claim
--
-- Claims keys. `claim` says what is given for each, from the argument FIRST on, EACH arguments for one. Returns for each the
-- other value that it has, or false when it has the given one now. `any` tells a cluster where the keys are.
local function claim(key, value, ttlSeconds)
  local current = redis.call('GET', key)
  if current and current ~= value then return current end
  redis.call('SET', key, value, 'EX', ttlSeconds)
  return false
end

local others = {}
for at = FIRST, #ARGV, EACH do others[#others + 1] = claim(unpack(ARGV, at, at + EACH - 1)) end
return others
