from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.text import slugify

from accounts.models import User
from common import audit
from common.codes import new_code
from common.localized import Localized, localized
from events.models import Organisation, OrganisationKind, Permission, Team, TeamMember
from events.services.events import reindex
from events.services.texts import assign, change, free_address, locked, validate

#: The team that an organisation begins with: every permission, every event.
ORGANIZERS: Final = "Organizers"


@transaction.atomic
def create_organisation(
    *,
    name: Localized,
    slug: str = "",
    kind: str = OrganisationKind.CENTRE,
    language: str = "en",
    actor: User | None,
    now: datetime,
    **optional: Any,
) -> Organisation:
    """Found an organisation with one team, "Organizers", that may do everything; `actor` is its first member.

    Without `slug` one is made from the name. Audit "organisation_created".
    """
    texts = localized(name, language)
    organisation = Organisation(slug=slug or free_address(Organisation, _addresses(texts.localize("en"))), kind=kind)
    assign(organisation, {"name": texts, **optional}, language)
    validate(organisation)
    organisation.save()
    team = Team.objects.create(
        organisation=organisation, name=ORGANIZERS, permissions=list(Permission.values), all_events=True
    )
    if actor is not None:
        TeamMember.objects.create(team=team, user=actor, joined_at=now)
    audit.record(actor=actor, verb="organisation_created", subject=organisation, at=now)
    return organisation


@transaction.atomic
def update_organisation(
    *, organisation: Organisation, changes: Mapping[str, Any], actor: User | None, now: datetime
) -> Organisation:
    """Audit "organisation_changed" with the names of the fields, if any."""
    if changed := change(organisation, changes, "en"):
        if "name" in changed:
            reindex(organisation.events.select_related("organisation", "venue"))
        audit.record(actor=actor, verb="organisation_changed", subject=organisation, at=now, fields=sorted(changed))
    return organisation


@transaction.atomic
def make_organizer(*, organisation: Organisation, user: User, actor: User | None, now: datetime) -> TeamMember:
    """Put `user` on a team that may do everything at every event. Repeating it changes nothing."""
    locked(organisation)
    team = (
        organisation.teams.filter(all_events=True, permissions__contains=list(Permission.values)).order_by("pk").first()
    )
    if team is None:
        taken = organisation.teams.filter(name=ORGANIZERS).exists()
        team = Team.objects.create(
            organisation=organisation,
            name=f"{ORGANIZERS} {new_code()}" if taken else ORGANIZERS,
            permissions=list(Permission.values),
            all_events=True,
        )
    member, is_new = TeamMember.objects.get_or_create(team=team, user=user, defaults={"joined_at": now})
    if is_new:
        audit.record(actor=actor, verb="team_joined", subject=team, at=now, user=user.email)
    return member


def _addresses(name: str) -> Iterator[str]:
    yield (base := slugify(name)[:40].strip("-") or new_code().lower())
    while True:
        yield f"{base}-{new_code().lower()}"
