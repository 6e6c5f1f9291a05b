"""Redis and the mail server go away while people register: nobody notices, and every mail comes once they are back."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.config.processes import ROOT, environment, valkey_of
from tests.journeys.instance import running
from tests.journeys.visitor import wait_for_mail
from tests.smtp import SmtpSink

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def call(address: str, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Token {token}"} if token else {})}
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)) as connection:
        connection.request("POST", f"/api/v1/{path}", json.dumps(body), headers)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    assert response.status == 201, answer
    return answer


def test_registering_goes_on_without_redis_and_without_a_mail_server(tmp_path: Path, smtp: SmtpSink) -> None:
    home = tmp_path / "home"
    with running(home, smtp_url=smtp.url) as address:
        token = subprocess.run(
            [sys.executable, "manage.py", "create_token", "yan@hosts.example", "--organisation", "hosts"],
            env=environment(home),
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        event = {
            "slug": "tea-2037", "name": {"en": "Tea Day"}, "organisation": "hosts", "starts_on": "2037-04-20",
            "ends_on": "2037-04-20", "state": "live",
        }  # fmt: skip
        call(address, "events/", event, token)
        quota = call(address, "events/tea-2037/quotas/", {"name": "Seats", "size": 10}, token)
        ticket = call(
            address, "events/tea-2037/ticket-types/", {"name": {"en": "Guest"}, "quotas": [quota["id"]]}, token
        )

        def register(name: str) -> str:
            guest = {"ticket_type": ticket["id"], "name": name, "email": f"{name}@guests.example", "language": "en"}
            assert call(address, "events/tea-2037/registrations/", guest)["state"] == "confirmed"
            return str(guest["email"])

        wait_for_mail(smtp, register("first"), "registration_confirmed")

        valkey = valkey_of(home)
        # Held, not killed: it would be started again at once.
        valkey.suspend()
        try:
            without_redis = register("second")
        finally:
            valkey.resume()
        wait_for_mail(smtp, without_redis, "registration_confirmed", seconds=90)

        smtp.stop()
        without_mail = register("third")
        smtp.start()
        wait_for_mail(smtp, without_mail, "registration_confirmed", seconds=150)
        assert len(smtp.messages) == 3
