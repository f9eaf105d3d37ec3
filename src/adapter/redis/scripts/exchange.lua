#!lua flags=allow-oom
-- Replaces a string if it is still the one that was read.
-- KEYS 1 value. ARGV 1 as read, 2 new, 3 time to live in milliseconds.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
