"""Redis as a cache that may be away: a page is then slower, never broken."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

#: Limits on how often something may be tried. While Redis is away each process counts by itself: looser than one count for
#: all, but neither everybody locked out nor every door open.
COUNTED_HERE = ("allauth:", "throttle_")

_own_counts = LocMemCache("while-redis-is-away", {"OPTIONS": {"MAX_ENTRIES": 10_000}})

log = structlog.get_logger(__name__)


#: Methods whose first argument is one key.
_SINGLE = frozenset({"get", "set", "add", "incr", "touch", "delete", "has_key"})


def _forgiving(method: str, answer: Any) -> Any:
    def call(self: ForgivingRedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(RedisCache, method)(self, *args, **kwargs)
        except (RedisError, OSError) as error:
            log.warning("cache_away", method=method, reason=str(error))
            if args and isinstance(args[0], str) and args[0].startswith(COUNTED_HERE) and method in _SINGLE:
                return getattr(_own_counts, method)(*args, **kwargs)
            if method == "get":
                return kwargs.get("default", args[1] if len(args) > 1 else None)
            if method == "incr":
                # As for a key that has expired: Django's callers catch it and start anew.
                raise ValueError("the cache is away") from error
            return answer

    return call


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


class ForgivingRedisCache(RedisCache):
    """Answers as if the key were missing while Redis is down, and logs it."""

    get = _forgiving("get", None)
    get_many = _forgiving("get_many", {})
    set = _forgiving("set", None)
    set_many = _forgiving("set_many", [])
    add = _forgiving("add", True)
    incr = _forgiving("incr", None)
    touch = _forgiving("touch", False)
    delete = _forgiving("delete", False)
    delete_many = _forgiving("delete_many", None)
    has_key = _forgiving("has_key", False)
    clear = _forgiving("clear", False)

    def add_or_left(self, key: str, seconds: float) -> float | None:
        """Set a mark for so many seconds, and None; or, where it is set already, for how many more it is. None while Redis is down."""
        name, client = self.make_and_validate_key(key), self._cache.get_client(key, write=True)
        try:
            with client.pipeline() as both:
                both.set(name, 1, nx=True, px=_milliseconds(seconds))
                both.pttl(name)
                is_added, left = both.execute()
        except (RedisError, OSError) as error:
            log.warning("cache_away", method="add_or_left", reason=str(error))
            return None
        return None if is_added else max(left, 0) / 1000

    def mark(self, key: str, seconds: float) -> None:
        """Set a mark for so many seconds from now, whether or not it is set already."""
        try:
            self._cache.get_client(key, write=True).set(self.make_and_validate_key(key), 1, px=_milliseconds(seconds))
        except (RedisError, OSError) as error:
            log.warning("cache_away", method="mark", reason=str(error))

    def publish(self, channel: str, message: str) -> None:
        """Tell whoever is subscribed to a channel of Redis. Nobody hears it while Redis is down."""
        try:
            self._cache.get_client(None, write=True).publish(channel, message)
        except (RedisError, OSError) as error:
            log.warning("cache_away", method="publish", reason=str(error))
