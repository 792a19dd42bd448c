"""Policies to adopt: templates filled with an organization's names, what nobody filled counted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from secure_ai.core import UserError
from secure_ai.core.frameworks import label
from secure_ai.core.sources import shown
from secure_ai.govern.acceptable_use import load_policy, policy_frame
from secure_ai.govern.records.document import (
    Block,
    Bullets,
    Inline,
    Paragraph,
    Record,
    Section,
    Table,
    Text,
    ToBeFilled,
)
from secure_ai.govern.records.files import FORMATS, Written, write_record
from secure_ai.govern.records.forms import is_filled

SECTORS = ("healthcare", "finance")
FIELD = re.compile(r"\{([a-z_]+)\}")
SECTOR_LINE = re.compile(r"@(\w+) (.*)")
RULES = "[[acceptable_use_rules]]"
LONGEST_VALUE = 500
NOTE = "A template to start from, not legal advice: have it read by counsel before it is adopted."


def policy_names() -> dict[str, str]:
    """Return name → title of every policy template."""
    return {name: _template(name)[0]["title"] for name in _names()}


def policy_fields(name: str) -> dict[str, str]:
    """Return field → what belongs there.

    Raises:
        UserError: if there is no such policy.
    """
    return dict(_template(name)[0]["fields"])


def policy(
    name: str,
    organization: str,
    sector: str,
    fields: Mapping[str, str] | None = None,
    *,
    dated: date | None = None,
) -> Record:
    """Return a policy filled with the names of an organization.

    A field that is left out, blank or a stand-in ("TBD", "n/a", "[name]") stays to be filled.

    Args:
        name: one of :func:`policy_names`.
        organization: its name.
        sector: ``"healthcare"`` or ``"finance"``; some rules are said for one of them only.
        fields: field → value, see :func:`policy_fields`.
        dated: date of this version.

    Raises:
        UserError: for an unknown policy, sector or field, or a value that is no text or over 500 characters.
    """
    head, body = _template(name)
    if sector not in SECTORS:
        raise UserError(f"'{shown(str(sector))}' is no sector: use healthcare or finance.")
    values = _values(head["fields"], fields or {}, name)
    values["organization"] = _value("organization", organization, "name of the organization")
    references = [*head["references"], *head.get("sector_references", {}).get(sector, [])]
    sections = [*_sections(body, values, sector), _references(references)]
    filled = sum(not isinstance(value, ToBeFilled) for value in values.values())
    return Record(
        title=head["title"],
        sections=tuple(sections),
        file_name=f"policy_{name}",
        kind="Policy",
        facts={"Organization": values["organization"], "Fields filled": f"{filled} of {len(values)}"},
        note=NOTE,
        dated=dated,
    )


def write_policy(
    name: str,
    organization: str,
    sector: str,
    folder: str | Path,
    fields: Mapping[str, str] | None = None,
    *,
    dated: date | None = None,
    formats: Iterable[str] = FORMATS,
) -> Written:
    """Write a policy as ``policy_<name>.md``, ``.html`` and ``.docx``; arguments as of :func:`policy`.

    Raises:
        UserError: as :func:`policy` and :func:`~secure_ai.govern.records.files.write_record`.
    """
    return write_record(policy(name, organization, sector, fields, dated=dated), folder, formats)


def _values(known: Mapping[str, str], given: Mapping[str, str], name: str) -> dict[str, str | ToBeFilled]:
    stray = next((one for one in given if one not in known), None)
    if stray is not None:
        raise UserError(
            f"The policy {name} has no field '{shown(str(stray))}': choose from {', '.join(known)}."
        )
    return {one: _value(one, given.get(one, ""), what) for one, what in known.items()}


def _value(field: str, value: str, what: str) -> str | ToBeFilled:
    if not isinstance(value, str) or len(value) > LONGEST_VALUE:
        raise UserError(f"The field '{field}' takes a text of up to {LONGEST_VALUE} characters.")
    return value.strip().rstrip(".") if is_filled(value) else ToBeFilled(what)


def _sections(body: str, values: Mapping[str, str | ToBeFilled], sector: str) -> Iterator[Section]:
    title, blocks, items = "", [], []

    def flush() -> None:
        if items:
            blocks.append(Bullets(tuple(items)))
            items.clear()

    for line in _lines(body, sector):
        if line.startswith("## "):
            flush()
            if title:
                yield Section(title, tuple(blocks))
            title, blocks = line[3:], []
        elif line.startswith("- "):
            items.append(_filled(line[2:], values))
        elif line == RULES:
            flush()
            blocks.append(_rules())
        elif line:
            flush()
            blocks.append(Paragraph(_filled(line, values)))
    flush()
    yield Section(title, tuple(blocks))


def _lines(body: str, sector: str) -> Iterator[str]:
    for line in body.splitlines():
        own = SECTOR_LINE.fullmatch(line.strip())
        if own is None:
            yield line.strip()
        elif own[1] == sector:
            yield own[2].strip()


def _filled(line: str, values: Mapping[str, str | ToBeFilled]) -> Text:
    parts: list[Inline] = []
    for place, piece in enumerate(FIELD.split(line)):
        parts.append(values[piece] if place % 2 else piece)
    return tuple(part for part in parts if part != "")


def _rules() -> Block:
    frame = policy_frame(load_policy()).rename(columns=str.capitalize)
    return Table.from_frame("What may be used for what; what no rule names is denied", frame)


def _references(identifiers: Iterable[str]) -> Section:
    return Section("What asks for it", (Bullets(tuple(label(one) for one in identifiers)),))


@cache
def _names() -> tuple[str, ...]:
    folder = resources.files(__package__) / "policies"
    return tuple(sorted(file.name[:-3] for file in folder.iterdir() if file.name.endswith(".md")))


@cache
def _template(name: str) -> tuple[dict[str, Any], str]:
    if name not in _names():
        raise UserError(f"There is no policy '{shown(str(name))}': choose from {', '.join(_names())}.")
    text = (resources.files(__package__) / "policies" / f"{name}.md").read_text("utf-8")
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body
