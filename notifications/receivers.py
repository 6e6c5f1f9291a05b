"""Signals of libraries; each is turned into a call of a service."""

from __future__ import annotations

from typing import Any, Final

from anymail.signals import EventType, tracking
from django.utils import timezone

from notifications.services import bounces
from notifications.services.bounces import Report

_REPORTS: Final = {
    EventType.BOUNCED: Report.BOUNCED,
    EventType.REJECTED: Report.BOUNCED,
    EventType.FAILED: Report.BOUNCED,
    EventType.COMPLAINED: Report.UNWANTED,
    EventType.UNSUBSCRIBED: Report.UNWANTED,
}


def connect() -> None:
    tracking.connect(_report, dispatch_uid="notifications.receivers")


def _report(sender: Any, event: Any, esp_name: str, **_more: Any) -> None:
    report = _REPORTS.get(event.event_type)
    if report is None:
        return
    words = [esp_name, event.description or event.reject_reason or event.event_type, event.mta_response or ""]
    bounces.record_report(
        report=report,
        message_id=str((event.metadata or {}).get("message", "")),
        provider_id=str(event.message_id or ""),
        text=": ".join(word for word in words if word)[:1000],
        now=timezone.now(),
    )
