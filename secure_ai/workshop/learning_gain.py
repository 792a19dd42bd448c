"""The learning gain of a class: answers before and after, paired by seat, with an interval."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.workshop.knowledge_test import NAMES, Forms

FEWEST = 5  # the kit's own, and meant to be argued with: of fewer people a mean says who they are
REPLICATES = 10_000
CONFIDENCE = 0.95
MOST_ROWS = 10_000
MOST_BYTES = 5_000_000
WHEN = ("pre", "post")


@dataclass(frozen=True)
class Answered:
    """One sheet: seat, ``pre`` or ``post``, the form, right answers, questions left open."""

    seat: str
    when: str
    form: str
    right: int
    open: int


@dataclass(frozen=True)
class LearnerGain:
    """What one learner gained.

    Attributes:
        seat: of the learner.
        pre: share of right answers before, 0 to 1.
        post: share after.
        gain: share of what could be gained; below 0 for a loss; None if all was right before.
    """

    seat: str
    pre: float
    post: float
    gain: float | None


@dataclass(frozen=True)
class ClassGain:
    """What a class gained.

    Attributes:
        learners: those with both sheets.
        unpaired: seats with one sheet only, which count for nothing.
        crossed: how many began with form B; with all or none the forms may differ in difficulty.
        pre: mean share of right answers before; None if there is no class figure.
        post: the same, after.
        gain: normalized gain of the class, ``(post - pre) / (1 - pre)`` of the means; None if there is none.
        interval: of the gain, 95 %, or None.
        reason: why there is no class figure, or empty.
    """

    learners: tuple[LearnerGain, ...]
    unpaired: tuple[str, ...]
    crossed: int
    pre: float | None
    post: float | None
    gain: float | None
    interval: tuple[float, float] | None
    reason: str

    def sentence(self) -> str:
        """Say what was found, and what it does not say."""
        left_out = f" {len(self.unpaired)} with one sheet only are left out." if self.unpaired else ""
        if self.gain is None or self.interval is None:
            return f"No figure of the class: {self.reason}.{left_out}"
        low, high = self.interval
        order = (
            ""
            if 0 < self.crossed < len(self.learners)
            else (" All began with the same form, so a difference in difficulty of the forms is part of it.")
        )
        return (
            f"{len(self.learners)} learners had {self.pre:.0%} right before and {self.post:.0%} after: a "
            f"normalized gain of {self.gain:.2f} (95% interval {low:.2f} to {high:.2f}), the share that was "
            f"learned of what could be.{order}{left_out}"
        )


def read_answers(file: str | Path, forms: Forms) -> tuple[Answered, ...]:
    """Read the sheets that somebody typed: CSV with ``seat``, ``when``, ``form`` and a column a question.

    ``when`` is ``pre`` or ``post``; an empty cell is a question that was left open.

    Raises:
        UserError: if the file cannot be read or a cell is wrong; names row and column, not the value.
    """
    try:
        with Path(file).open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError("The file of answers does not exist: check its name.") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else type(error).__name__
        raise UserError(f"The file of answers cannot be read: {reason}.") from None
    if len(raw) > MOST_BYTES:
        raise UserError("The file of answers is larger than 5 MB: a class has a few kilobytes.")
    questions = len(forms.a.items)
    columns = ["seat", "when", "form", *(str(number) for number in range(1, questions + 1))]
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error:
        raise UserError("The file of answers is not a CSV file: check quotes and commas.") from None
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if header != columns:
        raise UserError(
            f"The file of answers has other columns than the forms: asked for are seat, when, form and 1 to "
            f"{questions}."
        )
    if len(rows) > MOST_ROWS:
        raise UserError(f"The file of answers has more than {MOST_ROWS} rows: split it.")
    given: dict[tuple[str, str], Answered] = {}
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            sheet = _sheet(row, number, columns, forms)
            if (sheet.seat, sheet.when) in given:
                raise UserError(f"The file of answers, row {number}: this seat has a '{sheet.when}' already.")
            given[sheet.seat, sheet.when] = sheet
    return tuple(given.values())


def _sheet(row: list[str], number: int, columns: list[str], forms: Forms) -> Answered:
    where = f"The file of answers, row {number}"
    if len(row) != len(columns):
        raise UserError(f"{where}: it has {len(row)} cells, {len(columns)} are asked for.")
    seat, when, form = row[0].strip(), row[1].strip().lower(), row[2].strip().upper()
    if not seat or len(seat) > 60:
        raise UserError(f"{where}: there is no seat.")
    if when not in WHEN:
        raise UserError(f"{where}: 'when' is pre or post.")
    if form not in NAMES:
        raise UserError(f"{where}: 'form' is A or B.")
    items, answers = forms.form(form).items, {}
    for place, (item, cell) in enumerate(zip(items, row[3:], strict=True), start=1):
        letter = cell.strip().lower()
        if letter and letter not in item.options:
            options = ", ".join(item.options)
            raise UserError(f"{where}, question {place}: choose from {options} or leave it empty.")
        if letter:
            answers[place] = letter
    return Answered(seat, when, form, forms.form(form).score(answers), len(items) - len(answers))


def learning_gain(sheets: tuple[Answered, ...], forms: Forms, *, seed: int = 7) -> ClassGain:
    """Compute what each learner and the class gained.

    The normalized gain is Hake's (R. R. Hake, Am. J. Phys. 66, 64-74, 1998): of the class's mean shares,
    not the mean of the learners' gains. Its interval is a percentile bootstrap over learners, each with both
    sheets; with few learners it is rather too narrow. The same form before and after is refused, because
    what is known again is not what was learned.

    Args:
        sheets: of :func:`read_answers`.
        forms: that were answered.
        seed: of the bootstrap.

    Raises:
        UserError: if a seat had the same form twice.
    """
    by_seat: dict[str, dict[str, Answered]] = {}
    for sheet in sheets:
        by_seat.setdefault(sheet.seat, {})[sheet.when] = sheet
    paired = {seat: both for seat, both in by_seat.items() if len(both) == len(WHEN)}
    same = [seat for seat, both in paired.items() if both["pre"].form == both["post"].form]
    if same:
        raise UserError(
            f"{len(same)} seats answered the same form before and after: give the other form afterwards."
        )
    of = len(forms.a.items)
    learners = tuple(
        _learner(seat, both["pre"].right / of, both["post"].right / of)
        for seat, both in sorted(paired.items())
    )
    crossed = sum(both["pre"].form == "B" for both in paired.values())
    unpaired = tuple(sorted(set(by_seat) - set(paired)))
    nothing = (None, None, None, None)
    if len(learners) < FEWEST:
        reason = f"{len(learners)} learners answered both, and fewer than {FEWEST} are no class"
        return ClassGain(learners, unpaired, crossed, *nothing, reason)
    pre, post = np.array([(one.pre, one.post) for one in learners]).T
    if pre.mean() == 1:
        reason = "everything was right before, so there was nothing to gain"
        return ClassGain(learners, unpaired, crossed, *nothing, reason)
    interval = _bootstrap(pre, post, seed)
    gain = float((post.mean() - pre.mean()) / (1 - pre.mean()))
    return ClassGain(learners, unpaired, crossed, float(pre.mean()), float(post.mean()), gain, interval, "")


def _learner(seat: str, pre: float, post: float) -> LearnerGain:
    return LearnerGain(seat, pre, post, None if pre == 1 else (post - pre) / (1 - pre))


def _bootstrap(pre: np.ndarray, post: np.ndarray, seed: int) -> tuple[float, float]:
    chosen = np.random.default_rng(seed).integers(len(pre), size=(REPLICATES, len(pre)))
    before, after = pre[chosen].mean(axis=1), post[chosen].mean(axis=1)
    could = before < 1  # a draw of those alone who knew everything has nothing to gain
    gains = (after[could] - before[could]) / (1 - before[could])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(gains, [tail, 1 - tail])
    return float(low), float(high)
