"""Identifiers of frameworks and laws: the one place where ids and names (ATLAS, OWASP, HIPAA …) live."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import yaml

from secure_ai.core.errors import UserError

# The parts of the Security Rule are all listed, save the lettered contents of two specifications.
LISTED = re.compile(r"164\.3(08|10|12|14|16)")
LETTERED = re.compile(r"164\.314(\(a\)\(2\)\(i\)|\(b\)\(2\))")


@dataclass(frozen=True, slots=True)
class Application:
    """From when to when an entry applies.

    Attributes:
        start: first day of application.
        source: the provision that sets it.
        case: the class of cases that it holds for (``"Annex III"``); empty for all.
        end: first day on which it no longer applies; None if there is none.
    """

    start: date
    source: str
    case: str = ""
    end: date | None = None


@dataclass(frozen=True, slots=True)
class FrameworkEntry:
    """One entry of a framework or law.

    Attributes:
        framework: name of the framework (``"MITRE ATLAS"``).
        release: the release or edition that id and name were taken from.
        id: the identifier in the form in which the kit cites it (``"GDPR Art. 17"``).
        name: the entry's name; for a part of an entry (see ``part_of``) the name of that entry.
        source: where the framework is published.
        verified: False where the name was not compared with the source.
        part_of: the entry that ``name`` belongs to, where ``id`` is a paragraph or an
            implementation specification of it (``"164.312(a)(1)"`` for ``164.312(a)(2)(iv)``).
        detail: what the part itself is called (``"Encryption and Decryption (addressable)"``).
        kind: ``"law"``, ``"standard"`` (binding by contract), ``"guidance"`` or ``"framework"`` (voluntary).
        status: ``"final"`` or ``"proposed"``; what is proposed is never scored.
        requirement: ``"required"`` or ``"addressable"`` for an implementation specification of the HIPAA
            Security Rule, else empty.
        applies: from when, with source; see ``core.frameworks.standing``.
        superseded_by: the identifier that took its place.
        checked: with what the name was compared, and when.
        note: what a reader must know beside the dates.
    """

    framework: str
    release: str
    id: str
    name: str
    source: str
    verified: bool
    part_of: str = ""
    detail: str = ""
    kind: str = "framework"
    status: str = "final"
    requirement: str = ""
    applies: tuple[Application, ...] = ()
    superseded_by: str = ""
    checked: str = ""
    note: str = ""


def entry(identifier: str) -> FrameworkEntry:
    """Return the entry that ``identifier`` names.

    The forms in common use are accepted: ``AML.T0051`` and ``T0051``, ``LLM01:2025`` and ``LLM01``,
    ``GOVERN 2.1`` and ``AI RMF GOVERN 2.1``, ``164.312(a)(2)(iv)`` with or without ``HIPAA`` or
    ``45 CFR``, ``GDPR Art. 17`` and ``GDPR Article 5(1)(c)``, ``HIPAA A`` to ``HIPAA R``,
    ``164.514(b)(2)(i)(A)``.

    Raises:
        UserError: if no framework has it; the message lists the nearest ones.
    """
    known = _index()
    key = _normalize(identifier)
    if key in known:
        return known[key]
    # A paragraph of an article or section; not in the Security Rule, whose parts are all listed.
    shortened = key
    while shortened.endswith(")"):
        shortened = shortened[: shortened.rindex("(")] if "(" in shortened else ""
        whole = known.get(shortened)
        if whole is not None and (not LISTED.match(shortened) or LETTERED.fullmatch(shortened)):
            return replace(whole, id=whole.id + key[len(shortened) :], part_of=whole.id)
    near = [known[match].id for match in difflib.get_close_matches(key, known, n=3, cutoff=0.6)]
    hint = (
        f"did you mean {', '.join(dict.fromkeys(near))}?" if near else "see secure_ai/core/frameworks/*.yaml."
    )
    raise UserError(f"'{identifier}' is in none of the frameworks that this kit knows: {hint}")


def label(identifier: str, width: int | None = None) -> str:
    """Return id and name for display, as ``AML.T0020 Poison Training Data``.

    A sub-technique is shown under its technique, a part under its standard, and a name that was not
    compared with its source says so.

    Args:
        identifier: any form that :func:`entry` accepts.
        width: longest label wanted; the name is cut at a word and ends in ``…``.

    Raises:
        UserError: if the identifier is unknown.
    """
    found = entry(identifier)
    if found.detail:
        text = f"{found.id} {found.detail}, under {found.part_of} {found.name}"
    elif found.part_of:
        text = f"{found.id}, part of {found.part_of} {found.name}"
    elif re.fullmatch(r"AML\.T\d{4}\.\d{3}", found.id):
        text = f"{found.id} {entry(found.id[:-4]).name}: {found.name}"
    else:
        text = f"{found.id} {found.name}"
    if not found.verified:
        text += " (name not verified)"
    if width is not None and len(text) > width:
        text = text[: width - 1].rsplit(" ", 1)[0] + "…"
    return text


def entries(framework: str | None = None) -> list[FrameworkEntry]:
    """Return every entry, or those of ``framework`` (``"MITRE ATLAS"``), in the order of its file.

    Raises:
        UserError: if no framework has that name; the message lists those that exist.
    """
    everything = _load()
    names = dict.fromkeys(found.framework for found in everything)
    if framework is None:
        return list(everything)
    if framework not in names:
        raise UserError(f"There is no framework '{framework}': choose from {', '.join(names)}.")
    return [found for found in everything if found.framework == framework]


@cache
def _load() -> tuple[FrameworkEntry, ...]:
    files = sorted(
        (file for file in resources.files(__name__).iterdir() if file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )
    loaded: dict[str, FrameworkEntry] = {}
    for file in files:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        common = {key: content[key] for key in ("framework", "release", "source")}
        common |= {key: content[key] for key in ("kind", "status", "checked") if key in content}
        for identifier, value in content["entries"].items():
            fields = value if isinstance(value, dict) else {"name": value}
            if identifier in loaded:
                raise ValueError(f"{file.name} repeats {identifier}: an id has one name, in one file.")
            verified = fields.get("verified", content["verified"])
            own = {key: fields[key] for key in ("superseded_by", "checked", "note") if key in fields}
            loaded[identifier] = FrameworkEntry(
                **common | own,
                id=identifier,
                name=fields["name"],
                verified=verified,
                applies=_applications(fields.get("applies", content.get("applies", ()))),
            )
        for identifier, part in content.get("specifications", {}).items():
            loaded[identifier] = replace(
                loaded[part["standard"]],
                id=identifier,
                part_of=part["standard"],
                detail=f"{part['name']} ({part['status']})",
                requirement=part["status"],
                verified=part.get("verified", content["verified"]),
                checked=content["specifications_checked"],
            )
    return tuple(loaded.values())


def _applications(spans: list[dict[str, Any]]) -> tuple[Application, ...]:
    return tuple(
        Application(span["from"], span["source"], span.get("case", ""), span.get("until")) for span in spans
    )


@cache
def _index() -> dict[str, FrameworkEntry]:
    index = {_normalize(found.id): found for found in _load()}
    for found in _load():
        if found.id.startswith("LLM"):
            index[_normalize(found.id.split(":")[0])] = found
        elif found.framework == "HIPAA Safe Harbor":
            index[f"164.514(b)(2)(i)({found.id[-1].lower()})"] = found
    return index


def _normalize(identifier: str) -> str:
    text = re.sub(r"[\s§]+", "", str(identifier)).casefold().rstrip(".,;:")
    if re.fullmatch(r"(ta|t|m)\d{4}(\.\d{3})?", text):
        return "aml." + text
    text = re.sub(r"^(gdpr|dora|nis2)(article|art\.?)", r"\1art.", text)
    text = re.sub(r"^(eu)?aiact(article|art\.?)", "aiactart.", text)
    text = re.sub(r"^euaiactannex", "aiactannex", text)
    text = re.sub(r"^(nist)?csf(v?2\.0)?:?(?=(gv|id|pr|de|rs|rc)\.)", "", text)
    text = re.sub(r"^occbulletin", "occ", text)
    text = re.sub(r"^pcidssv?4\.0(\.1)?(?=\d+\.)", "pcidss", text)
    text = re.sub(r"^cal(\.|ifornia)civ(\.|il)code", "ccpa", text)
    return re.sub(r"^(mitreatlas|owasp|nist|nistairmf|airmf|hipaa|45cfr)+(?=aml|llm|[a-z]+\d|164)", "", text)
