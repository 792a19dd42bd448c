"""The capstones of chapters 18 and 19: choose controls under a budget, have them measured, be attacked."""

from secure_ai.learn.capstones.attack_day import ATTACKS, Result
from secure_ai.learn.capstones.capstone import Capstone, Check, Outcome
from secure_ai.learn.capstones.materials import Materials, gather, planted
from secure_ai.learn.capstones.scenario import Control, Scenario, scenario

__all__ = [
    "ATTACKS",
    "Capstone",
    "Check",
    "Control",
    "Materials",
    "Outcome",
    "Result",
    "Scenario",
    "gather",
    "planted",
    "scenario",
]
