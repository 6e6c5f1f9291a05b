"""How people are called: as they write it. A name in Latin letters is never made from the one in another script.

Source of the rules: GB/T 28039-2011 and the passport rules of 2021 for Chinese names (surname first, one word each; the spelling of
the passport stands, whatever the characters could be read as). Parts of a name are what their owner says.
"""

from __future__ import annotations

from accounts.models import NameOrder


def has_part(name: str, family_name: str) -> bool:
    """Whether `family_name` is a whole part of `name`: letter case aside, not a piece of a word."""
    name, part = f" {name.casefold()} ", family_name.strip().casefold()
    place = name.find(part)
    while part and place >= 0:
        if not name[place - 1].isalnum() and not name[place + len(part)].isalnum():
            return True
        place = name.find(part, place + 1)
    return False


def order_of(name: str, family_name: str) -> str:
    """Which comes first in a name as its owner writes it; `as_written` where one cannot tell, as for those with one name."""
    whole, part = name.strip().casefold(), family_name.strip().casefold()
    if not part or whole == part:
        return NameOrder.AS_WRITTEN
    if whole.startswith(part) and not whole[len(part)].isalnum():
        return NameOrder.SURNAME_FIRST
    if whole.endswith(part) and not whole[-len(part) - 1].isalnum():
        return NameOrder.GIVEN_FIRST
    return NameOrder.AS_WRITTEN


def both_scripts(name: str, native_name: str, language: str) -> tuple[str, str]:
    """The two names in the order in which readers of `language` expect them: in Chinese the native one first. The second may be
    empty."""
    if not native_name or native_name == name:
        return name, ""
    return (native_name, name) if language.startswith("zh") else (name, native_name)
