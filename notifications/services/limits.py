"""How many mails may leave in a minute: in all, of one event, to one mail host.

Counted in PostgreSQL, in the transaction that claims: all workers share one count, and where Valkey is away nothing is looser.
Each limit is a bucket that holds a tenth of a minute's mails and drains at the rate of the rest, so that no minute, wherever
it begins, sees more than the limit, and mail flows evenly: what is urgent never waits for a whole minute to pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection

from notifications.models import Message, Spending

#: Advisory lock: one worker at a time looks at what is left and takes of it.
_SPENDING: Final = 7_365_041_183
#: Any bucket has drained by then.
_FORGOTTEN: Final = timedelta(minutes=2)


@dataclass(frozen=True)
class Rate:
    """At most `per_minute` (10 or more) in any minute."""

    per_minute: int

    @property
    def burst(self) -> int:
        return self.per_minute // 10

    @property
    def per_second(self) -> float:
        return (self.per_minute - self.burst) / 60


def are_set() -> bool:
    return bool(settings.MAIL_PER_MINUTE or settings.MAIL_PER_MINUTE_AND_EVENT or settings.MAIL_PER_MINUTE_AND_HOST)


def host_of(message: Message) -> str:
    return message.recipient_key.rpartition("@")[2]


def _rate_of(key: str) -> Rate | None:
    """None where there is no limit."""
    limit = {
        "all": settings.MAIL_PER_MINUTE,
        "event": settings.MAIL_PER_MINUTE_AND_EVENT,
        "host": settings.MAIL_PER_MINUTE_AND_HOST,
    }[key.partition(":")[0]]
    return Rate(limit) if limit else None


def _wait_for_turn() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SPENDING])


class Allowances:
    """What is left of the limits at `now`. Made and kept inside the transaction that claims; holds a lock until its end."""

    def __init__(self, now: datetime) -> None:
        _wait_for_turn()
        self._now = now
        self._levels: dict[str, float] = {}
        self._touched: set[str] = set()
        for row in Spending.objects.all():
            rate = _rate_of(row.key)
            if rate is not None:
                passed = max((now - row.as_of).total_seconds(), 0)
                if row.as_of > now:
                    # A clock that was set back must not hold up mail until it has caught up: it drains from now on.
                    self._touched.add(row.key)
                self._levels[row.key] = max(row.level - passed * rate.per_second, 0)

    def _left(self, key: str) -> float:
        rate = _rate_of(key)
        return float("inf") if rate is None else rate.burst - self._levels.get(key, 0)

    def left_in_all(self) -> int | None:
        """None: as many as one likes."""
        return None if _rate_of("all") is None else max(int(self._left("all")), 0)

    def _spent(self, kind: str) -> list[str]:
        """Names of the events, or hosts, for which there is nothing left."""
        return [key.partition(":")[2] for key in self._levels if key.startswith(f"{kind}:") and self._left(key) < 1]

    def spent_events(self) -> list[int]:
        return [int(name) for name in self._spent("event")]

    def spent_hosts(self) -> list[str]:
        return self._spent("host")

    def take(self, messages: Iterable[Message]) -> list[Message]:
        """Count those that may go, in their order, and return the others."""
        refused = []
        for message in messages:
            keys = ["all", f"event:{message.event_id or 0}", f"host:{host_of(message)}"]
            limited = [key for key in keys if _rate_of(key) is not None]
            if any(self._left(key) < 1 for key in limited):
                refused.append(message)
                continue
            for key in limited:
                self._levels[key] = self._levels.get(key, 0) + 1
                self._touched.add(key)
        return refused

    def seconds_until_more(self) -> float:
        """Until the first limit that is used up has room for a mail again; 0 where none is."""
        waits = []
        for key, level in self._levels.items():
            rate = _rate_of(key)
            if rate is not None and rate.burst - level < 1:
                waits.append((level + 1 - rate.burst) / rate.per_second)
        return min(waits, default=0)

    def keep(self) -> None:
        Spending.objects.bulk_create(
            [Spending(key=key, level=self._levels[key], as_of=self._now) for key in self._touched],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["level", "as_of"],
        )
        Spending.objects.filter(as_of__lt=self._now - _FORGOTTEN).delete()
