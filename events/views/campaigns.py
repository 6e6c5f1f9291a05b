"""Writing to many people of an event: whom, in which words, when, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from common.problems import Refusal
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by, tell
from events.views.mail_templates import placeholders_of, preview_languages
from notifications.audiences import all_audiences
from notifications.forms import CampaignForm, SendLaterForm, in_words
from notifications.kinds import CAMPAIGN
from notifications.models import Campaign, CampaignState
from notifications.services import campaigns as services
from notifications.services import rendering
from notifications.services.campaigns import Progress, Reach
from notifications.views.framing import framed

PER_PAGE: Final = 30
TONES: Final = {
    CampaignState.DRAFT: "neutral",
    CampaignState.SCHEDULED: "info",
    CampaignState.SENDING: "info",
    CampaignState.PAUSED: "warning",
    CampaignState.CANCELLED: "neutral",
    CampaignState.DONE: "success",
}
#: Fewer say nothing about how fast it goes.
ENOUGH_TO_GUESS: Final = 20


@require_safe
def campaigns(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = Campaign.objects.of_event(event.pk).without_recipients().order_by("-pk")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    progress = services.progress_of(page)
    rows = [{**_shown(campaign), "progress": progress[campaign.pk]} for campaign in page]
    return render(request, "events/mail/campaigns.html", {"event": event, "page": page, "rows": rows})


def _shown(campaign: Campaign) -> dict[str, Any]:
    return {"campaign": campaign, "tone": TONES[CampaignState(campaign.state)]}


# -- Writing it ------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def new_campaign(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    form = CampaignForm(
        request.POST or None, locales=event.locales, event_id=event.pk, wanted=_chosen_elsewhere(request)
    )
    if form.is_valid():
        try:
            made = services.create_campaign(
                event_id=event.pk,
                key=form.cleaned_data["key"],
                audiences=form.audiences(),
                **form.words(),
                **by(request),
            )
        except Refusal as refusal:
            _add_problems(form, refusal)
        else:
            return redirect("events:campaign", slug=slug, pk=made.pk)
    return _form_page(request, event, form, None)


def _chosen_elsewhere(request: HttpRequest) -> dict[str, dict[str, Any]] | None:
    """A list of people leads here with its filters: `?audience=registrations&state=confirmed`."""
    code = request.GET.get("audience")
    if code not in {audience.code for audience in all_audiences()}:
        return None
    kept = {name: values for name, values in request.GET.lists() if name not in {"audience", "page", "lang"}}
    return {code: {name: values[0] if name == "q" else list(filter(None, values)) for name, values in kept.items()}}


@require_http_methods(["GET", "HEAD", "POST"])
def edit_campaign(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    campaign = _campaign_or_404(event, pk)
    if not campaign.is_editable:
        return redirect("events:campaign", slug=slug, pk=pk)
    form = CampaignForm(request.POST or None, locales=event.locales, event_id=event.pk, campaign=campaign)
    if form.is_valid():
        try:
            changes = {"audiences": form.audiences(), **form.words()}
            services.update_campaign(campaign=campaign, changes=changes, **by(request))
        except Refusal as refusal:
            _add_problems(form, refusal)
        else:
            notes.success(request, _("The campaign is saved."))
            return redirect("events:campaign", slug=slug, pk=pk)
    return _form_page(request, event, form, campaign)


def _add_problems(form: CampaignForm, refusal: Refusal) -> None:
    form.add_problems(problem if problem.field != "audiences" else _about_whom(problem) for problem in refusal.problems)


def _about_whom(problem: Any) -> Any:
    return type(problem)(code=problem.code, field="whom", message=problem.message, fix=problem.fix)


def _form_page(request: HttpRequest, event: Event, form: CampaignForm, campaign: Campaign | None) -> HttpResponse:
    return render(
        request,
        "events/mail/campaign_form.html",
        {
            "event": event,
            "form": form,
            "campaign": campaign,
            "placeholders": placeholders_of(CAMPAIGN),
            "languages": preview_languages(event),
        },
    )


@require_POST
def reach(request: HttpRequest, slug: str) -> JsonResponse:
    """How many fit what is ticked in the form, while it is being ticked."""
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    form = CampaignForm(request.POST, locales=event.locales, event_id=event.pk)
    form.is_valid()
    return JsonResponse({"text": _reach_in_words(services.reach_of(event.pk, form.audiences()))})


def _reach_in_words(found: Reach) -> str:
    if not found.people:
        return _("Nobody fits this choice.")
    people = ngettext("%(n)s person", "%(n)s people", found.people) % {"n": f"{found.people:,}"}
    if not found.unsubscribed:
        return people
    return _("%(people)s, of whom %(n)s want no such mail") % {"people": people, "n": f"{found.unsubscribed:,}"}


@require_http_methods(["GET", "HEAD", "POST"])
def preview_words(request: HttpRequest, slug: str) -> HttpResponse:
    """The form's words as they would arrive; made for a frame. Nothing is stored."""
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    form = CampaignForm(request.POST, locales=event.locales, event_id=event.pk)
    form.is_valid()
    words = {name: form.cleaned_data.get(name) or "" for name in ("subject", "body")}
    asked = services.problems_with_campaign(event_id=event.pk, audiences={}, **words)
    if problems := [problem for problem in asked if problem.code != "required"]:
        return framed(render_to_string("events/mail/preview_problems.html", {"problems": problems}))
    draft = Campaign(event_id=event.pk, audiences=form.audiences() if form.is_bound else {}, **words)
    return _preview(request, event, draft)


@require_safe
def preview_campaign(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """How it reads in `?preview_language=`; made for a frame."""
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    return _preview(request, event, _campaign_or_404(event, pk))


def _preview(request: HttpRequest, event: Event, campaign: Campaign) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    mail = services.preview(campaign, language=given.get("preview_language") or event.best_language())
    if given.get("preview_part") == "text":
        with override(rendering.interface_language(mail.language)):
            return framed(render_to_string("events/mail/preview_text.html", {"mail": mail}))
    return framed(mail.html)


# -- Sending it, and watching it go ----------------------------------------------------------------------------------


@require_safe
def campaign(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    return _campaign_page(request, event, _campaign_or_404(event, pk))


def _campaign_page(
    request: HttpRequest, event: Event, found: Campaign, later: SendLaterForm | None = None
) -> HttpResponse:
    context: dict[str, Any] = {
        "event": event,
        **_shown(found),
        "whom": in_words(event.pk, found.audiences),
        "languages": [
            {**language, "subject": services.preview(found, language=language["code"]).subject}
            for language in preview_languages(event)
        ],
        "later": later or SendLaterForm(zone=event.tz),
    }
    if found.is_editable:
        there = services.reach_of(event.pk, found.audiences)
        context |= {"reach": there, "reach_in_words": _reach_in_words(there)}
    else:
        context |= _progress(found, timezone.now())
    return render(request, "events/mail/campaign.html", context)


@require_safe
def progress(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """The part of the page that changes while it is sent, for the page's script."""
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _campaign_or_404(event, pk)
    context = {"event": event, **_shown(found), **_progress(found, timezone.now())}
    return render(request, "events/mail/_progress.html", context)


def _progress(found: Campaign, now: datetime) -> dict[str, Any]:
    now_at = services.progress_of([found])[found.pk]
    is_moving = found.state == CampaignState.SENDING
    return {
        "progress": now_at,
        "is_moving": is_moving,
        "minutes_left": _minutes_left(found, now_at, now) if is_moving else None,
        "is_making_the_list": is_moving and found.began_at is None,
    }


def _minutes_left(found: Campaign, progress: Progress, now: datetime) -> int | None:
    """At the pace so far, rounded up; None while there is too little to tell by."""
    if found.began_at is None or progress.sent < ENOUGH_TO_GUESS or not progress.waiting:
        return None
    passed = (now - found.began_at).total_seconds()
    return max(1, round(passed / progress.sent * progress.waiting / 60))


@require_POST
def send(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _campaign_or_404(event, pk)
    send_at = None
    if "send_at" in request.POST:
        later = SendLaterForm(request.POST, zone=event.tz)
        if not later.is_valid():
            return _campaign_page(request, event, found, later)
        send_at = later.cleaned_data["send_at"]
    try:
        services.send_campaign(campaign=found, send_at=send_at, **by(request))
    except Refusal as refusal:
        tell(request, refusal)
    return redirect("events:campaign", slug=slug, pk=pk)


@require_POST
def test(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    assert isinstance(request.user, User)
    services.send_test(campaign=_campaign_or_404(event, pk), **by(request))
    notes.success(request, _("A test mail is on its way to %(address)s.") % {"address": request.user.email})
    return redirect("events:campaign", slug=slug, pk=pk)


def _change(request: HttpRequest, slug: str, pk: int, service: Callable[..., Campaign]) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    try:
        service(campaign=_campaign_or_404(event, pk), **by(request))
    except Refusal as refusal:
        tell(request, refusal)
    return redirect("events:campaign", slug=slug, pk=pk)


@require_POST
def pause(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    return _change(request, slug, pk, services.pause_campaign)


@require_POST
def resume(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    return _change(request, slug, pk, services.resume_campaign)


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Asks first, where there is no script to ask on the page itself."""
    if request.method == "POST":
        return _change(request, slug, pk, services.cancel_campaign)
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    found = _campaign_or_404(event, pk)
    context = {"event": event, **_shown(found), "progress": services.progress_of([found])[found.pk]}
    return render(request, "events/mail/campaign_cancel.html", context)


def _campaign_or_404(event: Event, pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.of_event(event.pk).without_recipients(), pk=pk)
