"""What strangers can find out: nobody's address, nothing made of one, and of an event that is not public not even that it is there."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import uuid
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from django.test import Client

from accounts.models import Person
from events.models import Event, Organisation
from events.services import events
from scheduling.services import agendas, releases, slots
from submissions.models import Speaker
from tests.contracts.addresses import API, OF_AN_EVENT, make_world
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at

pytestmark = pytest.mark.django_db

PEOPLE = ["li.na@example.org", "Zhang.Wei@Jiangnan.example.cn", "o'hara+speaks@example.com"]
KINDS = ("xml", "json", "xcal", "ics")
TABLES = ("submissions", "talks", "speakers", "rooms", "tracks", "submission-types", "slots", "schedules")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def made_of(email: str) -> Iterator[str]:
    """The address, as it is typed or known by, and what others have computed from addresses: gravatars, GUIDs, ids."""
    for form in {email, email.lower(), email.strip().casefold()}:
        for text in (form, f"mailto:{form}", f"acct:{form}"):
            yield text
            data = text.encode()
            for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s"):
                yield hashlib.new(name, data).hexdigest()
            yield base64.b64encode(data).decode().rstrip("=")
            yield base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            yield data.hex()
            for space in (uuid.NAMESPACE_URL, uuid.NAMESPACE_DNS, uuid.NAMESPACE_OID, uuid.NAMESPACE_X500):
                for version in (uuid.uuid3, uuid.uuid5):
                    yield str(version(space, text))
        yield form.replace("@", "%40")
        yield form.replace("@", "&#64;")
        yield form.partition("@")[0]


def published_event() -> Event:
    """Several releases, every kind of slot, and everybody with an address, as speaker, as person, as user and as chair."""
    event = make.make_event("food", locales=("en", "zh-hans"))
    hall = make.make_room(event, "Hall")
    speakers = []
    for number, email in enumerate(PEOPLE):
        person = Person.objects.create(name=f"Person {number}", email=email, user=make.make_user(email))
        speakers.append(
            make.make_speaker(event, f"Person {number}", email=email, person=person, is_keynote=number == 0)
        )
    track = make.make_track(event)
    block = make.make_slot(event, "09:00", minutes=60, kind="block", title="Fermentation", room=hall)
    block.chairs.set(speakers)
    for number, clock in enumerate(("09:00", "09:30")):
        session = make.make_submission(event, f"Talk {number}", speakers=speakers, track=track)
        make.make_slot(event, clock, room=hall, submission=session, parent=block)
    goes = make.make_slot(event, "15:00", room=hall, submission=make.make_submission(event, "Gone", speakers=speakers))
    releases.release(event=event, version="1.0", actor=None, now=NOW)
    slots.remove_slot(slot=goes, actor=None, now=NOW)
    releases.release(event=event, version="2.0", actor=None, now=NOW)
    return event


def entrances(event: Event) -> list[str]:
    """What nothing links to, for programs."""
    codes = [*event.submissions.values_list("code", flat=True)]
    _agenda, token = agendas.create_agenda(event=event, codes=codes, now=NOW)
    return [
        "/",
        "/robots.txt",
        f"/{event.slug}/",
        *(f"/{event.slug}/schedule/{part}" for part in ("", "changes/", "changes.atom", "widgets/schedule.json")),
        *(f"/{event.slug}/schedule/{version}export/schedule.{kind}" for version in ("", "v/1.0/") for kind in KINDS),
        *(
            f"/{event.slug}/schedule/export/{part}/{pk}.{kind}"
            for part, pks in (
                ("rooms", event.event_rooms.values_list("room_id", flat=True)),
                ("tracks", event.tracks.values_list("pk", flat=True)),
            )
            for pk in pks
            for kind in KINDS
        ),
        *(f"/{event.slug}/sessions/{code}.ics" for code in codes),
        *(f"/{event.slug}/speakers/{code}.ics" for code in event.speakers.values_list("code", flat=True)),
        f"/{event.slug}/agenda/{token}.ics",
        "/api/events/",
        f"/api/events/{event.slug}/",
        *(f"/api/events/{event.slug}/{table}/" for table in TABLES),
    ]


def links_in(text: str, address: str) -> Iterator[str]:
    found = re.findall(r'(?:href|src|action)="([^"]+)"', text) + re.findall(r'https?://[^\s"<>\\]+', text)
    for link in found:
        url = urlsplit(urljoin(f"http://testserver{address}", urldefrag(link.replace("&amp;", "&"))[0]))
        # Ours, whichever way it is written; signing in and static files tell nothing of an event.
        if url.hostname in {"testserver", "127.0.0.1"} and not url.path.startswith(("/static/", "/accounts/")):
            yield url.path + (f"?{url.query}" if url.query else "")


def test_no_address_and_nothing_made_of_one_is_anywhere_that_a_stranger_can_get_to() -> None:
    event = published_event()
    secrets = {secret for email in PEOPLE for secret in made_of(email)}
    doors = entrances(event)
    queue, seen = deque(doors), dict[str, int]()
    reader = Client()
    while queue and len(seen) < 2000:
        address = queue.popleft()
        if address in seen:
            continue
        answer = reader.get(address)
        seen[address] = answer.status_code
        said = "\n".join([answer.content.decode(), *(f"{name}: {value}" for name, value in answer.items())])
        assert not [secret for secret in secrets if secret.casefold() in said.casefold()], address
        queue.extend(links_in(said, address))
    assert not queue
    reached = {address for address, status in seen.items() if status == 200}
    assert set(doors) - reached == set()
    # It went through all pages, not around them.
    for name, rows in (("speakers", event.speakers), ("sessions", event.submissions)):
        assert {f"/food/{name}/{code}/" for code in rows.values_list("code", flat=True)} <= reached


def test_guids_of_people_follow_from_nothing() -> None:
    """Two people of one address, or one person at two events, cannot be told by their GUIDs."""
    events_of_one = [make.make_event(slug) for slug in ("food", "tea")]
    guids = {make.make_speaker(event, "Li Na", email=PEOPLE[0]).guid for event in events_of_one}
    assert len(guids) == 2
    assert all(guid.version == 4 for guid in guids)
    assert Speaker.objects.count() == 2


# -- Events that are not public -----------------------------------------------------------------------------------------


def words_of(answer: Any) -> tuple[int, dict[str, str], str]:
    """Without what is another with each request."""
    kept = {name: value for name, value in answer.items() if name.lower() not in {"x-request-id", "date"}}
    body = re.sub(r'nonce-[\w=+/-]+|nonce="[^"]*"|name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    return answer.status_code, {name: re.sub(r"nonce-[\w=+/-]+", "", value) for name, value in kept.items()}, body


def same_but_for_the_slug(one: Any, other: Any, slugs: tuple[str, str]) -> bool:
    first, second = (words_of(answer) for answer in (one, other))
    return json.dumps(first).replace(slugs[0], "EVENT") == json.dumps(second).replace(slugs[1], "EVENT")


def test_an_event_that_is_not_public_answers_as_one_that_is_not_there(organisation: Organisation) -> None:
    world = make_world("secret-event", organisation, state="draft")
    addresses = [
        address
        for address in (*OF_AN_EVENT, *API)
        if re.search("<(slug:slug|slug|str:event)>", address.route)
        # Whoever registered while it was public keeps what their own mail leads to.
        and "secret" not in address.route
    ]
    assert len(addresses) > 50
    wrong = []
    for address in addresses:
        path = world.url(address)
        for method in ("get", "post"):
            answers = [
                getattr(Client(), method)(path.replace("secret-event", slug))
                for slug in ("secret-event", "absent-event")
            ]
            # Our own API asks for a token before it looks at anything.
            if answers[0].status_code not in ({401, 404, 405} if path.startswith("/api/v1/") else {404, 405}):
                wrong.append((method, path, str(answers[0].status_code)))
            if not same_but_for_the_slug(answers[0], answers[1], ("secret-event", "absent-event")):
                wrong.append((method, path, "differs"))
    assert not wrong
    for path in ("/", "/api/events/", "/robots.txt"):
        assert b"secret-event" not in Client().get(path).content


def test_an_event_that_was_public_and_is_not_any_more_leaks_nothing_that_a_process_remembers() -> None:
    event = published_event()
    paths = [path for path in entrances(event) if "/food/" in path]
    reader = Client()
    tags = {path: reader.get(path).get("ETag", "") for path in paths}
    events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)
    for path in paths:
        assert reader.get(path).status_code == 404, path
        assert reader.get(path, headers={"if-none-match": tags[path] or "*"}).status_code == 404, path
        assert reader.get(path, headers={"if-none-match": "*"}).status_code == 404, path


# -- Search engines -----------------------------------------------------------------------------------------------------

#: https://schema.org/Event as search engines ask for it: what must be there, and of which kind.
REQUIRED = {"name": str, "startDate": str, "location": dict}


def json_ld(address: str) -> dict[str, Any]:
    page = Client(headers={"accept-language": "en"}).get(address).content.decode()
    (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    data: dict[str, Any] = json.loads(block)
    assert data["@context"] == "https://schema.org"
    return data


def check_event(data: dict[str, Any]) -> None:
    assert data["@type"] in {"Event", "EducationEvent"}
    for name, kind in REQUIRED.items():
        assert isinstance(data[name], kind), name
        assert data[name], name
    assert data["location"]["@type"] == "Place"
    assert data["location"]["name"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?", data["startDate"])
    assert data["startDate"] <= data["endDate"]
    assert data["url"].startswith("http")
    for person in data.get("performer", []):
        assert person["@type"] == "Person"
        assert person["name"]
        assert "email" not in person


@pytest.mark.parametrize("has_venue", [True, False])
@pytest.mark.parametrize("has_room", [True, False])
def test_events_and_sessions_tell_search_engines_what_they_need(has_venue: bool, has_room: bool) -> None:
    event = make.make_event("food")
    room = make.make_room(event, "Hall </script><b>") if has_room else None
    if not has_venue:
        Event.objects.filter(pk=event.pk).update(venue=None)
    session = make.make_submission(event, "Tea & </script> rice", speakers=[make.make_speaker(event, email=PEOPLE[0])])
    make.make_slot(event, "09:00", room=room, submission=session)
    event.refresh_from_db()
    releases.release(event=event, version="1.0", actor=None, now=NOW)

    check_event(json_ld("/food/"))
    data = json_ld(f"/food/sessions/{session.code}/")

    check_event(data)
    check_event(data["superEvent"] | {"@type": "Event"})
    assert data["name"] == "Tea & </script> rice"
    assert datetime.fromisoformat(data["startDate"]) == at(event, "09:00")
    assert data["location"]["name"] == (
        "Hall </script><b>" if has_room else "Lake Building" if event.venue else str(event.organisation)
    )
    assert data["performer"][0]["name"] == session.speakers.get().name
