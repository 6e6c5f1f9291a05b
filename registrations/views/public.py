"""Registering, and one's own registration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_countries import countries

from accounts.models import User
from accounts.names import both_scripts
from common import qr
from common.codes import new_code, new_secret
from common.forms import Form
from common.money import money
from common.problems import Refusal
from events.views.access import get_public_event_or_404, may_see
from notifications import calendar_part
from registrations import notices
from registrations.downloads import served
from registrations.forms import CancelForm, RegistrationForm, person_form
from registrations.models import (
    HAS_ITS_PLACE,
    AnswerFile,
    LineState,
    Question,
    QuestionKind,
    Registration,
    RegistrationState,
    words_of,
)
from registrations.offers import ProductOffer, TicketOffer, offers_in, product_offers_in, product_offers_of
from registrations.product_fields import with_products
from registrations.services import payments, places, products, promotion, registering
from registrations.services.agendas import agenda_of
from registrations.services.registering import CannotRegister
from registrations.services.setups import Setup, setup_and_places_at
from registrations.views.answering import (
    ForEachReader,
    as_asked,
    as_shown,
    change_form,
    is_expired,
    keep_files,
    not_stored,
)
from registrations.views.owning import own_and_setup, own_or_404, private

#: Stand for what is each reader's own in a page that is kept.
_MARKS: Final = {"code": new_code()} | {
    part: new_secret() for part in ("secret", "name", "email", "qr", "facts", "followed")
}
_MARKED: Final = re.compile(f"({'|'.join(_MARKS.values())})")
TONES = {
    RegistrationState.CONFIRMED: "success",
    RegistrationState.WAITING: "warning",
    RegistrationState.PENDING: "info",
    RegistrationState.OFFERED: "info",
    RegistrationState.AWAITING_PAYMENT: "warning",
}


@login_not_required
@csrf_exempt  # checked below: a form that was open too long is answered with what was typed in it
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest, slug: str) -> HttpResponse:
    """One page, one POST. `switch` in the POST shows the same form in another language, with what was typed."""
    found = setup_and_places_at(slug)
    if found is None or not may_see(request, found[0].event):
        raise Http404
    (setup, left), now = found, timezone.now()
    offers, products = offers_in(setup, left, now), product_offers_in(setup, left, now)
    if request.method == "POST" or request.GET or request.user.is_authenticated:
        return _form_page(request, setup, offers, products)

    def blank() -> ForEachReader:
        return ForEachReader(_form_page(request, setup, offers, products))

    shown = [as_shown(offers), as_shown(products)]
    return setup.kept(("blank form", get_language()), shown, blank).answer(request)


def _form_page(
    request: HttpRequest, setup: Setup, offers: list[TicketOffer], products: list[ProductOffer]
) -> HttpResponse:
    event = setup.event
    form_class = _form_class(setup, products)
    open_tickets = [offer.ticket for offer in offers if offer.is_open]
    keywords: dict[str, Any] = {"questions": setup.questions, "tickets": open_tickets}
    has_expired = False
    if request.method == "POST":
        has_expired = is_expired(request)
        data: QueryDict = request.POST
        if "token" not in data:
            data = data.copy()
            data.setdefault("token", new_secret())
        form = form_class(data, request.FILES, **keywords)
        if has_expired:
            # Nothing of a request that may be forged is written, files included.
            form.unchecked()
        else:
            keep_files(form, now=timezone.now())
            if "switch" in request.POST:
                form.unchecked()
            elif form.is_valid() and (answer := _registered(request, setup, form)):
                return as_asked(request, answer)
    else:
        form = form_class(initial=_known(request, open_tickets), **keywords)
    response = render(
        request,
        "registrations/register.html",
        {
            "event": event,
            "form": form,
            "offers": offers,
            "tickets": _shown(offers, form),
            "can_register": any(offer.is_open for offer in offers),
            "has_expired": has_expired,
            "tab": "register",
        },
    )
    return not_stored(response)


def _form_class(setup: Setup, products: list[ProductOffer]) -> type[Any]:
    """In the language of the request."""

    def make() -> type[Any]:
        return with_products(person_form(RegistrationForm, setup.questions), products)

    return setup.kept(("form", get_language()), as_shown(products), make)


def _registered(request: HttpRequest, setup: Setup, form: Any) -> HttpResponse | None:
    """The answer to a form that is filled in right; None where the form now says why not."""
    event = setup.event
    if form.cleaned_data["website"]:
        # A program filled in what people do not see. It is told nothing, and nothing is written.
        return redirect("registrations:sent", slug=event.slug)
    values = form.cleaned_data
    try:
        registration = registering.register(
            event=event,
            ticket_type=values["ticket_type"],
            email=values["email"],
            answers=form.answers,
            products=form.products,
            form_token=values["token"],
            setup=setup,
            actor=request.user if isinstance(request.user, User) else None,
            now=timezone.now(),
            **form.person(),
        )
    except CannotRegister as refusal:
        if any(problem.code == "already_registered" for problem in refusal.problems):
            # Whoever types an address must not learn whether it is registered; its owner gets a mail.
            registering.remind_of_registration(event=event, emails=[values["email"]], now=timezone.now())
            return redirect("registrations:sent", slug=event.slug)
        form.add_problems(refusal.problems)
    except Refusal as refusal:
        form.add_problems(refusal.problems)
    else:
        return redirect(registration)
    return None


def _known(request: HttpRequest, tickets: Any) -> dict[str, Any]:
    """Nothing is asked that is known; a person without an account is asked everything."""
    known: dict[str, Any] = {"token": new_secret(), "language": get_language()}
    if len(tickets) == 1:
        known["ticket_type"] = tickets[0].pk
    if isinstance(request.user, User):
        known |= {"name": request.user.name, "email": request.user.email, "language": request.user.language}
        if person := getattr(request.user, "person", None):
            names = ("name", "family_name", "native_name", "affiliation")
            known |= {name: getattr(person, name) for name in names if getattr(person, name)}
            known["institution"] = person.institution_id
            known["country"] = person.country.code or ""
    return known


def _shown(offers: list[TicketOffer], form: Any) -> list[dict[str, Any]]:
    chosen = str(form["ticket_type"].value() or "")
    return [{"offer": offer, "is_chosen": str(offer.ticket.pk) == chosen} for offer in offers]


@login_not_required
@require_safe
def sent(request: HttpRequest, slug: str) -> HttpResponse:
    """Where the address is registered already, and for programs: says the same to both."""
    event = get_public_event_or_404(request, slug)
    return render(request, "registrations/sent.html", {"event": event})


# -- One's own ----------------------------------------------------------------------------------------------------------


@login_not_required
@require_safe
def registration(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    found, setup = own_and_setup(slug, code, secret)
    now = timezone.now()
    if found.has_overdue(now):
        # Nobody is shown an offer that ran out, however long ago the sweeper came by.
        promotion.expire_overdue(event_id=found.event_id, now=now)
        found = own_or_404(request, slug, code, secret)
    lines = list(found.lines.all())
    offers = product_offers_in(setup, setup.places_left(), now) if setup.products else []
    context = {
        "event": found.event,
        "registration": found,
        "lines": lines,
        "balance": payments.balance_of(found) if found.amount > 0 or lines else None,
        "has_products": bool(lines) or any(offer.is_open for offer in offers),
        "tone": TONES.get(RegistrationState(found.state), "neutral"),
        "names": both_scripts(found.name, found.native_name, get_language() or "en"),
        "answers": shown_answers(found),
        "agenda": agenda_of(found),
        "tab": "register",
    }
    return private(HttpResponse(_own_page(request, setup, context)))


def _own_page(request: HttpRequest, setup: Setup, context: dict[str, Any]) -> str:
    """Most of it is the same for everybody in the same state of whom nothing is wanted and who has no message waiting, but for
    words that are put in; and kept."""
    own: Registration = context["registration"]
    parts = {
        "qr": mark_safe(qr_of(own, border=2)) if own.state == RegistrationState.CONFIRMED else "",  # noqa: S308 (made here)
        "facts": _facts(context),
        "followed": render_to_string("registrations/_agenda.html", context, request) if context["agenda"] else "",
    }

    def page(**shown: object) -> str:
        return render_to_string("registrations/registration.html", context | shown, request)

    is_wanted = own.state == RegistrationState.OFFERED or context["lines"] or context["balance"]
    if is_wanted or request.GET or messages.get_messages(request):
        return page(**parts)
    its = {"code": own.code, "secret": own.secret, "name": own.name, "email": own.email}

    def pieces() -> list[str]:
        """The page of anybody; every second piece is a mark."""
        anybody = Registration(event=setup.event, state=own.state, **{name: _MARKS[name] for name in its})
        marked = {name: _MARKS[name] for name, part in parts.items() if part}
        return _MARKED.split(page(registration=anybody, **marked))

    kept = setup.kept(
        ("own page", get_language(), own.state), (bool(context["agenda"]), context["has_products"]), pieces
    )
    put_in = {_MARKS[name]: conditional_escape(value) for name, value in (its | parts).items()}
    return "".join(put_in[piece] if place % 2 else piece for place, piece in enumerate(kept))


def _facts(context: dict[str, Any]) -> SafeString:
    """What the registration says. Not by a template: it is different for everybody, and took half of the time of their page."""
    own: Registration = context["registration"]
    rows: list[tuple[object, object]] = [(_("Ticket"), _priced(own.ticket_type.name, own.ticket_price, own.currency))]
    for line in context["lines"]:
        quantity = _priced(_nums(line.quantity), line.unit_price and line.total, own.currency)
        is_held = line.state == LineState.HELD
        rows.append(
            (line.product.name, quantity if is_held else format_html("{} · {}", quantity, line.get_state_display()))
        )
    if (balance := context["balance"]) and balance["paid"]:
        rows.append((_("Paid"), _nums(money(balance["paid"], own.currency))))
    rows += [
        (_("Code"), _nums(own.code)),
        (_("Name"), format_html_join(" · ", "<bdi>{}</bdi>", ((name,) for name in context["names"] if name))),
        (_("E-mail address"), own.email),
    ]
    if own.affiliation:
        rows.append((_("University or organisation"), format_html("<bdi>{}</bdi>", own.affiliation)))
    if own.country:
        rows.append((_("Country or region"), countries.name(str(own.country))))
    rows += [(answer.label, _answered(own, answer)) for answer in context["answers"]]
    return format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", rows)


def _nums(text: object) -> SafeString:
    return format_html('<span class="nums">{}</span>', text)


def _priced(what: object, amount: Decimal, currency: str) -> object:
    return format_html("{} · {}", what, _nums(money(amount, currency))) if amount else what


def _answered(own: Registration, answer: ShownAnswer) -> SafeString:
    if answer.file is None:
        return format_html('<bdi class="pre-line">{}</bdi>', answer.words)
    address = reverse("registrations:file", args=[own.event.slug, own.code, own.secret, answer.file.reference])
    return format_html('<a href="{}"><bdi>{}</bdi></a>', address, answer.words)


@login_not_required
@csrf_exempt  # checked below, as in `register`
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    found = own_or_404(request, slug, code, secret)
    if not found.is_live:
        return redirect(found)
    form = change_form(request, found)
    has_expired = request.method == "POST" and is_expired(request)
    if has_expired:
        form.unchecked()
    elif form.is_bound:
        keep_files(form, now=timezone.now(), registration=found)
    if not has_expired and form.is_valid():
        try:
            places.change_registration(
                registration=found,
                changes={**form.person(), "answers": form.answers},
                actor=request.user if isinstance(request.user, User) else None,
                now=timezone.now(),
            )
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("Your registration is changed."))
            return redirect(found)
    context = {
        "event": found.event,
        "registration": found,
        "form": form,
        "has_expired": has_expired,
        "tab": "register",
    }
    return private(render(request, "registrations/change.html", context))


@login_not_required
@require_safe
def file(request: HttpRequest, slug: str, code: str, secret: str, reference: str) -> HttpResponse:
    found = own_or_404(request, slug, code, secret)
    return private(served(get_object_or_404(found.files, reference=reference)))


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    found = own_or_404(request, slug, code, secret)
    if request.method == "POST":
        try:
            places.cancel_registration(
                registration=found,
                actor=request.user if isinstance(request.user, User) else None,
                now=timezone.now(),
            )
        except Refusal as refusal:
            for problem in refusal.problems:
                messages.error(request, f"{problem.message} {problem.fix}")
        else:
            messages.success(request, _("Your registration is cancelled, and your place has gone back."))
        return redirect(found)
    if not found.is_live:
        return redirect(found)
    context = {"event": found.event, "registration": found, "form": CancelForm(), "tab": "register"}
    return private(render(request, "registrations/cancel.html", context))


@login_not_required
@require_POST
def answer_offer(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    """Accept or decline the place that is kept, or the product of `line`."""
    found = own_or_404(request, slug, code, secret)
    chosen = request.POST.get("line", "")
    line = found.lines.filter(pk=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 18 else None
    accepts = request.POST.get("answer") == "accept"
    service = places.accept_offer if accepts else places.decline_offer
    try:
        service(
            registration=found,
            line=line,
            actor=request.user if isinstance(request.user, User) else None,
            now=timezone.now(),
        )
    except Refusal as refusal:
        found.refresh_from_db()
        # The same answer sent twice is one answer.
        if not (accepts and found.state in HAS_ITS_PLACE and refusal.problems[0].code == "not_offered"):
            for problem in refusal.problems:
                messages.error(request, f"{problem.message} {problem.fix}")
    else:
        messages.success(request, _("It is yours.") if accepts else _("It has gone to the next in line."))
    return redirect(found)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_products(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    found = own_or_404(request, slug, code, secret)
    if not found.is_live:
        return redirect(found)
    form: Any = with_products(Form, product_offers_of(found.event, timezone.now()), list(found.lines.all()))(
        request.POST if request.method == "POST" else None
    )
    if form.is_valid():
        try:
            products.change_products(
                registration=found,
                products=form.products,
                actor=request.user if isinstance(request.user, User) else None,
                now=timezone.now(),
            )
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("Your products are changed."))
            return redirect(found)
    context = {"event": found.event, "registration": found, "form": form, "tab": "register"}
    return private(render(request, "registrations/change_products.html", context))


@login_not_required
@require_safe
def ticket(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    """The QR code as a picture."""
    found = own_or_404(request, slug, code, secret)
    if found.state != RegistrationState.CONFIRMED:
        raise Http404
    return private(HttpResponse(qr_of(found), content_type="image/svg+xml"))


@login_not_required
@require_safe
def calendar(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    found = own_or_404(request, slug, code, secret)
    event = found.event
    body = calendar_part.for_download(notices.calendar(found, method="PUBLISH"))
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{event.slug}.ics"'
    return private(response)


@dataclass(frozen=True, kw_only=True)
class ShownAnswer:
    label: str
    words: str
    file: AnswerFile | None = None


def qr_of(registration: Registration, *, border: int = qr.QUIET) -> str:
    """What the door scans: code and secret, so that a code overheard opens nothing."""
    return qr.svg_of(f"LIHU:{registration.event.slug}:{registration.code}:{registration.secret}", border=border)


def shown_answers(registration: Registration) -> list[ShownAnswer]:
    """Question and answer in the words that were answered, in the order in which they are asked now."""
    in_order = sorted(registration.answers.all(), key=lambda answer: _place(answer.question))
    has_files = any(answer.version.kind == QuestionKind.FILE for answer in in_order)
    files = {file.reference: file for file in registration.files.all()} if has_files else {}
    return [
        ShownAnswer(
            label=str(answer.version.label),
            words=words_of(answer.version, answer.value, files=files.values()),
            file=files.get(answer.value) if answer.version.kind == QuestionKind.FILE else None,
        )
        for answer in in_order
    ]


def _place(question: Question) -> tuple[int, int, int, int]:
    section = question.section
    return (section.position if section else -1, section.pk if section else -1, question.position, question.pk)
