"""From a row of the ledger to a mail: the right words, the values in them, text, HTML and calendar."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from html import escape
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import signing
from django.utils import translation
from django.utils.translation import gettext as _
from i18nfield.strings import LazyI18nString

from common import dates
from notifications import calendar_part, mime
from notifications.layout import Layout, current_layout, language_tag
from notifications.models import Campaign, MailTemplate, Message, ReminderRule
from notifications.notices import CalendarPart, NoticeKind, Placeholder, PlaceholderType, kind_of
from notifications.origins import Origin, origins_of, site
from notifications.words import Block, BlockKind, Gap, Line, blocks_of, subject_of

#: What `Message.subject` holds.
LONGEST_SUBJECT: Final = 500
_URL: Final = re.compile(r"https?://[^\s<>\"'，。；）】》、]*[^\s<>\"'，。；）】》、.,;:!?)\]]")
_LANGUAGES: Final = [code for code, _name in settings.LANGUAGES]


@dataclass(frozen=True, kw_only=True)
class Words:
    """Subject and body before values are put in, both in one language."""

    language: str
    subject: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """A calendar part: its METHOD (RFC 5546) and its iCalendar text."""

    method: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A mail, ready to become bytes."""

    language: str
    subject: str
    text: str
    html: str
    calendars: tuple[Invitation, ...] = ()
    sender_name: str
    reply_to: str = ""
    # Empty where the kind is not optional.
    unsubscribe_url: str = ""

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What `as_json` made; rows of an earlier version have one calendar part at most."""
        values = dict(stored)
        text, method = values.pop("calendar", ""), values.pop("method", "")
        parts = values.pop("calendars", [{"method": method, "text": text}] if text else [])
        return cls(**values, calendars=tuple(Invitation(**part) for part in parts))


# -- Words -----------------------------------------------------------------------------------------------------------


def interface_language(language: str, fallbacks: Sequence[str] = ()) -> str:
    """The nearest of the languages that Lihu's own words are in."""
    for wanted in (language, *fallbacks):
        if wanted in _LANGUAGES:
            return wanted
        primary = wanted.partition("-")[0]
        for known in _LANGUAGES:
            if primary and known.partition("-")[0] == primary:
                return known
    return settings.LANGUAGE_CODE


@functools.lru_cache(maxsize=512)
def default_words(kind: NoticeKind, language: str) -> Words:
    """Lihu's own words; `language` is one of the interface's."""
    with translation.override(language):
        return Words(language=language, subject=str(kind.subject), body=str(kind.body))


def own_texts(value: LazyI18nString | str | None) -> dict[str, str]:
    """Language → text; the empty language where one text is for all."""
    data = value.data if isinstance(value, LazyI18nString) else value
    if isinstance(data, Mapping):
        return {str(language): text for language, text in data.items() if text and text.strip()}
    return {"": str(data)} if data and str(data).strip() else {}


def as_localized(value: LazyI18nString | Mapping[str, str] | str | None) -> LazyI18nString:
    """As given, one text per language, or one for all; without empty ones."""
    texts = own_texts(LazyI18nString(dict(value)) if isinstance(value, Mapping) else value)
    return LazyI18nString(texts[""]) if texts.keys() == {""} else LazyI18nString(texts)


def example_context(kind: NoticeKind) -> dict[str, Any]:
    """Values to try words out with."""
    return {placeholder.name: placeholder.example for placeholder in kind.placeholders}


def words_for(
    kind: NoticeKind,
    language: str,
    *,
    subject: LazyI18nString | str | None = None,
    body: LazyI18nString | str | None = None,
    locales: Sequence[str] = (),
) -> Words:
    """The event's own words where it has some, otherwise Lihu's.

    The whole mail is in one language: the recipient's if there are words in it, otherwise the first of the event's in which
    there are.
    """
    own_subject, own_body = own_texts(subject), own_texts(body)
    available = own_subject.keys() | own_body.keys()
    if available and "" not in available:
        language = _nearest(language, available, locales)
    default = default_words(kind, interface_language(language, locales))
    if not available:
        return default
    return Words(
        language=language if language in available else default.language,
        subject=own_subject.get(language) or own_subject.get("") or default.subject,
        body=own_body.get(language) or own_body.get("") or default.body,
    )


def _nearest(language: str, available: Collection[str], locales: Sequence[str]) -> str:
    if language in available:
        return language
    primary = language.partition("-")[0]
    alike = sorted(code for code in available if code.partition("-")[0] == primary)
    return next(iter([*alike, *(code for code in locales if code in available), *sorted(available)]))


# -- Values ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def _moment(iso: str, zone: str, own_zone: str, language: str) -> str:
    at = datetime.fromisoformat(iso)
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(zone))
    shown = dates.moment(at, ZoneInfo(zone), language)
    if not own_zone or own_zone == zone:
        return shown
    there = ZoneInfo(own_zone)
    if at.astimezone(there).utcoffset() == at.astimezone(ZoneInfo(zone)).utcoffset():
        return shown
    with translation.override(interface_language(language)):
        return _("%(moment)s (your time: %(own)s)") % {"moment": shown, "own": dates.moment(at, there, language)}


@functools.lru_cache(maxsize=1024)
def _day(iso: str, language: str) -> str:
    return dates.day(date.fromisoformat(iso), language)


def _plain(value: Any, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return str(LazyI18nString(dict(value)).localize(language))
    return str(value)


def text_of(value: Any, type_: PlaceholderType, *, language: str, zone: str, own_zone: str = "") -> str | list[str]:
    """A value of the context as text. What is not what its type promises is shown as it is: a mail late by a time that
    cannot be read is worse than one that shows it raw."""
    if isinstance(value, list):
        return [str(text_of(item, type_, language=language, zone=zone, own_zone=own_zone)) for item in value]
    if not value and value != 0:
        return ""
    try:
        if type_ is PlaceholderType.MOMENT:
            return _moment(str(value), zone, own_zone, language)
        if type_ is PlaceholderType.DAY:
            return _day(str(value), language)
    except (ValueError, KeyError, OSError):
        return str(value)
    return _plain(value, language)


def _html_of(text: str) -> str:
    """Escaped, and kept apart from what surrounds it where it is written from right to left."""
    html = escape(text).replace("\n", "<br>\n")
    if not text.isascii() and any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text):
        return f'<span dir="auto">{html}</span>'
    return html


_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "RLE", "RLO", "RLI"})


def _is_address(text: str) -> bool:
    return text.startswith(("https://", "http://")) and not re.search(r"\s", text)


# -- Putting together ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Values:
    """A mail's values as text, and how to show them."""

    kind: NoticeKind
    texts: Mapping[str, str | list[str]]
    labels: Mapping[str, str]
    links: frozenset[str]
    composed: frozenset[str]
    layout: Layout

    def fill(self, line: Line) -> list[dict[str, str]]:
        """One mapping per line that `line` becomes: none where all its values are empty, several for a list."""
        gaps = line.gaps
        if gaps and not any(self.texts[name] for name in gaps):
            return []
        repeated = next((value for name in gaps if isinstance(value := self.texts[name], list)), None)
        if repeated is None:
            return [{name: str(self.texts[name]) for name in gaps}]
        whole = {name: value for name in gaps if not isinstance(value := self.texts[name], list)}
        lists = {name: value for name in gaps if isinstance(value := self.texts[name], list)}
        count = max(len(value) for value in lists.values())
        return [
            {**whole, **{name: value[n] if n < len(value) else "" for name, value in lists.items()}}
            for n in range(count)
        ]

    def as_text(self, line: Line) -> list[str]:
        return [
            "".join(piece if isinstance(piece, str) else values[piece.name] for piece in line.pieces)
            for values in self.fill(line)
        ]

    def as_html(self, line: Line) -> list[str]:
        return [
            "".join(
                _literal_html(piece, self.layout.link) if isinstance(piece, str) else self._value_html(piece, values)
                for piece in line.pieces
            )
            for values in self.fill(line)
        ]

    def _value_html(self, gap: Gap, values: Mapping[str, str]) -> str:
        text = values[gap.name]
        if gap.name in self.links and _is_address(text):
            return _link(self.layout.link, text, text)
        return _html_of(text)


def _link(piece: str, url: str, label: str) -> str:
    return piece.replace("@@url@@", escape(url)).replace("@@content@@", escape(label))


@functools.lru_cache(maxsize=2048)
def _literal_html(text: str, link: str) -> str:
    """The template's own words: addresses in them are links."""
    html, end = "", 0
    for match in _URL.finditer(text):
        html += escape(text[end : match.start()]) + _link(link, match.group(), match.group())
        end = match.end()
    return html + escape(text[end:])


#: A sign-in code alone on its line.
_CODE: Final = re.compile(r"(?=.*[0-9-])[0-9A-Z][0-9A-Z-]{4,14}[0-9A-Z]\Z")


def _composed_html(text: str, layout: Layout) -> str:
    """Paragraphs that were composed elsewhere: text, but for links to this site and codes."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        html, end = "", 0
        for match in _URL.finditer(paragraph):
            if match.group().startswith(f"{settings.PUBLIC_URL}/"):
                html += _html_of(paragraph[end : match.start()]) + _link(layout.link, match.group(), match.group())
                end = match.end()
        html += _html_of(paragraph[end:])
        piece = layout.code if _CODE.match(paragraph.strip()) else layout.paragraph
        parts.append(piece.replace("@@content@@", html))
    return "\n".join(parts)


def _text_part(blocks: Iterable[Block], values: _Values) -> str:
    paragraphs = []
    for block in blocks:
        lines = [text for line in block.lines for text in values.as_text(line)]
        if block.kind is BlockKind.LIST:
            lines = ["- " + text.replace("\n", "\n  ") for text in lines]
        if block.kind is BlockKind.BUTTON and lines:
            label = values.labels[block.lines[0].gaps[0]]
            lines = [f"{label}{':' if label else ''}", *lines]
        if lines:
            paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def _html_part(blocks: Iterable[Block], values: _Values) -> str:
    layout, parts = values.layout, []
    for block in blocks:
        if block.lines[0].gaps and block.lines[0].gaps[0] in values.composed:
            parts.append(_composed_html(str(values.texts[block.lines[0].gaps[0]]), layout))
            continue
        if block.kind is BlockKind.BUTTON:
            name = block.lines[0].gaps[0]
            for url in values.as_text(block.lines[0]):
                if _is_address(url):
                    parts.append(_link(layout.button, url, values.labels[name] or url))
                else:
                    parts.append(layout.paragraph.replace("@@content@@", _html_of(url)))
            continue
        lines = [html for line in block.lines for html in values.as_html(line)]
        if not lines:
            continue
        if block.kind is BlockKind.LIST:
            items = "".join(layout.item.replace("@@content@@", html) for html in lines)
            parts.append(layout.list.replace("@@content@@", items))
        else:
            parts.append(layout.paragraph.replace("@@content@@", "<br>\n".join(lines)))
    return "\n".join(parts)


def compose(
    kind: NoticeKind,
    words: Words,
    context: Mapping[str, Any],
    *,
    origin: Origin,
    unsubscribe_url: str = "",
) -> Rendered:
    """Subject, text and HTML of one mail (no calendar part)."""
    language = words.language
    layout = current_layout(language, origin.colour)
    values = _values(kind, context, language=language, origin=origin, layout=layout)
    blocks = blocks_of(words.body, _names(kind), values.links)
    subject = _subject(kind, words, context, origin=origin)
    name = origin.name_in(language) or settings.SITE_NAME
    text = _text_part(blocks, values)
    foot = f"-- \n{name}\n{origin.url}"
    if unsubscribe_url:
        with translation.override(interface_language(language)):
            foot += "\n" + _("I do not want mails like this: %(url)s") % {"url": unsubscribe_url}
    unsubscribe = layout.unsubscribe.replace("@@url@@", escape(unsubscribe_url)) if unsubscribe_url else ""
    before = _around(layout.before, name, origin.url).replace("@@subject@@", escape(subject))
    after = _around(layout.after, name, origin.url).replace("@@unsubscribe@@", unsubscribe)
    return Rendered(
        language=language,
        subject=subject,
        text=f"{text}\n\n{foot}\n",
        html=before + _html_part(blocks, values) + after,
        sender_name=sender_name(origin, language),
        reply_to=origin.contact_email,
        unsubscribe_url=unsubscribe_url,
    )


@functools.lru_cache(maxsize=256)
def _around(html: str, name: str, url: str) -> str:
    return html.replace("@@origin@@", escape(name)).replace("@@url@@", escape(url))


def _values(kind: NoticeKind, context: Mapping[str, Any], *, language: str, origin: Origin, layout: Layout) -> _Values:
    own_zone = str(context.get("recipient_time_zone") or "")
    return _Values(
        kind=kind,
        texts=_texts(kind.placeholders, context, language=language, origin=origin, own_zone=own_zone),
        labels=_labels(kind, interface_language(language, origin.locales)),
        links=_of_type(kind, PlaceholderType.LINK),
        composed=_of_type(kind, PlaceholderType.PARAGRAPHS),
        layout=layout,
    )


def _texts(
    placeholders: Iterable[Placeholder],
    context: Mapping[str, Any],
    *,
    language: str,
    origin: Origin,
    own_zone: str = "",
) -> dict[str, str | list[str]]:
    zone = str(context.get("time_zone") or origin.time_zone)
    return {
        placeholder.name: text_of(
            context.get(placeholder.name), placeholder.type, language=language, zone=zone, own_zone=own_zone
        )
        for placeholder in placeholders
    }


@functools.lru_cache(maxsize=512)
def _names(kind: NoticeKind) -> frozenset[str]:
    return frozenset(placeholder.name for placeholder in kind.placeholders)


@functools.lru_cache(maxsize=512)
def _labels(kind: NoticeKind, language: str) -> Mapping[str, str]:
    with translation.override(language):
        return {placeholder.name: str(placeholder.label) for placeholder in kind.placeholders}


@functools.lru_cache(maxsize=512)
def _of_type(kind: NoticeKind, type_: PlaceholderType) -> frozenset[str]:
    return frozenset(placeholder.name for placeholder in kind.placeholders if placeholder.type is type_)


def _subject(kind: NoticeKind, words: Words, context: Mapping[str, Any], *, origin: Origin) -> str:
    """A subject is short: it has times in the event's zone only."""
    line = subject_of(words.subject, _names(kind))
    named = [placeholder for placeholder in kind.placeholders if placeholder.name in line.gaps]
    texts = _texts(named, context, language=words.language, origin=origin)
    filled = "".join(piece if isinstance(piece, str) else _joined(texts[piece.name]) for piece in line.pieces)
    subject = " ".join(mime.one_line(filled).split())
    return subject if len(subject) <= LONGEST_SUBJECT else subject[: LONGEST_SUBJECT - 1] + "…"


def _joined(value: str | list[str]) -> str:
    return ", ".join(value) if isinstance(value, list) else value


@functools.lru_cache(maxsize=256)
def sender_name(origin: Origin, language: str) -> str:
    """“Food Science Days 2027 via Lihu”: a reader sees which event writes, and that the address is not its own."""
    name = origin.name_in(language)
    if not name:
        return settings.SITE_NAME
    with translation.override(interface_language(language)):
        return _("%(event)s via %(site)s") % {"event": name, "site": settings.SITE_NAME}


# -- A batch of messages ---------------------------------------------------------------------------------------------


class Renderer:
    """Renders messages with what many of them share looked up once: events, their own words, rules."""

    def __init__(self) -> None:
        self._origins: dict[int, Origin] = {}
        self._templates: dict[tuple[int, str], MailTemplate] = {}
        self._rules: dict[int, ReminderRule | None] = {}
        self._campaigns: dict[int, Campaign | None] = {}
        self._seen: set[int] = set()

    @classmethod
    def of_event(cls, event_id: int) -> Renderer:
        """One that needs no query for messages of this event, but those with a rule or of a campaign."""
        renderer = cls()
        renderer._look_up({event_id})
        return renderer

    def _look_up(self, events: Collection[int]) -> None:
        self._origins.update(origins_of(events))
        for template in MailTemplate.objects.filter(event_id__in=events):
            self._templates[template.event_id, template.kind] = template
        self._seen.update(events)

    def prepare(self, messages: Iterable[Message]) -> None:
        """Look up what these need and earlier ones did not: at most four queries."""
        messages = list(messages)
        events = {message.event_id for message in messages if message.event_id is not None} - self._seen
        if events:
            self._look_up(events)
        rules = {rule for message in messages if (rule := message.context.get("rule"))} - self._rules.keys()
        if rules:
            self._rules.update(dict.fromkeys(rules))
            self._rules.update(ReminderRule.objects.in_bulk(rules))
        # Their words are fixed once they have begun.
        campaigns = {pk for message in messages if (pk := message.context.get("campaign"))} - self._campaigns.keys()
        if campaigns:
            self._campaigns.update(dict.fromkeys(campaigns))
            self._campaigns.update(Campaign.objects.without_recipients().in_bulk(campaigns))

    def origin_of(self, event_id: int | None) -> Origin:
        return self._origins.get(event_id) or site() if event_id is not None else site()

    def words_of(self, kind: NoticeKind, message: Message) -> Words:
        origin = self.origin_of(message.event_id)
        own: MailTemplate | ReminderRule | Campaign | None
        own = self._rules.get(message.context.get("rule", 0)) or self._campaigns.get(message.context.get("campaign", 0))
        if own is None or not (own_texts(own.subject) or own_texts(own.body)):
            own = self._templates.get((message.event_id or 0, message.kind))
        return words_for(
            kind,
            message.language,
            subject=own.subject if own else None,
            body=own.body if own else None,
            locales=origin.locales,
        )

    def subject(self, kind: NoticeKind, message: Message) -> str:
        """The subject alone, for the row when it is written."""
        origin = self.origin_of(message.event_id)
        return _subject(kind, self.words_of(kind, message), message.context, origin=origin)

    def render(self, message: Message) -> Rendered:
        kind = kind_of(message.kind)
        origin = self.origin_of(message.event_id)
        words = self.words_of(kind, message)
        unsubscribe = unsubscribe_url(message) if kind.is_optional else ""
        rendered = compose(kind, words, message.context, origin=origin, unsubscribe_url=unsubscribe)
        one = message.context.get("calendar")
        parts = [CalendarPart(**part) for part in ([one] if one else message.context.get("calendars", ()))]
        return replace(rendered, calendars=tuple(_invitation(part, message) for part in parts)) if parts else rendered


def _invitation(part: CalendarPart, message: Message) -> Invitation:
    text = calendar_part.render(part, attendee_email=message.recipient_email, attendee_name=message.recipient_name)
    return Invitation(method=part.method.upper(), text=text)


# -- As bytes --------------------------------------------------------------------------------------------------------

_UNSUBSCRIBE_SALT: Final = "notifications.unsubscribe"


def unsubscribe_url(message: Message) -> str:
    token = signing.dumps(message.pk, salt=_UNSUBSCRIBE_SALT)
    return f"{settings.PUBLIC_URL}/mail/unsubscribe/{token}"


def message_of_token(token: str) -> int | None:
    """The primary key that an unsubscribe address was made for; None if we did not make it."""
    try:
        return int(signing.loads(token, salt=_UNSUBSCRIBE_SALT))
    except (signing.BadSignature, TypeError, ValueError):
        return None


def envelope_address(address: str) -> str:
    """As the server is told it. Raises ValueError for what cannot be one, so that no command can be smuggled in."""
    if not _ADDRESS.match(address):
        raise ValueError(f"{address!r} is not an e-mail address")
    return mime.ascii_address(address)


_ADDRESS: Final = re.compile(r"[^\s<>\x00-\x1f\x7f@]+@[^\s<>\x00-\x1f\x7f@]+\Z")


def as_bytes(message: Message, rendered: Rendered, *, at: datetime) -> bytes:
    """The whole mail as it goes over the wire, lines ended by CRLF."""
    boundary = f"=_{message.message_id.strip('<>').partition('@')[0]}"
    headers = [
        f"Message-ID: {message.message_id}",
        mime.date_header(at),
        f"From: {mime.mailbox(rendered.sender_name, settings.MAIL_FROM)}",
        f"To: {mime.mailbox(message.recipient_name, envelope_address(message.recipient_email))}",
        mime.unstructured("Subject", rendered.subject),
    ]
    if rendered.reply_to:
        headers.append(f"Reply-To: {envelope_address(rendered.reply_to)}")
    headers += [
        f"Content-Language: {language_tag(rendered.language)}",
        "Auto-Submitted: auto-generated",
    ]
    if rendered.unsubscribe_url:
        headers.append(f"List-Unsubscribe: <{rendered.unsubscribe_url}>")
        headers.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    headers.append("MIME-Version: 1.0")
    return "\r\n".join(headers).encode() + b"\r\n" + _body(rendered, boundary)


def _body(rendered: Rendered, boundary: str) -> bytes:
    parts = [
        mime.Part(content_type="text/plain; charset=utf-8", body=rendered.text).lines(),
        mime.Part(content_type="text/html; charset=utf-8", body=rendered.html).lines(),
    ]
    if not rendered.calendars:
        return mime.multipart("alternative", boundary, parts)
    if len(rendered.calendars) > 1:
        # An entry each, and methods may differ: RFC 5546 has one UID to an object, RFC 6047 §2.4 several objects in a mixed mail.
        entries = [_entry(one, f"invite-{n}.ics") for n, one in enumerate(rendered.calendars, start=1)]
        inner = mime.multipart("alternative", f"{boundary}.a", parts)
        return mime.multipart("mixed", boundary, [inner, *entries])
    (invited,) = rendered.calendars
    # Outlook, Apple Mail and Gmail read the alternative with its method; others offer the attachment to save.
    invitation = mime.Part(content_type=f"text/calendar; charset=utf-8; method={invited.method}", body=invited.text)
    attachment = mime.Part(
        content_type='application/ics; name="invite.ics"',
        body=invited.text,
        disposition='attachment; filename="invite.ics"',
    )
    inner = mime.multipart("alternative", f"{boundary}.a", [*parts, invitation.lines()])
    return mime.multipart("mixed", boundary, [inner, attachment.lines()])


def _entry(invitation: Invitation, filename: str) -> bytes:
    return mime.Part(
        content_type=f'text/calendar; charset=utf-8; method={invitation.method}; name="{filename}"',
        body=invitation.text,
        disposition=f'attachment; filename="{filename}"',
    ).lines()
