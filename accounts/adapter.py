from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.mails import MAILS
from accounts.models import User
from accounts.services.addresses import language_of
from accounts.services.people import link_person
from common import dates
from common.text import validate_single_line


class AccountAdapter(DefaultAccountAdapter):
    """allauth's flows in our words and our mails."""

    def clean_email(self, email: str) -> str:
        # allauth would cut off what the column cannot hold, and mail a stranger.
        longest = 254
        if len(email) > longest:
            raise ValidationError(
                _("An e-mail address has at most %(longest)s characters."), params={"longest": longest}
            )
        validate_single_line(email)
        return email

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True
    ) -> AbstractBaseUser:
        assert isinstance(user, User)
        user.name = form.cleaned_data["name"]
        user.language = translation.get_language() or settings.LANGUAGE_CODE
        try:
            with transaction.atomic():
                return super().save_user(request, user, form, commit)
        except IntegrityError as error:
            # The form was sent twice at once: the other request makes the account, this one goes on from there.
            raise ImmediateHttpResponse(redirect("account_login")) from error

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        assert isinstance(user, User)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        link_person(user=user)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            user.language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
        return response

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("accounts:security")

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        # That one is signed in, or out, is plain to see.
        if message_template not in {"account/messages/logged_in.txt", "account/messages/logged_out.txt"}:
            super().add_message(request, level, message_template, *args, **kwargs)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Into the ledger, by way of Django's mail backend: in the language of the address's account, where it has one."""
        with translation.override(language_of(email) or translation.get_language()):
            self._message(template_prefix, email, context).send()

    def _message(self, template_prefix: str, email: str, context: dict[str, Any]) -> EmailMessage:
        mail = MAILS[template_prefix]
        values: dict[str, str] = {
            "site": settings.SITE_NAME,
            "login_url": settings.PUBLIC_URL + reverse("account_login"),
            "reset_url": settings.PUBLIC_URL + reverse("account_reset_password"),
            "signup_url": settings.PUBLIC_URL + reverse("account_signup"),
            "moment": dates.moment(timezone.now(), ZoneInfo(settings.CAMPUS_TIME_ZONE)),
            **{
                name: str(context[name])
                for name in ("code", "ip", "from_email", "to_email", "deleted_email")
                if name in context
            },
        }
        subject = str(mail.subject).format_map(values)
        text = str(mail.body).format_map(values)
        # The backend makes the HTML part from the same paragraphs.
        return EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, [email])
