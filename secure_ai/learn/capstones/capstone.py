"""A capstone to play: choose controls, have them measured and judged, and live through the attack day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secure_ai.core.errors import UserError
from secure_ai.core.measurement import Measurement, Unassessed
from secure_ai.learn.capstones.attack_day import Result, attack_day
from secure_ai.learn.capstones.materials import Materials
from secure_ai.learn.capstones.models import ModelBench
from secure_ai.learn.capstones.scenario import Scenario, scenario
from secure_ai.learn.capstones.systems import SystemBench

if TYPE_CHECKING:
    from secure_ai.core.finding import Finding

Judge = Callable[..., Any]


@dataclass(frozen=True)
class Check:
    """One threshold and what was measured.

    Attributes:
        measure: its id; ``words`` as a table calls it.
        figure: what was measured; None where it could not be, which is not met.
        wanted: the threshold in words.
        met: whether the figure meets it.
    """

    measure: str
    words: str
    figure: float | None
    wanted: str
    met: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a choice.

    Attributes:
        chosen: the controls, in the order of the scenario.
        points, hours: what they cost.
        affordable: whether that fits the budget.
        checks: every threshold with its figure.
        attacks: the attack day.
        won: affordable, every threshold met, no attack that must hold and few others succeeded.
    """

    chosen: tuple[str, ...]
    points: int
    hours: int
    affordable: bool
    checks: tuple[Check, ...]
    attacks: tuple[Result, ...]
    won: bool

    @property
    def score(self) -> tuple[int, int]:
        """Thresholds met and attacks stopped or noticed, and how many there are of both."""
        good = sum(one.met for one in self.checks) + sum(one.held for one in self.attacks)
        return good, len(self.checks) + len(self.attacks)

    def sentence(self) -> str:
        """Say how it went."""
        missed = [one.words for one in self.checks if not one.met]
        through = [one.title for one in self.attacks if not one.held]
        good, of = self.score
        words = [f"{'This choice wins' if self.won else 'This choice does not win'}: {good} of {of}."]
        words += [] if self.affordable else ["It does not fit the budget."]
        words += [f"Missed: {'; '.join(missed)}."] if missed else ["Every threshold is met."]
        words += (
            [f"Came through unseen: {'; '.join(through)}."] if through else ["No attack came through unseen."]
        )
        return " ".join(words)


class Capstone:
    """One capstone in one sector.

    Models and systems are trained and set up once for each way in which they can be chosen, so that another
    choice costs only what is new in it.

    Args:
        name: ``"hospital"`` or ``"bank"``.
        materials: see :func:`secure_ai.learn.capstones.materials.gather`.
        judge: :func:`secure_ai.assess.risks.judge`, with which the findings are written; without it there
            are none. It is handed over because lessons do not import the assessment.

    Raises:
        UserError: if there is no such capstone.
    """

    def __init__(self, name: str, materials: Materials, *, judge: Judge | None = None) -> None:
        self.name = name
        self.scenario: Scenario = scenario(name)
        self.house = self.scenario.houses[materials.sector]
        self.materials = materials
        self.models = ModelBench(materials, self.house.verified, self.house.most_cost)
        self.systems = SystemBench(materials)
        self._judge = judge

    def bound(self, measure: str) -> float:
        """Return a threshold of the case; where the case has none for it, nothing is enough."""
        limit = self.scenario.limits.get(measure)
        return limit.bound(self.materials.sector) if limit else 0.0

    def measure(self, measure: str, chosen: Iterable[str]) -> float | Measurement | Unassessed:
        """Measure one thing on what a choice builds.

        Raises:
            UserError: if a control or the measure is not known.
        """
        picked = self.scenario.choice(chosen)
        if measure not in self.scenario.limits:
            raise UserError(f"There is no such measure: choose from {', '.join(self.scenario.limits)}.")
        return MEASURES[measure](self, picked)

    def checks(self, chosen: Iterable[str]) -> tuple[Check, ...]:
        """Measure everything that has a threshold."""
        picked, sector = self.scenario.choice(chosen), self.materials.sector
        found = []
        for name, limit in self.scenario.limits.items():
            measured = MEASURES[name](self, picked)
            figure = measured.value if isinstance(measured, Measurement) else measured
            value = None if isinstance(figure, Unassessed) else float(figure)
            met = value is not None and limit.met(value, sector)
            found.append(Check(name, limit.words, value, f"{limit.side} {limit.bound(sector):g}", met))
        return tuple(found)

    def attack_day(self, chosen: Iterable[str], seed: int = 0) -> tuple[Result, ...]:
        """Run the attacks of the day against a choice; ``seed`` draws their order and their targets."""
        return attack_day(self, self.scenario.choice(chosen), seed)

    def decide(self, chosen: Iterable[str], seed: int = 0) -> Outcome:
        """Build, measure and attack a choice.

        Raises:
            UserError: if a control is not known.
        """
        picked = self.scenario.choice(chosen)
        points, hours = self.scenario.cost(picked)
        checks, attacks = self.checks(picked), self.attack_day(picked, seed)
        through = {one.attack for one in attacks if not one.held}
        affordable = self.scenario.affordable(picked)
        won = (
            affordable
            and all(one.met for one in checks)
            and not through & set(self.scenario.must_hold)
            and len(through) <= self.scenario.may_succeed
        )
        ordered = tuple(name for name in self.scenario.controls if name in picked)
        return Outcome(ordered, points, hours, affordable, checks, attacks, won)

    def findings(self, chosen: Iterable[str]) -> list[Finding]:
        """Return the findings that the assessment writes about a choice, at the thresholds of the case.

        Raises:
            UserError: if the capstone was made without ``judge``.
        """
        if self._judge is None:
            raise UserError("Give the capstone judge=secure_ai.assess.risks.judge to have it assessed.")
        picked, written = self.scenario.choice(chosen), []
        for name, limit in self.scenario.limits.items():
            if not limit.risk:
                continue
            measured = MEASURES[name](self, picked)
            figure = "not measured" if isinstance(measured, Unassessed) else f"{measured.value:.2f}"
            written.append(
                self._judge(
                    limit.risk,
                    f"{limit.words}: {figure}",
                    measured,
                    sector=self.materials.sector,
                    threshold=limit.bound(self.materials.sector),
                    threshold_source=limit.reason,
                )
            )
        return written


def _insiders(capstone: Capstone, chosen: frozenset[str]) -> float:
    return max(capstone.systems.doors(chosen).misuse, capstone.systems.watched(chosen).share("access"))


MEASURES: Mapping[str, Callable[[Capstone, frozenset[str]], float | Measurement | Unassessed]] = {
    "quality": lambda capstone, chosen: capstone.models.quality(chosen),
    "membership": lambda capstone, chosen: capstone.models.membership(chosen),
    "evasion": lambda capstone, chosen: capstone.models.evasion(chosen),
    "extraction": lambda capstone, chosen: capstone.models.extraction(chosen),
    "poisoning": lambda capstone, chosen: capstone.models.missed_by_poison(chosen),
    "reviewed": lambda capstone, chosen: capstone.models.reviewed(chosen),
    "refused_questions": lambda capstone, chosen: capstone.models.refused_questions(chosen),
    "at_rest": lambda capstone, chosen: float(capstone.systems.readable_at_rest(chosen)),
    "on_the_way": lambda capstone, chosen: float(capstone.systems.readable_on_the_way(chosen)),
    "password": lambda capstone, chosen: float(capstone.systems.stolen_password_opens(chosen)),
    "locked_out": lambda capstone, chosen: capstone.systems.doors(chosen).honest,
    "insiders": _insiders,
    "stream": lambda capstone, chosen: capstone.systems.watched(chosen).share("transaction"),
    "false_alerts": lambda capstone, chosen: capstone.systems.watched(chosen).false_per_day,
    "edits": lambda capstone, chosen: capstone.systems.edits_found(chosen),
    "incident": lambda capstone, chosen: capstone.systems.records_lost(chosen),
}
