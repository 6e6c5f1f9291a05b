"""Mail through a provider's API: anymail's own test backend, a provider's real one against a server here, and its reports."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from pytest_django import Settings

from config.providers import PROVIDERS, anymail_settings, tracking_view
from notifications.models import Delivery, Message, Preference
from notifications.services import delivery
from notifications.services.rendering import Rendered
from notifications.services.transport import LONG_REST
from tests.notifications.samples import CALENDAR, NOW, WELCOME, queue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("origin")]


def deliver(**more: Any) -> delivery.Delivered:
    return delivery.deliver_due(now=more.pop("now", NOW), **more)


# -- What the provider is told ---------------------------------------------------------------------------------------


def test_mail_goes_out_whole_through_the_providers_api(settings: Settings) -> None:
    settings.MAIL_PROVIDER = "test"
    mail.outbox = []
    (message,) = queue(1, kind=WELCOME, calendar=CALENDAR)

    assert deliver().sent == 1

    (sent,) = mail.outbox
    told = sent.anymail_test_params
    assert [str(address) for address in told["to"]] == ["Person 0 <p0@example.org>"]
    assert str(told["from"]) == "Food Science Days via Lihu <noreply@127.0.0.1>"
    assert told["subject"] == "News for Person 0"
    assert "Hello Person 0." in told["text_body"]
    assert "Hello Person 0." in told["html_body"]
    assert told["extra_headers"]["Message-ID"] == message.message_id
    assert told["extra_headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert told["metadata"] == {"message": message.message_id}
    assert (told["track_opens"], told["track_clicks"]) == (False, False)
    (invitation,) = told["attachments"]
    assert (invitation.name, invitation.mimetype) == ("invite.ics", "text/calendar; charset=utf-8; method=REQUEST")
    attempt = Delivery.objects.get()
    assert (attempt.accepted, attempt.answer, attempt.provider_id) == (True, "The mail provider says: sent", "0")


def test_several_invitations_go_out_each_with_its_own_name(settings: Settings) -> None:
    settings.MAIL_PROVIDER = "test"
    mail.outbox = []
    (message,) = queue(
        1, kind=WELCOME, calendars=(CALENDAR, replace(CALENDAR, method="cancel", uid="other@example.org"))
    )

    assert deliver().sent == 1

    (sent,) = mail.outbox
    assert [(part.name, part.mimetype.rpartition("=")[2]) for part in sent.anymail_test_params["attachments"]] == [
        ("invite-1.ics", "REQUEST"),
        ("invite-2.ics", "CANCEL"),
    ]
    message.refresh_from_db()
    kept = Rendered.from_json(message.rendered)
    assert [invitation.method for invitation in kept.calendars] == ["REQUEST", "CANCEL"]


# -- A provider's server ---------------------------------------------------------------------------------------------


class Provider:
    """Answers as Postmark's API does, over HTTP."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.asked: list[dict[str, Any]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.asked.append(asked)
                accepted = {
                    "To": asked["To"],
                    "MessageID": f"pm-{len(provider.asked)}",
                    "ErrorCode": 0,
                    "Message": "OK",
                }
                status, answer = provider.answers.pop(0) if provider.answers else (200, accepted)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    server = Provider()
    settings.MAIL_PROVIDER = "postmark"
    settings.ANYMAIL = anymail_settings(
        "postmark", key="k", secret="", domain="", url=server.url, webhook_secret="", timeout=5
    )
    yield server
    server.stop()


def test_each_recipient_has_the_providers_own_status(provider: Provider) -> None:
    inactive = {
        "ErrorCode": 406,
        "Message": "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: p0@example.org. Inactive recipients are ones that have generated a hard bounce.",
    }
    provider.answers = [(422, inactive)]
    queue(3)

    done = deliver()

    assert (done.sent, done.failed) == (2, 1)
    failed = Message.objects.earliest("pk")
    assert (failed.state, failed.error) == ("failed", "The mail provider says: rejected")
    assert list(Delivery.objects.order_by("pk").values_list("provider_id", flat=True)) == ["", "pm-2", "pm-3"]


@pytest.mark.parametrize(
    ("status", "put_off", "words", "rest"),
    [
        (429, 0, "does not let us send: 429", LONG_REST),
        (401, 0, "does not let us send: 401", timedelta(seconds=15)),
        (500, 1, "cannot be used", timedelta(seconds=15)),
        (503, 1, "cannot be used", timedelta(seconds=15)),
    ],
)
def test_trouble_with_the_provider_fails_nobody(
    provider: Provider, status: int, put_off: int, words: str, rest: timedelta
) -> None:
    provider.answers = [(status, {"Message": "no"})]
    queue(3)

    done = deliver()

    assert (done.sent, done.failed, done.put_off, done.rest) == (0, 0, put_off, rest)
    assert words in done.trouble
    assert deliver(now=NOW + timedelta(minutes=2)).sent == 3


def test_what_the_provider_cannot_send_fails_by_itself(provider: Provider) -> None:
    provider.answers = [(422, {"ErrorCode": 300, "Message": "Invalid"})]
    queue(2)

    done = deliver()

    assert (done.sent, done.failed) == (1, 1)


def test_provider_that_is_away_keeps_everything_queued(provider: Provider) -> None:
    provider.stop()
    queue(2)

    done = deliver()

    assert "cannot be used" in done.trouble
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}


# -- Its reports -----------------------------------------------------------------------------------------------------


@pytest.fixture
def reports(settings: Settings, provider: Provider) -> str:
    settings.MAIL_PROVIDER_TRACKING = tracking_view("postmark")
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": "lihu:hunter2-hunter2"}
    return "/mail/reports/"


def report(client: Client, url: str, secret: str = "lihu:hunter2-hunter2", **event: Any) -> int:
    sign = "Basic " + base64.b64encode(secret.encode()).decode()
    body = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "Email": "p0@example.org",
        "MessageID": "pm-1",
        "Description": "The server was unable to deliver your message",
        "Details": "550 5.1.1 no such user",
        **event,
    }
    answer = client.post(url, json.dumps(body), content_type="application/json", headers={"authorization": sign})
    return answer.status_code


def test_mail_that_came_back_is_marked_once(reports: str, client: Client) -> None:
    queue(2)
    deliver()

    assert [report(client, reports), report(client, reports)] == [200, 200]

    first, second = Message.objects.order_by("pk")
    assert (first.state, second.state) == ("bounced", "sent")
    assert "unable to deliver" in first.error
    assert list(first.deliveries.order_by("pk").values_list("accepted", flat=True)) == [True, False]


def test_mail_is_known_by_our_own_id_where_the_report_has_it(reports: str, client: Client) -> None:
    _first, second = queue(2)
    deliver()
    report(client, reports, MessageID="of-somewhere", Metadata={"message": second.message_id})

    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["sent", "bounced"]


def test_who_complains_gets_no_more_campaigns(reports: str, client: Client) -> None:
    queue(1)
    deliver()
    report(client, reports, RecordType="SpamComplaint", Type="SpamComplaint")

    assert Message.objects.get().state == "sent"
    assert Preference.objects.get().recipient_key == "p0@example.org"


def test_report_that_overtakes_our_own_record_is_asked_for_again(reports: str, client: Client) -> None:
    (message,) = queue(1)
    delivery.claim(now=NOW, size=1)

    assert report(client, reports, Metadata={"message": message.message_id}) == 503


@pytest.mark.parametrize("type_", ["Delivery", "Open"])
def test_what_is_no_bounce_changes_nothing(reports: str, client: Client, type_: str) -> None:
    queue(1)
    deliver()

    assert report(client, reports, RecordType=type_) == 200
    assert Message.objects.get().state == "sent"


def test_reports_without_the_secret_are_refused(reports: str, client: Client) -> None:
    queue(1)
    deliver()

    assert report(client, reports, secret="lihu:guess") == 400
    assert Message.objects.get().state == "sent"


def test_without_a_provider_there_is_nowhere_to_report(client: Client) -> None:
    assert report(client, "/mail/reports/") == 404


# -- Settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"MAIL_PROVIDER": "pigeon"}, "E006"),
        ({"MAIL_PROVIDER": "postmark", "MAIL_PROVIDER_KEY": "k", "SMTP_URL": "smtp://127.0.0.1:25"}, "E007"),
        ({"MAIL_PROVIDER": "postmark"}, "E008"),
        ({"MAIL_PROVIDER": "mailgun", "MAIL_PROVIDER_KEY": "k"}, "E008"),
        ({"MAIL_PROVIDER": "postmark", "MAIL_PROVIDER_KEY": "k", "MAIL_PROVIDER_WEBHOOK_SECRET": "x"}, "E009"),
        ({"MAIL_PER_MINUTE": 3}, "E005"),
        ({"MAIL_PER_MINUTE_AND_HOST": -1}, "E005"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: Settings, changes: dict[str, Any], number: str
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    with pytest.raises(SystemCheckError, match=f"lihu.{number}"):
        call_command("check")


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_that_we_name_can_be_opened(settings: Settings, name: str) -> None:
    settings.ANYMAIL = anymail_settings(
        name, key="k", secret="s", domain="conf.example", url="http://127.0.0.1:9/", webhook_secret="a:b", timeout=1
    )
    settings.MAIL_PROVIDER = name
    queue(1)

    done = deliver()
    assert "cannot be used" in done.trouble, Message.objects.get().error
