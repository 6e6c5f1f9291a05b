from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import hooks
from accounts.forms import ProfileForm
from accounts.models import Person, User
from accounts.services.people import save_profile
from common.problems import Refusal


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # LoginRequiredMiddleware saw to it
    return request.user


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    sections = [section for provider in reversed(hooks.me_sections) if (section := provider(_user(request), request))]
    return render(request, "accounts/home.html", {"sections": sections, "user_name": str(request.user)})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    person = Person.objects.filter(user=user).first()
    form = ProfileForm(request.POST or None, user=user, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            save_profile(user=user, changes=form.cleaned_data, now=timezone.now())
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            with translation.override(user.language):
                messages.success(request, _("Your profile is saved."))
            response = redirect("accounts:profile")
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                user.language,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
            return response
    return render(request, "accounts/profile.html", {"form": form})


@never_cache
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    context = {
        "addresses": EmailAddress.objects.filter(user=user).order_by("-primary", "email"),
        "has_password": user.has_usable_password(),
        "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
        "has_totp": Authenticator.Type.TOTP in kinds,
        "has_recovery_codes": Authenticator.Type.RECOVERY_CODES in kinds,
    }
    return render(request, "accounts/security.html", context)
