#!lua
-- Remembers an identifier whose earlier mark may have run out; a mark is its deadline.
-- KEYS 1 mark. ARGV 1 now, 2 deadline, 3 time to live; times in milliseconds.
local deadline = redis.call('GET', KEYS[1])
if deadline and (not tonumber(deadline) or tonumber(deadline) > tonumber(ARGV[1])) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
