"""Registering several people at once, and how they stand afterwards."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from common.codes import new_secret
from common.problems import Refusal
from events.views.access import get_public_event_or_404, may_see
from registrations.answering import needed
from registrations.group_forms import GroupForm, change_people, member_form
from registrations.models import RegistrationGroup, RegistrationState
from registrations.offers import TicketOffer, offers_in
from registrations.services import registering
from registrations.services.setups import Setup, setup_and_places_at
from registrations.views.answering import ForEachReader, as_asked, as_shown, is_expired, keep_files, not_stored
from registrations.views.owning import private
from registrations.views.public import TONES


@login_not_required
@csrf_exempt  # checked below: a form that was open too long is answered with what was typed in it
@require_http_methods(["GET", "HEAD", "POST"])
def register_group(request: HttpRequest, slug: str) -> HttpResponse:
    """As `public.register`. `add` and `remove` in the POST show the same form with one person more or fewer."""
    found = setup_and_places_at(slug)
    if found is None or not may_see(request, found[0].event):
        raise Http404
    setup, left = found
    offers = offers_in(setup, left, timezone.now())
    if request.method == "POST" or request.GET or request.user.is_authenticated:
        return _form_page(request, setup, offers)

    def blank() -> ForEachReader:
        return ForEachReader(_form_page(request, setup, offers))

    return setup.kept(("blank group form", get_language()), as_shown(offers), blank).answer(request)


def _form_page(request: HttpRequest, setup: Setup, offers: list[TicketOffer]) -> HttpResponse:
    questions = needed(setup.questions)
    open_tickets = [offer.ticket for offer in offers if offer.is_open]
    keywords: dict[str, Any] = {
        "member_class": setup.kept(("group form", get_language()), None, lambda: member_form(questions)),
        "questions": questions,
        "tickets": open_tickets,
        "initial": {"token": new_secret(), "language": get_language()},
    }
    has_expired, newest = False, ""
    if request.method == "POST":
        has_expired = is_expired(request)
        data = request.POST.copy()
        data.setdefault("token", new_secret())
        newest = change_people(data)
        form = GroupForm(data=data, files=request.FILES, **keywords)
        if has_expired:
            # Nothing of a request that may be forged is written, files included.
            form.unchecked()
        else:
            for member in form.members:
                keep_files(member, now=timezone.now())
            if request.POST.keys() & {"switch", "add", "remove"}:
                form.unchecked()
            elif form.is_valid() and (answer := _registered(request, setup, form)):
                return as_asked(request, answer)
    else:
        form = GroupForm(**keywords)
    context = {
        "event": setup.event,
        "form": form,
        "offers": offers,
        "can_register": bool(open_tickets),
        "waiting_lists": {ticket.waiting_list for ticket in open_tickets},
        "says_more": len(questions) < len(setup.questions),
        "has_products": bool(setup.products),
        "has_expired": has_expired,
        "newest": newest,
        "tab": "register",
    }
    return not_stored(render(request, "registrations/register_group.html", context))


def _registered(request: HttpRequest, setup: Setup, form: GroupForm) -> HttpResponse | None:
    """The answer to a form that is filled in right; None where the form now says why not."""
    event = setup.event
    if form.shared.cleaned_data["website"]:
        # A program filled in what people do not see. It is told nothing, and nothing is written.
        return redirect("registrations:sent", slug=event.slug)
    people = form.people
    try:
        registrations = registering.register_group(
            event=event,
            people=people,
            form_token=form.shared.cleaned_data["token"],
            setup=setup,
            actor=request.user if isinstance(request.user, User) else None,
            now=timezone.now(),
        )
    except Refusal as refusal:
        if any(problem.code == "already_registered" for problem in refusal.problems):
            emails = [person.email for person in people]
            registering.remind_of_registration(event=event, emails=emails, now=timezone.now())
            if len(people) == 1:
                # Whoever types an address must not learn whether it is registered.
                return redirect("registrations:sent", slug=event.slug)
        form.add_problems(refusal.problems)
        return None
    # Sent again after somebody registered anew by themselves, they are no longer of this group.
    group = next((registration.group for registration in registrations if registration.group), None)
    if group is None:
        return redirect("registrations:sent", slug=event.slug)
    return redirect("registrations:group", slug=event.slug, token=group.token)


@login_not_required
@require_safe
def group(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """How each of them stands, for whoever registered them: without the secrets, which each gets by mail. Who is signed in as one
    of them finds the way to their own."""
    event = get_public_event_or_404(request, slug)
    found = get_object_or_404(RegistrationGroup.objects.of_token(token), event=event)
    registrations = list(event.registrations.filter(group=found).select_related("ticket_type", "person").order_by("pk"))
    states = {registration.state for registration in registrations}
    rows = [
        {
            "registration": registration,
            "tone": TONES.get(RegistrationState(registration.state), "neutral"),
            "url": registration.get_absolute_url()
            if request.user.is_authenticated and registration.person.user_id == request.user.pk
            else "",
        }
        for registration in registrations
    ]
    context = {
        "event": event,
        "rows": rows,
        "state": states.pop() if len(states) == 1 else "",
        "tab": "register",
    }
    return private(render(request, "registrations/group.html", context))
