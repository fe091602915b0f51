"""What runs inside Redis, one atomic step each. Knows no connection.

A topic's epoch is set once, by whoever touches the topic first; its numbers come from INCR and have
no gap. A Redis that forgot everything therefore shows up as another epoch. `XADD key 0-*` would
number by itself, but not on Redis 6.2. The braces keep a topic's keys in one slot of a cluster.
"""

from hashlib import sha1
from typing import NamedTuple

from realtime.bus.bus import Shown
from realtime.limits import MAX_FRAME_BYTES
from realtime.wire import Epoch, Position, Seq, Topic


class Script(NamedTuple):
    """Lua, and the name under which Redis keeps it."""

    text: str

    @property
    def sha(self) -> str:
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


_BEGIN = """
local function begin()
  redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2])
  for _, key in ipairs(redis.call('HKEYS', KEYS[5])) do redis.call('HDEL', KEYS[5], key) end
  return ARGV[1] .. ARGV[2]
end
"""

_EPOCH = (
    _BEGIN
    + """
local epoch, begun = redis.call('GET', KEYS[1]), false
if not epoch or string.sub(epoch, 1, string.len(ARGV[1])) ~= ARGV[1] then
  begun = epoch
  epoch = begin()
end
"""
)
"""An epoch begins with the home where it was set; what another master left begins anew."""

PUBLISH = Script(
    _EPOCH
    + """
local seq = redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '0-' .. seq, 'e', ARGV[4])
redis.call('PUBLISH', KEYS[4], epoch .. ' ' .. seq .. ' ' .. ARGV[4])
return {epoch, seq}
"""
)

TURN = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local turn = string.format('%.0f', math.max(now, (redis.call('GET', KEYS[6]) or 0) + 1))
redis.call('SET', KEYS[6], turn)
return turn
""")
"""Microseconds, so that a Redis that forgot everything gives none out again; always one more."""

SHOW = Script("""
local held = redis.call('HGET', KEYS[5], ARGV[1])
local newest = held and string.match(held, '^%d+ (%d+) ')
if newest and tonumber(newest) > tonumber(ARGV[4]) then return 0 end
local seq = redis.call('GET', KEYS[2]) or '0'
redis.call('HSET', KEYS[5], ARGV[1], seq .. ' ' .. ARGV[4] .. ' ' .. ARGV[2])
redis.call('PUBLISH', KEYS[4], ARGV[3] .. ARGV[2])
return 1
""")
"""The newest state under a key, with the number at which whoever comes later may have missed it."""

RECALL = Script(
    _EPOCH
    + """
local seq = redis.call('GET', KEYS[2]) or '0'
if begun then redis.call('PUBLISH', KEYS[4], epoch .. ' ' .. seq .. ' ') end
local past = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', ARGV[3])
local shown = ARGV[4] == '1' and redis.call('HGETALL', KEYS[5]) or {}
return {epoch, seq, past, shown}
"""
)

RENEW = Script(
    _BEGIN
    + """
local epoch = begin()
local seq = redis.call('GET', KEYS[2]) or '0'
redis.call('PUBLISH', KEYS[4], epoch .. ' ' .. seq .. ' ')
return 1
"""
)
"""Begin a topic's history anew: some of it was never announced, or Redis went back in time."""

_CLEAR = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function gone(member)
  local name = string.match(member, '^%S+ (.*)$')
  if redis.call('HINCRBY', KEYS[2], name, -1) <= 0 then redis.call('HDEL', KEYS[2], name) end
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], member)
  gone(member)
end
"""

MARK = Script(
    _CLEAR
    + """
for i = 3, #ARGV do
  if redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1] .. ' ' .. ARGV[i]) == 1 then
    redis.call('HINCRBY', KEYS[2], ARGV[i], 1)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
redis.call('PEXPIRE', KEYS[2], ARGV[2] * 2)
return redis.call('HLEN', KEYS[2])
"""
)
"""Members are `holder name`, scored by when they lapse; a hash counts the holders of each name."""

UNMARK = Script(
    _CLEAR
    + """
for i = 2, #ARGV do
  local member = ARGV[1] .. ' ' .. ARGV[i]
  if redis.call('ZREM', KEYS[1], member) == 1 then gone(member) end
end
return redis.call('HLEN', KEYS[2])
"""
)

MARKED = Script(_CLEAR + "return redis.call('HKEYS', KEYS[2])")

ALIVE = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if ARGV[3] ~= '1' then return {} end
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
for _, one in ipairs(dead) do redis.call('ZADD', KEYS[1], now + ARGV[2], one) end
return dead
""")
"""One process is well; whose lease ran out is given to it, for as long as a lease lasts."""

FORGET = Script("return redis.call('ZREM', KEYS[1], unpack(ARGV))")

SCRIPTS = (PUBLISH, TURN, SHOW, RECALL, RENEW, MARK, UNMARK, MARKED, ALIVE, FORGET)

ROLL = "rounds:{processes}:alive"
"""Processes that may have committed something, scored by when they lapse."""

EPOCHS = "rounds:{*}:epoch"
"""Every topic that anybody touched."""


STATE = b"="
"""Begins the announcement of a state, where an event's has its epoch."""


def state(key: str) -> bytes:
    """What a state's announcement begins with: `= size key`."""
    name = key.encode()
    return b"%b %d %b" % (STATE, len(name), name)


def remembered(key: bytes, words: bytes) -> Shown:
    """A state as it is kept: `seq turn state`; raises ValueError for anything else."""
    seq, _, sealed = words.split(b" ", 2)
    return Shown(key.decode(), Seq(int(seq)), sealed)


def announced(words: bytes) -> tuple[Position | str, bytes]:
    """An event's position, or a state's key, and its bytes; raises ValueError for anything else.

    The scripts write `epoch seq event`, without an event where a history begins anew.
    """
    first, number, rest = words.split(b" ", 2)
    if len(rest) > MAX_FRAME_BYTES:
        raise ValueError
    about: Position | str
    if first == STATE:
        size = int(number)
        about, sealed = rest[:size].decode(), rest[size:]
    else:
        about, sealed = Position(Epoch(first.decode()), Seq(int(number))), rest
    if not sealed.startswith(b"{") and (sealed or first == STATE):
        raise ValueError
    return about, sealed


KEYS = ("epoch", "seq", "past", "live", "shown", "turn")


def keys(topic: Topic) -> list[str]:
    return [f"rounds:{{{topic}}}:{name}" for name in KEYS]


def live_key(topic: Topic) -> str:
    return f"rounds:{{{topic}}}:live"


def place_keys(place: str) -> list[str]:
    return [f"rounds:{{{place}}}:{name}" for name in ("here", "counts")]


def topic_of_epoch(name: str) -> Topic:
    return Topic(name.removeprefix("rounds:{").removesuffix("}:epoch"))


def topic_of(name: str) -> Topic:
    return Topic(name.removeprefix("rounds:{").removesuffix("}:live"))
