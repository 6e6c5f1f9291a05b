"""What is mailed about an account, in our words; allauth's flows say when. `accounts.adapter` puts the values in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class _Joined:
    """Paragraphs put together in the reader's language, when they are read."""

    def __init__(self, *parts: str | Promise) -> None:
        self.parts = parts

    def __str__(self) -> str:
        return "\n\n".join(str(part) for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class AccountMail:
    subject: str | Promise
    # Paragraphs, parted by blank lines.
    body: str | Promise | _Joined


_CODE: Final = _(
    "Your code is:\n\n{code}\n\nType it into the page that asked for it. It works for a few minutes, and once.\n\n"
    "Nobody from {site} will ever ask you for it. If you did not request it, ignore this mail."
)
_NOT_YOU: Final = _(
    "This happened on {moment}, from the network address {ip}.\n\nIf it was not you, set a new password at once: {reset_url}"
)


def _change(subject: str | Promise, words: str | Promise) -> AccountMail:
    return AccountMail(subject=subject, body=_Joined(words, _NOT_YOU))


#: allauth's name of the mail → ours.
MAILS: Final[dict[str, AccountMail]] = {
    "account/email/login_code": AccountMail(subject=_("{code} is your code to sign in to {site}"), body=_CODE),
    "account/email/email_confirmation_signup": AccountMail(
        subject=_("{code} is your code for your new account at {site}"), body=_CODE
    ),
    "account/email/email_confirmation": AccountMail(
        subject=_("{code} is your code to confirm this address at {site}"), body=_CODE
    ),
    "account/email/password_reset_code": AccountMail(
        subject=_("{code} is your code for a new password at {site}"), body=_CODE
    ),
    "account/email/account_already_exists": AccountMail(
        subject=_("You have an account at {site} already"),
        body=_(
            "Somebody, probably you, wanted to make an account at {site} with this address. You have one already, so "
            "nothing was changed.\n\n"
            "Sign in here: {login_url}\n\n"
            "If you do not know your password any more, set a new one: {reset_url}\n\n"
            "If it was not you, ignore this mail."
        ),
    ),
    "account/email/unknown_account": AccountMail(
        subject=_("There is no account at {site} with this address"),
        body=_(
            "Somebody, probably you, wanted to sign in to {site} with this address, or to set a new password. No account "
            "has this address.\n\n"
            "If it was you, try the address that you signed up with, or make an account: {signup_url}\n\n"
            "If it was not you, ignore this mail."
        ),
    ),
    "account/email/password_changed": _change(
        _("Your password at {site} was changed"), _("Your password at {site} was changed.")
    ),
    "account/email/password_set": _change(
        _("Your account at {site} has a password now"),
        _("A password was set for your account at {site}."),
    ),
    "account/email/password_reset": _change(
        _("Your password at {site} was reset"),
        _("A new password was set for your account at {site}."),
    ),
    "account/email/email_changed": _change(
        _("The address of your account at {site} was changed"),
        _("The address of your account at {site} was changed from {from_email} to {to_email}."),
    ),
    "account/email/email_confirm": _change(
        _("An address of your account at {site} is confirmed"),
        _("This address is a confirmed address of your account at {site} now."),
    ),
    "account/email/email_deleted": _change(
        _("An address of your account at {site} was removed"),
        _("The address {deleted_email} was removed from your account at {site}."),
    ),
    "mfa/email/totp_activated": _change(
        _("Your account at {site} asks for a code from your app now"),
        _("An authenticator app was added to your account at {site}."),
    ),
    "mfa/email/totp_deactivated": _change(
        _("Your account at {site} asks for no code from an app any more"),
        _("The authenticator app was removed from your account at {site}."),
    ),
    "mfa/email/recovery_codes_generated": _change(
        _("Your account at {site} has new recovery codes"),
        _("New recovery codes were made for your account at {site}. The old ones do not work any more."),
    ),
    "mfa/email/webauthn_added": _change(
        _("A passkey was added to your account at {site}"),
        _("A passkey or security key was added to your account at {site}."),
    ),
    "mfa/email/webauthn_removed": _change(
        _("A passkey was removed from your account at {site}"),
        _("A passkey or security key was removed from your account at {site}."),
    ),
}
