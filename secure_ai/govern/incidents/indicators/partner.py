"""A partner's bundle: read with suspicion, and looked for in one's own log."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.incidents.indicators.build import DOMAIN

LARGEST_FILE = 5_000_000
MOST_OBJECTS = 5_000
LONGEST_PATTERN = 2_000
MARKINGS = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "white",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
}
STRICTEST = ("red", "amber", "green", "white")
# Only comparisons for equality, joined by OR: what is needed here, and nothing that a pattern could abuse.
_TERM = re.compile(
    r"(ipv4-addr:value|ipv6-addr:value|domain-name:value|url:value|file:hashes\.(?:'SHA-256'|\"SHA-256\"|SHA256))"
    r"\s*=\s*'([^'\\]{1,300})'"
)
_RATE = re.compile(
    r"\[x-model-query:model\s*=\s*'([^'\\]{1,100})'\s+AND\s+x-model-query:queries_per_minute\s*>\s*([1-9]\d{0,7})\]"
)
# Ends of domains under which others register: whoever looked for one would find half of a country.
_REGISTRY = re.compile(
    r"\.?(?:co|com|net|org|gov|edu|ac|or|ne|go|gob)\.[a-z]{2}\.?", re.IGNORECASE | re.ASCII
)
_KINDS = {"ipv4-addr": "ip", "ipv6-addr": "ip", "domain-name": "domain", "url": "url", "file": "sha256"}


@dataclass(frozen=True, slots=True)
class PartnerIndicator:
    """One thing that a partner asks to look for.

    Attributes:
        id: of the partner's indicator.
        kind: ``"ip"``, ``"domain"``, ``"url"``, ``"sha256"`` or ``"model_query"``.
        value: the address or network, name, digest, or the model.
        techniques: external ids of what it indicates.
        above: for model queries: queries of one client in a minute, above which it is one.
    """

    id: str
    kind: str
    value: str
    techniques: tuple[str, ...] = ()
    above: int = 0


@dataclass(frozen=True)
class PartnerBundle:
    """What was taken from a partner's bundle.

    Attributes:
        indicators: what can be looked for.
        objects: how many objects the bundle had.
        left_out: reason → how many were not taken.
        tlp: the strictest marking in it: how far it may be passed on; "amber" if it says nothing.
    """

    indicators: tuple[PartnerIndicator, ...]
    objects: int
    left_out: Mapping[str, int]
    tlp: str

    def sentence(self) -> str:
        """Say what was taken and what was not."""
        rest = ", ".join(f"{count} {reason}" for reason, count in self.left_out.items())
        return (
            f"{len(self.indicators)} indicators taken from {self.objects} objects (TLP:{self.tlp.upper()})"
            + (f"; left out: {rest}" if rest else "")
            + "."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the indicators: id, kind, value, techniques."""
        rows = [(one.id, one.kind, one.value, ", ".join(one.techniques)) for one in self.indicators]
        return pd.DataFrame(rows, columns=["id", "kind", "value", "techniques"])


def read_bundle(source: str | Path | bytes, *, now: datetime | None = None) -> PartnerBundle:
    """Read a partner's STIX 2.1 bundle; objects that are broken, expired or not understood are counted.

    Args:
        source: a path, or the bytes.
        now: indicators that are not valid any more then are left out; by default none are for their age.

    Raises:
        UserError: if it cannot be read, is too large, or is no bundle.
    """
    if now is not None and (not isinstance(now, datetime) or now.tzinfo is None):
        raise UserError("The time until which indicators must be valid needs a time zone.")
    name, content = _content(source)
    if not isinstance(content, dict) or content.get("type") != "bundle":
        raise UserError(f"{name} is no STIX bundle: ask the partner for one in STIX 2.1 (JSON).")
    objects = content.get("objects")
    if not isinstance(objects, list) or not objects:
        raise UserError(f"{name} holds no objects: nothing was taken.")
    if len(objects) > MOST_OBJECTS:
        raise UserError(f"{name} holds more than {MOST_OBJECTS:,} objects: ask the partner to split it.")
    left_out: Counter[str] = Counter()
    known: dict[str, Any] = {}
    for one in objects:
        reason = _unfit(one)
        if reason:
            left_out[reason] += 1
        elif one["id"] not in known or one["modified"] > known[one["id"]]["modified"]:
            known[one["id"]] = one
    techniques = _techniques(known)
    found = []
    for one in known.values():
        if one["type"] != "indicator":
            continue
        reason, terms = _terms(one, now)
        if reason:
            left_out[reason] += 1
        known_as = techniques.get(one["id"], ())
        found += [PartnerIndicator(one["id"], kind, value, known_as, rate) for kind, value, rate in terms]
    marks = {
        MARKINGS.get(mark) for one in known.values() for mark in _listed(one, "object_marking_refs", str)
    }
    tlp = next((color for color in STRICTEST if color in marks), "amber")
    return PartnerBundle(tuple(dict.fromkeys(found)), len(objects), dict(sorted(left_out.items())), tlp)


def match_events(bundle: PartnerBundle, events: Iterable[AuditEvent]) -> pd.DataFrame:
    """Look for a partner's indicators in one's own audit events.

    Compared are the event's actor, target and the values of its details: addresses also by network, domains
    also with their subdomains, digests exactly; model queries by how many one client makes in a minute.

    Returns:
        One row a hit: time, actor, action, target, outcome, field, kind, indicator (its id), techniques.
    """
    networks, exact, domains = [], {}, {}
    for one in bundle.indicators:
        if one.kind == "ip":
            networks.append((ipaddress.ip_network(one.value, strict=False), one))
        elif one.kind == "domain":
            domains[one.value.casefold().rstrip(".")] = one
        elif one.kind != "model_query":
            exact[one.value.casefold()] = one
    events = list(events)
    rows = list(_fast_clients(bundle, events))
    for event in events:
        details = {name: value for name, value in event.details.items() if isinstance(value, str)}
        for place, value in {"actor": event.actor, "target": event.target, **details}.items():
            hit = _hit(value.strip(), networks, exact, domains)
            if hit is not None:
                rows.append(_row(event, place, hit))
    columns = ["time", "actor", "action", "target", "outcome", "field", "kind", "indicator", "techniques"]
    return pd.DataFrame(rows, columns=columns)


def _row(event: AuditEvent, place: str, hit: PartnerIndicator) -> tuple[str, ...]:
    seen = (event.time, event.actor, event.action, event.target, event.outcome)
    return (*seen, place, hit.kind, hit.id, ", ".join(hit.techniques))


def _fast_clients(bundle: PartnerBundle, events: Iterable[AuditEvent]) -> Iterator[tuple[str, ...]]:
    """Yield the query with which a client goes beyond a rate that the bundle names, once a minute."""
    rates = {one.value: one for one in bundle.indicators if one.kind == "model_query"}
    counted: Counter[tuple[str, str, str]] = Counter()
    for event in events:
        hit = rates.get(event.model) if event.action == "query" else None
        if hit is not None:
            minute = (event.actor, event.model, event.time[:16])
            counted[minute] += 1
            if counted[minute] == hit.above + 1:
                yield _row(event, "model", hit)


def _hit(value: str, networks: list, exact: dict, domains: dict) -> PartnerIndicator | None:
    text = value.casefold()
    if text in exact:
        return exact[text]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text).split("/", 1)[0].rsplit("@", 1)[-1].split(":", 1)[0]
        labels = host.rstrip(".").split(".")
        parts = (".".join(labels[start:]) for start in range(min(len(labels), 20)))
        return next((domains[part] for part in parts if part in domains), None)
    return next((one for network, one in networks if address in network), None)


def _content(source: str | Path | bytes) -> tuple[str, Any]:
    if isinstance(source, bytes):
        name, raw = "The bundle", source
    else:
        if not isinstance(source, str | Path):
            raise UserError("Give a partner's bundle as a path, or as bytes.")
        file = Path(source)
        name = f"The bundle {shown(file.name)}"
        try:
            if file.stat().st_size > LARGEST_FILE:
                raise UserError(
                    f"{name} is larger than {LARGEST_FILE // 1_000_000} MB: ask the partner to split it."
                )
            raw = file.read_bytes()
        except (OSError, ValueError):
            raise UserError(f"{name} cannot be read: check the path.") from None
    if len(raw) > LARGEST_FILE:
        raise UserError(f"{name} is larger than {LARGEST_FILE // 1_000_000} MB: ask the partner to split it.")
    try:
        return name, json.loads(raw)
    except (ValueError, RecursionError):
        raise UserError(f"{name} is no JSON: nothing was taken.") from None


def _unfit(one: Any) -> str:
    """Return why an object is not taken; empty if it is."""
    import stix2
    from stix2.exceptions import STIXError

    if (
        not isinstance(one, dict)
        or not isinstance(one.get("id"), str)
        or not isinstance(one.get("type"), str)
    ):
        return "without type or id"
    if one["type"] == "marking-definition":
        return "" if _is_marking(one) else "markings that are not understood"
    pattern = one.get("pattern")
    if isinstance(pattern, str) and len(pattern) > LONGEST_PATTERN:
        return "with a pattern that is too long"
    if not isinstance(one.get("modified"), str) and one["type"] != "marking-definition":
        return "without a time of change"
    # Brackets nested deep would keep the library's parser of patterns busy.
    if isinstance(pattern, str) and pattern.count("(") + pattern.count("[") > 50:
        return "with a pattern that is not understood"
    try:
        stix2.parse(one, allow_custom=False, version="2.1")
    except (STIXError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "that are not valid STIX 2.1"
    return ""


def _is_marking(one: dict[str, Any]) -> bool:
    one["modified"] = ""  # Markings have no versions; what stands there is not looked at.
    return one["id"] in MARKINGS


def _terms(one: dict[str, Any], now: datetime | None) -> tuple[str, list[tuple[str, str, int]]]:
    if one.get("revoked"):
        return "revoked by the partner", []
    until = one.get("valid_until")
    if now is not None and isinstance(until, str):
        end = datetime.fromisoformat(until.replace("Z", "+00:00"))
        if end <= now.astimezone(UTC):
            return "no longer valid", []
    if one.get("pattern_type") != "stix":
        return "with a pattern of another language", []
    body = one["pattern"].strip()
    rate = _RATE.fullmatch(body)
    if rate is not None:
        return "", [("model_query", rate[1], int(rate[2]))]
    terms = []
    for part in re.split(r"\s+OR\s+", body):
        inner = part.strip().removeprefix("[").removesuffix("]").strip()
        match = _TERM.fullmatch(inner)
        if match is None:
            return "with a pattern that is not understood", []
        kind, value = _KINDS[match[1].split(":", 1)[0]], match[2].strip()
        if not _plausible(kind, value):
            return "whose value would match too much or nothing", []
        terms.append((kind, value, 0))
    return "", terms


def _plausible(kind: str, value: str) -> bool:
    """Return whether a value can be looked for: a partner's mistake must not block a whole network."""
    if kind == "ip":
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return False
        inside = network.is_private and not _documentation(network)
        return (
            network.prefixlen >= (16 if network.version == 4 else 32)
            and not network.is_loopback
            and not inside
        )
    if kind == "domain":
        return DOMAIN.fullmatch(value.casefold().rstrip(".")) is not None and not _REGISTRY.fullmatch(value)
    if kind == "sha256":
        return re.fullmatch(r"[0-9A-Fa-f]{64}", value) is not None
    return True


def _documentation(network: Any) -> bool:
    if network.version == 6:
        return network.subnet_of(ipaddress.ip_network("2001:db8::/32"))
    ranges = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    return any(network.subnet_of(ipaddress.ip_network(one)) for one in ranges)


def _listed(one: Mapping[str, Any], name: str, kind: type) -> list[Any]:
    """Return the entries of a list in an object that are of a kind; a partner may have put anything there."""
    value = one.get(name)
    return [entry for entry in value if isinstance(entry, kind)] if isinstance(value, list) else []


def _techniques(known: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return indicator → external ids of what it indicates."""
    found: dict[str, tuple[str, ...]] = {}
    for one in known.values():
        if one["type"] != "relationship" or one.get("relationship_type") != "indicates":
            continue
        target = known.get(str(one.get("target_ref")), {})
        ids = tuple(
            reference["external_id"]
            for reference in _listed(target, "external_references", dict)
            if isinstance(reference.get("external_id"), str)
            and re.fullmatch(r"[\w.-]{1,40}", reference["external_id"])
        )
        source = str(one.get("source_ref"))
        found[source] = tuple(sorted({*found.get(source, ()), *ids}))
    return found
