"""A thread that hears which events' programmes have changed, so that this process can trust what it remembers of the others."""

from __future__ import annotations

import threading
import time
from typing import Final

import structlog
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from scheduling.services import serving

#: Seconds of silence after which the server is asked whether it is still there, and after which it is taken for gone.
QUIET: Final = 2.0
GONE: Final = 6.0

log = structlog.get_logger(__name__)
_started = threading.Lock()


def start() -> None:
    """Once per process, from a process that serves: a process that forks afterwards must start its own. Idempotent."""
    if _started.acquire(blocking=False):
        threading.Thread(target=_listen_for_good, name="programme-changes", daemon=True).start()


def _listen_for_good() -> None:
    while True:
        try:
            _listen()
        except (RedisError, OSError, ValueError) as error:
            log.warning("not_listening", reason=str(error))
        finally:
            serving.hear(False)
        time.sleep(1)


def _listen() -> None:
    """Returns or raises when the connection is lost or silent for too long."""
    with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=GONE) as client:
        channel = client.pubsub()
        channel.subscribe(serving.CHANNEL)
        heard = time.monotonic()
        while time.monotonic() - heard < GONE:
            message = channel.get_message(timeout=QUIET)
            if message is None:
                channel.ping()
                continue
            heard = time.monotonic()
            if message["type"] == "subscribe":
                serving.hear(True)
            elif message["type"] == "message":
                serving.forget(message["data"].decode())
