from __future__ import annotations

import re
from pathlib import Path

import allauth
import pytest
from allauth.account.adapter import get_adapter
from allauth.core import context
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.test import RequestFactory

from accounts.mails import MAILS
from tests.factories.accounts import make_user

CONTEXT = {
    "code": "ABC-123",
    "ip": "192.0.2.1",
    "from_email": "old@example.org",
    "to_email": "new@example.org",
    "deleted_email": "gone@example.org",
}


def test_every_mail_that_the_flows_send_has_words_of_ours() -> None:
    root = Path(allauth.__file__).parent
    sent = set()
    for folder in ("account", "mfa"):
        for path in (root / folder).rglob("*.py"):
            sent |= set(re.findall(r'"((?:account|mfa)/email/\w+)"', path.read_text()))
    # Sent only where addresses and resets are confirmed by links; ours go by codes.
    assert sent - set(MAILS) <= {"account/email/password_reset_key"}


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", sorted(MAILS))
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_mail_is_filled_in(rf: RequestFactory, prefix: str, language: str) -> None:
    make_user("ada@example.org", language=language)
    request = rf.get("/")
    request.user = AnonymousUser()
    with context.request_context(request):
        get_adapter(request).send_mail(prefix, "ada@example.org", CONTEXT)
    message = mail.outbox[0]
    assert "{" not in message.subject + str(message.body)
    assert "\n" not in message.subject
    assert "Lihu" in message.subject
