"""What every service here does with words before it writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import CharField, Model, TextField, URLField
from django_countries import countries
from django_countries.fields import CountryField
from i18nfield.fields import I18nCharField, I18nTextField

from common.localized import localized, validate_localized
from common.problems import refusal_from
from common.text import validate_plain_text, validate_single_line
from common.validators import validate_web_address

M = TypeVar("M", bound=Model)

#: Characters per language.
LONGEST_TEXT = 20_000
_ADDRESSES: Final = 4_518_220_973


def assign(thing: Model, values: Mapping[str, Any], language: str) -> frozenset[str]:
    """Set fields of a row; a plain string for a text in several languages is in `language`. Returns the names of those
    that are different now."""
    changed = set()
    for name, value in values.items():
        field = thing._meta.get_field(name)
        if isinstance(field, I18nCharField | I18nTextField):
            value = localized(value, language)
        if getattr(thing, name) != value:
            setattr(thing, name, value)
            changed.add(name)
    return frozenset(changed)


def locked(thing: M) -> M:
    """The row as it is stored now, locked. Services change this one, so that a refusal leaves the caller's untouched."""
    return type(thing)._default_manager.select_for_update().get(pk=thing.pk)  # noqa: SLF001 (public in Django, whatever its name)


def free_address(model: type[Model], wanted: Iterable[str]) -> str:
    """The first of `wanted` that is nobody's `slug`. Until the transaction ends, nobody else is given an address: an advisory lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADDRESSES])
    rows = model._default_manager  # noqa: SLF001 (public in Django, whatever its name)
    return next(slug for slug in wanted if not rows.filter(slug=slug).exists())


def take_over(thing: M, stored: M, fields: Iterable[str]) -> M:
    """Bring the caller's object up to date with what was written."""
    for name in fields:
        setattr(thing, name, getattr(stored, name))
    return thing


def change(thing: M, changes: Mapping[str, Any], language: str) -> frozenset[str]:
    """Lock the row, set and check `changes`, write what is different; returns the names of those fields."""
    stored = locked(thing)
    changed = assign(stored, changes, language)
    if changed:
        validate(stored)
        stored.save(update_fields=sorted(changed))
    take_over(thing, stored, changes)
    return changed


def _known_countries(thing: Model) -> set[str]:
    """Fields that are in order: Django would look for the code among all names, and translate each for it."""
    return {
        field.name
        for field in thing._meta.fields
        if isinstance(field, CountryField) and getattr(thing, field.name).code in countries
    }


def validate(thing: Model, *, exclude: tuple[str, ...] = (), constraints: bool = True) -> None:
    """`full_clean`, and each text in several languages checked in each; raises Invalid with every problem found."""
    errors: dict[str, Any] = {}
    for field in thing._meta.get_fields():
        if isinstance(field, I18nCharField | I18nTextField) and field.name not in exclude:
            # A new row has plain empty strings where nothing was said.
            value = localized(getattr(thing, field.name), "en")
            setattr(thing, field.name, value)
            try:
                validate_localized(
                    value,
                    max_length=field.max_length or LONGEST_TEXT,
                    lines=isinstance(field, I18nTextField),
                    required=not field.blank,
                )
            except ValidationError as error:
                errors[field.name] = error.error_list
    for field in thing._meta.fields:
        if (
            not isinstance(field, CharField | TextField)
            or field.choices
            or field.name in errors
            or field.name in exclude
        ):
            continue
        if isinstance(field, I18nCharField | I18nTextField) or not field.editable:
            continue
        value = getattr(thing, field.name)
        try:
            (validate_plain_text if isinstance(field, TextField) else validate_single_line)(value or "")
            if isinstance(field, URLField) and value:
                validate_web_address(value)
        except ValidationError as error:
            errors[field.name] = error.error_list
    try:
        thing.full_clean(exclude={*exclude, *errors, *_known_countries(thing)}, validate_constraints=constraints)
    except ValidationError as error:
        for name, found in error.error_dict.items():
            errors.setdefault(name, []).extend(found)
    if errors:
        raise refusal_from(ValidationError(errors))
