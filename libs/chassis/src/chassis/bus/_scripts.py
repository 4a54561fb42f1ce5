"""The steps that must not be torn apart, each one Lua script with keys of one hash tag. Redis >= 7.0, Valkey >= 7.2.

An entry that is tried again is added to its stream once more, with ``for`` naming the group that wants it: the stream
is shared, and the other groups skip what is not for them. Attempt counters travel as fields beside FastStream's own
``__data__``, so the message itself is never encoded again.
"""

__all__ = ["ADD_DUE", "FENCE", "FORGET_CONSUMERS", "REPLAY", "SETTLE", "TRIM"]

FENCE = """
-- KEYS stream; ARGV group consumer id -> 1 the entry is ours, and its idle clock starts anew; 0 it is not
local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #p == 0 or p[1][2] ~= ARGV[2] then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return 1
"""

SETTLE = """
-- KEYS stream delayed dlq; ARGV group consumer('' = whoever) id min_idle_ms verdict attempt due_ms field value ...
-- verdict: retry (at due_ms), again (now), dead (with the fields given) -> lost | gone | verdict
local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #p == 0 then return 'lost' end
if ARGV[2] ~= '' and p[1][2] ~= ARGV[2] then return 'lost' end
if p[1][3] < tonumber(ARGV[4]) then return 'lost' end
local e = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
if #e == 0 then redis.call('XACK', KEYS[1], ARGV[1], ARGV[3]) return 'gone' end
local fields, data, first = e[1][2], nil, ARGV[3]
for i = 1, #fields, 2 do
  if fields[i] == '__data__' then data = fields[i + 1] end
  if fields[i] == 'first_id' then first = fields[i + 1] end
end
if not data then data = cjson.encode(fields) end
if ARGV[5] == 'dead' then
  redis.call('XADD', KEYS[3], '*', '__data__', data, 'first_id', first, 'attempt', ARGV[6], unpack(ARGV, 8))
elseif ARGV[5] == 'again' then
  redis.call('XADD', KEYS[1], '*', '__data__', data, 'first_id', first, 'attempt', ARGV[6], 'for', ARGV[1])
else
  redis.call('ZADD', KEYS[2], ARGV[7], cmsgpack.pack({data, first, ARGV[6], ARGV[1]}))
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return ARGV[5]
"""

ADD_DUE = """
-- KEYS delayed stream; ARGV now_ms limit -> how many entries went back on the stream
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, packed in ipairs(due) do
  local e = cmsgpack.unpack(packed)
  redis.call('XADD', KEYS[2], '*', '__data__', e[1], 'first_id', e[2], 'attempt', e[3], 'for', e[4])
  redis.call('ZREM', KEYS[1], packed)
end
return #due
"""

REPLAY = """
-- KEYS dlq stream; ARGV id group -> 1 the entry went back on its stream for its group, with all its tries; 0 no such
local e = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #e == 0 then return 0 end
local data
for i = 1, #e[1][2], 2 do if e[1][2][i] == '__data__' then data = e[1][2][i + 1] end end
redis.call('XADD', KEYS[2], '*', '__data__', data, 'first_id', ARGV[1], 'attempt', '1', 'for', ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
"""

FORGET_CONSUMERS = """
-- KEYS stream; ARGV group idle_ms [name] -> how many consumers that hold nothing were removed
local removed = 0
for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local h = {}
  for i = 1, #c, 2 do h[c[i]] = c[i + 1] end
  local named = ARGV[3] == h['name']
  if h['pending'] == 0 and (named or h['idle'] >= tonumber(ARGV[2])) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], h['name'])
    removed = removed + 1
  end
end
return removed
"""

TRIM = """
-- KEYS stream; ARGV keep_id -> entries removed: those that every group has settled and that are older than keep_id
local function older(x, y)
  local a, b = string.match(x, '(%d+)-(%d+)')
  local c, d = string.match(y, '(%d+)-(%d+)')
  if #a ~= #c then return #a < #c end
  if a ~= c then return a < c end
  return tonumber(b) < tonumber(d)
end
local least = ARGV[1]
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local h = {}
  for i = 1, #g, 2 do h[g[i]] = g[i + 1] end
  local id = h['last-delivered-id']
  local p = redis.call('XPENDING', KEYS[1], h['name'])
  if p[1] > 0 then id = p[2] end
  if older(id, least) then least = id end
end
return redis.call('XTRIM', KEYS[1], 'MINID', '=', least)
"""
