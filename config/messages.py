"""The interface's texts and their translations, in pure Python: `python -m config.messages extract|compile|check`.

`extract` brings locale/*/LC_MESSAGES/django.po up to date with the sources, `compile` makes the *.mo that Django reads
(never committed), `check` names every text that a reader of another language would meet in English or garbled.
Neither needs the gettext programs, which a machine with only Python lacks.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract as babel_extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (
    "config",
    "common",
    "accounts",
    "notifications",
    "events",
    "submissions",
    "scheduling",
    "registrations",
    "templates",
)
# English is in the sources; these are translated to, by the names of their folders.
LOCALES = ("zh_Hans",)
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
COMMENT_TAGS = ("Translators",)
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|(?<!\{)\{(\w*)\}(?!\})|%[sd]")


def source_catalog(root: Path = ROOT) -> Catalog:
    """Every text that the sources mark for translation."""
    catalog = Catalog(project="Lihu", charset="utf-8", fuzzy=False)
    for path in _source_files(root):
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            text = _as_python(text, path)
        place = path.relative_to(root).as_posix()
        found = babel_extract("python", io.BytesIO(text.encode()), KEYWORDS, COMMENT_TAGS, {"encoding": "utf-8"})
        for line, message, comments, context in found:
            catalog.add(message, locations=[(place, line)], auto_comments=comments, context=context)
    return catalog


def _source_files(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        for path in sorted((root / name).rglob("*")):
            if "migrations" in path.parts:
                continue
            in_templates = "templates" in path.relative_to(root).parts
            if path.suffix == ".py" or (in_templates and path.suffix in {".html", ".txt", ".xml"}):
                yield path


def _as_python(template: str, path: Path) -> str:
    # Django turns its template language into calls of gettext with everything else blanked out. Inside one pair of
    # parentheses the indentation of what is left means nothing to Python's tokenizer.
    from django.utils.translation.template import templatize  # noqa: PLC0415 (settings must be ready first)

    return f"({templatize(template, origin=str(path))}\n)"


def po_files(root: Path = ROOT) -> list[Path]:
    return [root / "locale" / locale / "LC_MESSAGES" / "django.po" for locale in LOCALES]


def read_catalog(path: Path) -> Catalog:
    if not path.exists():
        return Catalog(locale=path.parent.parent.name, domain="django", project="Lihu", charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=Locale.parse(path.parent.parent.name), domain="django")


# -- extract ---------------------------------------------------------------------------------------------------------


def extract(root: Path = ROOT) -> list[str]:
    """Bring every django.po up to date: new texts come in untranslated, texts no longer used go."""
    template = source_catalog(root)
    report = []
    for path in po_files(root):
        before = path.read_bytes() if path.exists() else b""
        catalog = read_catalog(path)
        # Unchanged texts leave the file unchanged, its dates included.
        template.creation_date = catalog.creation_date
        # A guess at a translation is a wrong one until someone has read it; a missing one is at least found.
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        written = io.BytesIO()
        write_po(written, catalog, width=110, sort_by_file=True, ignore_obsolete=True, include_lineno=False)
        if written.getvalue() != before:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written.getvalue())
        empty = sum(not _is_translated(message) for message in catalog if message.id)
        report.append(f"{path.relative_to(root)}: {len(catalog)} texts, {empty} without a translation")
    return report


# -- compile ---------------------------------------------------------------------------------------------------------


def compile_all(root: Path = ROOT) -> list[Path]:
    """Make each *.mo that is missing or older than its *.po; the ones made."""
    made = []
    for path in po_files(root):
        if not path.exists():
            continue
        target = path.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= path.stat().st_mtime_ns:
            continue
        draft = target.with_suffix(".mo.new")  # another process may be reading the old one
        with draft.open("wb") as file:
            write_mo(file, read_catalog(path), use_fuzzy=False)
        draft.replace(target)
        made.append(target)
    return made


# -- check -----------------------------------------------------------------------------------------------------------


def problems(root: Path = ROOT) -> list[str]:
    """One line for each text that is missing, untranslated, unread (fuzzy), garbled or no longer used."""
    template = source_catalog(root)
    wanted = {_key(message): message for message in template if message.id}
    found = []
    for path in po_files(root):
        catalog = read_catalog(path)
        have = {_key(message): message for message in catalog if message.id}
        name = path.relative_to(root).as_posix()
        for key, source in wanted.items():
            place = source.locations[0][0] if source.locations else "?"
            text = _shorten(source)
            message = have.get(key)
            if message is None:
                found.append(f"{name}: missing (run `make messages`): {text} ({place})")
            elif message.fuzzy:
                found.append(f"{name}: fuzzy: {text} ({place})")
            elif not _is_translated(message):
                found.append(f"{name}: untranslated: {text} ({place})")
            elif wrong := _wrong_placeholders(message):
                found.append(f"{name}: {wrong}: {text} ({place})")
        found += [f"{name}: no longer used: {_shorten(have[key])}" for key in have.keys() - wanted.keys()]
    return found


def _key(message: Message) -> tuple[str | None, str]:
    return message.context, message.id[0] if isinstance(message.id, (list, tuple)) else message.id


def _strings(message: Message) -> list[str]:
    strings = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    return [string or "" for string in strings]


def _is_translated(message: Message) -> bool:
    return all(_strings(message))


def _wrong_placeholders(message: Message) -> str:
    # A plural's translation follows the plural's text: "one seat" may leave the number out, "%(n)s seats" may not.
    text = message.id[-1] if isinstance(message.id, (list, tuple)) else message.id
    expected = _placeholders(text)
    for translation in _strings(message):
        if (there := _placeholders(translation)) != expected:
            return f"placeholders {sorted(there)} instead of {sorted(expected)}"
        if text.startswith("\n") != translation.startswith("\n") or text.endswith("\n") != translation.endswith("\n"):
            return "line break at one end only"
    return ""


def _placeholders(text: str) -> set[str]:
    return {match.group() for match in PLACEHOLDER.finditer(text)}


def _shorten(message: Message) -> str:
    text = " ".join(_key(message)[1].split())
    return repr(text if len(text) <= 80 else text[:79] + "…")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["extract"]:
            _ready()
            print("\n".join(extract()))
        case ["compile"]:
            for made in compile_all():
                print(f"made {made.relative_to(ROOT)}")
        case ["check"]:
            _ready()
            found = problems()
            print("\n".join(found) or "Every text is translated.")
            return 1 if found else 0
        case _:
            print("usage: python -m config.messages extract|compile|check", file=sys.stderr)
            return 2
    return 0


def _ready() -> None:
    # Reading templates asks for two settings and for no app of ours.
    from django.conf import settings  # noqa: PLC0415 (only for the two commands that read templates)

    if not settings.configured:
        settings.configure(USE_I18N=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
