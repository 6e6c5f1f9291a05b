"""Tickets and the quotas that they count in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from common.problems import Refusal
from events.models import Event, Permission
from events.policies import may
from events.views.access import get_event_or_404
from events.views.acting import by
from registrations.forms import QuotaForm, TicketTypeForm
from registrations.models import IS_KEPT, LineItem, LineState, Quota, Registration, RegistrationState, TicketType
from registrations.offers import offers_of, product_offers_of
from registrations.services import tickets as services

TONES = {"open": "success", "waiting_list": "warning", "full": "warning", "not_yet": "info", "closed": "neutral"}


@require_safe
def tickets(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    context = {
        "event": event,
        "quotas": _quotas(event),
        "tickets": _rows(event),
        "products": _products(event),
        "may_manage": may(request.user, Permission.MANAGE_REGISTRATIONS, event),
    }
    return render(request, "registrations/organize/tickets.html", context)


def _rows(event: Event) -> list[dict[str, Any]]:
    counts = {
        row["ticket_type"]: row
        for row in Registration.objects.filter(event=event)
        .values("ticket_type")
        .annotate(
            confirmed=Count("pk", filter=Q(state=RegistrationState.CONFIRMED)),
            waiting=Count("pk", filter=Q(state=RegistrationState.WAITING)),
            pending=Count("pk", filter=Q(state=RegistrationState.PENDING)),
        )
    }
    nothing = {"confirmed": 0, "waiting": 0, "pending": 0}
    return [
        {
            "ticket": offer.ticket,
            "state": _words()[offer.state],
            "tone": TONES[offer.state],
            "quotas": ", ".join(quota.name for quota in offer.ticket.quotas.all()),
            **counts.get(offer.ticket.pk, nothing),
        }
        for offer in offers_of(event, timezone.now())
    ]


def _products(event: Event) -> list[dict[str, Any]]:
    counts = {
        row["product"]: row
        for row in LineItem.objects.filter(registration__event=event)
        .values("product")
        .annotate(
            kept=Sum("quantity", filter=Q(state__in=IS_KEPT), default=0),
            waiting=Sum("quantity", filter=Q(state=LineState.WAITING), default=0),
        )
    }
    nothing = {"kept": 0, "waiting": 0}
    return [
        {
            "product": offer.product,
            "state": _words()[offer.state],
            "tone": TONES[offer.state],
            "quotas": ", ".join(quota.name for quota in offer.product.quotas.all()),
            "kept": counts.get(offer.product.pk, nothing)["kept"],
            "waiting": counts.get(offer.product.pk, nothing)["waiting"],
        }
        for offer in product_offers_of(event, timezone.now())
    ]


def _quotas(event: Event) -> list[dict[str, Any]]:
    """Each with what counts in it."""
    quotas: Any = event.quotas.with_held().prefetch_related("ticket_types", "products").order_by("pk")
    return [
        {
            "quota": quota,
            "by_tickets": quota.by_tickets,
            "by_products": quota.by_products,
            "tickets": list(quota.ticket_types.all()),
            "products": list(quota.products.all()),
        }
        for quota in quotas
    ]


def _words() -> dict[str, str]:
    return {
        "open": _("open"),
        "waiting_list": _("full, waiting list"),
        "full": _("full"),
        "not_yet": _("not open yet"),
        "closed": _("closed"),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def new_quota(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    form = QuotaForm(request.POST or None)
    if form.is_valid():
        try:
            services.create_quota(event=event, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The quota is there. Now make a ticket that counts in it."))
            return redirect("registrations:tickets", slug=slug)
    return render(request, "registrations/organize/quota.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def quota(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = get_object_or_404(Quota, event=event, pk=pk)
    form = QuotaForm(request.POST or None, quota=found)
    if form.is_valid():
        try:
            services.resize_quota(quota=found, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The quota is saved."))
            return redirect("registrations:tickets", slug=slug)
    return render(request, "registrations/organize/quota.html", {"event": event, "form": form, "quota": found})


@require_http_methods(["GET", "HEAD", "POST"])
def delete_quota(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = get_object_or_404(Quota, event=event, pk=pk)
    problems = []
    if request.method == "POST":
        try:
            services.delete_quota(quota=found, **by(request))
        except Refusal as refusal:
            problems = refusal.problems
        else:
            messages.success(request, _("The quota is deleted."))
            return redirect("registrations:tickets", slug=slug)
    context = {"event": event, "title": _("Delete the quota “%(name)s”?") % {"name": found.name}, "problems": problems}
    return render(request, "registrations/organize/delete.html", {**context, "back": "registrations:tickets"})


@require_http_methods(["GET", "HEAD", "POST"])
def new_ticket(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    quotas = list(event.quotas.order_by("pk"))
    if not quotas:
        messages.info(request, _("A ticket counts in a quota: first say how many places there are."))
        return redirect("registrations:new_quota", slug=slug)
    initial = {"quotas": [quotas[0].pk]} if len(quotas) == 1 else {}
    form = TicketTypeForm(request.POST or None, event=event, initial=initial)
    if form.is_valid():
        try:
            services.create_ticket_type(event=event, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The ticket is there."))
            return redirect("registrations:tickets", slug=slug)
    return render(request, "registrations/organize/ticket.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def ticket(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = _ticket(event, pk)
    form = TicketTypeForm(request.POST or None, event=event, thing=found)
    if form.is_valid():
        try:
            services.update_ticket_type(ticket_type=found, changes=form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The ticket is saved."))
            return redirect("registrations:tickets", slug=slug)
    return render(request, "registrations/organize/ticket.html", {"event": event, "form": form, "ticket": found})


@require_http_methods(["GET", "HEAD", "POST"])
def delete_ticket(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = _ticket(event, pk)
    problems = []
    if request.method == "POST":
        try:
            services.delete_ticket_type(ticket_type=found, **by(request))
        except Refusal as refusal:
            problems = refusal.problems
        else:
            messages.success(request, _("The ticket is deleted."))
            return redirect("registrations:tickets", slug=slug)
    context = {"event": event, "title": _("Delete the ticket “%(name)s”?") % {"name": found.name}, "problems": problems}
    return render(request, "registrations/organize/delete.html", {**context, "back": "registrations:tickets"})


def _ticket(event: Event, pk: int) -> TicketType:
    return get_object_or_404(TicketType.objects.select_related("event").prefetch_related("quotas"), event=event, pk=pk)
