"""Real programmes and hostile ones on every kind of public page: what axe says of them, what they weigh, and that nothing in
them runs."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from playwright.sync_api import BrowserContext

from scheduling.models import Artifact
from scheduling.services import releases
from submissions.models import Link
from tests.browser import check_accessibility, check_fits
from tests.data import shared
from tests.factories import scheduling as make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.django_db(transaction=True),
]


def pages_of(slug: str) -> list[str]:
    """One of each kind; a version of the schedule is the schedule with a line more."""
    paths = [
        Artifact.objects.filter(path__startswith=f"{kind}/", path__endswith="/").exclude(path=f"{kind}/").first().path
        for kind in ("sessions", "speakers")
    ]
    places = ["", "schedule/", "schedule/changes/", "speakers/", *paths]
    return [f"/{slug}/{place}" for place in places]


@pytest.mark.parametrize(
    "name",
    [
        "schedules/fosdem/fosdem-2026.pentabarf.xml",
        "schedules/ccc/36c3-everything.schedule.xml",
        "schedules/cjk/sitcon-2026.sessions.json",
    ],
    ids=["FOSDEM 2026", "36C3", "SITCON 2026"],
)
def test_real_programmes_are_accessible_fit_and_are_light(
    name: str, new_context: Callable[..., BrowserContext]
) -> None:
    call_command("import_schedule", str(shared(name)), "--event", "real", "--publish", "1", stdout=StringIO())
    for phone, language, scheme in [(False, "en-GB", "dark"), (True, "zh-CN", "light")]:
        page = new_context(phone=phone, language=language, color_scheme=scheme).new_page()
        page.set_default_timeout(60_000)
        # The style sheets and scripts of all the pages, by address: their bytes as a server that knows only gzip sends them.
        loaded: dict[str, int] = {}
        for path in pages_of("real"):
            page.goto(path)
            check_accessibility(page)
            check_fits(page)
            for address in page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)"):
                if address not in loaded and urlsplit(address).path.endswith((".css", ".js")):
                    loaded[address] = len(gzip.compress(page.request.get(address).body(), 6))
            if path.endswith("/schedule/"):
                page.goto(f"{path}?q=web")
                check_accessibility(page)
        assert len(loaded) > 4
        # The public pages' budget is 60 KB; all of them together keep to half of it.
        assert sum(loaded.values()) < 30_000, loaded


RUNS = "<img src=x onerror=\"window.ran='{0}'\"><svg onload=\"window.ran='{0}'\">\"'><script>window.ran='{0}'</script>"
MARKDOWN = "[a](javascript:window.ran=1) [b](data:text/html,x) ![c](x) <javascript:window.ran=1> <b onclick=alert(1)>"


def test_hostile_texts_run_nowhere_not_even_where_the_policy_does_not_stop_them(
    new_context: Callable[..., BrowserContext], site: str
) -> None:
    def hostile(field: str, length: int = 200) -> str:
        text = RUNS.format(field)
        assert len(text) <= length
        return text

    event = make.make_event("food", name=hostile("event"), tagline=hostile("tagline"), description=MARKDOWN + RUNS)
    room = make.make_room(event, hostile("room"))
    other_room = make.make_room(event, hostile("other room"))
    speaker = make.make_speaker(
        event,
        hostile("name"),
        native_name=hostile("native name"),
        affiliation=hostile("affiliation"),
        biography=MARKDOWN + RUNS,
    )
    talks = []
    for clock, where in [("09:00", room), ("10:00", room), ("09:00", other_room)]:
        submission = make.make_submission(
            event,
            hostile("title"),
            speakers=[speaker] if clock == "09:00" and where == room else [make.make_speaker(event, hostile("name"))],
            track=make.make_track(event, hostile("track")),
            subtitle=hostile("subtitle"),
            abstract=MARKDOWN + RUNS,
            description=RUNS + MARKDOWN,
            kind_label='"><img src=x onerror=window.ran=1>',
            language='"><script>window.ran=1</script>',
        )
        talks.append(make.make_slot(event, clock, room=where, submission=submission))
    # No form, file or API call gets such an address in; a page would still not make a link of it.
    session = talks[0].submission
    assert session
    Link.objects.create(submission=session, title=hostile("link"), url="javascript:window.ran=1")
    session.url = "data:text/html,<script>window.ran=1</script>"
    session.save()
    make.make_slot(event, "12:00", title={"en": hostile("break")}, kind="break")
    releases.release(event=event, version="1", comment=hostile("comment"), force=True, actor=None, now=make.NOW)
    talks[1].delete()
    releases.release(event=event, version="2", comment=hostile("comment"), force=True, actor=None, now=make.NOW)

    page = new_context(bypass_csp=True).new_page()
    code, gone = session.code, talks[1].submission.code
    for path in [
        *pages_of("food"),
        "/food/schedule/v/1/",
        f"/food/sessions/{code}/",
        f"/food/sessions/{gone}/",
        f"/food/speakers/{speaker.code}/",
    ]:
        page.goto(path)
        if path.endswith("/schedule/"):
            # The script writes texts, too: labels of stars, counts, what was found.
            page.locator(".star").first.click()
            page.locator("[name=q]").fill("img")
            page.get_by_label("My stars").check()
        assert page.evaluate("window.ran") is None, path
        strange = page.eval_on_selector_all(
            "main *",
            """nodes => nodes.filter(node => node.matches('img, svg[onload], script:not([src], [type*=json]), iframe')
                || [...node.attributes].some(({name}) => name.startsWith('on'))
                || node.href !== undefined && !/^(https?:|mailto:|$)/.test(String(node.href))).map(node => node.outerHTML)""",
        )
        assert strange == [], path
        data = page.eval_on_selector_all(
            "script[type='application/ld+json']", "nodes => nodes.map(node => JSON.parse(node.textContent))"
        )
        assert all(isinstance(block, dict) for block in data), path


@pytest.mark.parametrize("path", ["schedule/", "speakers/", "schedule/changes/", ""])
def test_an_event_without_a_programme_has_pages_all_the_same(
    new_context: Callable[..., BrowserContext], path: str
) -> None:
    make.make_event("food")
    page = new_context(phone=True).new_page()
    assert page.goto(f"/food/{path}").ok
    check_accessibility(page)
    check_fits(page)


def test_a_programme_without_speakers_tracks_and_rooms_is_a_programme(
    new_context: Callable[..., BrowserContext],
) -> None:
    event = make.make_event("food")
    make.make_slot(event, submission=make.make_submission(event, "A walk by the lake"))
    releases.release(event=event, version="1", force=True, actor=None, now=make.NOW)
    for phone in (False, True):
        page = new_context(phone=phone).new_page()
        page.goto("/food/schedule/")
        assert page.locator(".slot:visible h4").all_inner_texts() == ["A walk by the lake"]
        assert page.locator("[data-filter]").count() == 0
        check_accessibility(page)
        check_fits(page)
        page.goto("/food/speakers/")
        assert "No speaker is named yet" in page.locator("main").inner_text()
        check_accessibility(page)
