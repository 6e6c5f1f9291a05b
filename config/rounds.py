"""Which queue a task goes to, and what beat starts and when."""

from __future__ import annotations

from typing import Any, Final

from celery.schedules import crontab

CONFIGURATION: Final[dict[str, Any]] = {
    "task_routes": {
        "notifications.*": {"queue": "mail"},
        "scheduling.*": {"queue": "slow"},
    },
    "beat_schedule": {
        "plan reminders": {"task": "notifications.plan_reminders", "schedule": crontab()},
        "deliver what is due": {"task": "notifications.deliver_due", "schedule": 10.0},
        "begin, write and finish campaigns": {"task": "notifications.advance_campaigns", "schedule": 10.0},
        "requeue messages stuck in sending": {"task": "notifications.sweep_stuck", "schedule": 60.0},
        "end offers and places that are overdue": {"task": "registrations.expire_overdue", "schedule": 60.0},
        "give free places to those in line": {"task": "registrations.fill_free_places", "schedule": 60.0},
        "delete files that no registration took": {
            "task": "registrations.sweep_files",
            "schedule": crontab(minute="41"),
        },
        "renew pages whose frame is out of date": {"task": "scheduling.reframe_stale", "schedule": 300.0},
        "forget agendas of past events": {
            "task": "scheduling.sweep_agendas",
            "schedule": crontab(hour="3", minute="41"),
        },
        "forget old idempotency keys": {"task": "common.forget_idempotency_keys", "schedule": crontab(minute="17")},
    },
}
