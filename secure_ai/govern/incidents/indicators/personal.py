"""Refusing to share personal data: every string of a bundle is looked at before it leaves the house."""

from __future__ import annotations

import base64
import binascii
import html
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any

from secure_ai.attack.phishing.characters import plain_text
from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import entries
from secure_ai.core.sources import shown
from secure_ai.discover import detect

# Only what stands in these fields can be structure of STIX; whatever a person may write in is text.
STRUCTURAL = frozenset({
    "type", "id", "spec_version", "created", "modified", "valid_from", "valid_until", "created_by_ref",
    "object_marking_refs", "source_ref", "target_ref", "relationship_type", "pattern_type", "pattern_version",
    "indicator_types", "identity_class", "source_name", "definition_type", "tlp",
})  # fmt: skip
STRUCTURE = re.compile(
    r"[a-z][a-z-]{0,40}--[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # identifiers of objects
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z"  # times
    r"|2\.[01]|TLP:[A-Z]+",
    re.ASCII,
)
WORDS = frozenset({
    "bundle", "identity", "indicator", "attack-pattern", "relationship", "marking-definition", "indicates",
    "group", "stix", "malicious-activity", "anomalous-activity", "mitre-atlas", "tlp", "white", "green",
    "amber", "red",
})  # fmt: skip
FIELD = re.compile(r"[a-z][a-z_]{0,40}", re.ASCII)
INTERNAL = re.compile(
    r"(?<![a-z0-9])(?:staff|employee|emp|nurse|user|patient|pat|pt|mrn|customer|cust|client|account|acct|record|rec"
    r"|subject|st)[-_ #:.]{0,2}(?:[A-Z]{1,3}[-_]?)?\d{2,}(?![a-z0-9])",
    re.IGNORECASE | re.ASCII,
)
MAIL = re.compile(r"[^\s@'\"]{1,64}@[^\s@'\"]{1,255}\.[^\s@'\"]{2,}")
DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
SPACED = re.compile(r"(?<=\b\w)[ .](?=\w\b)|(?<=\b\w) ?([-_]) ?(?=\w\b)")
ENCODED = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
SHORTEST_GLUED = 6
NAME_OF_FIELD = " (name of a field)"


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
    own = [plain_text(str(one)).casefold() for one in own_identifiers if str(one).strip()]
    looked_at: list[tuple[str, str]] = []
    for place, text in _strings(content):
        structure = text in allowed or _is_structure(place, text)
        for reading in (text,) if structure else _readings(text):
            if any(_contains(reading.casefold(), one, glued=not structure) for one in own):
                raise _refused(place, "an identifier of a person")
            if structure:
                continue
            if MAIL.search(reading):
                raise _refused(place, "an e-mail address")
            if INTERNAL.search(reading):
                raise _refused(place, "an identifier of a person or record")
            looked_at.append((place, reading))
    found = detect([text for _, text in looked_at], allow=[one for one in allowed if one.strip()] or None)
    for (place, _), spans in zip(looked_at, found, strict=True):
        if spans:
            raise _refused(place, spans[0].entity_type.lower().replace("_", " "))


def _is_structure(place: str, text: str) -> bool:
    if place.endswith(NAME_OF_FIELD):
        return FIELD.fullmatch(text) is not None
    field = re.sub(r"\[\d+\]", "", place).rpartition(".")[2]
    return field in STRUCTURAL and (text in WORDS or STRUCTURE.fullmatch(text) is not None)


def _readings(text: str) -> list[str]:
    """Return the text, and how it reads once what hides an identifier in it is undone.

    Undone are letters that look like others, invisible characters, other dashes, spaced-out letters, and
    percent, HTML, base64 and hexadecimal encoding.
    """
    plain = DASHES.sub("-", plain_text(DASHES.sub("-", html.unescape(urllib.parse.unquote(text)))))
    found = [text, plain, SPACED.sub(r"\1", plain)]
    for token in ENCODED.findall(plain):
        found += _decoded(token)
    return list(dict.fromkeys(found))


def _decoded(token: str) -> Iterator[str]:
    for decode in (
        bytes.fromhex,
        lambda text: base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", True),
        lambda text: base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), None, True),
    ):
        try:
            text = decode(token).decode("utf-8")
        except (ValueError, binascii.Error):
            continue
        if text.isprintable() and len(text) > 3:
            yield text


def _contains(text: str, identifier: str, *, glued: bool) -> bool:
    """Return whether the identifier stands in the text as a word of its own, or with a digit in it anywhere.

    Glued, punctuation and spaces are taken away first: ``STAFF 04 17`` is ``staff-0417``.
    """
    if re.search(rf"(?<![a-z0-9]){re.escape(identifier)}(?![a-z0-9])", text) is not None:
        return True
    short = re.sub(r"\W|_", "", identifier)
    known = len(short) >= SHORTEST_GLUED and any(mark.isdigit() for mark in short)
    return glued and known and short in re.sub(r"\W|_", "", text)


def _strings(content: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield place or "the text", content
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from _strings(name, place + NAME_OF_FIELD)
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
