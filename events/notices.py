from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from notifications.notices import NoticeKind, Placeholder, PlaceholderType

TEAM_INVITATION = NoticeKind(
    code="team_invitation",
    title=_("Invitation to a team"),
    subject=_("{inviter} invites you to help organize at {organisation}"),
    body=_(
        "Hello,\n\n"
        "{inviter} invites you to join the team “{team}” of {organisation}. With it you can help to organize: {events}.\n\n"
        "{link}\n\n"
        "Sign in with this e-mail address, or make an account with it. If you do not know {inviter}, ignore this mail: "
        "nothing happens unless you accept."
    ),
    placeholders=(
        Placeholder(name="inviter", label=_("who invites"), example="Lin Wei"),
        Placeholder(name="organisation", label=_("organisation"), example="School of Food Science"),
        Placeholder(name="team", label=_("team"), example="Programme committee"),
        Placeholder(name="events", label=_("events"), example="Food Science Days 2027"),
        Placeholder(
            name="link",
            label=_("See the invitation"),
            example="https://conferences.example.edu/organize/invitations/…/",
            type=PlaceholderType.LINK,
        ),
    ),
    priority=10,
    is_editable=False,
)
