"""The list of universities: loading it, and suggestions out of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models.functions import Length

from accounts.models import Institution
from accounts.models.institutions import ROR_ID, name_key
from common.reading import reading
from common.reads import Tuples, read
from common.text import search_key

#: The list that comes with Lihu; its README says where it is from.
BUNDLED: Final = Path(__file__).resolve().parents[1] / "data" / "institutions.tsv"
#: Rows of one answer.
MOST_SUGGESTIONS: Final = 8
#: Rows that are looked at to find the best ones.
_CANDIDATES: Final = 300
_BATCH: Final = 2000
_SMALL_WORDS: Final = frozenset(
    [
        "of",
        "the",
        "and",
        "for",
        "in",
        "at",
        "de",
        "la",
        "le",
        "les",
        "du",
        "des",
        "et",
        "y",
        "e",
        "da",
        "do",
        "der",
        "die",
        "das",
        "und",
        "für",
        "di",
        "del",
    ]
)
#: Languages of countries whose universities have a name in their own script in the bundled list.
_NATIVE: Final = {"CN": "zh", "HK": "zh", "MO": "zh", "TW": "zh", "JP": "ja", "KR": "ko", "RU": "ru", "EG": "ar"}


@dataclass(kw_only=True)
class Entry:
    """One institution of a list."""

    # Language code → name.
    names: dict[str, str]
    country: str = ""
    domains: list[str] = field(default_factory=list)
    ror_id: str = ""
    # Further names and acronyms by which it is found.
    aliases: list[str] = field(default_factory=list)


def suggest(*, words: str, domain: str = "") -> list[Institution]:
    """The best of those whose names, acronyms or domains begin with every word; without words, those of an e-mail address's domain.

    One query, at most `MOST_SUGGESTIONS` rows.
    """
    wanted = search_words(words)
    if not wanted:
        return list(Institution.objects.of_domain(domain).order_by("pk")[:MOST_SUGGESTIONS]) if domain else []
    candidates = Institution.objects.matching(wanted).order_by(Length("search_text"), "pk")[:_CANDIDATES]
    whole = " ".join(wanted)
    return sorted(candidates, key=lambda one: _rank(one, whole))[:MOST_SUGGESTIONS]


def _rank(institution: Institution, whole: str) -> tuple[bool, bool, bool, int]:
    """Partners first; then who is called or abbreviated just so; then whose name begins so; then the shorter name."""
    text = institution.search_text
    names = [" ".join(search_words(name)) for name in institution.names.values()]
    return (
        institution.partner_since is None,
        f" {whole} " not in text or (len(whole) > 5 and whole not in names),
        not any(name.startswith(whole) for name in names),
        len(text),
    )


def named(name: str) -> Institution | None:
    """The one that is called exactly so; None where none or several are."""
    return chosen(name=name, pk=None)


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """One to be found: the one that was chosen from the suggestions, as long as `name` is still what it is called; else the one that
    `name` says."""

    name: str
    pk: int | None = None


def chosen(*, name: str, pk: int | None) -> Institution | None:
    """As `Chosen` says. One query, and none without a name."""
    wanted = [Chosen(name=name, pk=pk)]
    (found,) = among(read(*asking(wanted)), wanted)
    return found


def asking(wanted: Sequence[Chosen]) -> list[Tuples]:
    """What to read to find them, beside whatever else is read in the same round trip; nothing where no name is given."""
    keys = sorted({key for one in wanted if (key := name_key(one.name))})
    if not keys:
        return []
    sql = "SELECT id, ror_id, name_keys FROM accounts_institution WHERE name_keys && %s::varchar[] ORDER BY id"
    return [Tuples(sql, [keys])]


def among(found: Sequence[Sequence[Any]], wanted: Sequence[Chosen]) -> list[Institution | None]:
    """Them, in what `asking` has found."""
    rows = [Institution.from_db(DEFAULT_DB_ALIAS, ["id", "ror_id", "name_keys"], row) for rows in found for row in rows]
    keys = [name_key(one.name) for one in wanted]
    called = {key: [row for row in rows if key in row.name_keys] for key in keys}
    return [_the_one(called[key], one.pk) for key, one in zip(keys, wanted, strict=True)]


def _the_one(called: Sequence[Institution], pk: int | None) -> Institution | None:
    alone = called[0] if len(called) == 1 else None
    return next((one for one in called if one.pk == pk), alone)


def search_words(text: str) -> list[str]:
    """At most eight words, folded as in `Institution.search_text`."""
    return re.sub(r"[\W_]+", " ", search_key(text)[:200]).split()[:8]


@transaction.atomic
def load(entries: Iterable[Entry]) -> tuple[int, int]:
    """Add what is new and bring the rest up to date, told apart by ROR id, else by English name and country. Returns how many are new
    and how many changed. Nothing is deleted; dates of partnership stay. Repeating it changes nothing."""
    by_ror: dict[str, Institution] = {}
    by_name: dict[tuple[str, str], Institution] = {}
    for stored in Institution.objects.iterator(chunk_size=_BATCH):
        if stored.ror_id:
            by_ror[stored.ror_id] = stored
        by_name.setdefault((name_key(stored.names.get("en", "")), str(stored.country)), stored)
    new: list[Institution] = []
    changed: dict[int, Institution] = {}
    for entry in entries:
        key = (name_key(entry.names.get("en", "")), entry.country)
        found = by_ror.get(entry.ror_id) if entry.ror_id else None
        if found is None:
            found = by_name.get(key)
            if found is not None and found.ror_id and entry.ror_id and found.ror_id != entry.ror_id:
                found = None
        institution = found or Institution(country=entry.country)
        if not _bring_up_to_date(institution, entry):
            continue
        if found is None:
            new.append(institution)
        elif institution.pk:
            changed[institution.pk] = institution
        if institution.ror_id:
            by_ror[institution.ror_id] = institution
        by_name.setdefault(key, institution)
    Institution.objects.bulk_create(new, batch_size=_BATCH)
    Institution.objects.bulk_update(
        changed.values(), ["ror_id", "names", "domains", "search_text", "name_keys"], batch_size=_BATCH
    )
    return len(new), len(changed)


def _bring_up_to_date(institution: Institution, entry: Entry) -> bool:
    before = (institution.ror_id, dict(institution.names), list(institution.domains), institution.search_text)
    institution.ror_id = entry.ror_id or institution.ror_id
    institution.names = {**institution.names, **entry.names}
    institution.domains = list(dict.fromkeys([*institution.domains, *entry.domains]))
    # PostgreSQL keeps the keys of an object in an order of its own.
    names = [institution.names[language] for language in sorted(institution.names)]
    found_by = [*names, *entry.aliases]
    institution.name_keys = list(dict.fromkeys(name_key(name) for name in names))
    institution.search_text = _search_text(found_by, institution.domains)
    return before != (institution.ror_id, institution.names, institution.domains, institution.search_text)


def _search_text(names: list[str], domains: list[str]) -> str:
    """Words of names, their acronyms and pinyin, and the labels of domains, each with a space before and after it."""
    words: dict[str, None] = {}
    for name in names:
        # Names whole, so that words that follow each other stand so.
        words[" ".join(search_words(name))] = None
        initials = "".join(word[0] for word in search_words(name) if word not in _SMALL_WORDS and word.isascii())
        if len(initials) > 1:
            words[initials] = None
        for word in reading(name).split():
            words[word] = None
    for domain in domains:
        words[domain] = None
        words[domain.split(".")[0]] = None
    return f" {' '.join(words)} "


# -- Lists ---------------------------------------------------------------------------------------------------------------


def read_bundled(path: Path = BUNDLED) -> Iterator[Entry]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            names = {"en": row["name"]}
            if row["native_name"]:
                names[_NATIVE[row["country"]]] = row["native_name"]
            yield Entry(names=names, country=row["country"], domains=row["domains"].split(), ror_id=row["ror"])


def read_registry(records: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    """Active organisations of a data dump of the Research Organization Registry, schema 2 (https://ror.readme.io/docs/ror-data-structure)."""
    for record in records:
        ror_id = str(record.get("id", "")).rsplit("/", 1)[-1]
        if record.get("status") != "active" or not re.fullmatch(ROR_ID, ror_id):
            continue
        names: dict[str, str] = {}
        aliases: list[str] = []
        shown = ""
        for name in record.get("names", []):
            value = str(name.get("value", ""))[:300]
            if "ror_display" in name.get("types", []):
                shown = value
            if "label" in name.get("types", []) and name.get("lang"):
                names.setdefault(str(name["lang"]), value)
            else:
                aliases.append(value)
        names.setdefault("en", shown)
        locations = record.get("locations") or [{}]
        yield Entry(
            names={language: name for language, name in names.items() if name},
            country=str(locations[0].get("geonames_details", {}).get("country_code", ""))[:2],
            domains=[str(domain).casefold()[:200] for domain in record.get("domains", [])],
            ror_id=ror_id,
            aliases=aliases,
        )
