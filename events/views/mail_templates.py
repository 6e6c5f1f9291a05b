"""An event's own words for its mails, tried out while they are written."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from common.problems import Refusal
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by, tell
from notifications.forms import WordsForm
from notifications.models import MailTemplate
from notifications.notices import NoticeKind, PlaceholderType, all_kinds, find_kind
from notifications.origins import origins_of
from notifications.services import rendering
from notifications.services import templates as services
from notifications.views.framing import framed


@require_safe
def mail_templates(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    own = {template.kind: template for template in MailTemplate.objects.filter(event_id=event.pk)}
    rows = [
        {
            "kind": kind,
            "subject": rendering.default_words(kind, rendering.interface_language(request.LANGUAGE_CODE)).subject,
            "languages": _languages(own[kind.code]) if kind.code in own else [],
        }
        for kind in all_kinds()
        if kind.is_editable
    ]
    return render(request, "events/mail/templates.html", {"event": event, "rows": rows})


def _languages(template: MailTemplate) -> list[str]:
    """Names of the languages in which there are own words."""
    names = dict(settings.LANGUAGES)
    codes = rendering.own_texts(template.subject).keys() | rendering.own_texts(template.body).keys()
    return [str(names.get(code, code or _("all languages"))) for code in sorted(codes)]


@require_http_methods(["GET", "HEAD", "POST"])
def mail_template(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    chosen = _kind_or_404(kind)
    template = MailTemplate.objects.filter(event_id=event.pk, kind=chosen.code).first()
    initial = {"subject": template.subject, "body": template.body} if template else _defaults(chosen, event)
    form = WordsForm(request.POST or None, locales=event.locales, initial=initial)
    if form.is_valid():
        try:
            services.save_template(event_id=event.pk, kind=chosen, **_typed(form, chosen, event), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The words are saved. Mails that go out from now on have them."))
            return redirect("events:mail_template", slug=slug, kind=kind)
    return render(
        request,
        "events/mail/template.html",
        {
            "event": event,
            "form": form,
            "kind": chosen,
            "is_own": template is not None,
            "placeholders": placeholders_of(chosen),
            "languages": preview_languages(event),
        },
    )


def _defaults(kind: NoticeKind, event: Event) -> dict[str, Any]:
    words = {code: rendering.default_words(kind, rendering.interface_language(code)) for code in event.locales}
    return {
        "subject": rendering.as_localized({code: text.subject for code, text in words.items()}),
        "body": rendering.as_localized({code: text.body for code, text in words.items()}),
    }


def _typed(form: WordsForm, kind: NoticeKind, event: Event) -> dict[str, dict[str, str]]:
    """All languages as typed; nothing where they are all still Lihu's words, so that these go on being followed."""
    defaults = _defaults(kind, event)
    typed = {
        name: {
            code: text.replace("\r\n", "\n")
            for code, text in rendering.own_texts(form.cleaned_data[name] or "").items()
        }
        for name in ("subject", "body")
    }
    is_unchanged = all(
        text.strip() == rendering.own_texts(defaults[name]).get(code, "").strip()
        for name, texts in typed.items()
        for code, text in texts.items()
    )
    return {"subject": {}, "body": {}} if is_unchanged else typed


def placeholders_of(kind: NoticeKind) -> list[dict[str, str]]:
    """What may be written into words, with what it stands for and how it could look."""
    context = rendering.example_context(kind)
    language = rendering.interface_language(get_language() or settings.LANGUAGE_CODE)
    return [
        {
            "written": f"{{{placeholder.name}}}",
            "label": str(placeholder.label),
            "example": str(
                rendering.text_of(
                    context[placeholder.name], placeholder.type, language=language, zone=settings.CAMPUS_TIME_ZONE
                )
            ),
            "is_link": "1" if placeholder.type is PlaceholderType.LINK else "",
        }
        for placeholder in kind.placeholders
    ]


def preview_languages(event: Event) -> list[dict[str, str]]:
    names = dict(settings.LANGUAGES)
    return [{"code": code, "name": str(names.get(code, code))} for code in event.locales]


@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The mail with the words of the form, or those that are saved; made for a frame. Nothing is stored."""
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    chosen = _kind_or_404(kind, must_be_editable=False)
    given = request.POST if request.method == "POST" else request.GET
    language = given.get("preview_language") or event.best_language()
    subject, body = "", ""
    if request.method == "POST":
        form = WordsForm(request.POST, locales=event.locales)
        form.is_valid()
        subject, body = (form.cleaned_data.get(name) or "" for name in ("subject", "body"))
        if problems := services.problems_with_template(chosen, subject=subject, body=body):
            problems = [problem for problem in problems if problem.code != "not_editable"]
            if problems:
                return framed(render_to_string("events/mail/preview_problems.html", {"problems": problems}))
    elif template := MailTemplate.objects.filter(event_id=event.pk, kind=chosen.code).first():
        subject, body = template.subject, template.body
    mail = services.preview(
        chosen, language=language, subject=subject, body=body, origin=origins_of([event.pk])[event.pk]
    )
    if given.get("preview_part") == "text":
        with override(rendering.interface_language(mail.language)):
            return framed(render_to_string("events/mail/preview_text.html", {"mail": mail}))
    return framed(mail.html)


@require_POST
def reset(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    services.reset_template(event_id=event.pk, kind=_kind_or_404(kind), **by(request))
    messages.success(request, _("Lihu's words are used again."))
    return redirect("events:mail_template", slug=slug, kind=kind)


@require_POST
def test(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEND_MESSAGES)
    assert isinstance(request.user, User)
    try:
        services.send_test(event_id=event.pk, kind=_kind_or_404(kind), **by(request))
    except Refusal as refusal:
        tell(request, refusal)
    else:
        messages.success(request, _("A test mail is on its way to %(address)s.") % {"address": request.user.email})
    return redirect("events:mail_template", slug=slug, kind=kind)


def _kind_or_404(code: str, *, must_be_editable: bool = True) -> NoticeKind:
    kind = find_kind(code)
    if kind is None or (must_be_editable and not kind.is_editable):
        raise Http404
    return kind
