"""Bills of agencies that lend staff: what can be changed in one, and a model that is attacked with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.attack.evasion.black_box import Evasions
    from secure_ai.attack.evasion.constraints import Constraints

MONTH_HOURS = 744
MOST_SHEETS = 60
UNITS = ("north", "south", "east", "west")


def bills(rng: np.random.Generator, count: int) -> pd.DataFrame:
    """Return bills of agencies that lend staff.

    Returns:
        hours and night_hours (of one month), rate (USD for an hour), amount (USD), time_sheets (enclosed),
        unit, years_known and past_disputes (from our own books).
    """
    hours = rng.integers(20, MONTH_HOURS - 40, count)
    rate = np.round(rng.uniform(25, 90, count), 2)
    return pd.DataFrame(
        {
            "hours": hours,
            "night_hours": (hours * rng.uniform(0.1, 0.8, count)).astype(int),
            "rate": rate,
            "amount": np.round(hours * rate, 2),
            "time_sheets": rng.integers(3, MOST_SHEETS - 10, count),
            "unit": rng.choice(UNITS, count),
            "years_known": rng.integers(0, 20, count),
            "past_disputes": rng.integers(1, 7, count),
        }
    )


def judged_bills(rng: np.random.Generator, count: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return bills, and for each whether it was too high (1) or in order (0), as found out later."""
    table = bills(rng, count)
    score = (
        0.012 * (table["hours"] - 380)
        + 1.5 * (table["night_hours"] / table["hours"] - 0.45)
        - 0.08 * (table["time_sheets"] - 26)
        - 0.12 * (table["years_known"] - 10)
        + 0.5 * (table["past_disputes"] - 3.5)
    )
    return table, (score + rng.normal(0, 0.6, count) > 0.4).to_numpy().astype(int)


@dataclass(frozen=True)
class BillChanges:
    """Bills before and after a change each.

    Attributes:
        before, after: one row for each change.
        kinds: what was done, in a few words.
        possible: whether an agency can do this.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    kinds: tuple[str, ...]
    possible: tuple[bool, ...]


Bill = dict[str, Any]


def bill_changes(rng: np.random.Generator) -> BillChanges:
    """Return changes of fresh bills: those that an agency can make, and those that break one rule each."""

    def hours(bill: Bill, value: float) -> Bill:
        return {"hours": value, "amount": round(value * bill["rate"], 2)}

    def number(low: float, high: float) -> int:
        return int(rng.integers(int(low), int(high)))

    def rate(bill: Bill) -> Bill:
        return {"rate": bill["rate"] + 5, "amount": round(bill["hours"] * (bill["rate"] + 5), 2)}

    def other_unit(bill: Bill) -> Bill:
        return {"unit": UNITS[(UNITS.index(bill["unit"]) + number(1, len(UNITS))) % len(UNITS)]}

    can: dict[str, Callable[[Bill], Bill]] = {
        "more hours": lambda b: hours(b, b["hours"] + number(1, 40)),
        "fewer hours": lambda b: hours(b, number(b["night_hours"], b["hours"])),
        "the most hours": lambda b: hours(b, MONTH_HOURS),
        "one hour": lambda b: hours(b, 1) | {"night_hours": 0},
        "fewer hours at night": lambda b: {"night_hours": number(0, b["night_hours"])},
        "more hours at night": lambda b: {"night_hours": b["hours"]},
        "more time sheets": lambda b: {"time_sheets": b["time_sheets"] + number(1, 10)},
        "the most time sheets": lambda b: {"time_sheets": MOST_SHEETS},
        "another unit": other_unit,
    }
    cannot: dict[str, Callable[[Bill], Bill]] = {
        "another rate": rate,
        "other years_known": lambda b: {"years_known": b["years_known"] + number(1, 6)},
        "fewer past_disputes": lambda b: {"past_disputes": b["past_disputes"] - 1},
        "a lower amount alone": lambda b: {"amount": round(b["amount"] * rng.uniform(0.3, 0.9), 2)},
        "a higher amount alone": lambda b: {"amount": round(b["amount"] * rng.uniform(1.1, 3), 2)},
        "other hours alone": lambda b: {"hours": b["hours"] + number(2, 30)},
        "too many hours": lambda b: hours(b, MONTH_HOURS + number(1, 90)),
        "no hours": lambda b: hours(b, 0) | {"night_hours": 0},
        "half an hour": lambda b: hours(b, b["hours"] + 0.5),
        "half an hour at night": lambda b: {"night_hours": b["night_hours"] - 0.5},
        "more hours at night than in all": lambda b: {"night_hours": b["hours"] + number(1, 9)},
        "fewer hours at night than none": lambda b: {"night_hours": -number(1, 9)},
        "fewer time sheets": lambda b: {"time_sheets": b["time_sheets"] - number(1, 3)},
        "half a time sheet": lambda b: {"time_sheets": b["time_sheets"] + 0.5},
        "too many time sheets": lambda b: {"time_sheets": MOST_SHEETS + number(1, 40)},
        "an invented unit": lambda b: {"unit": f"annex {number(1, 100)}"},
    }
    kinds = [*can, *cannot] * 2
    before = bills(rng, len(kinds))
    floats = dict.fromkeys(before.select_dtypes("number"), float)
    changes = {**can, **cannot}
    after = [bill | changes[kind](bill) for bill, kind in zip(before.to_dict("records"), kinds, strict=True)]
    return BillChanges(
        before.astype(floats),
        pd.DataFrame(after, columns=before.columns).astype(floats),
        tuple(kinds),
        tuple(kind in can for kind in kinds),
    )


@dataclass(frozen=True)
class Billing:
    """A model that says which bills are checked before they are paid, and bills that it has not seen.

    Attributes:
        model: gradient boosting; 1 is "checked first", 0 is "paid at once".
        known: bills that the agencies of the attack know, without outcomes.
        attacked: bills that are checked first, and some that are not.
        truth: whether each of the ``attacked`` was too high (1).
        usual: a week's other bills.
    """

    model: Any = field(repr=False)
    known: pd.DataFrame = field(repr=False)
    attacked: pd.DataFrame = field(repr=False)
    truth: np.ndarray = field(repr=False)
    usual: pd.DataFrame = field(repr=False)

    def paid(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (rows,) the chance of being paid at once that the model gives."""
        return self.model.predict_proba(rows)[:, 0]

    def attacks(
        self, rules: Constraints, *, can_lose: float, sure: float = 0.5, budget: int = 40
    ) -> dict[str, pd.DataFrame]:
        """Let agencies change their bills until these are paid at once, and return what came of it.

        Args:
            rules: what an agency can change.
            can_lose: hours that an agency gives up at most: those left off the bill, and one for each
                time sheet that it makes up.
            sure: chance of being paid from which nobody looks at the bill.
            budget: questions for each bill.

        Returns:
            ``"any change"`` (the attack knows no rules, and is judged by them) and ``"within the rules"``:
            truth, before, after, valid, random, again as task 3 judges them (answers 0 and 1; random
            changes are drawn within the rules), chance (of being paid at once, after the change) and lost
            (hours given up).

        Raises:
            UserError: if the rules name a column that is not there, or the attack cannot be measured.
        """
        from secure_ai.attack.evasion import Constraints, EvasionResult, evade, measure_evasion
        from secure_ai.attack.targets import open_target

        price = {"costs": {"hours": {"down": 1.0}, "time_sheets": {"up": 1.0}}, "cost_unit": "hours"}
        bound, free = replace(rules, **price), Constraints(**price)
        target = open_target(self.model, threshold=1 - sure, name="model of bills")
        result = measure_evasion(
            target, self.attacked, self.known, bound, goal=0, most_cost=can_lose, budget=budget
        )
        if not isinstance(result, EvasionResult):
            raise UserError(result.reason)
        within = result.evasions
        any_change = evade(target, within.original, self.known, free, goal=0, budget=budget)
        truth = self.truth[target.labels(self.attacked) == 1]
        random = np.where(np.isfinite(result.random_first), 0, within.before)
        again = target.labels(within.original)

        def judged(evasions: Evasions) -> pd.DataFrame:
            broken = rules.violations(evasions.original, evasions.changed)["row"].to_numpy(dtype=int)
            moved = evasions.changed[["hours", "time_sheets"]] - evasions.original[["hours", "time_sheets"]]
            lost = (moved["time_sheets"].clip(0) - moved["hours"].clip(upper=0)).to_numpy()
            valid = ~np.isin(np.arange(len(lost)), broken) & (lost <= can_lose)
            columns = {"truth": truth, "before": evasions.before, "after": evasions.after, "valid": valid}
            return pd.DataFrame(
                {**columns, "random": random, "again": again, "chance": self.paid(evasions.changed)}
                | {"lost": lost}
            )

        return {"any change": judged(any_change), "within the rules": judged(within)}


def billing(seed: int, *, attacked: int = 50) -> Billing:
    """Return a model of bills trained on invented ones, and others to attack it with.

    Args:
        seed: of bills and model.
        attacked: bills that the model wants checked.
    """
    from threadpoolctl import threadpool_limits

    from secure_ai.learn.attacked_models import boosting

    rng = np.random.default_rng(seed)
    table, truth = judged_bills(rng, 1500)
    with threadpool_limits(1):
        model = boosting(seed).fit(table, truth)
    others, true = judged_bills(rng, 600)
    answers = model.predict(others)
    chosen = np.sort(np.r_[np.flatnonzero(answers == 1)[:attacked], np.flatnonzero(answers == 0)[:10]])
    return Billing(
        model,
        known=bills(rng, 200),
        attacked=others.iloc[chosen].reset_index(drop=True),
        truth=true[chosen],
        usual=bills(rng, 1000),
    )
