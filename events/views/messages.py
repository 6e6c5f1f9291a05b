"""The outbox: every mail of one event, what became of it, and what the server said."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common import dates
from common.problems import Refusal
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by, tell
from notifications.models import Message, MessageState
from notifications.notices import find_kind
from notifications.services import messages as services
from notifications.services.rendering import Rendered, Renderer, as_bytes
from notifications.views.framing import framed

TONES = {
    MessageState.DRAFT: "neutral",
    MessageState.QUEUED: "info",
    MessageState.SENDING: "info",
    MessageState.SENT: "success",
    MessageState.FAILED: "danger",
    MessageState.BOUNCED: "danger",
    MessageState.CANCELLED: "neutral",
}
PER_PAGE = 50


@require_safe
def messages(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    words = request.GET.get("q", "").strip()
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    campaign = request.GET.get("campaign", "")
    everything = Message.objects.of_event(event.pk)
    if campaign:
        everything = everything.about(f"campaign:{campaign}")
    # One query gives both the numbers and the kinds to choose from.
    counts = list(everything.values("state", "kind").annotate(count=Count("pk")).order_by("kind"))
    found = everything.matching(words)
    if state in MessageState:
        found = found.filter(state=state)
    if kind:
        found = found.filter(kind=kind)
    page = Paginator(found.defer("context", "rendered").order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    kinds = sorted({row["kind"] for row in counts})
    return render(
        request,
        "events/mail/messages.html",
        {
            "event": event,
            "page": page,
            "rows": [_row(message) for message in page],
            "words": words,
            "chosen_state": state,
            "chosen_kind": kind,
            "chosen_campaign": campaign,
            "is_filtered": bool(words or state or kind or campaign),
            "kinds": [{"code": code, "title": _title(code)} for code in kinds],
            "tabs": _tabs(event, counts, state, {"q": words, "kind": kind, "campaign": campaign}),
        },
    )


def _tabs(event: Event, counts: Iterable[Any], chosen: str, others: dict[str, str]) -> list[dict[str, Any]]:
    """All, and each state in which there are messages, as links that keep the other filters."""
    address = reverse("events:messages", args=[event.slug])
    kept = {name: value for name, value in others.items() if value}
    totals = {state: sum(row["count"] for row in counts if row["state"] == state) for state in MessageState.values}
    tabs = [
        {
            "label": _("All"),
            "url": f"{address}?{urlencode(kept)}",
            "count": sum(totals.values()),
            "active": chosen not in MessageState.values,
        }
    ]
    return tabs + [
        {
            "label": MessageState(state).label,
            "url": f"{address}?{urlencode({**kept, 'state': state})}",
            "count": count,
            "active": state == chosen,
        }
        for state, count in totals.items()
        if count or state == chosen
    ]


def _row(message: Message) -> dict[str, Any]:
    return {
        "message": message,
        "at": message.sent_at or message.due_at,
        "title": _title(message.kind),
        "tone": TONES[MessageState(message.state)],
    }


def _title(code: str) -> str:
    kind = find_kind(code)
    return str(kind.title) if kind else code


def _message_or_404(event: Event, pk: int) -> Message:
    return get_object_or_404(Message.objects.of_event(event.pk), pk=pk)


@require_safe
def message(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _message_or_404(event, pk)
    now = timezone.now()
    content = _content(found)
    return render(
        request,
        "events/mail/message.html",
        {
            "event": event,
            **_row(found),
            "text": content.get("text", ""),
            "entries": _entries(found, content, event),
            "language": dict(settings.LANGUAGES).get(found.language, found.language),
            "headers": _headers(found, content, now),
            "is_as_sent": bool(found.rendered),
            "next_try": found.due_at if found.state == MessageState.QUEUED and found.attempts else None,
            "attempts": list(found.deliveries.order_by("attempted_at")),
            "may_cancel": found.state in services.CANCELLABLE,
            "may_retry": not services.problems_with_retrying(found, now),
        },
    )


@require_safe
def message_html(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    html = _content(_message_or_404(event, pk)).get("html")
    if not html:
        raise Http404
    return framed(html)


def _content(found: Message) -> dict[str, Any]:
    """As sent; before that, as it would be sent now."""
    if found.rendered or find_kind(found.kind) is None:
        return dict(found.rendered)
    renderer = Renderer()
    renderer.prepare([found])
    return renderer.render(found).as_json()


def _entries(found: Message, content: dict[str, Any], event: Event) -> list[dict[str, Any]]:
    """The calendar parts as people read them, each with what went over the wire."""
    if not content:
        return []
    parts = Rendered.from_json(content).calendars
    one = found.context.get("calendar")
    told: list[dict[str, Any]] = found.context.get("calendars") or ([one] if one else [{}] * len(parts))
    return [
        {
            "is_cancelled": part.method == "CANCEL",
            "title": what.get("summary", ""),
            "when": _when(what, event) if what else "",
            "place": what.get("location", ""),
            "sequence": what.get("sequence"),
            "text": part.text,
        }
        for part, what in zip(parts, told, strict=True)
    ]


def _when(what: Mapping[str, Any], event: Event) -> str:
    """Whole days end before their `end` (RFC 5545 §3.6.1)."""
    start, end = what["start"], what["end"]
    if "T" not in start:
        return dates.day_range(date.fromisoformat(start), date.fromisoformat(end) - timedelta(days=1))
    begins, ends = datetime.fromisoformat(start), datetime.fromisoformat(end)
    return f"{dates.short_day(begins.astimezone(event.tz).date())} {dates.clock(begins, event.tz)}–{dates.clock(ends, event.tz)}"


def _headers(found: Message, content: dict[str, Any], now: datetime) -> list[tuple[str, str]]:
    """As they went over the wire, encoded words read."""
    if not content:
        return []
    raw = as_bytes(found, Rendered.from_json(content), at=found.sent_at or now)
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    return [(name, str(value)) for name, value in parsed.items() if name not in {"Content-Type", "MIME-Version"}]


@require_POST
def cancel(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _message_or_404(event, pk)
    try:
        services.cancel_message(message=found, **by(request))
    except Refusal as refusal:
        tell(request, refusal)
    else:
        notes.success(request, _("The message is cancelled: it will not go out."))
    return redirect("events:message", slug=slug, pk=pk)


@require_POST
def retry(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _message_or_404(event, pk)
    try:
        services.retry_message(message=found, **by(request))
    except Refusal as refusal:
        tell(request, refusal)
    else:
        notes.success(request, _("The message is queued again and goes out within seconds."))
    return redirect("events:message", slug=slug, pk=pk)
