#!lua flags=allow-oom
-- Keeps a value that belongs to what has begun. Full memory must not stop it.
-- KEYS 1 value. ARGV 1 value, 2 time to live in milliseconds.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
