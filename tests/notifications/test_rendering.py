from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from django.conf import settings as django_settings
from i18nfield.strings import LazyI18nString

from notifications.models import MailTemplate, Message
from notifications.notices import CalendarPart, NoticeKind, Placeholder, PlaceholderType, all_kinds
from notifications.origins import Origin
from notifications.services import rendering
from tests.notifications.samples import CALENDAR, NOW, ORIGIN, REMINDER, TICKET, WELCOME, queue

LANGUAGES = [code for code, _name in django_settings.LANGUAGES]
EVIL = [
    "[x](https://evil.example)<b>",
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "https://evil.example/login",
    "www.evil.example",
    "javascript:alert(1)",
    "{link}",
    "{name.__class__}",
    "@@url@@ <!--/paragraph-->",
    "&lt;b&gt;",
    "line\r\nBcc: x@evil.example",
    "\u202eright to left",
    "مريم 李华 👩‍🔬",
]


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        assert not [name for name, _value in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def compose(kind: NoticeKind, context: dict[str, Any], *, language: str = "en", **more: Any) -> rendering.Rendered:
    origin = more.pop("origin", ORIGIN)
    words = rendering.words_for(kind, language, locales=origin.locales, **more)
    return rendering.compose(kind, words, context, origin=origin)


@pytest.mark.parametrize("evil", EVIL)
def test_values_are_text_and_never_markup(evil: str) -> None:
    mail = compose(TICKET, {"name": evil, "link": "https://conf.example/t/", "room": evil, "items": [evil, evil]})

    tags = Tags(mail.html)
    assert set(tags.links) == {ORIGIN.url, "https://conf.example/t/"}
    assert {"script", "img", "b", "iframe"}.isdisjoint(tags.names)
    assert " ".join(evil.split()) in " ".join(tags.text.split())
    assert evil in mail.text
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject


@pytest.mark.parametrize("evil", EVIL)
def test_no_kind_makes_markup_of_what_people_typed(kinds: list[NoticeKind], evil: str) -> None:
    for kind in kinds:
        typed = {p.name: evil for p in kind.placeholders if p.type == PlaceholderType.TEXT}
        mail = compose(kind, {**rendering.example_context(kind), **typed})

        tags = Tags(mail.html)
        assert not [link for link in tags.links if "evil" in link or link.startswith("javascript")], kind.code
        assert {"script", "img", "b", "iframe"}.isdisjoint(tags.names), kind.code
        assert len(mail.subject.splitlines()) == 1, kind.code


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "https://a b", "evil", 'https://x"onclick="y']
)
def test_link_that_is_no_web_address_is_text(address: str) -> None:
    tags = Tags(compose(TICKET, {"name": "Mei", "link": address}).html)
    assert set(tags.links) <= {ORIGIN.url, address if address.startswith("https://x") else ORIGIN.url}
    assert "onclick" not in tags.names


def test_link_alone_on_its_line_is_a_button_and_reads_well_as_text() -> None:
    mail = compose(TICKET, {"name": "Mei", "link": "https://conf.example/t/?a=1&b=2"})

    assert 'href="https://conf.example/t/?a=1&amp;b=2"' in mail.html
    assert ">See your ticket</a>" in mail.html
    assert "See your ticket:\nhttps://conf.example/t/?a=1&b=2\n" in mail.text


def test_line_whose_placeholders_are_all_empty_is_left_out_with_its_label() -> None:
    full = compose(TICKET, {"name": "Mei", "room": "Hall 1", "items": ["Lunch", "Dinner"]})
    assert "Where: Hall 1\n\n- Lunch\n- Dinner\n" in full.text
    bare = compose(TICKET, {"name": "Mei", "room": "", "items": []})
    assert "Where" not in bare.text + bare.html
    assert "<li" not in bare.html


def test_addresses_in_the_words_are_links() -> None:
    mail = compose(TICKET, {"name": "Mei"}, body={"en": "Read https://conf.example/faq, then come."})
    assert set(Tags(mail.html).links) == {ORIGIN.url, "https://conf.example/faq"}


def test_words_in_braces_that_are_no_placeholder_are_text() -> None:
    mail = compose(TICKET, {"name": "Mei"}, body={"en": "{{ ''.__class__ }} {event.__init__} {name}"})
    assert "{ ''.__class__ } {event.__init__} Mei" in mail.text


# -- Languages -------------------------------------------------------------------------------------------------------


def test_own_words_in_the_language_of_the_recipient() -> None:
    own = {"subject": {"en": "Hi {name}", "zh-hans": "你好 {name}"}, "body": {"en": "Come.", "zh-hans": "请来。"}}

    chinese = compose(TICKET, {"name": "李华"}, language="zh-hans", **own)
    assert (chinese.language, chinese.subject) == ("zh-hans", "你好 李华")
    assert 'lang="zh-Hans"' in chinese.html
    assert chinese.text.startswith("请来。\n\n-- \n食品科学日\n")
    assert chinese.sender_name == "食品科学日（经 Lihu）"


def test_own_words_that_lack_the_language_fall_back_to_the_event_s_as_a_whole() -> None:
    mail = compose(TICKET, {"name": "Li"}, language="zh-hans", subject={"en": "Hi {name}"}, body={"en": "Come."})

    assert (mail.language, mail.subject, mail.text.split("\n")[0]) == ("en", "Hi Li", "Come.")
    assert "Food Science Days" in mail.text
    assert 'lang="en"' in mail.html


def test_language_that_nobody_wrote_in_falls_back_to_the_event_s_first() -> None:
    assert compose(TICKET, {"name": "Li"}, language="fr").language == "en"
    chinese = Origin(name={"zh-hans": "会"}, url="https://x.example/", time_zone="Asia/Shanghai", locales=("zh-hans",))
    assert compose(TICKET, {"name": "Li"}, language="fr", origin=chinese).language == "zh-hans"
    assert compose(TICKET, {"name": "Li"}, language="zh-hant").language == "zh-hans"


def test_one_text_for_all_languages_leaves_the_recipient_s() -> None:
    mail = compose(TICKET, {"name": "Li"}, language="zh-hans", body=LazyI18nString("Hello {name}"))
    assert (mail.language, mail.text.split("\n")[0]) == ("zh-hans", "Hello Li")


def test_value_in_several_languages_is_taken_in_the_mail_s() -> None:
    names = {"en": "Hall", "zh-hans": "大厅"}
    assert "Where: 大厅" in compose(TICKET, {"name": "x", "room": names}, language="zh-hans").text
    assert "Where: Hall" in compose(TICKET, {"name": "x", "room": names}).text


# -- Times -----------------------------------------------------------------------------------------------------------

ZONES = ["Asia/Shanghai", "America/Los_Angeles", "Asia/Kathmandu"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_times_are_in_the_event_s_zone_with_the_zone_named(zone: str, language: str) -> None:
    at = datetime(2027, 6, 7, 9, 0, tzinfo=ZoneInfo(zone))
    mail = compose(
        REMINDER, {"talk": "x", "starts": at.astimezone(UTC).isoformat(), "time_zone": zone}, language=language
    )

    assert "09:00" in mail.text
    assert at.astimezone(UTC).strftime("%H:%M") not in mail.text + mail.subject
    offset = at.strftime("%z")
    assert f"UTC{offset[:3]}:{offset[3:]}" in mail.text


def test_own_zone_is_told_where_it_differs() -> None:
    context = {"talk": "x", "starts": "2027-06-07T09:00:00+08:00", "time_zone": "Asia/Shanghai"}

    elsewhere = compose(REMINDER, {**context, "recipient_time_zone": "Europe/Berlin"})
    assert "your time: Monday, June 7, 2027, 03:00 Central European Summer Time (UTC+02:00)" in elsewhere.text
    assert "03:00" not in elsewhere.subject
    for same in ("", "Asia/Shanghai", "Asia/Chongqing", "Asia/Singapore", "No/Where"):
        assert "your time" not in compose(REMINDER, {**context, "recipient_time_zone": same}).text


@pytest.mark.parametrize("broken", ["soon", "2027-13-45", 12, {"en": "x"}])
def test_time_that_cannot_be_read_is_shown_and_harms_nobody(broken: object) -> None:
    assert compose(REMINDER, {"talk": "x", "starts": broken}).text


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_renders_in_every_language_and_zone(kinds: list[NoticeKind], language: str, zone: str) -> None:
    """No placeholder is left, no value is raw, no hour is in UTC."""
    assert len(kinds) > 3
    at = datetime(2027, 6, 7, 14, 45, tzinfo=ZoneInfo(zone))
    samples = {
        PlaceholderType.MOMENT: at.astimezone(UTC).isoformat(),
        PlaceholderType.DAY: "2027-06-07",
        PlaceholderType.LINK: "https://conf.example/x/",
    }
    for kind in kinds:
        context = {p.name: samples.get(p.type, f"value of {p.name}") for p in kind.placeholders}
        mail = compose(kind, {**context, "time_zone": zone}, language=language)

        assert mail.language == language
        for part in (mail.subject, mail.text, mail.html):
            assert not re.search(r"\{\w+\}|@@|<!--", part), kind.code
            assert at.astimezone(UTC).strftime("%H:%M") not in part, kind.code
            assert "+00:00" not in part, kind.code
        if any(p.type == PlaceholderType.MOMENT and f"{{{p.name}}}" in str(kind.body) for p in kind.placeholders):
            assert "14:45" in mail.text, kind.code


@pytest.mark.parametrize("kind", [kind for kind in all_kinds() if kind.is_editable], ids=lambda kind: kind.code)
def test_every_kind_has_words_in_every_language(kind: NoticeKind) -> None:
    english = rendering.default_words(kind, "en")
    for language in LANGUAGES[1:]:
        other = rendering.default_words(kind, language)
        assert other.subject != english.subject
        assert other.body != english.body


# -- As bytes --------------------------------------------------------------------------------------------------------


def delivered(message: Message) -> EmailMessage:
    renderer = rendering.Renderer()
    renderer.prepare([message])
    raw = rendering.as_bytes(message, renderer.render(message), at=NOW)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.replace(b"\r\n", b"").count(b"\n") == 0
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def part(mail: EmailMessage, content_type: str) -> str:
    return next(str(p.get_content()) for p in mail.walk() if p.get_content_type() == content_type)  # type: ignore[attr-defined]


@pytest.mark.django_db
@pytest.mark.parametrize("name", EVIL)
def test_nobody_s_name_gets_out_of_its_header(origin: Origin, name: str) -> None:
    (message,) = queue(1)
    message.recipient_name = name
    message.context["name"] = name
    mail = delivered(message)

    assert sorted(mail.keys()) == sorted(
        [
            "Message-ID",
            "Date",
            "From",
            "To",
            "Subject",
            "Reply-To",
            "Content-Language",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ]
    )
    assert [address.addr_spec for address in mail["To"].addresses] == ["p0@example.org"]
    assert name.split("\r")[0] in part(mail, "text/plain")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["x@example.org\r\nBcc: y@evil.example", "x y@example.org", "<x@example.org>", "x@y@z", "x"]
)
def test_address_that_could_smuggle_a_command_is_refused(origin: Origin, address: str) -> None:
    (message,) = queue(1)
    message.recipient_email = address
    with pytest.raises(ValueError, match="not an e-mail address"):
        delivered(message)


@pytest.mark.django_db
def test_calendar_part_is_an_invitation_to_the_recipient(origin: Origin) -> None:
    (message,) = queue(1, calendar=CALENDAR)
    mail = delivered(message)

    calendar = icalendar.Calendar.from_ical(part(mail, "text/calendar"))
    assert calendar["METHOD"] == "REQUEST"
    (event,) = calendar.walk("VEVENT")
    assert (event["UID"], event["SEQUENCE"], event["SUMMARY"]) == ("slot-1@conf.example", 2, "On eggs, and “ham”")
    assert event["DTSTART"].dt == datetime(2027, 6, 7, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert event["DTSTART"].params["TZID"] == "Asia/Shanghai"
    assert event["ATTENDEE"] == "mailto:p0@example.org"
    assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["Asia/Shanghai"]
    attachment = next(p for p in mail.walk() if p.get_content_type() == "application/ics")
    assert attachment.get_filename() == "invite.ics"


@pytest.mark.django_db
def test_cancellation_of_a_whole_day(origin: Origin) -> None:
    days = CalendarPart(
        method="CANCEL",
        uid="e@x",
        sequence=3,
        start="2027-06-07",
        end="2027-06-10",
        time_zone="Asia/Shanghai",
        summary="Days",
    )
    (message,) = queue(1, calendar=days)
    calendar = icalendar.Calendar.from_ical(part(delivered(message), "text/calendar"))
    (event,) = calendar.walk("VEVENT")
    assert (calendar["METHOD"], event["STATUS"]) == ("CANCEL", "CANCELLED")
    assert event["DTSTART"].dt.isoformat() == "2027-06-07"


@pytest.mark.django_db
def test_optional_mail_can_be_unsubscribed_from_in_one_click(origin: Origin) -> None:
    (message,) = queue(1, kind=WELCOME)
    mail = delivered(message)

    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["List-Unsubscribe"].strip("<>")
    assert url.startswith(f"{django_settings.PUBLIC_URL}/mail/unsubscribe/")
    assert url in part(mail, "text/plain")
    assert url in part(mail, "text/html")


@pytest.mark.django_db
def test_event_s_own_words_are_used(origin: Origin) -> None:
    MailTemplate.objects.create(event_id=1, kind=TICKET.code, subject=LazyI18nString({"en": "Own {name}"}))
    (message,) = queue(1)

    assert message.subject == "Own Person 0"
    assert delivered(message)["Subject"] == "Own Person 0"
    (other,) = queue(1, prefix="q", event_id=2)
    assert other.subject == "Your ticket, Person 0"


@pytest.mark.django_db
def test_mail_of_the_account_pages_is_paragraphs_with_links_to_this_site_only(settings: Any) -> None:
    from django.core.mail import send_mail  # noqa: PLC0415

    settings.EMAIL_BACKEND = "notifications.backends.LedgerBackend"  # which Django's test runner had set aside
    own = f"{settings.PUBLIC_URL}/accounts/x/"
    send_mail("Your code", f"Hello <b>,\n\n4F7-K2M\n\nSee {own} or https://evil.example/.", None, ["mei@example.org"])
    (message,) = Message.objects.all()
    mail = delivered(message)

    assert (message.kind, message.priority, mail["Subject"]) == ("account_mail", 0, "Your code")
    html = part(mail, "text/html")
    assert set(Tags(html).links) == {f"{settings.PUBLIC_URL}/", own}
    assert "letter-spacing" in html
    assert "Hello &lt;b&gt;," in html
    assert "4F7-K2M" in part(mail, "text/plain")


def test_layout_needs_no_image_and_no_style_sheet() -> None:
    html = compose(TICKET, {"name": "Mei", "link": "https://conf.example/t/"}).html
    tags = Tags(html)
    assert {"img", "link", "script"}.isdisjoint(tags.names)
    assert 'width="600"' in html
    assert "prefers-color-scheme: dark" in html
    assert re.search(r'<p style="[^"]*margin', html)


def test_placeholder_examples_can_be_rendered(kinds: list[NoticeKind]) -> None:
    for kind in kinds:
        mail = compose(kind, rendering.example_context(kind))
        assert mail.subject
        assert not re.search(r"\{\w+\}", mail.text), kind.code


def test_day_is_written_out() -> None:
    kind = NoticeKind(
        code="x",
        title="x",
        subject="{day}",
        body="{day}",
        placeholders=(Placeholder(name="day", label="", example="2027-06-07", type=PlaceholderType.DAY),),
    )
    assert compose(kind, {"day": "2027-06-07"}, language="zh-hans").subject == "2027年6月7日星期一"
