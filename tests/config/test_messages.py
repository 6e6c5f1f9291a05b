from __future__ import annotations

import gettext
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

from config import messages

PYTHON = """
from django.utils.translation import gettext as _, ngettext, pgettext
saved = _("Saved.")
seats = ngettext("%(n)s seat", "%(n)s seats", 2)
may = pgettext("month", "May")
"""
TEMPLATE = """<p class="it's">
  {% blocktranslate trimmed with name=user.name %}
    Hello {{ name }},
    welcome.
  {% endblocktranslate %}
    {% blocktranslate count n=talks|length %}one talk{% plural %}{{ n }} talks{% endblocktranslate %}
 <c-button label="{% translate 'Publish' %}">{% translate "May" context "verb" %}</c-button>
{# a comment, it's (not) closed #}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "events" / "templates" / "events").mkdir(parents=True)
    (tmp_path / "events" / "views.py").write_text(PYTHON)
    (tmp_path / "events" / "templates" / "events" / "page.html").write_text(TEMPLATE)
    return tmp_path


def _fill(root: Path, translations: dict[str, str]) -> None:
    """Translate as a person would: in the file, between the quotes."""
    (path,) = messages.po_files(root)
    with path.open("rb") as file:
        catalog = read_po(file)
    for message in catalog:
        key = message.id if isinstance(message.id, str) else message.id[0]
        if key in translations:
            message.string = translations[key] if isinstance(message.id, str) else (translations[key],)
    with path.open("wb") as file:
        write_po(file, catalog)


COMPLETE = {
    "Saved.": "已保存。",
    "%(n)s seat": "%(n)s 个座位",
    "May": "五月",
    "Hello %(name)s, welcome.": "您好，%(name)s，欢迎。",
    "one talk": "%(n)s 场报告",
    "Publish": "发布",
}


def test_texts_of_python_and_of_templates_are_found_with_context_and_plural(root: Path) -> None:
    messages.extract(root)

    (path,) = messages.po_files(root)
    found = {(message.context, message.id) for message in messages.read_catalog(path) if message.id}
    assert found == {
        (None, "Saved."),
        (None, ("%(n)s seat", "%(n)s seats")),
        ("month", "May"),
        (None, "Hello %(name)s, welcome."),
        (None, ("one talk", "%(n)s talks")),
        (None, "Publish"),
        ("verb", "May"),
    }


def test_a_complete_translation_passes_and_reaches_the_reader(root: Path) -> None:
    messages.extract(root)
    _fill(root, COMPLETE)

    assert messages.problems(root) == []
    (made,) = messages.compile_all(root)
    with made.open("rb") as file:
        translations = gettext.GNUTranslations(file)
    assert translations.gettext("Saved.") == "已保存。"
    assert translations.ngettext("%(n)s seat", "%(n)s seats", 3) == "%(n)s 个座位"
    assert translations.pgettext("month", "May") == "五月"
    assert messages.compile_all(root) == []


def test_each_way_to_be_wrong_is_named(root: Path) -> None:
    messages.extract(root)
    _fill(root, {**COMPLETE, "Publish": "", "Hello %(name)s, welcome.": "您好，%(nom)s，欢迎。"})
    source = root / "events" / "views.py"
    source.write_text(PYTHON.replace("Saved.", "Stored."))

    found = [line.partition(": ")[2] for line in messages.problems(root)]
    assert found == [
        "placeholders ['%(nom)s'] instead of ['%(name)s']: 'Hello %(name)s, welcome.' (events/templates/events/page.html)",
        "untranslated: 'Publish' (events/templates/events/page.html)",
        "missing (run `make messages`): 'Stored.' (events/views.py)",
        "no longer used: 'Saved.'",
    ]


def test_extracting_twice_changes_nothing_and_keeps_what_was_translated(root: Path) -> None:
    messages.extract(root)
    _fill(root, COMPLETE)
    messages.extract(root)
    (path,) = messages.po_files(root)
    once = path.read_bytes()

    messages.extract(root)

    assert path.read_bytes() == once
    assert messages.problems(root) == []
