#!lua flags=allow-oom
-- Reads the generation of the store, or begins a new one: the mark is missing, or of another replication id.
-- KEYS 1 mark. ARGV 1 replication id, 2 now in milliseconds, 3 least number, 4 '1' when nothing was ever stored,
-- 5 '1' when a shard of the store has lost its memory.
local found = redis.call('HMGET', KEYS[1], 'number', 'replication', 'complete_since')
if found[1] and found[3] and found[2] == ARGV[1] and ARGV[5] ~= '1' then
  return {found[1], found[3]}
end
local now = tonumber(ARGV[2])
local number = math.max(now, tonumber(ARGV[3]), (tonumber(found[1]) or 0) + 1)
local complete = math.max(now, tonumber(found[3]) or 0)
if ARGV[4] == '1' and not found[1] then
  complete = 0
end
number, complete = string.format('%.0f', number), string.format('%.0f', complete)
redis.call('HSET', KEYS[1], 'number', number, 'replication', ARGV[1], 'complete_since', complete)
return {number, complete}
