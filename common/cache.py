"""Redis as a cache that may be away: a page is then slower, never broken."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def _forgiving(method: str, answer: Any) -> Any:
    def call(self: ForgivingRedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(RedisCache, method)(self, *args, **kwargs)
        except (RedisError, OSError) as error:
            log.warning("cache_away", method=method, reason=str(error))
            if method == "get":
                return kwargs.get("default", args[1] if len(args) > 1 else None)
            if method == "incr":
                # As for a key that has expired: Django's callers catch it and start anew.
                raise ValueError("the cache is away") from error
            return answer

    return call


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
