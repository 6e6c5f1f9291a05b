"""Markdown to HTML that is safe to show: user text is never markup of ours."""

from __future__ import annotations

import re

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_HEADING = re.compile(r"<(/?)h([1-6])>")
_TAGS = {"p", "br", "em", "strong", "ul", "ol", "li", "a", "h3", "h4", "h5", "blockquote", "code", "pre", "hr"}
_SCHEMES = {"http", "https", "mailto"}

# html=False: tags that somebody typed are shown as typed. Links appear only where somebody wrote one as a link or as a full
# address with its scheme; a bare host name in a person's name must not become one.
_markdown = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True}).disable("image")


def render_markdown(text: str) -> SafeString:
    """Headings start at level 3, below the page's and the section's own, whichever level was typed first; links open with
    rel=noopener nofollow."""
    html = _markdown.render(text or "")
    html = _with_outline(html)
    clean = nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes=_SCHEMES, link_rel="noopener nofollow")
    return mark_safe(clean)  # noqa: S308 (cleaned in the line above)


def _with_outline(html: str) -> str:
    """Headings by rank, none more than one below the heading before it: screen readers read them as an outline."""
    typed = sorted({int(level) for _slash, level in _HEADING.findall(html)})
    last = 2

    def shifted(tag: re.Match[str]) -> str:
        nonlocal last
        if not tag[1]:
            last = min(3 + typed.index(int(tag[2])), last + 1, 5)
        return f"<{tag[1]}h{last}>"

    return _HEADING.sub(shifted, html)


def plain_excerpt(text: str, length: int = 200) -> str:
    """The first words of Markdown without its marks, for previews and meta descriptions."""
    bare = " ".join(nh3.clean(_markdown.render(text or ""), tags=set()).split())
    bare = bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&nbsp;", " ")
    return bare if len(bare) <= length else bare[: length - 1].rsplit(" ", 1)[0] + "…"
