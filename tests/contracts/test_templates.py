"""What the strict content security policy and the translators rest on, in every template."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(
    path
    for path in [*(ROOT / "templates").rglob("*.html"), *ROOT.glob("*/templates/**/*.html")]
    # Mails have no style sheet to link: their styles stand in the elements.
    if not {"node_modules", ".venv", "emails", "mail"} & set(path.parts)
)
#: Markup of our own: the QR code that was just drawn, and help texts of forms.
OUR_MARKUP = {"registrations/templates/registrations/_registration.html", "templates/django/forms/field.html"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_has_an_inline_style_or_script(path: Path) -> None:
    text = re.sub(r"\{%\s*comment.*?endcomment\s*%\}|\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"\sstyle\s*=", text), "inline style"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "inline handler"
    assert not re.search(r"<style\b", text), "style element"
    for attributes in re.findall(r"<script\b([^>]*)>", text):
        assert "src=" in attributes or re.search(r'type="application/(ld\+)?json"', attributes), "inline script"
    assert "|safe" not in text or str(path.relative_to(ROOT)) in OUR_MARKUP, "a text is taken for markup"
    assert "autoescape off" not in text
