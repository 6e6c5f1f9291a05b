"""The printable programme: made after the release, once per language, and nothing in it is markup."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import typst
from django.db import connection
from django.test import Client
from i18nfield.strings import LazyI18nString

from events.models import Event
from scheduling.exports import programme_pdf
from scheduling.models import Artifact, Schedule
from scheduling.services import printing, releases
from scheduling.tasks import print_programme
from tests.config.processes import command_of
from tests.data import shared
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW

pytestmark = pytest.mark.django_db

ADDRESS = "/food/schedule/export/schedule.pdf"


@pytest.fixture
def event() -> Event:
    return make.make_event("food", locales=("en", "zh-hans"))


def release(event: Event, version: str = "1.0") -> Schedule:
    return releases.release(event=event, version=version, actor=None, now=NOW)


def kept(schedule: Schedule, language: str = "en") -> dict[str, Any]:
    row = Artifact.objects.get(schedule=schedule, path="schedule/print.json", language=language)
    data: dict[str, Any] = json.loads(gzip.decompress(row.gzip))
    return data


def reader(language: str = "en") -> Client:
    return Client(headers={"accept-language": language})


def test_the_programme_is_being_made_until_a_worker_has_made_it(event: Event) -> None:
    make.make_talk(event, "Kefir")
    schedule = release(event)
    early = reader().get(ADDRESS)
    assert (early.status_code, early["Retry-After"], early["Cache-Control"]) == (503, "3", "no-store")

    print_programme(schedule_id=schedule.pk)

    english, chinese = (reader(language).get(ADDRESS) for language in ("en", "zh-cn"))
    for answer in (english, chinese):
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert answer["Cache-Control"] == "public, no-cache"
        assert "Accept-Language" in answer["Vary"]
        assert answer.content.startswith(b"%PDF-")
        assert reader().get(ADDRESS, headers={"if-none-match": english["ETag"]}).status_code == 304
    assert english.content != chinese.content
    assert reader().get("/food/schedule/v/1.0/export/schedule.pdf").content == english.content


def test_making_it_twice_makes_it_once_and_the_same(event: Event) -> None:
    make.make_talk(event, "Kefir")
    schedule = release(event)
    assert printing.print_programme(schedule.pk) == 2
    before = list(Artifact.objects.filter(path=printing.PATH).values_list("pk", "digest"))
    assert printing.print_programme(schedule.pk) == 0
    assert list(Artifact.objects.filter(path=printing.PATH).values_list("pk", "digest")) == before
    Artifact.objects.filter(path=printing.PATH).delete()
    printing.print_programme(schedule.pk)
    again = Artifact.objects.filter(path=printing.PATH).values_list("digest", flat=True)
    assert sorted(again) == sorted(digest for _pk, digest in before)


def test_whoever_asks_while_the_wake_up_was_lost_sends_another(
    event: Event, django_capture_on_commit_callbacks: Any
) -> None:
    make.make_talk(event, "Kefir")
    release(event)
    # Lost: the release's own.
    connection.run_on_commit.clear()
    with django_capture_on_commit_callbacks() as callbacks:
        for _time in range(3):
            assert reader().get(ADDRESS).status_code == 503
    assert len(callbacks) == 1


def test_it_says_what_was_published_in_the_readers_language(event: Event) -> None:
    hall = make.make_room(event, "大礼堂")
    block = make.make_slot(event, "09:00", minutes=60, kind="block", title="Fermentation", room=hall)
    block.chairs.add(make.make_speaker(event, "Li Na"))
    make.make_talk(event, "Kefir", "09:30", room=hall, parent=block, speakers=[make.make_speaker(event, "Zoë Müller")])
    schedule = release(event)

    (day,) = kept(schedule)["days"]
    (time,) = day["times"]
    assert time["clock"] == "09:00"
    assert time["sessions"] == [
        {
            "title": "Fermentation",
            "names": "",
            "facts": "09:00–10:00 · 大礼堂 · Chair: Li Na",
            "talks": [{"label": "09:30", "title": "Kefir", "names": "Zoë Müller"}],
        }
    ]
    assert kept(schedule, "zh-hans")["people-title"] == "报告人"
    assert [person["name"] for person in kept(schedule)["people"]] == ["Li Na", "Zoë Müller"]


@pytest.mark.parametrize(
    "text",
    [
        '#panic("markup")',
        '#read("/etc/passwd") $x^2$ *b* _i_ `raw` @label <label> \\ // /* ]]]]',
        "\\input{/etc/passwd} </script> & \u202eabc 👩🏽‍🔬 عربى ไทย",
        "= Heading\n- list\n#set page(fill: red)",
        "长" * 400,
    ],
)
def test_what_people_write_is_text(event: Event, text: str) -> None:
    plain = kept_with(event, "plain")
    hostile = kept_with(make.make_event("other"), text)
    assert programme_pdf.write(hostile, "en").startswith(b"%PDF-")
    # As many headings as without it: none of it was taken for one.
    assert headings(hostile) == headings(plain) == 2


#: What markup would have made of a text.
MARKUP: Final = (
    "heading",
    "strong",
    "emph",
    "raw",
    "link",
    "list",
    "enum",
    "terms",
    "math.equation",
    "ref",
    "image",
    "metadata",
)
PARTS: Final = 8


def nasty_texts() -> list[str]:
    lines = shared("nasty/csv-payload.txt").read_text().splitlines()
    texts = dict.fromkeys([*json.loads(shared("nasty/blns.json").read_text()), *lines])
    # PostgreSQL keeps neither.
    return [
        text for text in texts if text.strip() and "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
    ]


def in_english(text: str) -> Any:
    """As services store it: a plain string would be read as JSON."""
    return LazyI18nString({"en": text})


@pytest.mark.parametrize("part", range(PARTS))
def test_every_nasty_text_is_printed_as_the_text_that_it_is(part: int) -> None:
    texts = nasty_texts()[part::PARTS]
    assert len(texts) > 50
    event = make.make_event("food")
    Event.objects.filter(pk=event.pk).update(name=in_english(texts[0][:200]))
    for number, text in enumerate(texts):
        minutes = 10 * (number % 72)
        speaker = make.make_speaker(event, text[:200], native_name=text[:200], affiliation=text[:300])
        make.make_slot(
            event,
            f"{8 + minutes // 60:02d}:{minutes % 60:02d}",
            minutes=10,
            room=make.make_room(event, in_english(text[:200])),
            submission=make.make_submission(
                event, in_english(text[:300]), abstract=in_english(text), speakers=[speaker]
            ),
        )
    schedule = releases.release(event=event, version="1.0", force=True, actor=None, now=NOW)

    assert printing.print_programme(schedule.pk) > 0
    document = reader().get(ADDRESS)
    assert document.status_code == 200
    check_pdf(document.content)
    data = kept(schedule)
    printed = [session["title"] for day in data["days"] for time in day["times"] for session in time["sessions"]]
    assert {text[:300].strip() for text in texts} <= {title.strip() for title in printed}
    assert {kind: found for kind in MARKUP if (found := count(data, kind))} == {"heading": 2}


def test_what_is_counted_is_what_markup_makes() -> None:
    """The control: the same texts as markup would be found."""
    source = b"= A\n*b* _c_ `d` $x$ https://example.org\n- e\n+ f\n/ g: h\n"
    found = {kind for kind in MARKUP if json.loads(typst.query(source, kind))}
    assert found == set(MARKUP) - {"ref", "image", "metadata"}


def check_pdf(document: bytes) -> None:
    """Opens as PDF 1.7 §7.5 has it: the end says where the table of objects is, which names the catalogue and has every object
    where it says."""
    assert document.startswith(b"%PDF-")
    assert document.rstrip().endswith(b"%%EOF")
    start = int(re.findall(rb"startxref\s+(\d+)\s+%%EOF", document)[-1])
    table = document[start:]
    if table.startswith(b"xref"):
        first, count_of = map(int, table.split(maxsplit=3)[1:3])
        lines = table.splitlines()[2 : 2 + count_of]
        for number, line in enumerate(lines, start=first):
            offset, _generation, kind = line.split()
            assert kind == b"f" or document[int(offset) :].startswith(b"%d " % number), number
        assert b"/Root" in table
    else:
        assert re.match(rb"\d+ \d+ obj", table)
        assert b"/XRef" in table[:400]
        assert b"/Root" in table[:400]


def kept_with(event: Event, text: str) -> dict[str, Any]:
    make.make_talk(event, text[:500], speakers=[make.make_speaker(event, text[:200], affiliation=text[:300])])
    return kept(release(event))


def headings(data: dict[str, Any]) -> int:
    return count(data, "heading")


def count(data: dict[str, Any], kind: str) -> int:
    found = typst.query(programme_pdf._TEMPLATE, kind, sys_inputs={"data": complete(data)}, ignore_system_fonts=True)
    return len(json.loads(found))


@pytest.mark.parametrize(
    "text",
    [
        "Li Na, 李娜 — “Ferment” ‘it’ … 50 % · 3–4 °C, naïve façade, ﬁne, ½, №, Ⅷ, α-amylase, Ђорђе, Nguyễn Thị Ánh",
        # In pieces, which fonts put together, and characters of which there are several.
        unicodedata.normalize("NFD", "Nguyễn Ánh façade Zoë 가나다 がぎぐ"),
        "㛃𠮷䶮 葛\U000e0100飾 骨直判今 ｗｉｄｅ ，。“引号” ——…… 「食」《酿造》",
        "キムチ・味噌・がんもどき 김치 된장 食べ物",
        "Ünicode \u00ad soft\u00adhyphen non\u2011breaking\u00a0space \u200bzero 👩🏽‍🔬 عربى ไทย",
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant", "ja", "ko"])
def test_pages_look_as_with_the_whole_font(event: Event, text: str, language: str) -> None:
    family = f"Noto Sans CJK {programme_pdf._FONTS.get(language, 'SC')}"
    given = complete(kept_with(event, text), family, language)
    with cut_fonts(family, given) as cut:
        assert pages(given, cut) == pages(given, str(programme_pdf._FONT.parent))


def test_a_font_without_the_characters_looks_different(event: Event) -> None:
    """The control."""
    family = "Noto Sans CJK SC"
    data = complete(kept_with(event, "酿造"), family)
    with cut_fonts(family, "nothing") as cut:
        assert pages(data, cut) != pages(data, str(programme_pdf._FONT.parent))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(("name", "has_mark"), [("Niamh O’Sullivan", True), ("Niamh OSullivan", False)])
def test_an_apostrophe_in_a_name_is_as_narrow_as_its_letters(language: str, name: str, has_mark: bool) -> None:
    """In fonts for Chinese it is as wide as a character. Without one there is no difference, which is the control."""
    words = dict.fromkeys(["host", "version", "address", "when-and-where", "note", "people-title"], "x")
    given = complete({**words, "title": name, "days": [], "people": []}, language=language)
    fonts = str(programme_pdf._FONT.parent)
    assert (pages(given, fonts) != pages(given.replace(programme_pdf._NARROW, "Noto Sans CJK SC"), fonts)) == has_mark


@contextmanager
def cut_fonts(family: str, text: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        for name in {family, programme_pdf._NARROW}:
            Path(folder, f"{name}.otf").write_bytes(programme_pdf._font(name, text))
        yield folder


def complete(data: dict[str, Any], family: str = "Noto Sans CJK SC", language: str = "en") -> str:
    """As `_set` gets it."""
    fonts = {"font": family, "narrow-font": programme_pdf._NARROW}
    return json.dumps(data | fonts | {"language": language[:2], "region": None}, ensure_ascii=False)


def pages(data: str, folder: str) -> Any:
    """As pictures."""
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[folder])
    return typst.compile(programme_pdf._TEMPLATE, font_paths=fonts, sys_inputs={"data": data}, format="png", ppi=100)


def test_nothing_of_a_draft_event_is_printed_to_strangers() -> None:
    event = make.make_event("food", state="draft")
    make.make_talk(event)
    schedule = release(event)
    assert reader().get(ADDRESS).status_code == 404
    printing.print_programme(schedule.pk)
    assert reader().get(ADDRESS).status_code == 404
    assert reader().get("/food/schedule/export/rooms/1.pdf").status_code == 404


def test_a_programme_of_a_thousand_sessions_is_set(event: Event) -> None:
    data = kept_with(event, "食品科学的未来")
    (day,) = data["days"]
    day["times"] = [time | {"sessions": time["sessions"] * 10} for time in day["times"] * 100]
    data["people"] *= 800
    document = programme_pdf.write(data, "en")
    assert document.startswith(b"%PDF-")
    assert len(document) < 5_000_000


def test_one_that_takes_too_long_is_given_up(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    make.make_talk(event, "Kefir")
    schedule = release(event)
    monkeypatch.setattr(programme_pdf, "_LONGEST_SECONDS", 0.01)
    with pytest.raises(subprocess.TimeoutExpired):
        printing.print_programme(schedule.pk)
    assert reader().get(ADDRESS).status_code == 503
    assert not [child for child in psutil.Process().children() if "programme_pdf" in " ".join(command_of(child))]

    monkeypatch.undo()
    assert printing.print_programme(schedule.pk) > 0
    assert reader().get(ADDRESS).status_code == 200
