"""Model cards and data cards: prose from people, figures from measurements, every heading present."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, model_validator

from secure_ai.core import Finding, Measurement, Unassessed, UserError
from secure_ai.core.sources import shown
from secure_ai.discover import Inventory
from secure_ai.govern.records.categories import found_categories
from secure_ai.govern.records.document import Block, Facts, Paragraph, Record, Section, Table, Text
from secure_ai.govern.records.figures import findings_table, measurements_table
from secure_ai.govern.records.forms import Form, given, read_form
from secure_ai.govern.records.words import figure

Labeled = tuple[str, Measurement | Unassessed]
NO_PERFORMANCE = "performance was not measured, or the measurement was not given"
NO_GROUPS = "results by group were not given"
NO_ATTACKS = "no attack on privacy or security was measured, or its finding was not given"


class CardText(Form):
    """The prose of a card: section → prompt → text. Prompts left out stay to be filled."""

    name: str = Field(min_length=1, max_length=200)
    sections: dict[str, dict[str, str | None]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> CardText:
        prompts = {**_prompts("model_card"), **_prompts("data_card")}
        for section, texts in self.sections.items():
            if section not in prompts:
                raise UserError(
                    f"A card has no section '{shown(section)}': choose from {', '.join(prompts)}."
                )
            stray = next((one for one in texts if one not in prompts[section]), None)
            if stray is not None:
                raise UserError(
                    f"The section {section} has no entry '{shown(stray)}': choose from "
                    f"{', '.join(prompts[section])}."
                )
        return self


def read_card(path: str | Path) -> CardText:
    """Read the prose of a card from YAML.

    Raises:
        UserError: if the file cannot be read, or names a section or entry that a card does not have.
    """
    return read_form(path, CardText)


def model_card(
    text: CardText,
    *,
    performance: Sequence[Labeled] = (),
    by_group: Mapping[str, Sequence[Labeled]] | None = None,
    attacks: Sequence[Finding] = (),
    fairness: Sequence[Block] = (),
    dated: date | None = None,
) -> Record:
    """Return a model card under the headings of Mitchell et al. (2019).

    Args:
        text: the prose.
        performance: figures over all people, labeled.
        by_group: factor (``"age group"``, or ``"sex × age group"`` for intersections) → group → figure.
        attacks: findings of attacks on the model (membership, extraction, evasion …).
        fairness: further blocks on groups, see ``secure_ai.govern.fairness``.
        dated: date of the card.

    Raises:
        UserError: if the groups of one factor are measured in different figures.
    """
    by_group = by_group or {}
    for factor, groups in by_group.items():
        _check_one_figure(factor, groups)
    prompts = _prompts("model_card")
    sections: list[Section] = []
    for key, entries in prompts.items():
        if key == "ethical_considerations":
            sections.append(_quantitative(performance, by_group, attacks, fairness))
        sections.append(Section(_title(key), (_entries(text, key, entries),)))
    return Record(
        title=f"Model card: {text.name}",
        sections=tuple(sections),
        file_name="model_card",
        kind=_source("model_card"),
        summary=_summary(performance, by_group, attacks),
        dated=dated,
    )


def data_card(text: CardText, inventories: Sequence[Inventory], *, dated: date | None = None) -> Record:
    """Return a data card of any tables: composition from what discover counted, prose from people.

    Counts only: no value of the tables, masked or not, is shown.

    Args:
        text: the prose.
        inventories: one a table.
        dated: date of the card.
    """
    prompts = _prompts("data_card")
    sections = [Section(_title(key), (_entries(text, key, entries),)) for key, entries in prompts.items()]
    sections.insert(1, _composition(inventories))
    rows = sum(one.n_rows for one in inventories)
    return Record(
        title=f"Data card: {text.name}",
        sections=tuple(sections),
        file_name="data_card",
        kind=_source("data_card"),
        facts={"Tables": len(inventories), "Records": rows},
        dated=dated,
    )


def worst_group(groups: Sequence[Labeled], lower_is_worse: bool = True) -> Labeled | None:
    """Return the group with the worst figure; None if none was assessed."""
    measured = [one for one in groups if isinstance(one[1], Measurement)]
    if not measured:
        return None
    return (min if lower_is_worse else max)(measured, key=lambda one: one[1].value)


def _quantitative(
    performance: Sequence[Labeled],
    by_group: Mapping[str, Sequence[Labeled]],
    attacks: Sequence[Finding],
    fairness: Sequence[Block],
) -> Section:
    overall: Block = Paragraph(Unassessed(NO_PERFORMANCE))
    if performance:
        overall = measurements_table("Performance over all people", performance)
    groups: list[Block] = []
    for factor, listed in by_group.items():
        groups += [measurements_table(f"By {factor}", listed), Paragraph(_spread(factor, listed))]
    found: Block = Paragraph(Unassessed(NO_ATTACKS))
    if attacks:
        found = findings_table("Attacks on the model", attacks)
    return Section(
        "Quantitative analyses",
        (
            Section("Unitary results", (overall,)),
            Section("Results by group", (*groups, *fairness) or (Paragraph(Unassessed(NO_GROUPS)),)),
            Section("Privacy and security", (found,)),
        ),
    )


def _spread(factor: str, groups: Sequence[Labeled]) -> Text:
    low, high = worst_group(groups), worst_group(groups, lower_is_worse=False)
    missing = [label for label, found in groups if isinstance(found, Unassessed)]
    unknown = f" Not assessed: {', '.join(missing)}." if missing else ""
    if low is None or high is None:
        return Unassessed(f"no group of {factor} was measured")
    if len(groups) - len(missing) < 2:
        return f"Only one group of {factor} was measured, so groups cannot be compared.{unknown}"
    first, last = low[1], high[1]
    apart = "do not overlap" if first.interval[1] < last.interval[0] else "overlap"
    return (
        f"Lowest {figure(first.value, first.unit)} ({low[0]}), highest {figure(last.value, last.unit)} "
        f"({high[0]}); their 95 % intervals {apart}.{unknown}"
    )


def _summary(
    performance: Sequence[Labeled], by_group: Mapping[str, Sequence[Labeled]], attacks: Sequence[Finding]
) -> str:
    unknown = [
        name
        for name, there in (("performance", performance), ("groups", by_group), ("attacks", attacks))
        if not there
    ]
    return f"Not measured, or not given: {', '.join(unknown)}." if unknown else ""


def _check_one_figure(factor: str, groups: Sequence[Labeled]) -> None:
    kinds = {(found.name, found.unit) for _, found in groups if isinstance(found, Measurement)}
    if len(kinds) > 1:
        names = ", ".join(sorted(name for name, _ in kinds))
        raise UserError(
            f"The groups of '{shown(factor)}' are measured differently ({names}): use one figure."
        )


def _composition(inventories: Sequence[Inventory]) -> Section:
    if not inventories:
        return Section("Composition", (Paragraph(Unassessed("no table was read")),))
    blocks: list[Block] = []
    found = found_categories(inventories)
    for one in inventories:
        listed = dict.fromkeys(item.category for item in found if item.table == one.label)
        rows = tuple(
            (
                column.name,
                column.sql_type,
                ", ".join(column.entities),
                column.tier.name.lower(),
                column.distinct,
                f"{column.null_share:.1%}",
            )
            for column in one.columns
        )
        columns = ("Column", "Type", "What was found", "Tier", "Distinct values", "Missing")
        about: tuple[tuple[str, Text], ...] = (
            ("Records", one.n_rows),
            ("Columns", len(one.columns)),
            ("Tier", one.tier.name.lower()),
            ("Categories of personal data", "; ".join(listed) or "none found"),
            ("Rows that were read for values", one.sampled),
        )
        blocks.append(Section(one.label, (Facts(about), Table(f"Columns of {one.label}", columns, rows))))
    return Section("Composition", tuple(blocks))


def _entries(text: CardText, section: str, entries: Mapping[str, str]) -> Facts:
    said = text.sections.get(section, {})
    return Facts(
        tuple(
            (key.replace("_", " ").capitalize(), given(said.get(key), f"{_title(section).lower()}: {what}"))
            for key, what in entries.items()
        )
    )


def _title(key: str) -> str:
    return key.replace("_", " ").capitalize()


def _prompts(card: str) -> dict[str, dict[str, str]]:
    return {key: value for key, value in _card(card).items() if isinstance(value, dict)}


def _source(card: str) -> str:
    return _card(card)["source"]


@cache
def _card(name: str) -> dict[str, Any]:
    return yaml.safe_load(resources.files(__package__).joinpath(f"data/{name}.yaml").read_text("utf-8"))


def card_prompts(card: str) -> dict[str, dict[str, str]]:
    """Return section → entry → what it should say, of a ``"model_card"`` or a ``"data_card"``.

    Raises:
        UserError: for another card.
    """
    if card not in ("model_card", "data_card"):
        raise UserError(f"There is no card '{shown(str(card))}': use model_card or data_card.")
    return _prompts(card)
