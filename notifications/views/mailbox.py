"""The built-in mailbox, where no mail server is set. Sign-in codes land here, so it is for this machine and for staff."""

from __future__ import annotations

import email
import email.policy
import ipaddress
from email.message import EmailMessage

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from notifications.models import CaughtMail
from notifications.views.framing import framed


def _let_in(request: HttpRequest) -> None:
    if (
        settings.SMTP_URL
        or settings.MAIL_PROVIDER
        or not (getattr(request.user, "is_staff", False) or _is_from_here(request))
    ):
        raise Http404


def _is_from_here(request: HttpRequest) -> bool:
    # Behind a proxy everybody comes from its address.
    if settings.BEHIND_PROXY or "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@login_not_required
@never_cache
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    _let_in(request)
    words = request.GET.get("q", "").strip()
    mails = CaughtMail.objects.matching(words).defer("raw").order_by("-received_at", "-pk")
    page = Paginator(mails, 50).get_page(request.GET.get("page"))
    return render(request, "notifications/mailbox.html", {"page": page, "words": words})


@login_not_required
@never_cache
@require_safe
def mail(request: HttpRequest, pk: int) -> HttpResponse:
    _let_in(request)
    caught = get_object_or_404(CaughtMail, pk=pk)
    message = _parsed(caught)
    body = message.get_body(("plain",))
    headers = [(name, str(value)) for name, value in message.items()]
    return render(
        request,
        "notifications/mail.html",
        {
            "mail": caught,
            "headers": headers,
            "text": body.get_content() if body else "",
            "has_html": message.get_body(("html",)) is not None,
            "parts": [
                {"number": n, "name": name, "type": part.get_content_type()} for n, name, part in _files(message)
            ],
        },
    )


@login_not_required
@never_cache
@require_safe
def mail_html(request: HttpRequest, pk: int) -> HttpResponse:
    _let_in(request)
    body = _parsed(get_object_or_404(CaughtMail, pk=pk)).get_body(("html",))
    if body is None:
        raise Http404
    return framed(str(body.get_content()))


@login_not_required
@never_cache
@require_safe
def mail_part(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A calendar part or attachment, to save."""
    _let_in(request)
    for n, name, part in _files(_parsed(get_object_or_404(CaughtMail, pk=pk))):
        if n == number:
            response = HttpResponse(part.get_payload(decode=True), content_type="application/octet-stream")
            response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
            response.headers["X-Content-Type-Options"] = "nosniff"
            return response
    raise Http404


@login_not_required
@never_cache
@require_safe
def mail_source(request: HttpRequest, pk: int) -> HttpResponse:
    _let_in(request)
    caught = get_object_or_404(CaughtMail, pk=pk)
    response = HttpResponse(bytes(caught.raw), content_type="text/plain; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _parsed(caught: CaughtMail) -> EmailMessage:
    message = email.message_from_bytes(bytes(caught.raw), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _files(message: EmailMessage) -> list[tuple[int, str, EmailMessage]]:
    """Everything but text and HTML, by its place in the mail."""
    found = []
    for number, part in enumerate(message.walk()):
        if part.is_multipart() or part.get_content_type() in ("text/plain", "text/html"):
            continue
        assert isinstance(part, EmailMessage)
        found.append((number, part.get_filename() or part.get_content_type().replace("/", "."), part))
    return found
