"""A text with its spans marked: colored for the eye, labeled in words for every reader, and as plain text."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from secure_ai.core import Span
from secure_ai.discover.thresholds import FALSE_ALARM, FOUND, MISSED, Mark, mark, marks
from secure_ai.learn.display import Shown, box

LINE = 90
# Text and background together, so that the contrast (7 : 1 and more) is the same in every theme; the
# line under the text and the label repeat in form and words what the color says.
STYLES = {
    FOUND: "color:#0b2d4d;background:#cfe5fa;border-bottom:3px solid #1f5a91",
    MISSED: "color:#5c0f28;background:#fbdde4;border-bottom:3px dashed #8c1d40",
    FALSE_ALARM: "color:#3d3200;background:#fdf0bf;border-bottom:3px dotted #6b5900",
}
MEANINGS = {
    FOUND: "found (solid line)",
    MISSED: "missed (dashed line)",
    FALSE_ALARM: "false alarm (dotted line)",
}


@dataclass(frozen=True, repr=False)
class MarkedText(Shown):
    """A text on which is shown what a detector found, missed and found in error.

    Attributes:
        title: the words in front ("Text 3 of 400").
        content: the text.
        found: the detector's spans.
        truth: the true spans, or None where they are not known.
        before: what is shown above it in the same output.
    """

    title: str
    content: str
    found: Sequence[Span]
    truth: Sequence[Span] | None = None
    before: tuple[Shown, ...] = ()

    @property
    def marks(self) -> list[Mark]:
        """What is marked, in the order of the text."""
        return marks(self.content, self.found, self.truth)

    def counts(self) -> dict[str, int]:
        """Return how many marks there are of each kind."""
        shown = [one.kind for one in self.marks]
        return {kind: shown.count(kind) for kind in (FOUND, MISSED, FALSE_ALARM)}

    def summary(self) -> str:
        """Return the counts in words."""
        counts = self.counts()
        alarms = "false alarm" if counts[FALSE_ALARM] == 1 else "false alarms"
        return f"{counts[FOUND]} found, {counts[MISSED]} missed, {counts[FALSE_ALARM]} {alarms}."

    def text(self) -> str:
        """Return the text with findings in brackets and misses in double ones."""
        lines = mark(self.content, self.found, self.truth).splitlines()
        # Wrapped here, because a notebook would break a long line in the middle of a word.
        body = "\n".join(textwrap.fill(line, LINE, break_long_words=False) for line in lines)
        head = f"{self.title}: {self.summary()} Found in [brackets], missed in [[double brackets]]."
        return "\n".join([*(item.text() for item in self.before), head, textwrap.indent(body, "    ")])

    def html(self) -> str:
        """Return the text with colored marks, each with its label in words."""
        pieces, position = [], 0
        for one in self.marks:
            pieces.append(html.escape(self.content[position : one.start]))
            pieces.append(_marked(one, self.content[one.start : one.end]))
            position = one.end
        pieces.append(html.escape(self.content[position:]))
        legend = " \u00b7 ".join(
            f'<span style="{STYLES[kind]};padding:0 0.2em">{meaning}</span>'
            for kind, meaning in MEANINGS.items()
        )
        body = (
            f"<strong>{html.escape(self.title)}:</strong> {html.escape(self.summary())}<br>{legend}"
            f'<div style="white-space:pre-wrap;line-height:1.9;margin-top:0.4em">{"".join(pieces)}</div>'
        )
        return "".join(item.html() for item in self.before) + box(body)


def _marked(one: Mark, value: str) -> str:
    label = f'<small style="font-weight:bold;white-space:nowrap">{html.escape(one.label)}:</small>'
    style = f"{STYLES[one.kind]};padding:0 0.2em;white-space:pre-wrap"
    return f'<mark style="{style}">{label} {html.escape(value)}</mark>'
