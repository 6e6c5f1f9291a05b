from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from accounts.models import User
from common.text import search_key
from common.triggers import Revises
from common.validators import validate_time_zone
from events.models.organisations import Permission, Team

#: First parts of addresses that are ours (docs/reference/addresses.md); an event cannot have them as its slug.
RESERVED_SLUGS: Final = frozenset(
    [
        *(
            "accounts",
            "admin",
            "api",
            "design",
            "health",
            "humans.txt",
            "i18n",
            "institutions",
            "livez",
            "login",
            "logout",
            "mail",
            "me",
        ),
        *("media", "new", "organisations", "organize", "readyz", "register", "robots.txt", "signup", "sitemap.xml"),
        *("static", "verify", "well-known"),
    ]
)

ACCENTS: Final = [
    ("lake", _("lake")),
    ("teal", _("teal")),
    ("green", _("green")),
    ("olive", _("olive")),
    ("amber", _("amber")),
    ("orange", _("orange")),
    ("red", _("red")),
    ("rose", _("rose")),
    ("plum", _("plum")),
    ("violet", _("violet")),
    ("indigo", _("indigo")),
    ("blue", _("blue")),
]


#: A day.
MAX_QUIET_MINUTES: Final = 24 * 60


def validate_event_slug(value: str) -> None:
    RegexValidator(
        r"^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\Z",
        _("Use small letters, digits and hyphens, beginning and ending with a letter or digit."),
    )(value)
    if value in RESERVED_SLUGS:
        raise ValidationError(_("This address is used by the site itself. Choose another."), code="reserved")


class EventKind(models.TextChoices):
    CONFERENCE = "conference", _("conference")
    WORKSHOP = "workshop", _("workshop")
    SUMMER_SCHOOL = "summer_school", _("summer school")
    PROGRAMME = "programme", _("programme")
    CEREMONY = "ceremony", _("ceremony")


class EventState(models.TextChoices):
    DRAFT = "draft", _("draft")
    LIVE = "live", _("live")
    ARCHIVED = "archived", _("archived")


class EventQuerySet(models.QuerySet["Event"]):
    def public(self) -> EventQuerySet:
        return self.filter(state__in=[EventState.LIVE, EventState.ARCHIVED])

    def where(self, user: User, permission: Permission | None = None) -> EventQuerySet:
        """The events at which `user` may do `permission`, or anything at all (None). The other direction, and the same
        question for one event, are in `events.policies`."""
        if not user.is_authenticated:
            return self.none()
        if user.is_staff:
            return self
        teams = Team.objects.filter(
            Q(permissions__contains=[permission]) if permission else Q(permissions__len__gt=0), members__user=user
        )
        return self.filter(
            Q(organisation__in=teams.filter(all_events=True).values("organisation")) | Q(teams__in=teams)
        ).distinct()

    def matching(self, words: str) -> EventQuerySet:
        """Every word occurs somewhere in its texts, in any language; case and accents aside."""
        found = self
        for word in search_key(words).split():
            found = found.filter(search_text__contains=word)
        return found

    def coming(self, today: date) -> EventQuerySet:
        return self.filter(ends_on__gte=today).order_by("starts_on", "slug")

    def past(self, today: date) -> EventQuerySet:
        return self.filter(ends_on__lt=today).order_by("-starts_on", "slug")


class Event(models.Model):
    """One conference, workshop, summer school, programme or ceremony."""

    slug = models.CharField(
        _("address"),
        max_length=50,
        unique=True,
        validators=[validate_event_slug],
        error_messages={"unique": _("Another event has this address already. Choose another.")},
    )
    organisation = models.ForeignKey("events.Organisation", on_delete=models.PROTECT, related_name="events")
    name = I18nCharField(_("name"), max_length=300)
    kind = models.CharField(_("kind"), max_length=20, choices=EventKind, default=EventKind.CONFERENCE)
    state = models.CharField(_("state"), max_length=10, choices=EventState, default=EventState.DRAFT)
    tagline = I18nCharField(_("one line about it"), max_length=300, blank=True)
    description = I18nTextField(_("description"), blank=True)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[validate_time_zone])
    # Talks that begin before this hour belong to the conference day before.
    day_change = models.TimeField(_("a conference day begins at"), default=time(4))
    # The first is the one that texts fall back to.
    locales = ArrayField(models.CharField(max_length=10), verbose_name=_("languages"))
    currency = models.CharField(_("currency"), max_length=3, default="CNY")
    accent = models.CharField(_("colour"), max_length=10, choices=ACCENTS, default="lake")
    venue = models.ForeignKey("events.Venue", null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    rooms = models.ManyToManyField("events.Room", through="events.EventRoom", related_name="events")
    contact_email = models.EmailField(_("contact address"), blank=True)
    website = models.URLField(_("web site"), blank=True)
    # How long nothing may change before speakers are told what has; 0: at once (scheduling.services.telling).
    quiet_minutes = models.PositiveSmallIntegerField(
        _("minutes of quiet before speakers are told"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(MAX_QUIET_MINUTES)],
    )
    # Where a programme was imported from, such as `FOSDEM 2026`, kept for its exports.
    acronym = models.CharField(_("short name"), max_length=60, blank=True)
    # Name, tagline, host and place in every language, folded by `common.text.search_key`; written by services.
    search_text = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="events_event_ends_after_it_starts",
                violation_error_message=_("The last day is before the first day."),
            ),
            models.CheckConstraint(condition=~Q(locales=[]), name="events_event_has_a_language"),
            Revises(name="events_event_revises", events="SELECT ($1).id"),
        ]
        indexes = [models.Index(fields=["state", "starts_on"], name="events_event_calendar")]

    def __str__(self) -> str:
        return str(self.name)

    def get_absolute_url(self) -> str:
        return reverse("events:event", args=[self.slug])

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def is_public(self) -> bool:
        return self.state != EventState.DRAFT

    @property
    def days(self) -> list[date]:
        return [self.starts_on + timedelta(days=n) for n in range((self.ends_on - self.starts_on).days + 1)]

    @property
    def language(self) -> str:
        return self.locales[0]

    @property
    def starts_at(self) -> datetime:
        """Midnight of the first day, in the event's zone."""
        return datetime.combine(self.starts_on, time(), self.tz)

    @property
    def reminders_end_at(self) -> datetime:
        """Who has not been reminded of the event by the evening of its first day need not be."""
        return datetime.combine(self.starts_on, time(18), self.tz)

    @property
    def ends_at(self) -> datetime:
        """Midnight after the last day, exclusive."""
        return datetime.combine(self.ends_on + timedelta(days=1), time(), self.tz)

    def conference_day(self, instant: datetime) -> date:
        """The day that people would look under: one in the morning belongs to the night before."""
        local = instant.astimezone(self.tz)
        return local.date() - timedelta(days=local.time() < self.day_change)

    def best_language(self, wanted: str | None = None) -> str:
        """The reader's language where the event has it, otherwise the event's first."""
        wanted = wanted or translation.get_language() or settings.LANGUAGE_CODE
        return wanted if wanted in self.locales else self.language

    def is_over(self, now: datetime | None = None) -> bool:
        return (now or timezone.now()) >= self.ends_at
