#!lua
-- Adds a value with steps where none lives. New things are refused when memory is full: no allow-oom.
-- KEYS 1 value. ARGV 1 now, 2 version, 3 state, 4 deadline, 5 body, 6 time to live, 7 schema; times in milliseconds.
local deadline = redis.call('HGET', KEYS[1], 'deadline')
if (tonumber(deadline) or 0) > tonumber(ARGV[1]) then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3], 'deadline', ARGV[4], 'body', ARGV[5],
  'schema', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1
