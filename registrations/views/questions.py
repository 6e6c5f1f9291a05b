from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from common.problems import Refusal
from events.models import Permission
from events.policies import may
from events.views.access import get_event_or_404
from events.views.acting import by
from registrations.forms import QuestionForm
from registrations.models import Question
from registrations.services import questions as services


@require_safe
def questions(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    rows = event.questions.annotate(answered=Count("answers")).order_by("position", "pk")
    context = {
        "event": event,
        "questions": [row for row in rows if row.is_active],
        "retired": [row for row in rows if not row.is_active],
        "may_manage": may(request.user, Permission.MANAGE_REGISTRATIONS, event),
    }
    return render(request, "registrations/organize/questions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_question(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    form = QuestionForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            services.create_question(event=event, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The question is asked from now on."))
            return redirect("registrations:questions", slug=slug)
    return render(request, "registrations/organize/question.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = get_object_or_404(Question.objects.select_related("event"), event=event, pk=pk, is_active=True)
    form = QuestionForm(request.POST or None, event=event, question=found)
    if form.is_valid():
        try:
            services.update_question(question=found, changes=form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The question is saved."))
            return redirect("registrations:questions", slug=slug)
    context = {"event": event, "form": form, "question": found}
    return render(request, "registrations/organize/question.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def delete_question(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found: Any = get_object_or_404(event.questions.annotate(answered=Count("answers")), pk=pk, is_active=True)
    if request.method == "POST":
        services.delete_question(question=found, **by(request))
        messages.success(request, _("The question is no longer asked."))
        return redirect("registrations:questions", slug=slug)
    context = {
        "event": event,
        "title": _("No longer ask “%(question)s”?") % {"question": found.label},
        "words": _("Answers that people have given stay, in the list and in its export.") if found.answered else "",
        "back": "registrations:questions",
    }
    return render(request, "registrations/organize/delete.html", context)
