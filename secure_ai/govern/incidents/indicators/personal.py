"""Refusing to share personal data: every string of a bundle is looked at before it leaves the house."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import entries
from secure_ai.core.sources import shown
from secure_ai.discover import detect

STRUCTURE = re.compile(
    r"[a-z][a-z0-9-]{0,40}--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # identifiers of objects
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z"  # times
    r"|[a-z][a-z0-9_-]{0,40}"  # words of STIX itself, such as malicious-activity
    r"|2\.[01]|TLP:[A-Z]+",
    re.ASCII,
)
INTERNAL = re.compile(
    r"\b(?:staff|employee|emp|nurse|user|patient|pat|pt|mrn|customer|cust|client|account|acct|record|rec|subject|st)"
    r"[-_ #:]{0,2}(?:[A-Z]{1,3}[-_]?)?\d{2,}\b",
    re.IGNORECASE | re.ASCII,
)
MAIL = re.compile(r"[^\s@'\"]{1,64}@[^\s@'\"]{1,255}\.[^\s@'\"]{2,}")


def check_no_personal_data(
    content: Any, *, allow: Iterable[str] = (), own_identifiers: Iterable[str] = ()
) -> None:
    """Refuse content that holds anything like personal data.

    Looked at are all strings that are not structure of STIX (identifiers, times, its own words): by the
    detector of ``secure_ai.discover``, for e-mail addresses, for identifiers of staff, patients and customers
    in their usual forms, and for those that are given.

    Args:
        content: what JSON would hold.
        allow: strings that may be there as a whole: the observed addresses and patterns themselves.
        own_identifiers: identifiers that must not be there, in any string, allowed ones included.

    Raises:
        UserError: naming the place and the kind, never the value.
    """
    allowed = {str(one) for one in allow}
    allowed |= {known.name for known in entries("MITRE ATLAS")} | {
        known.id for known in entries("MITRE ATLAS")
    }
    allowed |= {f"https://atlas.mitre.org/techniques/{known.id}" for known in entries("MITRE ATLAS")}
    own = [str(one).casefold() for one in own_identifiers if str(one).strip()]
    looked_at: list[tuple[str, str]] = []
    for place, text in _strings(content):
        lower = text.casefold()
        if any(_contains(lower, one) for one in own):
            raise _refused(place, "an identifier of a person")
        if text in allowed or STRUCTURE.fullmatch(text):
            continue
        if MAIL.search(text):
            raise _refused(place, "an e-mail address")
        if INTERNAL.search(text):
            raise _refused(place, "an identifier of a person or record")
        looked_at.append((place, text))
    found = detect([text for _, text in looked_at], allow=[one for one in allowed if one.strip()] or None)
    for (place, _), spans in zip(looked_at, found, strict=True):
        if spans:
            raise _refused(place, spans[0].entity_type.lower().replace("_", " "))


def _contains(text: str, identifier: str) -> bool:
    """Return whether the identifier stands in the text as a word of its own."""
    return re.search(rf"(?<![a-z0-9]){re.escape(identifier)}(?![a-z0-9])", text) is not None


def _strings(content: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield place or "the text", content
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from _strings(name, f"{place} (name of a field)".strip())
            yield from _strings(value, f"{place}.{name}".lstrip("."))
    elif isinstance(content, list | tuple):
        for number, value in enumerate(content):
            yield from _strings(value, f"{place}[{number}]")
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield place, str(content)


def _refused(place: str, what: str) -> UserError:
    return UserError(
        f"The bundle is not shared: {shown(place)} holds what looks like {what}. Take it out, or describe it "
        "without the person."
    )
