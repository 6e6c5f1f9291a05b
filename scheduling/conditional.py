"""Which answer a reader can take, and whether it has it already (RFC 9110 §12.5.3, §13)."""

from __future__ import annotations

from functools import lru_cache

from django.utils.http import parse_http_date_safe


@lru_cache(maxsize=1024)
def best_encoding(accepted: str) -> str:
    """`br`, `gzip` or none, for the value of Accept-Encoding."""
    offers = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.strip().partition(";")
        offers[name.strip()] = weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    for name in ("br", "gzip"):
        if offers.get(name, offers.get("*", False)):
            return name
    return ""


def is_known(digest: str, modified: str, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Whether to answer 304. `digest`: of all encodings of this answer, each of whose tags is `"DIGEST-ENCODING"`; `modified`: its
    Last-Modified. Tags win over dates."""
    if if_none_match:
        known = (tag.strip().removeprefix("W/").strip('"') for tag in if_none_match.split(","))
        return any(tag == "*" or tag.partition("-")[0] == digest for tag in known)
    if not if_modified_since:
        return False
    since, at = parse_http_date_safe(if_modified_since), parse_http_date_safe(modified)
    # Two languages have one address, and a release one instant: a date alone cannot tell them apart after `?lang=`.
    return since is not None and at is not None and at <= since
