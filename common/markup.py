"""Markdown to HTML that is safe to show: user text is never markup of ours."""

from __future__ import annotations

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_TAGS = {"p", "br", "em", "strong", "ul", "ol", "li", "a", "h3", "h4", "h5", "blockquote", "code", "pre", "hr"}
_SCHEMES = {"http", "https", "mailto"}

# html=False: tags that somebody typed are shown as typed. Links appear only where somebody wrote one as a link or as a full
# address with its scheme; a bare host name in a person's name must not become one.
_markdown = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True}).disable("image")


def render_markdown(text: str) -> SafeString:
    """Headings start at level 3, below the page's and the section's own; links open with rel=noopener nofollow."""
    html = _markdown.render(text or "")
    for level in (3, 2, 1):
        html = html.replace(f"<h{level}>", f"<h{level + 2}>").replace(f"</h{level}>", f"</h{level + 2}>")
    clean = nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes=_SCHEMES, link_rel="noopener nofollow")
    return mark_safe(clean)  # noqa: S308 (cleaned in the line above)


def plain_excerpt(text: str, length: int = 200) -> str:
    """The first words of Markdown without its marks, for previews and meta descriptions."""
    bare = " ".join(nh3.clean(_markdown.render(text or ""), tags=set()).split())
    bare = bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&nbsp;", " ")
    return bare if len(bare) <= length else bare[: length - 1].rsplit(" ", 1)[0] + "…"
