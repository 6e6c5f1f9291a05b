"""The HTML layout of mails, cut into pieces once per language and colour (templates/emails/base.html says how)."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

_PIECE: Final = re.compile(r"<!--(\w+)-->(.*?)<!--/\1-->", re.DOTALL)
_inliner: Final = css_inline.CSSInliner(inline_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Pieces of HTML; each is used by putting escaped text at the words in @@."""

    before: str
    after: str
    paragraph: str
    code: str
    list: str
    item: str
    link: str
    button: str
    unsubscribe: str


@functools.lru_cache(maxsize=64)
def layout_for(language: str, colour: str, site_name: str) -> Layout:
    with translation.override(language):
        html = str(
            render_to_string(
                "emails/base.html",
                {
                    "language": language_tag(language),
                    "direction": "rtl" if translation.get_language_bidi() else "ltr",
                    "colour": colour,
                    "site_name": site_name,
                    "unsubscribe": _("I do not want mails like this"),
                },
            )
        )
    html = _inliner.inline(html)
    unsubscribe = _piece(html, "unsubscribe")
    html = html.replace(f"<!--unsubscribe-->{unsubscribe}<!--/unsubscribe-->", "@@unsubscribe@@")
    blocks = _piece(html, "blocks")
    before, after = html.split(f"<!--blocks-->{blocks}<!--/blocks-->")
    pieces = {match.group(1): match.group(2) for match in _PIECE.finditer(blocks)}
    return Layout(before=before, after=after, unsubscribe=unsubscribe, **pieces)


def _piece(html: str, name: str) -> str:
    found = re.search(rf"<!--{name}-->(.*?)<!--/{name}-->", html, re.DOTALL)
    if found is None:
        raise ValueError(f"templates/emails/base.html has no <!--{name}-->")
    return found.group(1)


def language_tag(language: str) -> str:
    """Django's code as a BCP 47 tag: zh-hans → zh-Hans."""
    primary, _dash, rest = language.partition("-")
    return f"{primary}-{rest.title() if len(rest) == 4 else rest.upper()}" if rest else primary


def current_layout(language: str, colour: str) -> Layout:
    return layout_for(language, colour, settings.SITE_NAME)
