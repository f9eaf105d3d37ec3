#!lua flags=allow-oom
-- Counts an event within a window that begins with its first event. Full memory must not stop counting.
-- KEYS 1 counter. ARGV 1 now, 2 limit, 3 end of a window that begins now, 4 its time to live; times in milliseconds.
local found = redis.call('HMGET', KEYS[1], 'count', 'deadline')
local count = tonumber(found[1]) or 0
local running = (tonumber(found[2]) or 0) > tonumber(ARGV[1])
if not running then
  count = 0
end
if count >= tonumber(ARGV[2]) then
  return 0
end
if running then
  redis.call('HINCRBY', KEYS[1], 'count', 1)
else
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'count', 1, 'deadline', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1
