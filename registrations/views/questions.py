"""The builder of an event's form."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.problems import Refusal
from events.models import Event, Permission
from events.policies import may
from events.views.access import get_event_or_404
from events.views.acting import by, tell
from registrations.models import Question, QuestionSection, words_of
from registrations.question_forms import CopyForm, QuestionForm, SectionForm, previews_of
from registrations.services import questions as services
from registrations.services.answers import questions_of
from registrations.services.questions import Place


@require_safe
def questions(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    form = questions_of(event)
    answered = dict(event.questions.annotate(answered=Count("answers")).values_list("pk", "answered"))
    sections: list[QuestionSection] = list(event.question_sections.order_by("position", "pk"))
    may_manage = may(request.user, Permission.MANAGE_REGISTRATIONS, event)
    context = {
        "event": event,
        "blocks": [
            {
                "section": section,
                "rows": [
                    {"question": q, "answered": answered.get(q.pk, 0), "when": _when(q)}
                    for q in form
                    if q.section_id == (section.pk if section else None)
                ],
            }
            for section in [None, *sections]
        ],
        "is_empty": not form and not sections,
        "retired": [
            {"question": q, "answered": answered.get(q.pk, 0)}
            for q in event.questions.filter(is_active=False).order_by("position", "pk")
        ],
        "may_manage": may_manage,
        "can_copy": may_manage and _sources(request, event).exists(),
    }
    return render(request, "registrations/organize/questions.html", context)


def _when(question: Question) -> str:
    """Of whom it is asked; empty: of everybody."""
    rules = [", ".join(str(ticket.name) for ticket in question.ticket_types.all())]
    if decides := question.condition_question:
        words = ", ".join(words_of(decides, value) for value in question.condition_values)
        rules.append(_("if “%(question)s”: %(answers)s") % {"question": decides.label, "answers": words})
    return " · ".join(filter(None, rules))


@require_http_methods(["GET", "HEAD", "POST"])
def new_question(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    initial = {"section": request.GET.get("section", "")}
    form = QuestionForm(request.POST or None, event=event, form=questions_of(event), initial=initial)
    if "show" not in request.POST and form.is_valid():
        try:
            services.create_question(event=event, **form.asked, **by(request))
        except Refusal as refusal:
            add_problems(form, refusal)
        else:
            messages.success(request, _("The question is asked from now on."))
            return redirect("registrations:questions", slug=slug)
    return _builder(request, event, form)


@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Saves at once where nobody has answered; otherwise says what it means for them, and saves when that is confirmed."""
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    in_order = questions_of(event)
    found = next((q for q in in_order if q.pk == pk), None) or get_object_or_404(event.questions, pk=pk, is_active=True)
    found.event = event
    form = QuestionForm(request.POST or None, event=event, form=in_order, question=found)
    warnings: list[Any] = []
    if "show" not in request.POST and form.is_valid():
        if "confirmed" not in request.POST:
            warnings = services.warnings_about(found, form.asked)
        if not warnings:
            try:
                services.update_question(question=found, changes=form.asked, **by(request))
            except Refusal as refusal:
                add_problems(form, refusal)
            else:
                messages.success(request, _("The question is saved."))
                return redirect("registrations:questions", slug=slug)
    return _builder(request, event, form, question=found, warnings=warnings)


def _builder(request: HttpRequest, event: Event, form: QuestionForm, **more: Any) -> HttpResponse:
    question = more.get("question")
    shown = form.previews() if form.is_bound else previews_of(question, event) if question else []
    context = {"event": event, "form": form, "previews": shown, **more}
    return render(request, "registrations/organize/question.html", context)


def add_problems(form: QuestionForm, refusal: Refusal) -> None:
    """Settings and conditions stand beside their fields."""
    for problem in refusal.problems:
        name = problem.field.removeprefix("settings.")
        form.add_error(name if name in form.fields else None, f"{problem.message} {problem.fix}".strip())


@require_POST
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """The question as it will look, while it is being written. Writes nothing."""
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    form = QuestionForm(request.POST, event=event, form=questions_of(event))
    return render(request, "registrations/organize/_preview.html", {"event": event, "previews": form.previews()})


@require_http_methods(["GET", "HEAD", "POST"])
def delete_question(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found: Any = get_object_or_404(event.questions.annotate(answered=Count("answers")), pk=pk, is_active=True)
    found.event = event
    if request.method == "POST":
        try:
            services.delete_question(question=found, **by(request))
        except Refusal as refusal:
            tell(request, refusal)
        else:
            messages.success(request, _("The question is no longer asked."))
        return redirect("registrations:questions", slug=slug)
    context = {
        "event": event,
        "title": _("No longer ask “%(question)s”?") % {"question": found.label},
        "words": _("Answers that people have given stay, in the list and in its export.") if found.answered else "",
        "back": "registrations:questions",
    }
    return render(request, "registrations/organize/delete.html", context)


@require_POST
def restore_question(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = get_object_or_404(event.questions, pk=pk)
    found.event = event
    services.restore_question(question=found, **by(request))
    messages.success(request, _("The question is asked again."))
    return redirect("registrations:questions", slug=slug)


@require_POST
def duplicate_question(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = get_object_or_404(event.questions, pk=pk, is_active=True)
    found.event = event
    try:
        made = services.duplicate_question(question=found, **by(request))
    except Refusal as refusal:
        tell(request, refusal)
        return redirect("registrations:questions", slug=slug)
    messages.success(request, _("This is the copy. Change what is different."))
    return redirect("registrations:question", slug=slug, pk=made.pk)


@require_POST
def order(request: HttpRequest, slug: str) -> HttpResponse:
    """`order`: every line of the form, as dragged; or `move` and `by`: one line by one."""
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    if line := _line(request.GET.get("move") or request.POST.get("move", "")):
        wanted = services.moved(event, what=line, by=1 if request.POST.get("by") == "1" else -1)
    else:
        wanted = [line for name in request.POST.getlist("order") if (line := _line(name))]
    try:
        services.arrange(event=event, order=wanted, **by(request))
    except Refusal as refusal:
        tell(request, refusal)
        if request.headers.get("X-Lihu-Form"):
            return HttpResponse(status=409)
    if request.headers.get("X-Lihu-Form"):
        return HttpResponse(status=204)
    return redirect("registrations:questions", slug=slug)


def _line(name: str) -> Place | None:
    kind, _colon, number = name.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return {"section": Place(section=int(number)), "question": Place(question=int(number))}.get(kind)


# -- Sections -------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def new_section(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    form = SectionForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            services.create_section(event=event, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The section is there. Add questions, or move some into it."))
            return redirect("registrations:questions", slug=slug)
    return render(request, "registrations/organize/question_section.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def section(request: HttpRequest, slug: str, section: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = get_object_or_404(event.question_sections, pk=section)
    found.event = event
    form = SectionForm(request.POST or None, event=event, section=found)
    if form.is_valid():
        try:
            services.update_section(section=found, changes=form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The section is saved."))
            return redirect("registrations:questions", slug=slug)
    context = {"event": event, "form": form, "section": found}
    return render(request, "registrations/organize/question_section.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def delete_section(request: HttpRequest, slug: str, section: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    found = get_object_or_404(event.question_sections, pk=section)
    found.event = event
    if request.method == "POST":
        services.delete_section(section=found, **by(request))
        messages.success(request, _("The section is gone, and its questions stand in the one before."))
        return redirect("registrations:questions", slug=slug)
    context = {
        "event": event,
        "title": _("Take away the section “%(title)s”?") % {"title": found.title},
        "words": _("Its questions stay, and are asked in the section before it."),
        "back": "registrations:questions",
    }
    return render(request, "registrations/organize/delete.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def copy(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    form = CopyForm(request.POST or None, sources=_sources(request, event))
    if form.is_valid():
        try:
            made = services.copy_form(source=form.cleaned_data["source"], event=event, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            count = len(made)
            words = ngettext("%(count)s question is copied.", "%(count)s questions are copied.", count)
            messages.success(request, words % {"count": count})
            return redirect("registrations:questions", slug=slug)
    return render(request, "registrations/organize/questions_copy.html", {"event": event, "form": form})


def _sources(request: HttpRequest, event: Event) -> Any:
    """Other events with questions whose registrations the organizer may see."""
    user = by(request)["actor"]
    seen = Event.objects.where(user, Permission.SEE_REGISTRATIONS)
    managed = Event.objects.where(user, Permission.MANAGE_REGISTRATIONS)
    asked = Event.objects.filter(questions__is_active=True).exclude(pk=event.pk)
    return asked.filter(pk__in=(seen | managed).values("pk")).distinct().order_by("-starts_on")
