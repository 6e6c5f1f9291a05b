"""Text as people type it: kept letter by letter, or refused with the reason."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from common.reading import reading

_ALLOWED_CONTROLS = frozenset("\n\r\t")


def validate_plain_text(value: object) -> None:
    """Refuse what cannot be shown or stored: NUL, other control characters (Unicode Cc) and lone surrogates.

    Everything else is text: right-to-left marks, combining characters and emoji are stored as typed.
    """
    for character in str(value):
        if (unicodedata.category(character) == "Cc" and character not in _ALLOWED_CONTROLS) or (
            0xD800 <= ord(character) <= 0xDFFF
        ):
            raise ValidationError(
                _("This text has a control character (U+%(point)s). Delete it or type the text again."),
                code="control_character",
                params={"point": f"{ord(character):04X}"},
            )


def validate_single_line(value: object) -> None:
    """As `validate_plain_text`, and no line breaks: for names, titles and everything that ends up in a mail header."""
    validate_plain_text(value)
    if any(character in "\n\r\t\u2028\u2029" for character in str(value)):
        raise ValidationError(_("This must fit on one line."), code="line_break")


def email_key(address: str) -> str:
    """What makes two addresses the same mailbox for us: letter case does not. (RFC 5321 lets servers tell apart the case
    of the part before the @; none that people use does.)"""
    return address.strip().casefold()


def search_text(text: str) -> str:
    """What a text is found by: the words of a search (`search_key`) stand in it, as they are or as Chinese is read."""
    return f"{search_key(text)} {reading(text)}".rstrip()


def search_key(text: str) -> str:
    """Folded for search: no case, no accents, full-width as half-width (NFKD, marks dropped)."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
