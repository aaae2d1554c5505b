-- keys: failed
-- args: afterMs afterId limit
--
-- The ids of the dead letters that follow one, each before its score (when it died, in ms), the newest first; without
-- `afterId` from the beginning. When that one is gone, or has died again, those of its time come once more: none is left out.
local from = 0
if afterId ~= '' then
  if tonumber(redis.call('ZSCORE', failed, afterId)) == tonumber(afterMs) then
    from = redis.call('ZREVRANK', failed, afterId) + 1
  else
    from = redis.call('ZCOUNT', failed, '(' .. afterMs, '+inf')
  end
end
return redis.call('ZREVRANGE', failed, from, from + tonumber(limit) - 1, 'WITHSCORES')
