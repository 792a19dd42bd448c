"""A capstone as data: the case, its controls and what they cost, thresholds, and the attacks of the day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import Field

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict, checked, parse_yaml

NAMES = ("hospital", "bank")
SECTORS = ("healthcare", "finance")


class Control(Strict):
    """Something that the team can decide to do.

    Attributes:
        title: what it is, in everyday words.
        does: what is set up when it is chosen, one sentence.
        side: what it does to people who do nothing wrong, one sentence.
        points: what it costs to buy and build, in thousands; illustrative.
        hours: people's hours a week to keep it going; illustrative.
    """

    title: str
    does: str
    side: str
    points: int = Field(ge=1)
    hours: int = Field(ge=0)


class Limit(Strict):
    """A threshold of the case.

    Attributes:
        words: what is measured, as a table calls it.
        side: whether the figure may be at most or must be at least ``value``.
        value: the threshold; ``by_sector`` replaces it in one sector.
        risk: id of the risk in the assessment that this figure is judged under; empty if there is none.
        reason: why this value, and who set it.
    """

    words: str
    side: Literal["at most", "at least"]
    value: float
    by_sector: Mapping[str, float] = Field(default_factory=dict)
    risk: str = ""
    reason: str

    def bound(self, sector: str) -> float:
        """Return the threshold in a sector."""
        return self.by_sector.get(sector, self.value)

    def met(self, figure: float, sector: str) -> bool:
        """Say whether a figure meets the threshold."""
        bound = self.bound(sector)
        return figure <= bound if self.side == "at most" else figure >= bound


class House(Strict):
    """The case in one sector.

    Attributes:
        us, tool, user, person: the organization, its model, who works with it, whom it decides on.
        story: the case in two or three sentences.
        task: the learning task of the model.
        attacker: who wants another answer.
        verified: columns that ``verified_inputs`` takes out of the attacker's hands.
        most_cost: what the attacker pays for one case, in the unit of the constraints.
    """

    us: str
    tool: str
    user: str
    person: str
    story: str
    task: str
    attacker: str
    verified: tuple[str, ...]
    most_cost: float


class Scenario(Strict):
    """One capstone.

    Attributes:
        title: of the case.
        points, hours: the budget, in the units of the controls.
        may_succeed: how many attacks of the day may succeed unnoticed in a house that wins.
        must_hold: attacks that may not succeed unnoticed, whatever else does.
        houses: the case by sector.
        controls: what can be chosen, by id.
        limits: the thresholds, by measure.
        attacks: the attacks of the day.
    """

    title: str
    points: int
    hours: int
    may_succeed: int
    must_hold: tuple[str, ...]
    houses: Mapping[str, House]
    controls: Mapping[str, Control]
    limits: Mapping[str, Limit]
    attacks: tuple[str, ...]

    def choice(self, chosen: Iterable[str]) -> frozenset[str]:
        """Return the chosen controls, checked.

        Raises:
            UserError: if one is not known, or it is no list of names.
        """
        if isinstance(chosen, str):
            raise UserError("Give a list of controls, such as ['backups'].")
        try:
            names = list(chosen)
        except TypeError:
            raise UserError("Give a list of controls, such as ['backups'].") from None
        for name in names:
            if not isinstance(name, str) or name not in self.controls:
                raise UserError(
                    f"There is no control '{shown(str(name))}': choose from {', '.join(self.controls)}."
                )
        return frozenset(names)

    def cost(self, chosen: Iterable[str]) -> tuple[int, int]:
        """Return points and hours of a choice."""
        picked = [self.controls[name] for name in self.choice(chosen)]
        return sum(one.points for one in picked), sum(one.hours for one in picked)

    def affordable(self, chosen: Iterable[str]) -> bool:
        """Say whether a choice fits the budget, in points and in hours."""
        points, hours = self.cost(chosen)
        return points <= self.points and hours <= self.hours


@cache
def scenario(name: str) -> Scenario:
    """Return a capstone: ``"hospital"`` (chapter 18) or ``"bank"`` (chapter 19).

    Raises:
        UserError: if there is none of this name.
    """
    if name not in NAMES:
        raise UserError(f"There is no capstone '{shown(str(name))}': choose from {', '.join(NAMES)}.")
    file = resources.files("secure_ai.learn.capstones") / "data" / f"{name}.yaml"
    return checked(Scenario, parse_yaml(file.read_text("utf-8"), f"{name}.yaml"), f"capstone {name}")
