from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe
from django_countries import countries

from accounts.services import institutions
from common.middleware import language_of

#: Characters that are looked at of what somebody types.
LONGEST: int = 100


@login_not_required
@require_safe
def suggest(request: HttpRequest) -> JsonResponse:
    """`?q=` words of a name, an acronym or a domain; `?domain=` of an e-mail address. The same for everybody: public lists, and nothing
    of anybody who registered."""
    words, domain = request.GET.get("q", "")[:LONGEST], request.GET.get("domain", "")[:LONGEST]
    language = language_of(request)
    found = institutions.suggest(words=words, domain=domain)
    response = JsonResponse(
        {
            "results": [
                {
                    "id": one.pk,
                    "name": one.name_in(language),
                    # What one may have typed, where it is not the name shown.
                    "other": next((name for name in one.names.values() if name != one.name_in(language)), ""),
                    "country": str(countries.name(str(one.country))),
                    "ror_id": one.ror_id,
                }
                for one in found
            ]
        }
    )
    patch_cache_control(response, public=True, max_age=24 * 60 * 60)
    return response
