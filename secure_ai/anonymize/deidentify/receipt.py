"""What was done to a table or text, for whoever answers for it: types and counts, never values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from secure_ai.anonymize.deidentify.policy import Policy
from secure_ai.anonymize.deidentify.text import Tally
from secure_ai.core import frameworks
from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown


@dataclass(frozen=True)
class ColumnChange:
    """What happened to one column or field.

    Attributes:
        column: its name.
        entities: what it was taken for; empty where nothing was found.
        rule: the action with its options; ``text`` where values were read as text.
        reason: why this rule.
        kept: whether its values stand in the output as they were.
        examined: whether its values were looked at.
    """

    column: str
    entities: tuple[str, ...]
    rule: str
    reason: str
    kept: bool = False
    examined: bool = True


@dataclass(frozen=True)
class Receipt:
    """What was removed, by type and count.

    Attributes:
        policy: its name.
        standard: its legal basis.
        basis: framework ids.
        summary: what the policy does, in one sentence.
        statements: what it says about keyed hashes, reversible tokens and shifted dates.
        rows: records, lines or documents.
        files: files that were written.
        counts: entity → action → values.
        columns: what happened to every column or field.
        kept: entity → values that were found and left, because the policy leaves them.
        remaining: entity → finds that the last look at the output still made; empty if all is well.
        repaired: finds of the second look that were then removed.
        as_of: the year that the rule for ages over 89 was applied in.
        notes: what a reader must know (no person column, removed attachments ...).
        residual: the risk that remains, in one sentence.
    """

    policy: str
    standard: str
    basis: tuple[str, ...]
    summary: str
    statements: Mapping[str, str]
    rows: int
    files: int
    counts: Mapping[str, Mapping[str, int]]
    columns: tuple[ColumnChange, ...]
    kept: Mapping[str, int]
    remaining: Mapping[str, int]
    repaired: int
    as_of: int
    notes: tuple[str, ...] = ()
    residual: str = ""

    @property
    def clean(self) -> bool:
        """Whether the last look at the output found nothing that the policy removes."""
        return not self.remaining

    @property
    def total(self) -> int:
        """Values that were removed or replaced."""
        return sum(count for actions in self.counts.values() for count in actions.values())

    @property
    def unexamined(self) -> tuple[str, ...]:
        """Columns that stayed without anything being known of their content."""
        return tuple(change.column for change in self.columns if change.kept and not change.examined)

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as plain values for JSON."""
        content = asdict(self)
        content["columns"] = [asdict(change) for change in self.columns]
        content["clean"], content["total"] = self.clean, self.total
        content["counts"] = {entity: dict(actions) for entity, actions in self.counts.items()}
        return content

    def to_markdown(self) -> str:
        """Return the receipt as Markdown."""
        lines = [f"# De-identification receipt: {self.policy}", "", self.summary, ""]
        lines += [
            f"- Basis: {', '.join(frameworks.label(identifier) for identifier in self.basis) or 'none named'}"
        ]
        lines += [f"- Records: {self.rows:,} in {self.files:,} file{'' if self.files == 1 else 's'}"]
        lines += [f"- Values removed or replaced: {self.total:,}"]
        lines += [f"- Second look at the output: {self.verdict}"]
        lines += [f"- Ages over 89 reckoned in {self.as_of}", "", "## Removed or replaced", ""]
        lines += ["| what | how | values |", "|---|---|---:|"]
        lines += [
            f"| {entity} | {action} | {count:,} |"
            for entity, actions in self.counts.items()
            for action, count in actions.items()
        ] or ["| nothing | | 0 |"]
        if self.columns:
            lines += ["", "## Columns", "", "| column | taken for | rule | why |", "|---|---|---|---|"]
            lines += [
                f"| {_cell(change.column)} | {', '.join(change.entities) or '-'} | {change.rule} "
                f"| {_cell(change.reason)} |"
                for change in self.columns
            ]
        if self.unexamined:
            lines += ["", f"Not examined and kept: {', '.join(map(_cell, self.unexamined))}."]
        if self.kept:
            lines += ["", "## Found and left, because the policy leaves it", ""]
            lines += [f"- {entity}: {count:,}" for entity, count in self.kept.items()]
        if self.statements:
            lines += ["", "## What the policy says", ""]
            lines += [
                f"- {name.replace('_', ' ').capitalize()}: {said}" for name, said in self.statements.items()
            ]
        lines += ["", "## What remains", "", self.residual, *(f"- {note}" for note in self.notes), ""]
        return "\n".join(lines)

    @property
    def verdict(self) -> str:
        """What the second look at the output found, in words."""
        repaired = f" ({self.repaired:,} more removed on the way)" if self.repaired else ""
        if self.clean:
            return f"the detector finds nothing that the policy removes{repaired}"
        left = ", ".join(f"{entity} {count:,}" for entity, count in self.remaining.items())
        return f"the detector still finds {left}{repaired}"


def check_receipt_path(path: Path, others: Iterable[Path]) -> None:
    """Check before any work that a receipt can be written to ``path``.

    Raises:
        UserError: if its ending is not known, it is a folder, or it is one of ``others`` or lies in one.
    """
    if path.suffix.lower() not in {".json", ".md"}:
        raise UserError(f"The receipt {shown(path.name)} must end in .json or .md: rename it.")
    if path.is_dir():
        raise UserError(f"The receipt {shown(path.name)} is a folder: name a file.")
    place = path.resolve()
    for other in others:
        if place.is_relative_to(other.resolve()):
            raise UserError(
                "The receipt would overwrite the input, the output or the key, or lie among them: "
                "choose another place."
            )


def write_receipt(receipt: Receipt, path: Path) -> None:
    """Write a receipt as JSON or Markdown, by the ending of ``path``, whole or not at all."""
    as_json = path.suffix.lower() == ".json"
    text = (
        json.dumps(receipt.to_dict(), ensure_ascii=False, indent=2) + "\n"
        if as_json
        else receipt.to_markdown()
    )
    with atomic_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _cell(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).replace("|", "\\|")


@dataclass
class Journal:
    """What a run writes down while it works."""

    tally: Tally = field(default_factory=Tally)
    columns: dict[str, ColumnChange] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    rows: int = 0
    files: int = 0

    def receipt(self, policy: Policy, as_of: int) -> Receipt:
        """Return the receipt of what was written down."""
        counts: dict[str, dict[str, int]] = {}
        for (entity, action), count in sorted(self.tally.done.items()):
            counts.setdefault(entity, {})[action] = count
        statements = policy.statements.model_dump() if policy.statements else {}
        return Receipt(
            policy.name,
            policy.standard,
            policy.basis,
            policy.summary,
            statements,
            self.rows,
            self.files,
            counts,
            tuple(self.columns.values()),
            dict(sorted(self.tally.kept.items())),
            dict(sorted((+self.tally.remaining).items())),
            self.tally.repaired,
            as_of,
            tuple(self.notes),
            policy.limits.residual,
        )
