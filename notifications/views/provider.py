"""Where the mail provider reports what became of a mail. django-anymail reads its language and checks that it is the provider
who speaks: by the secret of MAIL_PROVIDER_WEBHOOK_SECRET, and by signature where it signs."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from notifications.services.bounces import TooSoon


@csrf_exempt
@login_not_required
@never_cache
def reports(request: HttpRequest) -> HttpResponseBase:
    if not settings.MAIL_PROVIDER_TRACKING:
        raise Http404
    view = import_string(settings.MAIL_PROVIDER_TRACKING).as_view()
    try:
        answer: HttpResponseBase = view(request)
    except TooSoon:
        return HttpResponse(status=503, headers={"Retry-After": "60"})
    return answer
