from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.services.addresses import verified_keys
from common.problems import Refusal
from events.forms import InviteForm, TeamForm
from events.models import Event, Invitation, Organisation, Permission, Team, TeamMember
from events.policies import may_manage_team, permissions_everywhere, permissions_of
from events.services import teams as services
from events.views.access import get_event_or_404, get_organisation_or_404
from events.views.acting import by, tell


@require_safe
def teams(request: HttpRequest, slug: str) -> HttpResponse:
    """Who may do what at this event, whichever team it comes from."""
    event = get_event_or_404(request, slug, Permission.MANAGE_TEAMS)
    found = (
        Team.objects.filter(Q(organisation=event.organisation_id, all_events=True) | Q(events=event))
        .distinct()
        .prefetch_related("members__user", "invitations", "events", "organisation")
        .order_by("-all_events", "name")
    )
    assert isinstance(request.user, User)
    manages_all = Permission.MANAGE_TEAMS in permissions_everywhere(request.user, event.organisation)
    managed = _managed_events(request.user, event.organisation)
    rows = [
        {
            "team": team,
            "permissions": [Permission(name).label for name in team.permissions],
            "may_manage": manages_all or (not team.all_events and {e.pk for e in team.events.all()} <= managed),
        }
        for team in found
    ]
    return render(request, "events/organize/teams.html", {"event": event, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
def new_team(request: HttpRequest, slug: str) -> HttpResponse:
    """`?event=` chooses that event from the start, and leads back to its teams."""
    organisation = get_organisation_or_404(request, slug)
    assert isinstance(request.user, User)
    options = _what_may_be_given(request.user, organisation)
    event = options["events"].filter(slug=request.GET.get("event", "")).first()
    form = TeamForm(request.POST or None, chosen=[event.pk] if event else [], **options)
    if form.is_valid():
        try:
            team = services.create_team(organisation=organisation, **form.values(), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The team is there. Invite its people."))
            return redirect("events:team", slug=slug, pk=team.pk)
    context = {"organisation": organisation, "form": form, "back": _back(organisation, event)}
    return render(request, "events/organize/team_new.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def team(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    found = _team(request, slug, pk)
    assert isinstance(request.user, User)
    form = TeamForm(request.POST or None, team=found, **_what_may_be_given(request.user, found.organisation))
    if form.is_valid():
        try:
            services.update_team(team=found, changes=form.values(), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The team is saved."))
            return redirect("events:team", slug=slug, pk=pk)
    return _show(request, found, form, InviteForm())


@require_POST
def invite(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    found = _team(request, slug, pk)
    assert isinstance(request.user, User)
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            invitation = services.invite(
                team=found, language=get_language() or "en", **form.cleaned_data, **by(request)
            )
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("An invitation is on its way to %(email)s.") % {"email": invitation.email})
            return redirect("events:team", slug=slug, pk=pk)
    settings = TeamForm(team=found, **_what_may_be_given(request.user, found.organisation))
    return _show(request, found, settings, form)


@require_POST
def withdraw_invitation(request: HttpRequest, slug: str, pk: int, invitation: int) -> HttpResponse:
    found = _team(request, slug, pk)
    services.withdraw_invitation(invitation=get_object_or_404(found.invitations, pk=invitation), **by(request))
    messages.success(request, _("The invitation is withdrawn: its link does not work any more."))
    return redirect("events:team", slug=slug, pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def remove_member(request: HttpRequest, slug: str, pk: int, member: int) -> HttpResponse:
    organisation = get_organisation_or_404(request, slug)
    found = get_object_or_404(
        TeamMember.objects.select_related("user", "team__organisation"),
        pk=member,
        team=pk,
        team__organisation=organisation,
    )
    leaving = found.user_id == request.user.pk
    if not leaving and not may_manage_team(request.user, found.team):
        raise Http404
    if request.method == "POST":
        try:
            services.remove_member(member=found, **by(request))
        except Refusal as refusal:
            tell(request, refusal)
            return redirect("events:team", slug=slug, pk=pk)
        words = _("You have left the team.") if leaving else _("%(person)s is not on the team any more.")
        messages.success(request, words % {"person": found.user})
        return redirect("events:home") if leaving else redirect("events:team", slug=slug, pk=pk)
    context = {"organisation": organisation, "member": found, "team": found.team, "leaving": leaving}
    return render(request, "events/organize/team_member_remove.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def delete_team(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    found = _team(request, slug, pk)
    if request.method == "POST":
        try:
            services.delete_team(team=found, **by(request))
        except Refusal as refusal:
            tell(request, refusal)
            return redirect("events:team", slug=slug, pk=pk)
        messages.success(request, _("The team is deleted."))
        return redirect("events:home")
    context = {"organisation": found.organisation, "team": found, "people": found.members.count()}
    return render(request, "events/organize/team_delete.html", context)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Whoever has the link sees what it is; only the owner of the address joins."""
    found = Invitation.objects.select_related("team__organisation", "invited_by").filter(secret=secret).first()
    if found is None:
        return render(request, "events/invitation_gone.html", status=404)
    is_theirs = isinstance(request.user, User) and found.email_key in verified_keys(request.user)
    problems = []
    if request.method == "POST":
        if not isinstance(request.user, User):
            return redirect(f"{reverse('account_login')}?next={request.path}")
        try:
            member = services.accept_invitation(invitation=found, user=request.user, now=timezone.now())
        except Refusal as refusal:
            problems = refusal.problems
        else:
            messages.success(request, _("You are on the team “%(team)s” now.") % {"team": member.team})
            return redirect("events:home")
    inviter = found.invited_by or found.team.organisation
    context = {
        "invitation": found,
        "team": found.team,
        "events": list(found.team.events.order_by("starts_on")),
        "permissions": [Permission(name).label for name in found.team.permissions],
        "is_theirs": is_theirs,
        "lead": _("%(inviter)s invites you to join the team “%(team)s” of %(organisation)s.")
        % {"inviter": inviter, "team": found.team, "organisation": found.team.organisation},
        "problems": problems,
        "back": f"?next={request.path}",
    }
    return render(request, "events/invitation.html", context)


def _show(request: HttpRequest, found: Team, form: TeamForm, invite_form: InviteForm) -> HttpResponse:
    context = {
        "organisation": found.organisation,
        "team": found,
        "form": form,
        "invite": invite_form,
        "members": found.members.select_related("user").order_by("joined_at", "pk"),
        "invitations": found.invitations.order_by("invited_at", "pk"),
        "me": request.user,
    }
    return render(request, "events/organize/team.html", context)


def _team(request: HttpRequest, slug: str, pk: int) -> Team:
    """The team, if the viewer may manage it; its organisation is not there for strangers."""
    organisation = get_organisation_or_404(request, slug)
    found = get_object_or_404(Team.objects.select_related("organisation"), pk=pk, organisation=organisation)
    if not may_manage_team(request.user, found):
        raise PermissionDenied(_("You may not manage this team."))
    return found


def _what_may_be_given(user: User, organisation: Organisation) -> dict[str, Any]:
    """The choices of a team's form: nobody gives more than they have (`events.problems.problems_with_granting`)."""
    everywhere = permissions_everywhere(user, organisation)
    events = Event.objects.filter(organisation=organisation).order_by("-starts_on", "slug")
    if Permission.MANAGE_TEAMS in everywhere:
        return {"events": events, "permissions": everywhere, "everywhere": True}
    managed: QuerySet[Event] = events.filter(pk__in=_managed_events(user, organisation))
    if not managed:
        raise PermissionDenied(_("You may not manage teams here."))
    given = frozenset(name for event in managed for name in permissions_of(user, event))
    return {"events": managed, "permissions": given, "everywhere": False}


def _managed_events(user: User, organisation: Organisation) -> set[int]:
    managed = Event.objects.where(user, Permission.MANAGE_TEAMS).filter(organisation=organisation)
    return set(managed.values_list("pk", flat=True))


def _back(organisation: Organisation, event: Event | None) -> str:
    if event:
        return reverse("events:teams", args=[event.slug])
    return reverse("events:organisation", args=[organisation.slug])
