"""Builds the demo conference through the same services that people use."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from i18nfield.strings import LazyI18nString

from accounts.models import User
from config.demo import content
from config.demo.content import Talk, Text
from events.models import Event, EventKind, EventState, Organisation, OrganisationKind, Room, Track
from events.services import events, organisations, places, tracks
from notifications.models import Anchor, Audience, Message, MessageState
from notifications.services import reminders
from registrations.models import Registration
from registrations.services import places as registration_places
from registrations.services import products, questions, registering, tickets
from scheduling.models import Slot, SlotKind
from scheduling.services import releases, slots
from submissions.models import Speaker, Submission, SubmissionKind, SubmissionState
from submissions.services import speakers, submissions

ZONE = ZoneInfo("Asia/Shanghai")
SLUG = "future-food"
# Nobody's: RFC 2606.
MAIL_DOMAIN = "lihu.example"
REGISTRATIONS = 300


@dataclass(frozen=True)
class Account:
    role: str
    email: str
    password: str


def load(*, now: datetime, quiet: bool) -> list[Account]:
    """Write the demo and return its accounts, whose passwords are made anew for each install.

    `quiet`: withdraw every mail that it queued, so that no invented address is ever written to; for installs with a real mail
    server.
    """
    organizer, accounts = _account("organizer", "Wen Jing", now)
    attendee, attendee_account = _account("attendee", "Greta Lindner", now)
    _speaker, speaker_account = _account("speaker", "Mei Lin", now)
    organisation = organisations.create_organisation(
        name=_both(Text("National Laboratory of Food Science", "食品科学国家实验室")),
        slug="food-science",
        kind=OrganisationKind.LABORATORY,
        actor=organizer,
        now=now,
    )
    event = _event(organisation, organizer, now)
    _Programme(event, organizer, now).build()
    _registration(event, organizer, attendee, now)
    _reminders(event, organizer, now)
    releases.release(event=event, version="1.0", comment="The first programme.", actor=organizer, now=now)
    _neighbours(organisation, organizer, now)
    if quiet:
        Message.objects.filter(state=MessageState.QUEUED).update(state=MessageState.CANCELLED)
    return [accounts, attendee_account, speaker_account]


def _both(text: Text) -> LazyI18nString:
    return LazyI18nString({"en": text.en, "zh-hans": text.zh})


def _account(role: str, name: str, now: datetime) -> tuple[User, Account]:
    password = f"{secrets.choice(['reed', 'heron', 'lotus', 'willow', 'carp'])}-{secrets.token_hex(4)}"
    user = User.objects.create_user(f"{role}@{MAIL_DOMAIN}", password, name=name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user, Account(role, user.email, password)


def _first_day(now: datetime) -> date:
    """The first Wednesday at least six weeks ahead: always a coming event, never one that begins tomorrow."""
    earliest = now.astimezone(ZONE).date() + timedelta(weeks=6)
    return earliest + timedelta(days=(2 - earliest.weekday()) % 7)


def _event(organisation: Organisation, actor: User, now: datetime) -> Event:
    first = _first_day(now)
    event = events.create_event(
        organisation=organisation,
        slug=SLUG,
        name=_both(content.NAME),
        kind=EventKind.CONFERENCE,
        starts_on=first,
        ends_on=first + timedelta(days=2),
        time_zone=ZONE.key,
        locales=["en", "zh-hans"],
        tagline=_both(content.TAGLINE),
        description=_both(content.DESCRIPTION),
        accent="lake",
        acronym=f"FFH {first.year}",
        contact_email=f"future-food@{MAIL_DOMAIN}",
        state=EventState.LIVE,
        actor=actor,
        now=now,
    )
    venue = places.create_venue(
        event=event,
        name=_both(Text("Lakeside Conference Centre", "湖畔会议中心")),
        address=_both(Text("1800 Lihu Avenue, Wuxi", "无锡市蠡湖大道1800号")),
        actor=actor,
        now=now,
    )
    for name, capacity, equipment in content.ROOMS:
        room = places.create_room(event=event, name=_both(name), capacity=capacity, venue=venue, actor=actor, now=now)
        places.update_room(event=event, room=room, changes={"equipment": equipment}, actor=actor, now=now)
        places.hold_room(
            event=event,
            room=room,
            start=datetime.combine(first, time(7), ZONE),
            end=datetime.combine(first + timedelta(days=2), time(22), ZONE),
            actor=actor,
            now=now,
        )
    for name, colour in content.TRACKS:
        tracks.create_track(event=event, name=_both(name), colour=colour, actor=actor, now=now)
    event.refresh_from_db()
    return event


class _Programme:
    def __init__(self, event: Event, actor: User, now: datetime) -> None:
        self.event = event
        self.by: dict[str, Any] = {"actor": actor, "now": now}
        self.rooms: list[Room] = list(Room.objects.filter(event_rooms__event=event).order_by("event_rooms__position"))
        self.tracks: list[Track] = list(event.tracks.order_by("position", "pk"))
        self.speakers: dict[str, Speaker] = {}

    def build(self) -> None:
        keynote_speakers = {name for talk in content.KEYNOTES for name in talk.speakers}
        for number, who in enumerate(content.PEOPLE):
            self.speakers[who.name] = speakers.create_speaker(
                event=self.event,
                name=who.name,
                native_name=who.native,
                email=f"speaker@{MAIL_DOMAIN}" if number == 0 else f"speaker{number:02d}@{MAIL_DOMAIN}",
                affiliation=who.affiliation,
                country=who.country,
                is_keynote=who.name in keynote_speakers,
                biography=_biography(who),
                **self.by,
            )
        self._first_day()
        self._second_day()
        self._third_day()

    def _first_day(self) -> None:
        auditorium, hall_a, hall_b, room_301, room_302, foyer = self.rooms
        self._place(0, "09:00", 30, SlotKind.CEREMONY, auditorium, Text("Opening ceremony", "开幕式"))
        self._keynote(0, "09:30", content.KEYNOTES[0])
        self._place(0, "10:30", 30, SlotKind.BREAK, foyer, Text("Tea", "茶歇"))
        for track, room in zip(range(4), (hall_a, hall_b, room_301, room_302), strict=True):
            self._block(0, "11:00", room, track, content.TALKS[track][:3], part=1)
        self._place(0, "12:30", 90, SlotKind.BREAK, None, Text("Lunch in the garden canteen", "花园餐厅午餐"))
        self._block(0, "14:00", hall_a, 4, content.TALKS[4][:3], part=1)
        self._block(0, "14:00", hall_b, 5, content.TALKS[5][:3], part=1)
        self._talk(0, "14:00", 90, room_301, content.WORKSHOPS[0], SubmissionKind.WORKSHOP, track=3)
        self._talk(0, "14:00", 60, auditorium, content.PANELS[0], SubmissionKind.PANEL, track=2)
        self._posters(0, "15:30", foyer, content.POSTERS[:8], part=1)
        self._keynote(0, "17:00", content.KEYNOTES[1])
        self._place(0, "18:30", 120, SlotKind.SOCIAL, foyer, Text("Welcome reception", "欢迎酒会"))

    def _second_day(self) -> None:
        auditorium, hall_a, hall_b, room_301, room_302, foyer = self.rooms
        self._keynote(1, "09:00", content.KEYNOTES[2])
        self._place(1, "10:00", 30, SlotKind.BREAK, foyer, Text("Tea", "茶歇"))
        for track, room in zip(range(4), (hall_a, hall_b, room_301, room_302), strict=True):
            self._block(1, "10:30", room, track, content.TALKS[track][3:], part=2)
        self._place(1, "12:00", 90, SlotKind.BREAK, None, Text("Lunch in the garden canteen", "花园餐厅午餐"))
        self._block(1, "13:30", hall_a, 4, content.TALKS[4][3:], part=2)
        self._block(1, "13:30", hall_b, 5, content.TALKS[5][3:], part=2)
        self._talk(1, "13:30", 90, room_302, content.WORKSHOPS[2], SubmissionKind.WORKSHOP, track=0)
        self._posters(1, "15:00", foyer, content.POSTERS[8:], part=2)
        self._talk(1, "16:30", 60, auditorium, content.PANELS[1], SubmissionKind.PANEL, track=5)
        self._place(1, "18:30", 150, SlotKind.SOCIAL, None, Text("Conference dinner on the lake", "湖上晚宴"))

    def _third_day(self) -> None:
        auditorium, _, _, room_301, room_302, foyer = self.rooms
        self._keynote(2, "09:00", content.KEYNOTES[3])
        self._place(2, "10:00", 30, SlotKind.BREAK, foyer, Text("Tea", "茶歇"))
        self._talk(2, "10:30", 90, room_301, content.WORKSHOPS[1], SubmissionKind.WORKSHOP, track=5)
        self._talk(2, "10:30", 90, room_302, content.WORKSHOPS[3], SubmissionKind.WORKSHOP, track=5)
        self._place(2, "12:00", 45, SlotKind.CEREMONY, auditorium, Text("Awards and closing", "颁奖与闭幕"))
        self._place(2, "14:00", 120, SlotKind.SOCIAL, None, Text("Walk around the lake", "环湖漫步"))

    # -- pieces ------------------------------------------------------------------------------------------------------

    def _at(self, day: int, clock: str) -> datetime:
        return datetime.combine(self.event.days[day], time.fromisoformat(clock), ZONE)

    def _place(
        self,
        day: int,
        clock: str,
        minutes: int,
        kind: SlotKind,
        room: Room | None,
        title: Text | None = None,
        submission: Submission | None = None,
        **more: Any,
    ) -> Slot:
        start = self._at(day, clock)
        return slots.place_slot(
            event=self.event,
            kind=kind,
            submission=submission,
            title=_both(title) if title else "",
            room=room,
            starts_at=start,
            ends_at=start + timedelta(minutes=minutes),
            **more,
            **self.by,
        )

    def _submission(self, talk: Talk, kind: SubmissionKind, minutes: int, track: int | None) -> Submission:
        return submissions.create_submission(
            event=self.event,
            title=_both(talk.title),
            abstract=_both(talk.abstract),
            kind=kind,
            track=None if track is None else self.tracks[track],
            duration=timedelta(minutes=minutes),
            language="en",
            state=SubmissionState.CONFIRMED,
            speakers=[self.speakers[name] for name in talk.speakers],
            **self.by,
        )

    def _keynote(self, day: int, clock: str, talk: Talk) -> None:
        submission = self._submission(talk, SubmissionKind.KEYNOTE, 60, None)
        self._place(day, clock, 60, SlotKind.PLENARY, self.rooms[0], submission=submission)

    def _talk(
        self, day: int, clock: str, minutes: int, room: Room, talk: Talk, kind: SubmissionKind, *, track: int
    ) -> None:
        submission = self._submission(talk, kind, minutes, track)
        self._place(day, clock, minutes, SlotKind.TALK, room, submission=submission)

    def _block(self, day: int, clock: str, room: Room, track: int, talks: Sequence[Talk], *, part: int) -> None:
        name = content.TRACKS[track][0]
        title = Text(f"{name.en} {'I' * part}", f"{name.zh}（{'一二'[part - 1]}）")
        block = self._place(day, clock, 30 * len(talks), SlotKind.BLOCK, room, title)
        for index, talk in enumerate(talks):
            start = (self._at(day, clock) + timedelta(minutes=30 * index)).strftime("%H:%M")
            submission = self._submission(talk, SubmissionKind.TALK, 30, track)
            self._place(day, start, 30, SlotKind.TALK, room, submission=submission, parent=block)

    def _posters(self, day: int, clock: str, room: Room, posters: Sequence[Talk], *, part: int) -> None:
        title = Text(f"Posters and tea {'I' * part}", f"墙报与茶点（{'一二'[part - 1]}）")
        session = self._place(day, clock, 90, SlotKind.POSTERS, room, title)
        for number, poster in enumerate(posters, 1):
            submission = self._submission(poster, SubmissionKind.POSTER, 90, None)
            board = f"P{part}{number:02d}"
            self._place(day, clock, 90, SlotKind.TALK, room, submission=submission, parent=session, board=board)


def _biography(who: content.Who) -> LazyI18nString:
    return LazyI18nString(
        {
            "en": f"{who.name} works at {who.affiliation} and is glad to be asked questions at the poster boards.",
            "zh-hans": f"{who.native or who.name}，任职于 {who.affiliation}，欢迎在墙报区随时交流。",
        }
    )


def _registration(event: Event, organizer: User, attendee: User, now: datetime) -> None:
    by: dict[str, Any] = {"actor": organizer, "now": now}
    on_campus = tickets.create_quota(event=event, name="Seats on campus", size=260, **by)
    student = tickets.create_quota(event=event, name="Student places", size=60, **by)
    online = tickets.create_quota(event=event, name="Online places", size=1000, **by)
    closes = event.starts_at - timedelta(days=2)
    regular_ticket, student_ticket, online_ticket = (
        tickets.create_ticket_type(
            event=event,
            name=_both(name),
            description=_both(description),
            quotas=quotas,
            waiting_list=waiting_list,
            available_until=closes,
            **by,
        )
        for name, description, quotas, waiting_list in (
            (
                Text("On campus", "现场参会"),
                Text("All sessions, tea and lunches.", "含全部会议、茶歇与午餐。"),
                [on_campus],
                True,
            ),
            (
                Text("Student on campus", "学生现场参会"),
                Text("For those enrolled at a university; bring your card.", "在校学生，请携带学生证。"),
                [on_campus, student],
                True,
            ),
            (
                Text("Online", "线上参会"),
                Text("Keynotes and halls A and B as a stream.", "主旨报告及报告厅 A、B 直播。"),
                [online],
                False,
            ),
        )
    )
    questions.create_question(
        event=event,
        identifier="meals",
        kind="choice",
        label=_both(Text("What do you eat?", "您的饮食习惯？")),
        options=[
            {"identifier": name, "label": _both(label)}
            for name, label in (
                ("everything", Text("Everything", "无忌口")),
                ("vegetarian", Text("Vegetarian", "素食")),
                ("halal", Text("Halal", "清真")),
                ("vegan", Text("Vegan", "纯素")),
            )
        ],
        is_required=True,
        **by,
    )
    travel = questions.create_section(
        event=event,
        title=_both(Text("Travel", "行程")),
        description=_both(Text("Letters take about two weeks.", "邀请函办理约需两周。")),
        **by,
    )
    visa_letter = questions.create_question(
        event=event,
        identifier="visa_letter",
        kind="yes_no",
        label=_both(Text("Do you need an invitation letter for a visa?", "是否需要签证邀请函？")),
        section=travel,
        **by,
    )
    questions.create_question(
        event=event,
        identifier="consulate",
        label=_both(Text("At which embassy or consulate do you apply?", "您将在哪个使领馆申请签证？")),
        section=travel,
        condition_question=visa_letter,
        condition_values=[True],
        **by,
    )
    questions.create_question(
        event=event,
        identifier="arrival",
        kind="text",
        section=travel,
        label=_both(Text("How do you arrive?", "您如何抵达？")),
        help_text=_both(Text("Flight or train, if you know it.", "如已知，请填写航班或车次。")),
        **by,
    )
    tour = products.create_product(
        event=event,
        name=_both(Text("Laboratory tour", "实验室参观")),
        description=_both(Text("Two hours, on the second afternoon.", "两小时，第二天下午。")),
        quotas=[tickets.create_quota(event=event, name="Laboratory tour", size=20, **by)],
        waiting_list=True,
        offer_hours=24,
        **by,
    )
    products.create_product(
        event=event,
        name=_both(Text("Conference dinner", "会议晚宴")),
        description=_both(Text("On a boat on the lake.", "湖上游船。")),
        quotas=[tickets.create_quota(event=event, name="Dinner", size=120, **by)],
        price=Decimal(280),
        max_per_registration=2,
        **by,
    )
    dice = random.Random(20270101)  # noqa: S311 (invented people, the same at every install)
    made: list[Registration] = []
    for number, (name, native, country) in enumerate(_people(dice)):
        if number < 185:
            ticket = regular_ticket
        elif number < 260:
            ticket = student_ticket
        else:
            ticket = online_ticket
        made.append(
            registering.register(
                event=event,
                ticket_type=ticket,
                name=name if number else attendee.name,
                native_name=native if number else "",
                email=f"guest{number:03d}@{MAIL_DOMAIN}" if number else attendee.email,
                language="zh-hans" if country == "CN" and number else "en",
                affiliation=dice.choice(content.UNIVERSITIES),
                country=country,
                answers={
                    "meals": dice.choice(["everything"] * 5 + ["vegetarian", "halal", "vegan"]),
                    "visa_letter": country != "CN" and dice.random() < 0.6,
                    "arrival": dice.choice(["", "", "G7012", "MU5305", "train from Shanghai"]),
                },
                products=[(tour, 1)] if number % 7 == 0 and number < 175 else [],
                actor=None,
                now=now - timedelta(hours=3 * (REGISTRATIONS - number)),
            )
        )
    for registration in dice.sample(made[1:180], 6):
        registration_places.cancel_registration(registration=registration, actor=None, now=now)


def _people(dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """(name as in the passport, name in its own script, country) of as many people as register."""
    countries = list(content.ATTENDEES)
    for number in range(REGISTRATIONS):
        country = "CN" if number % 3 == 1 else dice.choice(countries)
        given, surnames = content.ATTENDEES[country]
        first, last = dice.choice(given), dice.choice(surnames)
        if country == "CN":
            yield f"{content.PINYIN[last]} {content.PINYIN[first]}", f"{last}{first}", country
        else:
            yield f"{first} {last}", "", country


def _reminders(event: Event, organizer: User, now: datetime) -> None:
    for anchor, audience, minutes in (
        (Anchor.SLOT, Audience.SPEAKERS, 60),
        (Anchor.SLOT, Audience.SPEAKERS, 24 * 60),
        (Anchor.EVENT, Audience.ATTENDEES, 3 * 24 * 60),
    ):
        reminders.create_rule(
            event_id=event.pk, anchor=anchor, audience=audience, offset_minutes=minutes, actor=organizer, now=now
        )


def _neighbours(organisation: Organisation, organizer: User, now: datetime) -> None:
    """Other events of the year, so that the campus's front page is a calendar."""
    today = now.astimezone(ZONE).date()
    for slug, name, tagline, kind, offset, days, accent in (
        (
            "fermentation-school",
            Text("Summer School on Fermented Foods", "发酵食品暑期学校"),
            Text("Four weeks of laboratory, kitchen and lake.", "四周的实验室、厨房与湖光。"),
            EventKind.SUMMER_SCHOOL,
            150,
            26,
            "amber",
        ),
        (
            "light-and-matter",
            Text("Workshop on Light-responsive Materials", "光响应材料研讨会"),
            Text("Two days in the joint research centre.", "联合研究中心的两日研讨。"),
            EventKind.WORKSHOP,
            80,
            2,
            "violet",
        ),
        (
            "partners-day",
            Text("Day of Partner Universities", "合作院校日"),
            Text("Signing, music and a long table.", "签约、音乐与长桌宴。"),
            EventKind.CEREMONY,
            -70,
            1,
            "rose",
        ),
    ):
        events.create_event(
            organisation=organisation,
            slug=slug,
            name=_both(name),
            tagline=_both(tagline),
            kind=kind,
            starts_on=today + timedelta(days=offset),
            ends_on=today + timedelta(days=offset + days - 1),
            time_zone=ZONE.key,
            locales=["en", "zh-hans"],
            accent=accent,
            state=EventState.LIVE,
            actor=organizer,
            now=now,
        )
