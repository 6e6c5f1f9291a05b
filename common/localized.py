"""Texts that an event keeps in several languages: one text per language, as typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from common.text import validate_plain_text, validate_single_line

Localized: TypeAlias = str | Mapping[str, str] | LazyI18nString


def localized(value: Localized, language: str) -> LazyI18nString:
    """`value` as one text per language; a plain string is in `language`.

    `LazyI18nString` itself reads a string as JSON where it can, so that somebody's title `123` or `null` would change.
    """
    data = value.data if isinstance(value, LazyI18nString) else value
    if data is None:
        return LazyI18nString({})
    if isinstance(data, Mapping):
        # The empty language stands for "the same in every language" in requests to the API.
        return LazyI18nString({key or language: text for key, text in data.items() if text})
    return LazyI18nString({language: str(data)} if str(data) else {})


def validate_localized(value: LazyI18nString, *, max_length: int, lines: bool = False, required: bool = True) -> None:
    """As `validate_plain_text` (or, without `lines`, `validate_single_line`) for each language, and not too long."""
    known = dict(settings.LANGUAGES)
    texts: Mapping[str, str] = value.data or {}
    if required and not any(text.strip() for text in texts.values()):
        raise ValidationError(_("Write this in at least one language."), code="required")
    for language, text in texts.items():
        if language not in known:
            raise ValidationError(
                _("“%(language)s” is not a language that texts are written in."),
                code="language",
                params={"language": language},
            )
        (validate_plain_text if lines else validate_single_line)(text)
        if len(text) > max_length:
            raise ValidationError(
                _("This has %(length)s characters in %(language)s. Shorten it to %(max_length)s."),
                code="max_length",
                params={"length": len(text), "language": known[language], "max_length": max_length},
            )


def every_text(value: LazyI18nString | str | None) -> str:
    """All its languages, for search."""
    data = value.data if isinstance(value, LazyI18nString) else value
    if not data:
        return ""
    return " ".join(data.values()) if isinstance(data, Mapping) else str(data)


def shown_language(value: LazyI18nString | None) -> str:
    """The language of the text that `str(value)` shows; empty where there is none, or it is in no language."""
    data = value.data if value is not None else None
    if not isinstance(data, Mapping):
        return ""
    shown = str(value)
    current = get_language() or settings.LANGUAGE_CODE
    return current if data.get(current) == shown else next((code for code, text in data.items() if text == shown), "")
