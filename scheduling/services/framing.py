"""The frame around the public pages of a release: head, navigation and foot.

It is rendered once per language with marks in it; a page is that frame with the marks replaced. Comments keep frame and page
apart, so that a new frame can be put around a page that is years old.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, Final, cast

from django.template.loader import get_template
from django.utils.html import escape

from common.context import site
from events.models import Event

TABS: Final = ("schedule", "speakers")
_MARKS: Final = {name: f"[[lihu {name}]]" for name in ("title", "description", "head", "main")}
_MARK: Final = re.compile(r"\[\[lihu (title|description|head|main)\]\]")
_PAGE: Final = re.compile(
    r"<!--page\n(?P<title>[^\n]*)\n(?P<description>[^\n]*)\n-->(?P<head>.*)<!--/head-->.*<!--main-->(?P<body>.*)<!--/main-->",
    re.DOTALL,
)


def render_frame(event: Event, language: str, tab: str) -> str:
    """The frame of an event's public pages, with marks where a page goes. Nothing in it depends on who looks.

    `language` must be the active one; `tab`, of `TABS`, is the one that is marked as open."""
    request = cast(Any, SimpleNamespace(LANGUAGE_CODE=language))
    context = {**site(request), "event": event, "marks": _MARKS, "tab": tab}
    return get_template("scheduling/public/frame.html").render(context)


def put_in_frame(frame: str, *, title: str, description: str, head: str, body: str) -> str:
    """`title` and `description` are text, `head` and `body` markup. The marks around them let `reframe` find them again."""
    return _fill(frame, _escape(title), _escape(description), head, body)


def reframe(frame: str, page: str) -> str:
    """The same page in another frame."""
    found = _PAGE.search(page)
    if found is None:
        return page
    return _fill(frame, found["title"], found["description"], found["head"], found["body"])


def _fill(frame: str, title: str, description: str, head: str, body: str) -> str:
    parts = {
        "title": title,
        "description": description,
        "head": f"<!--page\n{title}\n{description}\n-->{head}<!--/head-->",
        "main": f"<!--main-->{body}<!--/main-->",
    }
    # In one pass: a title may contain anything, marks as well.
    return _MARK.sub(lambda mark: parts[mark[1]], frame)


def tab_of(path: str) -> str:
    return "speakers" if path.startswith("speakers/") else "schedule"


def _escape(text: str) -> str:
    """On one line, which is how `_PAGE` finds it again."""
    return escape(" ".join(text.split()))
