-- keys: unfinished failed
-- args: jobPrefix cursor jobs mostFound texts
--
-- Looks at about `jobs` unfinished jobs, from a cursor on: '0' at first. Returns the next cursor, '0' at the end, and those
-- jobs whose data contains one of `texts`, a JSON array: { id, data, progress or false }. When it has found `mostFound`, it
-- stops and returns an empty cursor.
local sought = cjson.decode(texts)

local function isSought(data)
  for _, text in ipairs(sought) do
    if string.find(data, text, 1, true) then return true end
  end
  return false
end

local page = redis.call('ZSCAN', unfinished, cursor, 'COUNT', jobs)
local found = {}
for at = 1, #page[2], 2 do
  local id = page[2][at]
  local data = redis.call('HGET', jobPrefix .. id, 'data')
  -- A worker of an older version leaves ids of jobs that are done, or dead letters.
  if data and isSought(data) and not redis.call('ZSCORE', failed, id) then
    found[#found + 1] = { id, data, redis.call('HGET', jobPrefix .. id, 'progress') }
    if #found == tonumber(mostFound) then return { '', found } end
  end
end
return { page[1], found }
