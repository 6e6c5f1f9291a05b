"""What apps above show on somebody's own page, without this app knowing them. Appended to in `AppConfig.ready`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NotRequired, TypedDict

from django.http import HttpRequest  # noqa: TID251 (named in types only)

from accounts.models import User


class MeRow(TypedDict):
    title: str
    url: str
    # A second line: dates and place, ticket and state.
    detail: str
    # A word for the state and its look (ok, wait, stop, neutral), where there is one.
    badge: NotRequired[str]
    tone: NotRequired[str]


class MeSection(TypedDict):
    title: str
    rows: list[MeRow]
    # What stands there while there are no rows; a section with neither is left out.
    empty: str
    # A way on, such as "All events".
    action_label: NotRequired[str]
    action_url: NotRequired[str]


#: `(user, request)`; each in a constant number of queries. Shown in the order of the apps, highest first: what is about
#: oneself comes before what one does for others.
me_sections: Final[list[Callable[[User, HttpRequest], MeSection | None]]] = []
