"""Everybody who registered: found, read, changed, counted, taken along."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.names import both_scripts
from common.codes import new_secret
from common.models import AuditEntry
from common.problems import Refusal
from common.views import download
from events.models import Event, Permission
from events.policies import may
from events.verbs import sentence
from events.views.access import get_event_or_404
from events.views.acting import by, tell
from notifications.models import Message
from notifications.notices import find_kind
from registrations import notices
from registrations.answer_fields import country_choices
from registrations.downloads import served
from registrations.forms import (
    CancelForm,
    MoveForm,
    OrganizersForm,
    PaymentForm,
    RegistrationFilters,
    person_form,
    state_label,
)
from registrations.history import changes_of
from registrations.models import Registration, RegistrationState
from registrations.rows import rows_of
from registrations.services import payments, places, registering
from registrations.services.answers import questions_of
from registrations.views.answering import change_form, keep_files
from registrations.views.public import shown_answers
from registrations.views.segments import saved_views

PAGE: Final = 50
TONES: Final = {
    RegistrationState.CONFIRMED: "success",
    RegistrationState.WAITING: "warning",
    RegistrationState.PENDING: "info",
    RegistrationState.OFFERED: "info",
    RegistrationState.AWAITING_PAYMENT: "warning",
}
#: What Lihu did, where nobody signed in.
BY_ITSELF: Final = frozenset(
    [
        *("place_given", "place_offered", "offer_expired", "payment_expired"),
        *("product_given", "product_offered", "product_offer_expired"),
    ]
)


@require_safe
def registrations(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    filters = RegistrationFilters(request.GET, event=event)
    found = filters.narrow(Registration.objects.filter(event=event)).select_related("ticket_type")
    page = Paginator(found.order_by("-registered_at", "-pk"), PAGE).get_page(request.GET.get("page"))
    states = Registration.objects.filter(event=event).by_state()
    chosen = {name: request.GET.get(name, "") for name in ("q", "state", "ticket", "product", "country")}
    countries = dict(country_choices())
    context = {
        "event": event,
        "page": page,
        "rows": [
            {
                "registration": registration,
                "state": state_label(registration.state),
                "tone": TONES.get(RegistrationState(registration.state), "neutral"),
                "country": countries.get(str(registration.country), ""),
            }
            for registration in page
        ],
        "chosen": chosen,
        "is_filtered": bool(filters.wanted),
        "query": request.GET.urlencode(),
        "saved": saved_views(event, filters.wanted),
        "states": [{"code": code, "label": state_label(code), "count": count} for code, count in states.items()],
        "tickets": list(event.ticket_types.in_order()),
        "countries": [
            (code, countries.get(code, code))
            for code in Registration.objects.filter(event=event).exclude(country="").countries()
        ],
        "may_manage": may(request.user, Permission.MANAGE_REGISTRATIONS, event),
        "money": payments.overview_of(event),
        "may_write": Permission.SEND_MESSAGES in request.event_permissions,  # type: ignore[attr-defined]
    }
    return _private(render(request, "registrations/organize/registrations.html", context))


@require_safe
def registrations_file(request: HttpRequest, slug: str, kind: str) -> HttpResponseBase:
    """What the list shows, whole."""
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    filters = RegistrationFilters(request.GET, event=event)
    found = filters.narrow(Registration.objects.filter(event=event)).with_details().order_by("registered_at", "pk")
    return download(rows_of(event, found), name=f"{slug}-registrations", kind=kind, sheet="registrations")


@require_safe
def detail(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    registration = _found(event, code)
    state = RegistrationState(registration.state)
    sees_mail = may(request.user, Permission.SEND_MESSAGES, event)
    context = {
        "event": event,
        "registration": registration,
        "state": state_label(state),
        "tone": TONES.get(state, "neutral"),
        "country": dict(country_choices()).get(str(registration.country), ""),
        "language": dict(settings.LANGUAGES).get(registration.language, registration.language),
        "names": both_scripts(registration.name, registration.native_name, get_language() or "en"),
        "answers": shown_answers(registration),
        "turn": _turn(registration) if state == RegistrationState.WAITING else None,
        "history": _history(event, registration),
        "messages_sent": _messages(event, registration) if sees_mail else [],
        "sees_mail": sees_mail,
        "may_manage": may(request.user, Permission.MANAGE_REGISTRATIONS, event),
        "lines": list(registration.lines.all()),
        "entries": list(registration.ledger.order_by("pk")),
        "balance": payments.balance_of(registration),
        "is_pending": state == RegistrationState.PENDING,
        "has_other_tickets": event.ticket_types.count() > 1,
    }
    return _private(render(request, "registrations/organize/detail.html", context))


def _turn(registration: Registration) -> int:
    """1: the next in line for this ticket."""
    line = Registration.objects.in_line().filter(ticket_type=registration.ticket_type_id)
    return line.filter(registered_at__lt=registration.registered_at).count() + 1


def _history(event: Event, registration: Registration) -> list[dict[str, Any]]:
    entries = AuditEntry.objects.filter(
        event_id=event.pk, subject_type=registration._meta.label_lower, subject_id=str(registration.pk)
    )
    rows = []
    for entry in entries.select_related("actor").order_by("-at", "-pk")[:100]:
        row = sentence(entry)
        # Nobody signed in: the attendee did it by the link in the mail, and Lihu gave places.
        if entry.actor is None and entry.verb not in BY_ITSELF:
            row["who"] = registration.name
        rows.append({**row, "at": entry.at, "reason": entry.details.get("reason", ""), "changes": changes_of(entry)})
    return rows


def _messages(event: Event, registration: Registration) -> list[dict[str, Any]]:
    sent = Message.objects.filter(event_id=event.pk, about=notices.about(registration)).order_by("-pk")[:50]
    return [{"message": message, "title": getattr(find_kind(message.kind), "title", message.kind)} for message in sent]


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """An organizer registers somebody, before it opens and after it closes too."""
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    if not event.ticket_types.exists():
        messages.info(request, _("Make a ticket first: every registration has one."))
        return redirect("registrations:tickets", slug=slug)
    questions = questions_of(event)
    form: Any = person_form(OrganizersForm, questions)(
        request.POST or None,
        request.FILES or None,
        questions=questions,
        tickets=event.ticket_types.in_order(),
        initial={"language": get_language()},
    )
    if form.is_bound:
        keep_files(form, now=timezone.now())
    if form.is_valid():
        values = form.cleaned_data
        try:
            made = registering.register(
                event=event,
                ticket_type=values["ticket_type"],
                email=values["email"],
                answers=form.answers,
                **form.person(),
                **by(request),
            )
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("%(name)s is registered, and gets a mail.") % {"name": made.name})
            return redirect("registrations:detail", slug=slug, code=made.code)
    return render(request, "registrations/organize/add.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    registration = _found(event, code)
    form = change_form(request, registration)
    if form.is_bound:
        keep_files(form, now=timezone.now(), registration=registration)
    if form.is_valid():
        try:
            places.change_registration(
                registration=registration, changes={**form.person(), "answers": form.answers}, **by(request)
            )
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The registration is changed."))
            return redirect("registrations:detail", slug=slug, code=code)
    context = {"event": event, "registration": registration, "form": form}
    return _private(render(request, "registrations/organize/edit.html", context))


@require_safe
def file(request: HttpRequest, slug: str, code: str, reference: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    registration = _found(event, code)
    return served(get_object_or_404(registration.files, reference=reference))


@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    registration = _found(event, code)
    form = MoveForm(
        request.POST or None,
        tickets=event.ticket_types.in_order(),
        initial={"ticket_type": registration.ticket_type_id},
    )
    if form.is_valid():
        try:
            places.move_to_ticket(registration=registration, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The registration has another ticket now."))
            return redirect("registrations:detail", slug=slug, code=code)
    return _asked(request, event, registration, form, _("Another ticket for %(name)s"), submit=_("Save"))


@require_http_methods(["GET", "HEAD", "POST"])
def record_payment(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    registration = _found(event, code)
    owed = payments.balance_of(registration)["owed"]
    initial = {"key": new_secret(), **({"amount": owed} if owed > 0 else {})}
    form = PaymentForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            payments.record(registration=registration, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("It is written down."))
            return redirect("registrations:detail", slug=slug, code=code)
    return _asked(request, event, registration, form, _("Payment of %(name)s"), submit=_("Write it down"))


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    registration = _found(event, code)
    form = CancelForm(request.POST) if request.method == "POST" else CancelForm()
    if form.is_valid():
        try:
            places.cancel_registration(registration=registration, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The registration is cancelled."))
            return redirect("registrations:detail", slug=slug, code=code)
    return _asked(
        request,
        event,
        registration,
        form,
        _("Cancel the registration of %(name)s?"),
        submit=_("Cancel the registration"),
        danger=True,
    )


@require_POST
def approve(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    registration = _found(event, code)
    try:
        places.approve(registration=registration, **by(request))
    except Refusal as refusal:
        tell(request, refusal)
    else:
        messages.success(request, _("%(name)s has a place now.") % {"name": registration.name})
    return redirect("registrations:detail", slug=slug, code=code)


@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    registration = _found(event, code)
    form = CancelForm(request.POST) if request.method == "POST" else CancelForm()
    if form.is_valid():
        try:
            places.reject(registration=registration, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The registration is rejected."))
            return redirect("registrations:detail", slug=slug, code=code)
    return _asked(
        request,
        event,
        registration,
        form,
        _("Reject the registration of %(name)s?"),
        submit=_("Reject it"),
        danger=True,
    )


def _asked(
    request: HttpRequest,
    event: Event,
    registration: Registration,
    form: Any,
    title: str,
    *,
    submit: str,
    danger: bool = False,
) -> HttpResponse:
    context = {
        "event": event,
        "registration": registration,
        "form": form,
        "title": title % {"name": registration.name},
        "submit": submit,
        "danger": danger,
        "now": timezone.now(),
    }
    return render(request, "registrations/organize/ask.html", context)


def _found(event: Event, code: str) -> Registration:
    return get_object_or_404(
        Registration.objects.with_details().select_related("event__venue", "ticket_type"), event=event, code=code
    )


def _private(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, private=True, no_store=True)
    return response
