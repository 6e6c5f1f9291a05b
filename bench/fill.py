"""What a benchmark needs in the database, and what it measures there: `python -m bench.fill WHAT …`, beside a running instance."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 (settings are ready now)
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Person, User  # noqa: E402
from common.codes import new_code  # noqa: E402
from common.text import email_key  # noqa: E402
from events.models import Event  # noqa: E402
from notifications.models import ReminderRule  # noqa: E402
from notifications.notices import Notice  # noqa: E402
from notifications.services import ledger, reminders  # noqa: E402
from registrations import notices  # noqa: E402
from registrations.models import Answer, Quota, Registration, RegistrationState, TicketType  # noqa: E402
from registrations.services.answers import questions_of  # noqa: E402
from scheduling.models import Slot  # noqa: E402
from submissions.models import Speaker  # noqa: E402

COUNTRIES = ("CN", "DE", "VN", "BR", "NG", "IN")


def people(slug: str, ticket: str, count: str) -> None:
    """Registrations with six answers each, as the service writes them but all at once and without mails."""
    event, now = Event.objects.get(slug=slug), timezone.now()
    ticket_type = TicketType.objects.get(pk=ticket)
    rows = range(int(count))
    persons = Person.objects.bulk_create(
        [Person(name=f"Guest {n}", email=f"guest{n}@example.org", email_key=f"guest{n}@example.org") for n in rows],
        batch_size=2000,
    )
    made = []
    codes: set[str] = set()
    while len(codes) < len(rows):
        codes.add(new_code())
    for n in rows:
        registration = Registration(
            event=event,
            code=codes.pop(),
            ticket_type=ticket_type,
            person=persons[n],
            state=RegistrationState.CONFIRMED,
            name=f"Guest {n}",
            native_name="王芳" if n % 3 == 0 else "",
            email=f"guest{n}@example.org",
            email_key=email_key(f"guest{n}@example.org"),
            language="en",
            affiliation="Jiangnan University" if n % 2 else "Universität Wien",
            country=COUNTRIES[n % len(COUNTRIES)],
            currency=event.currency,
            registered_at=now - timedelta(minutes=n),
            state_changed_at=now - timedelta(minutes=n),
        )
        registration.search_text = registration.searchable()
        made.append(registration)
    Registration.objects.bulk_create(made, batch_size=2000)
    Quota.objects.filter(ticket_types=ticket_type).update(taken=len(made))
    values = {
        "text": "Professor",
        "choice": "halal",
        "yes_no": True,
        "country": "CN",
        "number": 3,
        "date": "2032-06-06",
    }
    questions = questions_of(event)
    for start in range(0, len(made), 1000):
        Answer.objects.bulk_create(
            [
                Answer(
                    registration=registration,
                    question=question,
                    version_id=question.version_id,
                    value=values[question.kind],
                    answered_at=now,
                )
                for registration in made[start : start + 1000]
                for question in questions
            ]
        )


def session(email: str) -> None:
    """The cookie of somebody who is signed in."""
    user = User.objects.get(email=email)
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    print(f"{settings.SESSION_COOKIE_NAME}={store.session_key}")


def mails(slug: str, count: str) -> None:
    """Confirmations, each with its own name, code and calendar entry."""
    event = Event.objects.select_related("venue").get(slug=slug)
    found = event.registrations.filter(state=RegistrationState.CONFIRMED).with_details().order_by("pk")[: int(count)]
    written, now = [], timezone.now()
    for registration in found:
        registration.event = event
        made = notices.notice(notices.CONFIRMED, registration)
        written.append(Notice(**{**vars(made), "revision": f"{now.timestamp()}:{registration.pk}"}))
    ledger.notify_many(kind=notices.CONFIRMED, notices=written, now=now)


def reminders_of(slug: str) -> None:
    """Prints how many slots have somebody to remind, and the seconds that planning took."""
    event = Event.objects.get(slug=slug)
    speakers = list(Speaker.objects.filter(event=event))
    for speaker in speakers:
        speaker.email = f"speaker{speaker.pk}@example.org"
    Speaker.objects.bulk_update(speakers, ["email"], batch_size=1000)
    first = Slot.objects.filter(schedule__event=event, is_live=True).order_by("starts_at").first()
    assert first
    # So early before each session that at one moment all are due.
    rule = ReminderRule.objects.create(
        event_id=event.pk, anchor="slot", audience="speakers", offset_minutes=10 * 24 * 60
    )
    now = first.starts_at - timedelta(days=6)
    began = time.perf_counter()
    plan = reminders.plan_reminders(now=now, dry_run=True)
    plan = reminders.plan_reminders(now=now)
    seconds = (time.perf_counter() - began) / 2
    print(len({row.about for row in plan.written}), f"{seconds:.2f}")
    reminders.delete_rule(rule=rule, actor=None, now=timezone.now())


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    {"people": people, "session": session, "mails": mails, "reminders": reminders_of}[what](*arguments)
