from __future__ import annotations

from collections import Counter
from datetime import date, time, timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from common.dates import short_day
from common.problems import Refusal
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by, tell
from events.views.mail_templates import placeholders_of
from notifications.forms import RuleForm, describe, describe_rule, describe_time, initial_of
from notifications.models import Anchor, Audience, ReminderRule
from notifications.services import reminders as services
from notifications.services import timeline as looking_ahead
from notifications.services.timeline import Coming
from notifications.sources import source_for


@require_safe
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = ReminderRule.objects.filter(event_id=event.pk).order_by(
        "anchor", "audience", "-days_before", "at_time", "-offset_minutes", "pk"
    )
    now = timezone.now()
    rows = [
        {
            "rule": rule,
            "whom": describe(rule.anchor, rule.audience),
            "before": describe_time(rule),
            "next": next(iter(services.upcoming(rule, now=now, limit=1)), None) if rule.is_active else None,
            "has_own_words": bool(rule.subject or rule.body),
        }
        for rule in found
    ]
    return render(request, "events/mail/rules.html", {"event": event, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
def new_rule(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    ideas = _suggestions(event)
    chosen = next((idea for idea in ideas if idea["code"] == request.GET.get("as")), None)
    form = RuleForm(request.POST or None, locales=event.locales, initial=chosen["initial"] if chosen else {})
    if form.is_valid() and not _is_preview(request):
        try:
            made = services.create_rule(event_id=event.pk, **form.changes(), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The reminder is set. Below is who gets it next, and when."))
            return redirect("events:rule", slug=slug, pk=made.pk)
    tried = _as_typed(form, event) or (ReminderRule(event_id=event.pk, **chosen["rule"]) if chosen else None)
    return render(
        request,
        "events/mail/rule.html",
        {"event": event, "form": form, "ideas": ideas, "chosen": chosen, **_ahead(tried), **_words_help(tried)},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _rule_or_404(event, pk)
    form = RuleForm(request.POST or None, locales=event.locales, rule=found)
    if form.is_valid() and not _is_preview(request):
        try:
            services.update_rule(rule=found, changes=form.changes(), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The reminder is saved."))
            return redirect("events:rule", slug=slug, pk=pk)
    return render(
        request,
        "events/mail/rule.html",
        {
            "event": event,
            "form": form,
            "rule": found,
            "name": describe_rule(found),
            **_ahead(_as_typed(form, event) or found),
            **_words_help(found),
        },
    )


def _is_preview(request: HttpRequest) -> bool:
    return "preview" in request.POST


def _as_typed(form: RuleForm, event: Event) -> ReminderRule | None:
    """The rule that the form would make, not saved; None where it cannot be one."""
    return ReminderRule(event_id=event.pk, **form.changes()) if form.is_bound and form.is_valid() else None


def _ahead(tried: ReminderRule | None) -> dict[str, Any]:
    if tried is None:
        return {}
    count, coming = services.look_ahead(tried, now=timezone.now(), limit=8)
    return {"tried": tried, "sentence": describe_rule(tried), "count": count, "upcoming": coming}


#: What organizers of conferences set most often: (anchor, audience, how).
_USUAL: Final[list[tuple[Anchor, Audience, dict[str, Any]]]] = [
    (Anchor.SLOT, Audience.SPEAKERS, {"days_before": 1, "at_time": time(18)}),
    (Anchor.SLOT, Audience.SPEAKERS, {"offset_minutes": 60}),
    (Anchor.SLOT, Audience.CHAIRS, {"days_before": 1, "at_time": time(18)}),
    (Anchor.SLOT, Audience.CHAIRS, {"offset_minutes": 30}),
    (Anchor.SLOT, Audience.BOOKMARKED, {"offset_minutes": 15}),
    (Anchor.EVENT, Audience.SPEAKERS, {"days_before": 7, "at_time": time(9)}),
    (Anchor.EVENT, Audience.ATTENDEES, {"days_before": 3, "at_time": time(9)}),
    (Anchor.DEADLINE, Audience.SPEAKERS, {"days_before": 3, "at_time": time(9)}),
]


def _suggestions(event: Event) -> list[dict[str, Any]]:
    """The usual reminders that this event has not got."""
    there = {
        (rule.anchor, rule.audience, describe_time(rule)) for rule in ReminderRule.objects.filter(event_id=event.pk)
    }
    ideas = []
    for number, (anchor, audience, how) in enumerate(_USUAL, start=1):
        values = {"anchor": anchor, "audience": audience, **how}
        idea = ReminderRule(event_id=event.pk, **values)
        if source_for(anchor, audience) and (anchor, audience, describe_time(idea)) not in there:
            ideas.append(
                {"code": str(number), "rule": values, "initial": initial_of(idea), "sentence": describe_rule(idea)}
            )
    return ideas


def _words_help(found: ReminderRule | None) -> dict[str, Any]:
    source = source_for(found.anchor, found.audience) if found else None
    return {"kind": source.kind, "placeholders": placeholders_of(source.kind)} if source else {}


@require_http_methods(["GET", "HEAD", "POST"])
def delete_rule(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _rule_or_404(event, pk)
    if request.method == "POST":
        services.delete_rule(rule=found, **by(request))
        messages.success(request, _("The reminder is deleted. What was queued from it will not go out."))
        return redirect("events:rules", slug=slug)
    context = {"event": event, "rule": found, "name": describe_rule(found)}
    return render(request, "events/mail/rule_delete.html", context)


@require_POST
def test_rule(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    assert isinstance(request.user, User)
    try:
        services.send_test(rule=_rule_or_404(event, pk), **by(request))
    except Refusal as refusal:
        tell(request, refusal)
    else:
        messages.success(request, _("A test mail is on its way to %(address)s.") % {"address": request.user.email})
    return redirect("events:rule", slug=slug, pk=pk)


#: How far the page of coming mails looks.
AHEAD: Final = timedelta(days=7)
PER_PAGE: Final = 100


@require_safe
def timeline(request: HttpRequest, slug: str) -> HttpResponse:
    """Who gets what when in the next days: what is queued, and what the rules will give rise to."""
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    now = timezone.now()
    words, chosen_rule, chosen_day = (request.GET.get(name, "").strip() for name in ("q", "rule", "day"))
    everything = looking_ahead.coming(event_id=event.pk, now=now, until=now + AHEAD)
    rules = {one.rule.pk: describe_rule(one.rule) for one in everything if one.rule}
    found = [one for one in everything if one.matches(words) and chosen_rule in ("", _origin(one))]
    days = Counter(_day(one, event) for one in found)
    shown = [one for one in found if chosen_day in ("", _day(one, event))]
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    looking_ahead.fill_in(page.object_list, now)
    kept = {name: value for name, value in (("q", words), ("rule", chosen_rule)) if value}
    address = reverse("events:timeline", args=[slug])
    return render(
        request,
        "events/mail/timeline.html",
        {
            "event": event,
            "page": page,
            "rows": [{"mail": one, "why": rules[one.rule.pk] if one.rule else one.kind.title} for one in page],
            "words": words,
            "chosen_rule": chosen_rule,
            "chosen_day": chosen_day,
            "rules": sorted(rules.items(), key=lambda item: item[1]),
            "has_others": any(one.rule is None for one in everything),
            "is_filtered": bool(words or chosen_rule or chosen_day),
            "people": len({one.email.casefold() for one in shown}),
            "tabs": [
                {
                    "label": _("All"),
                    "url": f"{address}?{urlencode(kept)}",
                    "count": len(found),
                    "active": not chosen_day,
                },
                *(
                    {
                        "label": short_day(date.fromisoformat(day)),
                        "url": f"{address}?{urlencode({**kept, 'day': day})}",
                        "count": count,
                        "active": day == chosen_day,
                    }
                    for day, count in sorted(days.items())
                ),
            ],
        },
    )


def _day(one: Coming, event: Event) -> str:
    return one.at.astimezone(event.tz).date().isoformat()


def _origin(one: Coming) -> str:
    return str(one.rule.pk) if one.rule else "other"


def _rule_or_404(event: Event, pk: int) -> ReminderRule:
    return get_object_or_404(ReminderRule, event_id=event.pk, pk=pk)
