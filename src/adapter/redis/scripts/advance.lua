#!lua flags=allow-oom
-- Replaces a value with steps if it lives and has the expected version; tells who listens.
-- KEYS 1 value. ARGV 1 now, 2 version, 3 state, 4 deadline, 5 body, 6 time to live, 7 schema,
-- 8 expected version, 9 channel (empty: nobody listens), 10 message; times in milliseconds.
local found = redis.call('HMGET', KEYS[1], 'version', 'deadline')
if not found[1] or not found[2] then
  return 0
end
if found[1] ~= ARGV[8] or (tonumber(found[2]) or 0) <= tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3], 'deadline', ARGV[4], 'body', ARGV[5],
  'schema', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if ARGV[9] ~= '' then
  redis.call('PUBLISH', ARGV[9], ARGV[10])
end
return 1
