#!lua
-- Gives a recipient's approval its place in the list: limit and number are decided here, in one step.
-- An entry is: keyed hash of the number (32 bytes), then a sealed value, whose bytes 11 to 18 are its deadline.
-- KEYS 1 list. ARGV 1 now, 2 places, 3 approval, 4 entry, 5 slack; times in milliseconds.
local now = tonumber(ARGV[1])
local number = string.sub(ARGV[4], 1, 32)
local latest = struct.unpack('>i8', ARGV[4], 43)
local live, taken, listed = 0, false, false
local entries = redis.call('HGETALL', KEYS[1])
for at = 1, #entries, 2 do
  local entry = entries[at + 1]
  local deadline = #entry >= 50 and struct.unpack('>i8', entry, 43) or 0
  if deadline <= now then
    redis.call('HDEL', KEYS[1], entries[at])
  else
    live = live + 1
    taken = taken or string.sub(entry, 1, 32) == number
    listed = listed or entries[at] == ARGV[3]
    latest = math.max(latest, deadline)
  end
end
if live >= tonumber(ARGV[2]) then
  return 'full'
end
if taken then
  return 'taken'
end
if listed then
  return 'listed'
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', latest - now + tonumber(ARGV[5])))
return 'reserved'
