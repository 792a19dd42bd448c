"""The data card: what is true of invented data, in words for people and in facts for code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DataCard:
    """What a data set holds and what was built into it.

    Attributes:
        title: one line.
        facts: nested dictionaries of plain values: the coefficients, shares and margins that the
            generator used. Lessons and tests read these rather than repeat a number.
        notes: paragraphs of Markdown that stand before the facts.
    """

    title: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_markdown(self) -> str:
        """The card as Markdown: the notes, then one section per top-level fact."""
        lines = [f"# {self.title}", ""]
        for note in self.notes:
            lines += [note, ""]
        for name, value in self.facts.items():
            lines += [f"## {_words(name)}", ""]
            lines += _bullets(value) if isinstance(value, Mapping) else [_inline(value)]
            lines.append("")
        return "\n".join(lines).rstrip() + "\n"

    def __str__(self) -> str:
        return self.to_markdown()

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


@dataclass(frozen=True)
class Learned:
    """How well a task can be learned: areas under the ROC curve on held-out rows.

    Attributes:
        task: name.
        auc: of the model.
        baseline_auc: of the simple baseline.
        baseline: the baseline in words.
        rows: rows in all.
        positives: rows with the label.
    """

    task: str
    auc: float
    baseline_auc: float
    baseline: str
    rows: int
    positives: int

    @property
    def margin(self) -> float:
        """By how much the model beats the baseline."""
        return self.auc - self.baseline_auc


def _words(name: object) -> str:
    text = str(name).replace("_", " ")
    return text[:1].upper() + text[1:]


def _inline(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(_inline(item) for item in value)
    return str(value)


def _bullets(facts: Mapping[str, Any], depth: int = 0) -> list[str]:
    lines = []
    for name, value in facts.items():
        head = f"{'  ' * depth}- **{_words(name)}**"
        if isinstance(value, Mapping):
            lines += [head, *_bullets(value, depth + 1)]
        else:
            lines.append(f"{head}: {_inline(value)}")
    return lines
