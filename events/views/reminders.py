from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from common.problems import Refusal
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by, tell
from events.views.mail_templates import placeholders_of
from notifications.forms import RuleForm, describe, in_units
from notifications.models import ReminderRule
from notifications.services import reminders as services
from notifications.sources import source_for


@require_safe
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = ReminderRule.objects.filter(event_id=event.pk).order_by("anchor", "audience", "-offset_minutes", "pk")
    now = timezone.now()
    rows = [
        {
            "rule": rule,
            "whom": describe(rule.anchor, rule.audience),
            "before": how_long(rule.offset_minutes),
            "next": next(iter(services.upcoming(rule, now=now, limit=1)), None) if rule.is_active else None,
            "has_own_words": bool(rule.subject or rule.body),
        }
        for rule in found
    ]
    return render(request, "events/mail/rules.html", {"event": event, "rows": rows})


def how_long(minutes: int) -> str:
    """120 → “2 hours before”."""
    amount, unit = in_units(minutes)
    if not minutes:
        return _("when it begins")
    phrases = {
        "days": ngettext("%(n)s day before", "%(n)s days before", amount),
        "hours": ngettext("%(n)s hour before", "%(n)s hours before", amount),
        "minutes": ngettext("%(n)s minute before", "%(n)s minutes before", amount),
    }
    return phrases[unit] % {"n": amount}


@require_http_methods(["GET", "HEAD", "POST"])
def new_rule(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    form = RuleForm(request.POST or None, locales=event.locales)
    if form.is_valid():
        try:
            made = services.create_rule(event_id=event.pk, **form.changes(), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The reminder is set. Below is who gets it next, and when."))
            return redirect("events:rule", slug=slug, pk=made.pk)
    return render(request, "events/mail/rule.html", {"event": event, "form": form, **_words_help(None)})


@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _rule_or_404(event, pk)
    form = RuleForm(request.POST or None, locales=event.locales, rule=found)
    if form.is_valid():
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
            "name": f"{describe(found.anchor, found.audience)}: {how_long(found.offset_minutes)}",
            "upcoming": services.upcoming(found, now=timezone.now()),
            **_words_help(found),
        },
    )


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
    name = f"{describe(found.anchor, found.audience)}: {how_long(found.offset_minutes)}"
    return render(request, "events/mail/rule_delete.html", {"event": event, "rule": found, "name": name})


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


def _rule_or_404(event: Event, pk: int) -> ReminderRule:
    return get_object_or_404(ReminderRule, event_id=event.pk, pk=pk)
