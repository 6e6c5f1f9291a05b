"""No more optional mail: the page behind the link in a mail, and one click for mail programs (RFC 8058)."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifications.models import Message, Preference
from notifications.origins import origins_of
from notifications.services import preferences
from notifications.services.rendering import message_of_token


# Mail programs have no cookie and no CSRF token; the token in the address says whose wish it is, and is all that it can change.
@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    # A link in a mail is followed by scanners, too: only a POST changes something.
    number = message_of_token(token)
    message = Message.objects.filter(pk=number).first() if number is not None else None
    if message is None:
        raise Http404
    if request.method == "POST":
        if "again" in request.POST:
            preferences.subscribe_again(message=message)
        else:
            preferences.unsubscribe(message=message, now=timezone.now())
        if request.POST.get("List-Unsubscribe") == "One-Click":
            return HttpResponse(status=200)
        return redirect(request.path)
    origin = origins_of([message.event_id]).get(message.event_id) if message.event_id is not None else None
    return render(
        request,
        "notifications/unsubscribe.html",
        {
            "address": message.recipient_email,
            "event_name": origin.name_in(request.LANGUAGE_CODE) if origin else "",
            "is_unsubscribed": Preference.objects.among([message.recipient_key], [message.event_id or 0]).exists(),
        },
    )
