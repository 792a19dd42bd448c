"""What each answer to evasion buys and costs, on the same rows: before and after, and an attacker who adapts.

A defense is judged by the attacker who knows it. The naive attacker, who evades the model of before and
submits the result, stands beside, because most claims are made against that one.

Source: Carlini et al., On evaluating adversarial robustness (2019); Tramèr, Carlini, Brendel & Mądry, On
    adaptive attacks to adversarial example defenses (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson
from secure_ai.defend.robust.decisions import DecisionSystem, as_system, attack_surface

if TYPE_CHECKING:
    from secure_ai.attack.evasion import Constraints, Evasions

SOURCE = "Tramèr et al., On adaptive attacks to adversarial example defenses (2020)"
LEAST_ATTACKED = 5


@dataclass(frozen=True)
class AnswerComparison:
    """What each answer buys and costs.

    Attributes:
        adaptive: answer → share of the attacked rows that an attacker who knows the answer brings through
            without anybody looking. Baseline: the same without any answer. Control: the rows unchanged.
        table: one line for each answer: success_naive, success_adaptive, low, high, unchanged, cost (median
            of what the adaptive attacker pays for a success; NaN without one), accuracy (of the classes,
            reviewed or not), price (accuracy lost against no answer), review (share of ordinary rows that
            goes to a person), review_attack (share of the naive attacker's rows that does).
        before: name of the model without an answer.
        cost_unit: of the cost.
        attacked: rows that were attacked.
        ordinary: rows that accuracy and review were measured on.
    """

    adaptive: dict[str, Measurement]
    table: pd.DataFrame
    before: str
    cost_unit: str
    attacked: int
    ordinary: int

    def measurements(self) -> list[Measurement]:
        """Return the adaptive attacker's success against each answer."""
        return list(self.adaptive.values())

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table

    def best(self) -> str:
        """Return the answer that lets the adaptive attacker through least; of equals the dearest."""
        rest = self.table[self.table["answer"] != self.before]
        ordered = rest.sort_values(["success_adaptive", "cost"], ascending=[True, False], kind="stable")
        return str(ordered["answer"].iloc[0])

    def sentence(self) -> str:
        """Say which answer holds best against an attacker who knows it, and at what price."""
        table = self.table.set_index("answer")
        start, best = table.loc[self.before], self.best()
        line = table.loc[best]
        paid = ""
        if np.isfinite(start["cost"]) and np.isfinite(line["cost"]):
            paid = (
                f", at a median cost of {line['cost']:,.3g} instead of {start['cost']:,.3g} {self.cost_unit}"
            )
        return (
            f"Without an answer {percent(start['success_adaptive'])} of {self.attacked} rows get through. "
            f"Against an attacker who knows it, '{best}' holds best: {percent(line['success_adaptive'])} "
            f"({percent(line['low'])} to {percent(line['high'])}) get through{paid}; of one who does not "
            f"know it, {percent(line['success_naive'])}. Its price: {100 * line['price']:+.1f} points of "
            f"accuracy on {self.ordinary:,} ordinary rows, of which {percent(line['review'])} go to a person."
        )


@reason_instead
def compare_answers(
    before: Any,
    answers: Mapping[str, Any],
    rows: Any,
    labels: Any,
    reference_rows: Any,
    *,
    goal: Any,
    constraints: Constraints | None = None,
    budget: int = 300,
    attacked: int = 50,
    most_cost: float | None = None,
    seed: int = 0,
) -> AnswerComparison | Unassessed:
    """Attack the model of before, then each answer: with the same changes, and anew by one who knows it.

    The adaptive attacker sees how near a row is to passing unseen, thresholds included. That is more than an
    outsider sees, and the worst that a defender must reckon with.

    Args:
        before: the model without an answer.
        answers: name → model (hardened, monotone) or system (plausibility, agreement, review by margin).
        rows, labels: ordinary cases that no model or threshold was fitted on, and their true classes.
        reference_rows: rows that the attacker owns.
        goal: the answer that the attacker wants.
        constraints: what the attacker can change and what it costs.
        budget: questions for each row.
        attacked: rows attacked at most, of those that deserve another answer and get it from ``before``.
        most_cost: what an attacker can pay for a row; None for any price.
        seed: of the choice and the search.

    Returns:
        The comparison, or :class:`~secure_ai.core.Unassessed` with the reason.

    Raises:
        UserError: if an argument is wrong.
    """
    from secure_ai.attack.evasion import evade

    check_rows(rows)
    truth = np.asarray(labels)
    if len(truth) != len(rows):
        raise UserError(f"There are {len(rows):,} rows and {len(truth):,} labels: give one for each.")
    if most_cost is not None and not most_cost > 0:
        raise UserError(f"most_cost={most_cost!r}: give what an attacker can pay, more than 0, or None.")
    if not answers or "none" in answers:
        raise UserError("Name at least one answer; 'none' is the name of the model without one.")
    with threadpool_limits(1):
        check_target(open_target(before), rows)
        systems: dict[str, DecisionSystem] = {"none": as_system(before)}
        systems |= {name: as_system(answer) for name, answer in answers.items()}
        told = systems["none"].classify(rows)
        deserve = np.flatnonzero((truth != goal) & (told != goal))
        if len(deserve) < LEAST_ATTACKED:
            raise TargetError(
                f"Only {len(deserve)} rows deserve and get another answer than the attacker wants: give more."
            )
        for name, system in systems.items():
            # What decides nothing, or by chance, holds every attack and answers none.
            asked = open_target(
                system.classify, classes=system.classes, answer="labels", name=f"answer '{name}'"
            )
            check_target(asked, rows)
        chosen = np.sort(np.random.default_rng(seed).permutation(deserve)[:attacked])
        cases = rows.iloc[chosen] if hasattr(rows, "iloc") else np.asarray(rows)[chosen]
        evasions = {
            name: evade(
                attack_surface(system, goal, name), cases, reference_rows, constraints,
                budget=budget, goal=1, seed=seed,
            )
            for name, system in systems.items()
        }  # fmt: skip
        lines = [
            {"answer": name}
            | _bought(system, evasions[name], evasions["none"], cases=cases, goal=goal, most_cost=most_cost)
            | {
                "accuracy": float((system.classify(rows) == truth).mean()),
                "review": float(system.reviewed(rows).mean()),
            }
            for name, system in systems.items()
        ]
    table = pd.DataFrame(lines)
    table["price"] = table["accuracy"].iloc[0] - table["accuracy"]
    base = float(table["success_adaptive"].iloc[0])
    adaptive = {
        line["answer"]: Measurement(
            name="evasion_success_after_answer",
            value=line["success_adaptive"],
            unit="share of rows",
            n=len(cases),
            baseline=base,
            control=line["unchanged"],
            interval=(line["low"], line["high"]),
            method=f"{line['answer']}; attacker knows the answer, {budget} questions a row; Wilson interval",
            source=SOURCE,
        )
        for line in lines
    }
    order = ["answer", "success_naive", "success_adaptive", "low", "high", "unchanged", "cost", "accuracy"]
    order += ["price", "review", "review_attack"]
    unit = evasions["none"].cost_unit
    return AnswerComparison(adaptive, table[order], "none", unit, len(cases), len(truth))


def _bought(
    system: DecisionSystem,
    own: Evasions,
    first: Evasions,
    *,
    cases: Any,
    goal: Any,
    most_cost: float | None,
) -> dict[str, float]:
    """Return what attackers reach against one answer.

    Args:
        system: the answer.
        own: what the adaptive attacker found.
        first: what was found against the model of before.
        cases: the attacked rows unchanged.
        goal: of the attacker.
        most_cost: what an attacker can pay.
    """
    limit = np.inf if most_cost is None else most_cost
    # Confirmed on the rows, and not taken from the search.
    naive = _passed(system, first.changed, goal) & (first.cost <= limit)
    searched = _passed(system, own.changed, goal) & (own.cost <= limit)
    # Who knows the answer can still do what one does who does not.
    through = searched | naive
    paid = np.minimum(np.where(searched, own.cost, np.inf), np.where(naive, first.cost, np.inf))
    low, high = wilson(int(through.sum()), len(through))
    return {
        "success_naive": float(naive.mean()),
        "success_adaptive": float(through.mean()),
        "low": low,
        "high": high,
        "unchanged": float(_passed(system, cases, goal).mean()),
        "cost": float(np.median(paid[through])) if through.any() else float("nan"),
        "review_attack": float(system.reviewed(first.changed).mean()),
    }


def _passed(system: DecisionSystem, rows: Any, goal: Any) -> np.ndarray:
    return (system.classify(rows) == goal) & ~system.reviewed(rows)
