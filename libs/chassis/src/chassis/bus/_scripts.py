"""The steps that must not be torn apart, each one Lua script with keys of one hash tag. Redis >= 7.0, Valkey >= 7.2.

An entry that is tried again is added to its stream once more, with ``for`` naming the group that wants it: the stream
is shared, and the other groups skip what is not for them. Attempt counters travel as fields beside FastStream's own
``__data__``, so the message itself is never encoded again.
"""

__all__ = ["ADD_DUE", "FENCE", "FORGET_CONSUMERS", "HOLD", "MEASURE", "REBASE", "REPLAY", "SETTLE", "TRIM"]

FENCE = """
-- KEYS stream; ARGV group consumer id -> 1 the entry is ours, and its idle clock starts anew; 0 it is not
local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #p == 0 or p[1][2] ~= ARGV[2] then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return 1
"""

HOLD = """
-- KEYS stream; ARGV group consumer stage id ... -> those of the ids that are ours; their idle clocks start anew
-- The delivery count says from here on how far they are: 1 begun, 2 waiting; stage '' leaves it.
local ours = {}
for i = 4, #ARGV do
  local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if #p > 0 and p[1][2] == ARGV[2] then
    local stage = ARGV[3]
    if stage == '' then stage = p[1][4] end
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'RETRYCOUNT', stage, 'JUSTID')
    ours[#ours + 1] = ARGV[i]
  end
end
return ours
"""

SETTLE = """
-- KEYS stream delayed dlq; ARGV group consumer('' = whoever) id min_idle_ms verdict attempt wait_ms field value ...
-- verdict: retry (in wait_ms), again (now), dead (with the fields given); attempt '' leaves it -> lost | gone | verdict
local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #p == 0 then return 'lost' end
if ARGV[2] ~= '' and p[1][2] ~= ARGV[2] then return 'lost' end
if p[1][3] < tonumber(ARGV[4]) then return 'lost' end
local e = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
if #e == 0 then redis.call('XACK', KEYS[1], ARGV[1], ARGV[3]) return 'gone' end
local fields, data, first, attempt = e[1][2], nil, ARGV[3], ARGV[6]
for i = 1, #fields, 2 do
  if fields[i] == '__data__' then data = fields[i + 1] end
  if fields[i] == 'first_id' then first = fields[i + 1] end
  if fields[i] == 'attempt' and attempt == '' then attempt = fields[i + 1] end
end
if attempt == '' then attempt = '1' end
if not data then data = cjson.encode(fields) end
if ARGV[5] == 'dead' then
  redis.call('XADD', KEYS[3], '*', '__data__', data, 'first_id', first, 'attempt', attempt, unpack(ARGV, 8))
elseif ARGV[5] == 'again' then
  redis.call('XADD', KEYS[1], '*', '__data__', data, 'first_id', first, 'attempt', attempt, 'for', ARGV[1])
else
  local t = redis.call('TIME')
  local due = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[7]
  redis.call('ZADD', KEYS[2], due, cmsgpack.pack({data, first, attempt, ARGV[1]}))
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
return ARGV[5]
"""

ADD_DUE = """
-- KEYS delayed stream; ARGV limit longest_ms -> {entries that went back on the stream, ms until the next is due or -1}
-- One that is due later than any wait could last was scheduled before the clock was set back: it is due.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
if #due == 0 then due = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now + ARGV[2], '+inf', 'LIMIT', 0, ARGV[1]) end
for _, packed in ipairs(due) do
  local e = cmsgpack.unpack(packed)
  redis.call('XADD', KEYS[2], '*', '__data__', e[1], 'first_id', e[2], 'attempt', e[3], 'for', e[4])
  redis.call('ZREM', KEYS[1], packed)
end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #next == 0 then return {#due, -1} end
return {#due, math.max(0, next[2] - now)}
"""

REBASE = """
-- KEYS stream; ARGV group limit -> entries whose idle clocks start anew, each with its owner: the server's clock jumped
local held = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[2])
for _, p in ipairs(held) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], p[2], 0, p[1], 'RETRYCOUNT', p[4], 'JUSTID')
end
return #held
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
-- KEYS stream; ARGV keep_ms -> entries removed: those that every group has settled and that are older than keep_ms
local function older(x, y)
  local a, b = string.match(x, '(%d+)-(%d+)')
  local c, d = string.match(y, '(%d+)-(%d+)')
  if #a ~= #c then return #a < #c end
  if a ~= c then return a < c end
  return tonumber(b) < tonumber(d)
end
local t = redis.call('TIME')
local least = math.max(0, t[1] * 1000 - ARGV[1]) .. '-0'
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

MEASURE = """
-- KEYS stream delayed dlq; ARGV group limit -> {pending, ms since the oldest of them was announced, unread, delayed,
-- ms the first of those is overdue, dead}. Redis does not always know what is unread: then it is counted, up to limit.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local pending, oldest, unread, overdue = 0, 0, 0, 0
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local h = {}
  for i = 1, #g, 2 do h[g[i]] = g[i + 1] end
  if h['name'] == ARGV[1] then
    pending, unread = h['pending'], h['lag']
    if not unread then
      unread = #redis.call('XRANGE', KEYS[1], '(' .. h['last-delivered-id'], '+', 'COUNT', ARGV[2])
    end
  end
end
if pending > 0 then
  oldest = math.max(0, now - string.match(redis.call('XPENDING', KEYS[1], ARGV[1])[2], '%d+'))
end
local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #next > 0 then overdue = math.max(0, now - next[2]) end
return {pending, oldest, unread, redis.call('ZCARD', KEYS[2]), overdue, redis.call('XLEN', KEYS[3])}
"""
