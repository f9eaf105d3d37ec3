#!lua flags=allow-oom
-- Keeps the number of the generation in a shard; the number then kept, 0 when there is none and none may be made.
-- KEYS 1 witness. ARGV 1 number, 2 '1' when one may be made.
local found = redis.call('HGET', KEYS[1], 'number')
if not found and ARGV[2] ~= '1' then
  return 0
end
local number = math.max(tonumber(found) or 0, tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'number', string.format('%.0f', number))
return number
