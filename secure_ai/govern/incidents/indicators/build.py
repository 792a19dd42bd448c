"""Indicators of an incident as a STIX 2.1 bundle: the same bundle for the same incident, and "
"nobody's data in it."""

from __future__ import annotations

import ipaddress
import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import entry
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.govern.incidents.indicators.personal import INTERNAL, check_no_personal_data

if TYPE_CHECKING:
    import stix2

Kind = Literal["ip", "domain", "sha256", "model_query"]
Tlp = Literal["white", "green", "amber", "red"]
TLPS = ("white", "green", "amber", "red")
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://example.org/secure-ai/incidents")
ATLAS_PAGE = "https://atlas.mitre.org/techniques/"
DOMAIN = re.compile(
    r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}", re.ASCII
)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
INCIDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:@[A-Za-z0-9._-]{1,32})?", re.ASCII)
MOST_INDICATORS = 5_000


@dataclass(frozen=True, slots=True)
class Observed:
    """One thing that others can look for.

    Attributes:
        kind: ``"ip"``, ``"domain"``, ``"sha256"`` (of a file), or ``"model_query"``.
        value: the address or network, name, digest; for model queries the model, such as ``"triage@3"``.
        description: what it did, in a sentence without a person in it.
        techniques: ids of MITRE ATLAS, such as ``"AML.T0024.002"``.
        queries_per_minute: for model queries: the rate above which it looks like this.
    """

    kind: Kind
    value: str
    description: str = ""
    techniques: tuple[str, ...] = ()
    queries_per_minute: int = 0

    def __post_init__(self) -> None:
        _checked(self)

    @property
    def pattern(self) -> str:
        """The STIX pattern."""
        if self.kind == "ip":
            kind = "ipv6-addr" if ":" in self.value else "ipv4-addr"
            return f"[{kind}:value = '{self.value}']"
        if self.kind == "domain":
            return f"[domain-name:value = '{self.value}']"
        if self.kind == "sha256":
            return f"[file:hashes.'SHA-256' = '{self.value}']"
        return (
            f"[x-model-query:model = '{self.value}' "
            f"AND x-model-query:queries_per_minute > {self.queries_per_minute}]"
        )


def _checked(item: Observed) -> None:
    problem = ""
    value = item.value if isinstance(item.value, str) else ""
    if item.kind == "ip":
        try:
            ipaddress.ip_network(value, strict=True)
        except ValueError:
            problem = "is no IP address or network"
    elif item.kind == "domain":
        problem = "" if DOMAIN.fullmatch(value) else "is no domain name in lower case"
    elif item.kind == "sha256":
        problem = "" if SHA256.fullmatch(value) else "is no SHA-256 digest in lower case"
    elif item.kind == "model_query":
        rate = item.queries_per_minute
        if not MODEL.fullmatch(value):
            problem = "is no name of a model, such as triage@3"
        elif INTERNAL.search(value):
            problem = "names a person or record, not a model"
        elif isinstance(rate, bool) or not isinstance(rate, int) or not 1 <= rate <= 10_000_000:
            problem = "needs queries_per_minute of 1 or more"
    else:
        raise UserError("The kind of an indicator is one of ip, domain, sha256, model_query.")
    if problem:
        raise UserError(f"An indicator of the kind {item.kind} {problem}: correct it.")
    for technique in item.techniques:
        if entry(technique).framework != "MITRE ATLAS":
            raise UserError(f"'{shown(technique)}' is no technique of MITRE ATLAS.")


def indicator_bundle(
    incident: str,
    observed: Iterable[Observed],
    *,
    at: datetime,
    tlp: Tlp = "amber",
    producer: str = "Incident response team",
    own_identifiers: Iterable[str] = (),
) -> stix2.Bundle:
    """Return a bundle that can be shared: indicators, the techniques behind them, and who may see it.

    Identifiers are UUIDs of version 5 over the incident and the content, and times are ``at``: the same
    incident gives the same bundle.

    Args:
        incident: its id, such as ``"INC-2026-014"``; it goes into identifiers only as a hash.
        observed: what to look for.
        at: the time that the objects carry.
        tlp: how far it may be passed on (Traffic Light Protocol).
        producer: the team, not a person.
        own_identifiers: identifiers of staff, patients or customers that must not be in it, besides what the
            detector and the usual forms of such identifiers find.

    Raises:
        UserError: if there is no indicator, a value is none, or anything in it looks like personal data.

    Source: STIX Version 2.1 (OASIS Standard, 2021).
    """
    import stix2

    items = list(observed)
    if not 1 <= len(items) <= MOST_INDICATORS:
        raise UserError(f"A bundle has 1 to {MOST_INDICATORS} indicators, not {len(items)}.")
    if not INCIDENT.fullmatch(str(incident)):
        raise UserError("The id of an incident has letters, digits, dots, hyphens and underscores.")
    if tlp not in TLPS:
        raise UserError(f"The marking is one of {', '.join(TLPS)}.")
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise UserError("The time of a bundle needs a time zone.")
    time = at.astimezone(UTC).replace(microsecond=at.microsecond // 1_000 * 1_000)
    marking = {
        "white": stix2.TLP_WHITE,
        "green": stix2.TLP_GREEN,
        "amber": stix2.TLP_AMBER,
        "red": stix2.TLP_RED,
    }[tlp]

    def named(kind: str, *parts: str) -> str:
        return f"{kind}--{uuid.uuid5(NAMESPACE, chr(0).join((incident, kind, *parts)))}"

    common = {"created": time, "modified": time, "object_marking_refs": [marking.id]}
    team = stix2.Identity(id=named("identity", producer), name=producer, identity_class="group", **common)
    common["created_by_ref"] = team.id
    objects: dict[str, object] = {marking.id: marking, team.id: team}
    for item in items:
        indicator = stix2.Indicator(
            id=named("indicator", item.pattern),
            name=f"{item.kind.replace('_', ' ')} seen in an incident",
            pattern=item.pattern,
            pattern_type="stix",
            valid_from=time,
            indicator_types=["malicious-activity" if item.kind != "model_query" else "anomalous-activity"],
            **({"description": item.description} if item.description else {}),
            **common,
        )
        objects[indicator.id] = indicator
        for technique in item.techniques:
            known = entry(technique)
            pattern = stix2.AttackPattern(
                id=named("attack-pattern", known.id),
                name=known.name,
                external_references=[
                    {"source_name": "mitre-atlas", "external_id": known.id, "url": ATLAS_PAGE + known.id}
                ],
                **common,
            )
            objects[pattern.id] = pattern
            link = stix2.Relationship(
                id=named("relationship", indicator.id, pattern.id),
                relationship_type="indicates",
                source_ref=indicator.id,
                target_ref=pattern.id,
                **common,
            )
            objects[link.id] = link
    bundle = stix2.Bundle(id=named("bundle", *sorted(objects)), objects=list(objects.values()))
    check_no_personal_data(
        json.loads(bundle.serialize()),
        allow=[item.value for item in items] + [item.pattern for item in items],
        own_identifiers=own_identifiers,
    )
    return bundle


def bundle_text(bundle: stix2.Bundle) -> str:
    """Return a bundle as JSON, the same text for the same bundle."""
    return json.dumps(json.loads(bundle.serialize()), indent=1, sort_keys=True) + "\n"


def write_bundle(bundle: stix2.Bundle, path: str | Path) -> Path:
    """Write a bundle, whole or not at all.

    Raises:
        UserError: if it cannot be written.
    """
    target = Path(path)
    with atomic_file(target) as draft:
        draft.write_text(bundle_text(bundle), "utf-8")
    return target
