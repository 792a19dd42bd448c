"""The scenarios that there are; rooms that come later register theirs here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.incidents.tabletop.exposed_store import ExposedStore
from secure_ai.govern.incidents.tabletop.insider import Insider
from secure_ai.govern.incidents.tabletop.world import World

SECTORS = ("healthcare", "finance")


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes:
        name: such as ``"insider"``.
        title: as a person would call it.
        make: ``make(sector, seed)`` returns its world, the first half hour of log already written.
    """

    name: str
    title: str
    make: Callable[[str, int], World]


_REGISTERED: dict[str, Scenario] = {}


def register_scenario(scenario: Scenario) -> None:
    """Add a scenario under its name.

    Raises:
        UserError: if another one has that name.
    """
    known = _REGISTERED.get(scenario.name)
    if known is not None and known != scenario:
        raise UserError(f"There is a scenario '{shown(scenario.name)}' already: choose another name.")
    _REGISTERED[scenario.name] = scenario


def scenario(name: str) -> Scenario:
    """Return the scenario of that name.

    Raises:
        UserError: if there is none.
    """
    if not isinstance(name, str) or name not in _REGISTERED:
        raise UserError(f"There is no scenario '{shown(str(name))}': choose from {', '.join(_REGISTERED)}.")
    return _REGISTERED[name]


def scenarios() -> pd.DataFrame:
    """Return what can be played: scenario, title."""
    return pd.DataFrame(
        [(one.name, one.title) for one in _REGISTERED.values()], columns=["scenario", "title"]
    )


def make_world(name: str, sector: str, seed: int) -> World:
    """Return the world of a scenario.

    Raises:
        UserError: if there is no such scenario or sector, or the seed is no whole number of 0 or more.
    """
    made = scenario(name)
    if sector not in SECTORS:
        raise UserError(f"There is no sector '{shown(str(sector))}': choose from {', '.join(SECTORS)}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UserError("A seed is a whole number from 0 on.")
    return made.make(sector, seed)


register_scenario(Scenario("exposed_store", ExposedStore.title, ExposedStore))
register_scenario(Scenario("insider", Insider.title, Insider))
