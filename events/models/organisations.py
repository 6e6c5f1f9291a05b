from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from accounts.models import User
from common.text import email_key
from common.triggers import Revises


class OrganisationKind(models.TextChoices):
    COLLEGE = "college", _("college or school")
    CENTRE = "centre", _("research centre")
    LABORATORY = "laboratory", _("laboratory")
    OFFICE = "office", _("office")
    OTHER = "other", _("other")


class Permission(models.TextChoices):
    """What a team may do at its events. `events.policies` asks for these by name, and nothing else grants anything."""

    EDIT_EVENT = "edit_event", _("edit the event, its places and tracks")
    MANAGE_TEAMS = "manage_teams", _("invite people and change teams")
    EDIT_PROGRAMME = "edit_programme", _("edit sessions, speakers and the draft schedule")
    PUBLISH_SCHEDULE = "publish_schedule", _("publish the schedule")
    SEE_REGISTRATIONS = "see_registrations", _("see who registered")
    MANAGE_REGISTRATIONS = "manage_registrations", _("change tickets, places and registrations")
    SEND_MESSAGES = "send_messages", _("set reminders and see the mail that goes out")


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def seen_by(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        """Where `user` is on a team, whatever that team may do."""
        if not isinstance(user, User):
            return self.none()
        if user.is_staff:
            return self
        return self.filter(teams__members__user=user).distinct()

    def organized_by(self, user: User) -> OrganisationQuerySet:
        """Where `user` is on a team that may create and edit every event."""
        if user.is_staff:
            return self
        return self.filter(
            Q(teams__members__user=user, teams__all_events=True, teams__permissions__contains=[Permission.EDIT_EVENT])
        ).distinct()


class Organisation(models.Model):
    """A college, centre or laboratory of the campus: the host of events."""

    slug = models.SlugField(max_length=50, unique=True)
    name = I18nCharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=OrganisationKind, default=OrganisationKind.CENTRE)
    website = models.URLField(_("web site"), blank=True)
    contact_email = models.EmailField(_("contact address"), blank=True)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        constraints = [
            Revises(
                name="events_organisation_revises", events="SELECT id FROM events_event WHERE organisation_id = ($1).id"
            )
        ]

    def __str__(self) -> str:
        return str(self.name)


class Team(models.Model):
    """People who may do the same things at the same events of one organisation."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(_("name"), max_length=100)
    permissions = ArrayField(models.CharField(max_length=40, choices=Permission), default=list, blank=True)
    # All events of the organisation, those to come included; otherwise only `events`.
    all_events = models.BooleanField(_("all events"), default=False)
    events = models.ManyToManyField("events.Event", blank=True, related_name="teams")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="events_team_one_name_per_organisation")
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="events_teammember_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Invitation(models.Model):
    """An address asked to join a team; it becomes a membership when its owner follows the link and signs in."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    email_key = models.CharField(max_length=254, editable=False)
    secret = models.CharField(max_length=40, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    invited_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "email_key"], name="events_invitation_once_per_address")]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        self.email_key = email_key(self.email)
