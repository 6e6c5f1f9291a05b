"""YAML that is safe to look at: scalars stay text, and nothing is made but lists, mappings and texts."""

from __future__ import annotations

from typing import Any, Final

import yaml
from django.utils.translation import gettext as _

from scheduling.importers.parsed import NotASchedule
from scheduling.importers.reading import line, shortened

#: YAML takes far longer to read than JSON. The largest real programme met so far has 100 kB.
MAX_LENGTH: Final = 2_000_000
_MAX_NODES: Final = 100_000
_MAX_DEPTH: Final = 100
_NULL: Final = "tag:yaml.org,2002:null"

_Base: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Knows null and no other type: `10:15` is a time here, not 615, and `NO` a country."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag == _NULL]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }


def load(text: str) -> Any:
    """Raises NotASchedule for damaged YAML, for several documents, for tags, and for aliases that multiply."""
    if len(text) > MAX_LENGTH:
        raise NotASchedule(
            _("This YAML file is too large. A schedule in YAML may have up to %(limit)d MB.")
            % {"limit": MAX_LENGTH // 1_000_000}
        )
    try:
        _check(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (derived from the safe one)
    except RecursionError:
        raise NotASchedule(_("This YAML file is nested too deeply for a schedule.")) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotASchedule(
            _("This YAML file breaks off or is damaged in line %(line)d: %(reason)s")
            % {"line": mark.line + 1 if mark else 1, "reason": shortened(line(error.problem or ""), 120)}
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        raise NotASchedule(
            _("This YAML file is damaged: %(reason)s") % {"reason": shortened(line(str(error)), 120)}
        ) from None


def _check(text: str) -> None:
    """Walk through the file without making anything of it, aliases counted as often as they stand for something."""
    size, depth = 0, 0
    sizes: dict[str, int] = {}
    open_anchors: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise NotASchedule(_("This YAML file refers to itself, which a schedule may not."))
            size += sizes[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            open_anchors.append((event.anchor, size))
            size, depth = size + 1, depth + 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_anchors.pop()
            depth -= 1
            if anchor:
                sizes[anchor] = size - before
        elif isinstance(event, yaml.ScalarEvent):
            size += 1
            if event.anchor:
                sizes[event.anchor] = 1
        if size > _MAX_NODES:
            raise NotASchedule(_("This YAML file has too many elements for a schedule."))
        if depth > _MAX_DEPTH:
            raise NotASchedule(_("This YAML file is nested too deeply for a schedule."))
