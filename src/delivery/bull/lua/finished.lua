-- Remembers finished notifications in little memory: hashes of at most FULL marks each, which Redis keeps as a compact list
-- with its default settings (hash-max-listpack-entries). A mark is 8 bytes of a digest of the job's id, with the second at
-- which it ends. Other digits of the digest, as many as the level, name the hash: level 2 has 256 hashes, level 3 has 4096.
-- Marks are written at the present level, which rises when a hash is full, and are looked for at each level that has marks.
-- The key `finished` holds the present level, since when it is so, and for each level until when its marks last.
local FULL = 112
local LOWEST_LEVEL = 2
local HIGHEST_LEVEL = 7
-- So often the level is tried lower again, in case there are fewer marks by now.
local LEVEL_SECONDS = 86400
-- The marks of a level are said to last a little longer, so that not every mark prolongs that.
local SPARE_SECONDS = 60

-- Returns the digits that name the hash, and the mark.
local function finishedPlace(id)
  local digest = redis.sha1hex(id)
  local high, low = string.sub(digest, 25, 32), string.sub(digest, 33, 40)
  return digest, struct.pack('>I4I4', tonumber(high, 16), tonumber(low, 16))
end

local function finishedHash(finished, level, digest)
  return finished .. ':' .. string.sub(digest, 1, level)
end

local levelsOfThisScript
-- Read once for all marks of a script, which keeps them up to date.
local function finishedLevels(finished)
  if levelsOfThisScript then return levelsOfThisScript end
  local known = redis.call('HMGET', finished, 'level', 'since', '2', '3', '4', '5', '6', '7')
  local levels = { present = tonumber(known[1]) or LOWEST_LEVEL, since = tonumber(known[2]), lastUntil = {} }
  for level = LOWEST_LEVEL, HIGHEST_LEVEL do levels.lastUntil[level] = tonumber(known[level + 1]) end
  levelsOfThisScript = levels
  return levels
end

local function isFinished(finished, levels, id, nowSeconds)
  local digest, mark = finishedPlace(id)
  for level, lastUntil in pairs(levels.lastUntil) do
    if lastUntil > nowSeconds then
      local ends = redis.call('HGET', finishedHash(finished, level, digest), mark)
      if ends and tonumber(ends) > nowSeconds then return true end
    end
  end
  return false
end

local function tidyFinished(hash, nowSeconds)
  local marks = redis.call('HGETALL', hash)
  local ended = {}
  for at = 1, #marks, 2 do
    if tonumber(marks[at + 1]) <= nowSeconds then ended[#ended + 1] = marks[at] end
  end
  if #ended > 0 then redis.call('HDEL', hash, unpack(ended)) end
  return #marks / 2 - #ended
end

local function markFinished(finished, id, ttlSeconds, nowSeconds)
  local levels = finishedLevels(finished)
  local digest, mark = finishedPlace(id)
  local level, since = levels.present, levels.since
  if level > LOWEST_LEVEL and nowSeconds - since >= LEVEL_SECONDS then level, since = level - 1, nil end
  local hash = finishedHash(finished, level, digest)
  local count = redis.call('HLEN', hash)
  -- One mark of 32, by digits of the digest.
  if count >= FULL or string.sub(digest, 23, 24) < '08' then count = tidyFinished(hash, nowSeconds) end
  if count >= FULL and level < HIGHEST_LEVEL then
    level, since = level + 1, nil
    hash = finishedHash(finished, level, digest)
  end

  local ends = nowSeconds + ttlSeconds + 1
  local lastUntil = levels.lastUntil[level] or 0
  if lastUntil < ends then
    lastUntil = ends + SPARE_SECONDS
    redis.call('HSET', finished, level, lastUntil)
    levels.lastUntil[level] = lastUntil
    if redis.call('TTL', finished) < lastUntil - nowSeconds then redis.call('EXPIREAT', finished, lastUntil) end
  end
  if not since then
    redis.call('HSET', finished, 'level', level, 'since', nowSeconds)
    levels.present, levels.since = level, nowSeconds
  end
  redis.call('HSET', hash, mark, ends)
  -- Most hashes already last until then, and a look is cheaper than a write.
  if count == 0 or redis.call('TTL', hash) < ends - nowSeconds then redis.call('EXPIREAT', hash, lastUntil) end
end

local function forgetFinished(finished, id)
  local digest, mark = finishedPlace(id)
  for level in pairs(finishedLevels(finished).lastUntil) do
    redis.call('HDEL', finishedHash(finished, level, digest), mark)
  end
end
