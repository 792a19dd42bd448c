"""The chooser: controls and prices, what a choice measures, the attack day; as tables and as a widget."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from secure_ai.learn.capstones.capstone import Capstone, Outcome
from secure_ai.learn.display import Folded, Listing, Note, Table, show_with_text

if TYPE_CHECKING:
    from secure_ai.core.finding import Finding


def controls_table(capstone: Capstone) -> Listing:
    """Return what can be chosen, what it costs, and what it does to people who do nothing wrong."""
    case = capstone.scenario
    rows = [
        (f"`{name}`: {one.title}", f"{one.points} points, {_hours(one.hours)} a week", one.does, one.side)
        for name, one in case.controls.items()
    ]
    points, hours = case.cost(case.controls)
    after = (
        f"All of it costs {points} points and {hours} hours a week. You have {case.points} points and "
        f"{case.hours} hours. Points and hours are invented for this exercise."
    )
    return Listing("What you can choose", ("Control", "Costs", "What it does", "Side effect"), rows, after)


def checks_table(outcome: Outcome) -> Table:
    """Return every threshold with what was measured."""
    rows = [
        (one.words, _figure(one.figure), one.wanted, "met" if one.met else "not met")
        for one in outcome.checks
    ]
    after = f"{outcome.points} points and {outcome.hours} hours a week"
    after += ", within the budget." if outcome.affordable else ", more than the budget."
    return Table("What was measured", ("Measure", "Figure", "Wanted", "Threshold"), rows, after)


def limits_table(capstone: Capstone) -> Folded:
    """Return every threshold with its reason, folded: which the case asks for, and which somebody set."""
    sector = capstone.materials.sector
    rows = [
        (one.words, f"{one.side} {one.bound(sector):g}", one.reason)
        for one in capstone.scenario.limits.values()
    ]
    heads = ("Measure", "Wanted", "Who says so")
    return Folded("Where each threshold comes from", Listing("Where each threshold comes from", heads, rows))


def attacks_table(capstone: Capstone, outcome: Outcome) -> Listing:
    """Return the attack day: what came of each attack, why, and which control alone would have helped."""
    titles = {name: one.title for name, one in capstone.scenario.controls.items()}
    rows = []
    for one in outcome.attacks:
        helping = "; ".join(titles[name] for name in one.would_have)
        more = ""
        if not one.held:
            more = f"Would have helped: {helping}." if helping else "No single control would have helped."
        rows.append((one.title, one.state, one.why, more))
    return Listing("The attack day", ("Attack", "Came of it", "Why", "What else"), rows)


def findings_table(findings: Iterable[Finding]) -> Table:
    """Return the assessment's findings, the worst first."""
    from secure_ai.core.finding import LEVEL_ORDER, Level
    from secure_ai.core.measurement import Unassessed

    def place(one: Finding) -> int:
        return -1 if one.level is Level.UNASSESSED else LEVEL_ORDER.index(one.level)

    rows = []
    for one in sorted(findings, key=place, reverse=True):
        measured = one.measurement
        value = None if isinstance(measured, Unassessed) else measured.value
        outcome = one.outcome.value.replace("_", " ")
        rows.append((one.title.rsplit(":", 1)[0], one.level.value, outcome, _figure(value)))
    return Table("What the assessment finds", ("Finding", "Level", "Outcome", "Figure"), rows)


def compare_table(before: Outcome, after: Outcome) -> Table:
    """Return two choices side by side, threshold by threshold, and the attacks that came through."""
    rows = [
        (old.words, _said(old.figure, old.met), _said(new.figure, new.met))
        for old, new in zip(before.checks, after.checks, strict=True)
    ]
    through = [str(sum(not one.held for one in made.attacks)) for made in (before, after)]
    rows.append(("Attacks that came through unseen", *through))
    rows.append(("Points and hours", *(f"{one.points} and {one.hours}" for one in (before, after))))
    return Table("Before and after", ("Measure", "Before", "After"), rows)


class Chooser:
    """Choose controls and see what they do.

    Args:
        capstone: the case.
        start: controls that are chosen at first.
        seed: of the attack day.
    """

    def __init__(self, capstone: Capstone, start: Iterable[str] = (), *, seed: int = 0) -> None:
        self.capstone = capstone
        self.start = capstone.scenario.choice(start)
        self.seed = seed

    def budget(self, chosen: Iterable[str]) -> str:
        """Return what a choice costs and leaves, one sentence; nothing is built for it."""
        case = self.capstone.scenario
        points, hours = case.cost(chosen)
        fits = "It fits the budget." if case.affordable(chosen) else "It does not fit the budget."
        return f"{points} of {case.points} points, {hours} of {case.hours} hours a week. {fits}"

    def look(self, chosen: Iterable[str] | None = None) -> Note:
        """Build, measure and attack a choice: the text equivalent of the widget.

        Raises:
            UserError: if a control is not known.
        """
        outcome = self.capstone.decide(self.start if chosen is None else chosen, seed=self.seed)
        tables = (checks_table(outcome), attacks_table(self.capstone, outcome))
        return Note("Your choice", outcome.sentence(), before=tables)

    def show(self) -> None:
        """Show the widget and under it the same as text; with ``SECURE_AI_WIDGETS=off`` the text alone.

        What can be chosen is not listed again: that is :func:`controls_table`.
        """
        show_with_text(self.widget, self.begin(), folded="The same by code")

    def begin(self) -> Note:
        """Return what is chosen at first, what that costs, and how to build any choice by code."""
        ticked = [name for name in self.capstone.scenario.controls if name in self.start]
        said = (
            f"Chosen at first: {', '.join(f'`{name}`' for name in ticked)}." if ticked else "Nothing chosen."
        )
        code = f"views.Chooser(capstone, seed={self.seed}).look({ticked or ['backups']})"
        return Note("The chooser", f"{said} {self.budget(ticked)} Any choice by code:", code=code)

    def widget(self) -> Any:
        """Return the ipywidgets version: one box for each control, and a button that builds the choice."""
        from secure_ai.learn.capstones.chooser_widget import ChooserControls

        return ChooserControls(self).box


def _hours(count: int) -> str:
    return f"{count} hour{'' if count == 1 else 's'}"


def _figure(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.2f}"


def _said(value: float | None, met: bool) -> str:
    return f"{_figure(value)} ({'met' if met else 'not met'})"
