from __future__ import annotations

import gzip
import json
import re
from email.utils import format_datetime

import brotli
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.models import Permission
from events.services import events
from scheduling.models import SlotKind
from scheduling.services import artifacts, releases, serving
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    """A visitor: nobody, in English."""
    return Client(headers={"accept-language": "en"})


@pytest.fixture
def event():
    return make.make_event("food")


def release(event, version="1.0", **options):
    return releases.release(event=event, version=version, actor=None, now=NOW, **options)


def published(event, title="Kefir", clock="09:00", **options):
    slot = make.make_talk(event, title, clock, **options)
    release(event)
    return slot


def addresses(event, slot):
    session, speaker = slot.submission, slot.submission.speakers.first()
    return [
        f"/{event.slug}/schedule/",
        f"/{event.slug}/schedule/grid.css",
        f"/{event.slug}/schedule/changes/",
        f"/{event.slug}/schedule/changes.atom",
        f"/{event.slug}/schedule/v/1.0/",
        f"/{event.slug}/schedule/v/1.0/grid.css",
        *(f"/{event.slug}/schedule/export/schedule.{kind}" for kind in ("xml", "json", "xcal", "ics")),
        *(f"/{event.slug}/schedule/v/1.0/export/schedule.{kind}" for kind in ("xml", "json", "xcal", "ics")),
        *(f"/{event.slug}/schedule/export/rooms/{slot.room_id}.{kind}" for kind in ("xml", "json", "xcal", "ics")),
        f"/{event.slug}/speakers/",
        f"/{event.slug}/sessions/{session.code}/",
        f"/{event.slug}/sessions/{session.code}.ics",
        f"/{event.slug}/speakers/{speaker.code}/",
        f"/{event.slug}/speakers/{speaker.code}.ics",
    ]


BY_READER = {"Accept-Encoding", "Accept-Language", "Cookie"}


def is_same_in_every_language(address):
    return not address.endswith(("/", ".atom"))


# -- Serving ------------------------------------------------------------------------------------------------------------


def test_events_at_the_same_instants_are_told_in_their_own_zones(client):
    """One process publishes both, and keeps what it has written once."""
    for slug, zone, clock in (("wuxi", "Asia/Shanghai", "15:00"), ("leeds", "UTC", "07:00")):
        event = make.make_event(slug, time_zone=zone)
        session = make.make_talk(event, "Kefir", clock).submission
        releases.release(event=event, version="1.0", actor=None, now=NOW)
        for address in (f"/{slug}/schedule/", f"/{slug}/sessions/{session.code}/"):
            page = client.get(address).content.decode()
            assert re.findall(r'<time datetime="2\d{3}-\d\d-\d\dT07:00:00Z">([^<]+)</time>', page)[0] == clock, address


def test_everything_of_a_release_is_served_and_known_again_without_a_query(client, event):
    slot = published(event)
    for address in addresses(event, slot):
        first = client.get(address)
        assert first.status_code == 200, address
        with CaptureQueriesContext(connection) as queries:
            again = client.get(address)
            known = client.get(address, headers={"if-none-match": first["ETag"]})
            weakly = client.get(address, headers={"if-none-match": f'"other", W/{first["ETag"]}'})
            dated = client.get(address, headers={"if-modified-since": first["Last-Modified"]})
            older = client.get(address, headers={"if-modified-since": "Mon, 01 Jan 2024 00:00:00 GMT"})
            head = client.head(address)
        assert len(queries) == 0, address
        assert again.content == first.content
        assert [r.status_code for r in (known, weakly, dated, older, head)] == [304, 304, 304, 200, 200]
        assert (known.content, known["ETag"]) == (b"", first["ETag"])
        assert head["Content-Length"] == first["Content-Length"] == str(len(first.content))
        depends_on = {"Accept-Encoding"} if is_same_in_every_language(address) else BY_READER
        assert set(re.split(r",\s*", first["Vary"])) == depends_on, address
        assert first["Cache-Control"] == "public, no-cache"
        assert first["Last-Modified"] == format_datetime(NOW, usegmt=True)
        assert not first.cookies


def test_bytes_come_compressed_as_the_browser_can_take_them(client, event):
    published(event)
    plain = client.get("/food/schedule/").content

    for accepted, encoding, unpack in [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip, deflate", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
        ("*", "br", brotli.decompress),
    ]:
        packed = client.get("/food/schedule/", headers={"accept-encoding": accepted})
        assert packed["Content-Encoding"] == encoding
        assert unpack(packed.content) == plain
        assert packed["ETag"] != client.get("/food/schedule/")["ETag"]
        assert client.get("/food/schedule/", headers={"if-none-match": packed["ETag"]}).status_code == 304
    assert "Content-Encoding" not in client.get("/food/schedule/", headers={"accept-encoding": "br;q=0"})


def test_exports_may_be_read_from_other_sites_and_pages_may_not(client, event):
    published(event)
    assert client.get("/food/schedule/export/schedule.json")["Access-Control-Allow-Origin"] == "*"
    assert client.get("/food/schedule/v/1.0/export/schedule.ics")["Access-Control-Allow-Origin"] == "*"
    for address in addresses(event, event.schedules.get(version=None).slots.get()):
        if is_same_in_every_language(address) and not address.endswith(".css"):
            assert client.get(address)["Access-Control-Allow-Origin"] == "*", address
    assert "Access-Control-Allow-Origin" not in client.get("/food/schedule/")


def test_a_style_sheet_asked_for_by_its_release_is_kept_for_good(client, event):
    published(event)
    page = client.get("/food/schedule/").content.decode()
    address = re.search(r'href="(/food/schedule/grid\.css\?v=[^"]+)"', page)[1]
    assert "immutable" in client.get(address)["Cache-Control"]


def test_the_page_speaks_the_readers_language_and_each_has_its_own_tag(client, event):
    published(event)
    english = client.get("/food/schedule/")
    chinese = client.get("/food/schedule/", headers={"accept-language": "zh-CN"})
    assert b'lang="en"' in english.content
    assert b'lang="zh-hans"' in chinese.content
    assert english["ETag"] != chinese["ETag"]
    assert client.get("/food/schedule/", headers={"if-none-match": chinese["ETag"]}).status_code == 200


def test_post_is_not_for_public_pages(client, event):
    published(event)
    assert client.post("/food/schedule/").status_code == 405


# -- At once, everywhere ------------------------------------------------------------------------------------------------


def test_a_release_is_seen_at_once_by_a_process_that_served_the_last_one(
    client, event, django_capture_on_commit_callbacks
):
    slot = published(event, "Kefir", "09:00")
    assert b"09:00" in client.get("/food/schedule/").content
    slot.starts_at, slot.ends_at = at(event, "14:00"), at(event, "14:30")
    slot.save()

    with django_capture_on_commit_callbacks(execute=True):
        release(event, "2.0")

    page = client.get("/food/schedule/").content
    assert b"14:00" in page
    assert b"09:00" not in page
    assert b"09:00" in client.get("/food/schedule/v/1.0/").content


def test_a_reader_who_is_slow_never_puts_an_old_pointer_over_a_new_one(event, django_capture_on_commit_callbacks):
    published(event)
    old = serving.pointer_to("food")
    make.make_talk(event)
    with django_capture_on_commit_callbacks(execute=True):
        second = release(event, "2.0")
    # What a process does that asked the database before the commit, and answers now.
    cache.add("programme:food", {name: getattr(old, name) for name in serving.Pointer.__slots__}, 30)
    assert serving.pointer_to("food").current == second.pk


def test_without_redis_pages_are_served_all_the_same(client, event, settings):
    published(event)
    expected = client.get("/food/schedule/").content
    settings.CACHES = {
        "default": {
            "BACKEND": "common.cache.ForgivingRedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"socket_connect_timeout": 0.2, "socket_timeout": 0.2},
        }
    }
    assert client.get("/food/schedule/").content == expected
    make.make_talk(event, "Tea", "10:00")
    release(event, "2.0")
    assert b"Tea" in client.get("/food/schedule/").content


def test_the_memory_of_a_process_has_an_end(event, monkeypatch):
    published(event)
    pointer = serving.pointer_to("food")
    monkeypatch.setattr(serving, "MEMORY", 1)
    for path in ("schedule/", "speakers/", "schedule/changes/"):
        assert serving.artifact(pointer.current, pointer.stamp, path, "en")
    assert len(serving._memory.entries) == 1


# -- Drafts and strangers -----------------------------------------------------------------------------------------------


def test_nothing_of_a_draft_event_is_public(client):
    event = make.make_event("secret", state="draft")
    slot = published(event)
    for address in addresses(event, slot):
        assert client.get(address).status_code == 404, address


def test_taking_an_event_back_to_draft_hides_its_programme_at_once(client, event, django_capture_on_commit_callbacks):
    published(event)
    assert client.get("/food/schedule/").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)
    assert client.get("/food/schedule/").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [("organizer", 200), ("registrar", 404), ("organizer of another", 404), ("stranger", 404)]
)
def test_a_draft_event_is_seen_by_those_who_edit_its_programme(client, who, status):
    event = make.make_event("secret", state="draft")
    published(event)
    user = {
        "organizer": lambda: make.make_organizer(event, Permission.EDIT_PROGRAMME),
        "registrar": lambda: make.make_organizer(event, Permission.SEE_REGISTRATIONS),
        "organizer of another": lambda: make.make_organizer(make.make_event()),
        "stranger": make.make_user,
    }[who]()
    client.force_login(user)
    response = client.get("/secret/schedule/")
    assert response.status_code == status
    if status == 200:
        assert response["Cache-Control"] == "private, no-store"


def test_what_does_not_exist_is_not_found(client, event):
    published(event)
    other = published(make.make_event("other"), "Tea")
    for address in [
        "/nothing/schedule/",
        "/food/schedule/v/9.9/",
        "/food/schedule/v/9.9/export/schedule.json",
        "/food/schedule/export/schedule.exe",
        "/food/sessions/AAAAAA/",
        "/food/sessions/AAAAAA.ics",
        f"/food/sessions/{other.submission.code}/",
        f"/food/speakers/{other.submission.speakers.get().code}/",
        "/food/schedule/changes.json",
    ]:
        assert client.get(address).status_code == 404, address


@pytest.mark.parametrize("address", ["/food/schedule/", "/food/schedule/changes/", "/food/speakers/"])
def test_before_the_first_release_there_is_a_friendly_page(client, event, address):
    make.make_talk(event, "Not yet public")
    response = client.get(address)
    assert response.status_code == 200
    assert b"The programme is being put together" in response.content
    assert b"Not yet public" not in response.content


# -- What pages say -----------------------------------------------------------------------------------------------------


def test_the_schedule_shows_every_kind_of_slot(client, event):
    room = make.make_room(event, "Lake Hall")
    make.make_room(event, "Garden Room")
    chair = make.make_speaker(event, "Li Na")
    make.make_slot(event, "09:00", kind=SlotKind.CEREMONY, title={"en": "Opening ceremony"})
    make.make_slot(
        event, "09:30", room=room, kind=SlotKind.PLENARY, submission=make.make_submission(event, "A keynote")
    )
    make.make_slot(event, "10:00", kind=SlotKind.BREAK, title={"en": "Coffee", "zh-hans": "茶歇"})
    block = make.make_slot(event, "10:30", minutes=60, room=room, kind=SlotKind.BLOCK, title={"en": "Fermentation"})
    block.chairs.add(chair)
    for title, clock in [("Second in line", "11:00"), ("First in line", "10:30")]:
        make.make_slot(event, clock, room=room, parent=block, submission=make.make_submission(event, title))
    posters = make.make_slot(event, "11:30", minutes=60, kind=SlotKind.POSTERS, title={"en": "Posters"})
    for board in ("P10", "P2"):
        submission = make.make_submission(event, f"Poster on {board}")
        make.make_slot(event, "11:30", minutes=60, parent=posters, board=board, submission=submission)
    make.make_slot(event, "19:00", kind=SlotKind.SOCIAL, title={"en": "Banquet"}, minutes=120)
    release(event)

    page = client.get("/food/schedule/").content.decode()
    order = [
        "Opening ceremony", "A keynote", "Coffee", "Fermentation", "Li Na", "First in line", "Second in line", "Posters",
        "P2", "P10", "Banquet",
    ]  # fmt: skip
    places = [page.index(words, page.index("plan-time")) for words in order]
    assert places == sorted(places)
    assert "茶歇" in client.get("/food/schedule/", headers={"accept-language": "zh-CN"}).content.decode()


def test_a_session_page_says_who_when_and_where_and_what_is_next_door(client, event):
    room = make.make_room(event, "Lake Hall")
    speaker = make.make_speaker(event, "Zhang Wei", native_name="张伟", affiliation="School of Food Science")
    before = make.make_talk(event, "Before", "08:30", room=room)
    slot = make.make_talk(event, "Kefir", "09:00", room=room, speakers=[speaker])
    slot.submission.abstract = "About **grains**."
    slot.submission.save()
    other = make.make_talk(event, "Koji", "11:00", speakers=[speaker])
    release(event)

    page = client.get(f"/food/sessions/{slot.submission.code}/").content.decode()

    for words in [
        "Zhang Wei", "张伟", "School of Food Science", "Lake Hall", "09:00", "09:30", "China Standard Time", "UTC+08:00",
        "<strong>grains</strong>", f'href="/food/sessions/{other.submission.code}/"',
        f'rel="prev" href="/food/sessions/{before.submission.code}/"', f'href="/food/sessions/{slot.submission.code}.ics"',
    ]:  # fmt: skip
        assert words in page, words
    data = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)[1])
    assert (data["@type"], data["name"], data["startDate"]) == ("Event", "Kefir", "2027-06-07T01:00:00Z")


def test_a_session_that_was_taken_off_says_so(client, event):
    slot = published(event)
    code = slot.submission.code
    make.make_talk(event, "Other", "11:00")
    slot.delete()
    release(event, "2.0")

    page = client.get(f"/food/sessions/{code}/").content.decode()

    assert "taken off the programme" in page
    assert code not in client.get("/food/schedule/").content.decode()
    assert b"STATUS:CANCELLED" in client.get(f"/food/sessions/{code}.ics").content


def test_the_page_of_changes_tells_release_by_release(client, event):
    slot = published(event, "Kefir")
    gone = make.make_talk(event, "Gone", "15:00")
    release(event, "1.1")
    slot.starts_at, slot.ends_at = at(event, "14:00"), at(event, "14:30")
    slot.save()
    gone.delete()
    release(event, "2.0", comment="Kefir moves.")

    page = client.get("/food/schedule/changes/").content.decode()
    for words in ["Version 2.0", "Kefir moves.", "09:00–09:30", "14:00–14:30", "Version 1.1", "Gone", "Version 1.0"]:
        assert words in page, words
    assert page.index("Version 2.0") < page.index("Version 1.1") < page.index("Version 1.0")
    feed = client.get("/food/schedule/changes.atom")
    assert feed["Content-Type"].startswith("application/atom+xml")
    assert feed.content.count(b"<entry>") == 3


HOSTILE = "<script>alert(1)</script>\"'&[[lihu main]]<!--/main-->{{ 7 }}"


def test_hostile_texts_are_shown_as_typed_and_do_nothing(client, event):
    room = make.make_room(event, HOSTILE)
    speaker = make.make_speaker(event, HOSTILE, affiliation=HOSTILE, biography=HOSTILE)
    track = make.make_track(event, HOSTILE)
    slot = make.make_talk(event, HOSTILE, "09:00", room=room, speakers=[speaker])
    for name in ("abstract", "description", "subtitle", "kind_label", "language"):
        setattr(slot.submission, name, HOSTILE[:35] if name == "language" else HOSTILE)
    slot.submission.track = track
    slot.submission.save()
    release(event, comment=HOSTILE)
    make.make_talk(event, HOSTILE, "12:00")
    release(event, "2.0", comment=HOSTILE)

    for address in addresses(event, slot):
        body = client.get(address).content.decode()
        # Texts of other kinds are no markup, and browsers are told not to guess.
        if address.endswith((".json", ".css", ".ics")):
            continue
        assert "<script>alert" not in body, address
        if address.endswith("/"):
            assert body.rstrip().endswith("</html>"), address
            assert body.count("<!--/main-->") == 1, address
            assert "[[lihu main]]" in body or "speakers/" in address or "changes" in address, address


def test_pages_have_no_inline_style_or_script(client, event):
    slot = published(event)
    for address in addresses(event, slot):
        if address.endswith("/"):
            body = client.get(address).content.decode()
            assert " style=" not in body
            assert not re.search(r"<script(?![^>]*(src=|application/ld\+json))", body)
            assert not re.search(r"\son[a-z]+=", body)


# -- A new frame around old pages ---------------------------------------------------------------------------------------


def test_a_new_name_of_the_event_reaches_old_pages_whose_text_stays(client, event, django_capture_on_commit_callbacks):
    slot = published(event, "Kefir")
    slot.submission.title = "Changed since"
    slot.submission.save()
    release_page = client.get("/food/schedule/v/1.0/").content.decode()
    assert "Food Futures 2027" in release_page
    events.update_event(event=event, changes={"name": "Tea Futures", "accent": "plum"}, actor=None, now=NOW)

    assert "Food Futures 2027" in client.get("/food/schedule/").content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        assert artifacts.reframe_stale() > 0

    for address in ("/food/schedule/", "/food/schedule/v/1.0/", f"/food/sessions/{slot.submission.code}/"):
        page = client.get(address).content.decode()
        assert "Tea Futures" in page
        assert 'data-accent="plum"' in page
        assert "Kefir" in page
        assert "Changed since" not in page
    assert artifacts.reframe_stale() == artifacts.reframe(event) == 0


def test_a_release_does_not_ask_the_database_more_for_more_releases(event):
    make.make_talk(event)
    counts = []
    for version in ("1", "2", "3", "4"):
        with CaptureQueriesContext(connection) as queries:
            release(event, version)
        counts.append(len(queries))
    assert counts[1] == counts[2] == counts[3]
