"""What every page with the event's questions does: files, forms that were open too long, and files handed out again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from common.problems import Invalid
from registrations.answer_fields import AnswersForm
from registrations.forms import PersonForm, initial_from, person_form, stored_answers
from registrations.models import QuestionKind, Registration
from registrations.services import answers


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
    asked = [q for q in questions if ticket in (tickets := {t.pk for t in q.ticket_types.all()}) or not tickets]
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
