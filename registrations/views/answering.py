"""What every page with the event's questions does: files, forms that were open too long, and pages that are kept for everybody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.utils.cache import patch_cache_control

from common.codes import new_secret
from common.problems import Invalid
from registrations.answer_fields import AnswersForm
from registrations.forms import PersonForm, initial_from, person_form, stored_answers
from registrations.models import QuestionKind, Registration
from registrations.offers import ProductOffer, TicketOffer
from registrations.services import answers

#: The fields of a public form that are different for each reader.
_TOKENS: Final = re.compile(r'(<input[^>]* name="(csrfmiddlewaretoken|token)" value=")[^"]*')


class _Check(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def is_expired(request: HttpRequest) -> bool:
    """Whether the POST lacks the page's own key: the page was open for too long, or the request is forged. For views that are exempt
    from the middleware's answer, which forgets what was typed."""
    check = _Check(lambda _request: HttpResponse())
    check.process_request(request)
    reason: Any = check.process_view(request, HttpResponse, (), {})
    return reason is not None


def change_form(request: HttpRequest, registration: Registration) -> Any:
    """The form with what the registration says now, for its owner or an organizer."""
    questions = answers.questions_of(registration.event)
    ticket = registration.ticket_type_id
    asked = [question for question in questions if not question.ticket_ids or ticket in question.ticket_ids]
    stored = stored_answers(registration)
    form = person_form(PersonForm, asked)(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        initial=initial_from(registration),
        questions=asked,
        stored=stored,
    )
    form.ticket_id = ticket
    files = {file.reference: file for file in registration.files.all()}
    for question in asked:
        answer = stored.get(question.identifier)
        if question.kind == QuestionKind.FILE and answer and answer.value in files:
            form.keep(question, files[answer.value])
    return form


def keep_files(form: AnswersForm, *, now: Any, registration: Registration | None = None) -> None:
    """Store what was sent, so that it need not be sent again if something else is wrong."""
    mine = {file.reference: file for file in registration.files.all()} if registration else {}
    for question, upload, reference in form.uploads:
        if reference:
            sent = mine.get(reference) or answers.unattached_file(question=question, reference=reference)
            if sent is not None and sent.question_id == question.pk:
                form.keep(question, sent)
        if upload is not None:
            try:
                form.keep(question, answers.keep_file(question=question, upload=upload, now=now))
            except Invalid as refusal:
                form.refuse(question, refusal.problems)


# -- Public forms -------------------------------------------------------------------------------------------------------


class ForEachReader:
    """The page of somebody of whom nothing is known, but for the tokens of whoever asks."""

    def __init__(self, page: HttpResponse) -> None:
        text, end = page.content.decode(), 0
        # What goes before each token, and which it is.
        self._pieces: list[tuple[bytes, str]] = []
        for found in _TOKENS.finditer(text):
            self._pieces.append((text[end : found.end(1)].encode(), found[2]))
            end = found.end(0)
        self._rest = text[end:].encode()

    def answer(self, request: HttpRequest) -> HttpResponse:
        tokens = {"csrfmiddlewaretoken": get_token(request).encode(), "token": new_secret().encode()}
        parts = [part for before, name in self._pieces for part in (before, tokens[name])]
        return not_stored(HttpResponse(b"".join([*parts, self._rest])))


def as_shown(offers: Sequence[TicketOffer | ProductOffer]) -> list[tuple[str, str]]:
    """What a page that is kept depends on."""
    return [(offer.state, offer.words) for offer in offers]


def not_stored(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, private=True, no_store=True)
    return response


def as_asked(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """A script that sent the form is told where to go: it could not see where a redirect leads."""
    if request.headers.get("X-Lihu-Form"):
        return JsonResponse({"location": answer["Location"]})
    return answer
