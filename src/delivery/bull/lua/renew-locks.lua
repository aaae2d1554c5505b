-- keys: active
-- args: jobPrefix lockToken lockMs ids
--
-- Prolongs the locks of running jobs. `ids` is a JSON list. Returns the ids whose lock is gone or another's.
local lost = {}
for _, id in ipairs(cjson.decode(ids)) do
  local lock = jobPrefix .. id .. ':lock'
  if redis.call('GET', lock) == lockToken then
    redis.call('PEXPIRE', lock, lockMs)
  else
    lost[#lost + 1] = id
  end
end
return lost
