"""What rounding does to the theft of a linear model: equations err, a search along lines does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.attack.extraction.line_search import search_linear
from secure_ai.attack.extraction.linear import coefficient_error, solve_linear
from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target, reason_instead
from secure_ai.core import Unassessed
from secure_ai.core.figures import percent

EQUATIONS, LINES = "equations", "line search"


@dataclass(frozen=True)
class RoundingCurve:
    """How exactly a linear model was copied from each kind of answer.

    Attributes:
        table: columns ``answer`` (``"all digits"``, ``"4 decimals"``, ..., ``"label"``), ``method``,
            ``queries``, ``coefficient_error`` (largest, in the rows' units; of labels after both sides were
            brought to length 1), ``fidelity`` (on rows held out).
        skipped: what could not be tried, with the reason.
        majority: share of the model's most frequent class among the rows held out.
        n: rows held out.
    """

    table: pd.DataFrame
    skipped: dict[str, Unassessed]
    majority: float
    n: int

    def sentence(self) -> str:
        """Say what rounding did."""
        parts = []
        for method in (EQUATIONS, LINES):
            part = self.table[self.table["method"] == method]
            if len(part):
                worst = part.loc[part["coefficient_error"].idxmax()]
                parts.append(
                    f"by {method} the worst coefficient is off by {worst['coefficient_error']:.1g} (from "
                    f"{worst['answer']}, {worst['queries']:,} queries), and the least faithful copy agrees "
                    f"with the model on {percent(part['fidelity'].min())}"
                )
        if not parts:
            return "No kind of answer could be tried."
        text = "; ".join(parts)
        return (
            f"{text[0].upper()}{text[1:]} of {self.n:,} rows held out; naming its most frequent answer "
            f"agrees on {percent(self.majority)}."
        )


@reason_instead
def rounding_curve(
    model: Any,
    rows: Any,
    held_out: Any,
    *,
    decimals: Sequence[int] = (4, 3, 2, 1),
    queries: int | None = None,
    seed: int = 0,
) -> RoundingCurve | Unassessed:
    """Copy a linear model of two classes from all digits, from fewer, and from the label alone.

    Args:
        model: a fitted linear classifier with ``predict_proba`` and ``decision_function``, to judge by.
        rows: rows that the thief owns, without classes.
        held_out: rows to judge by.
        decimals: to which answers are rounded.
        queries: of the equations from rounded answers; ten for each coefficient, and as many as for all
            digits, if not given.
        seed: of the questions.

    Returns:
        The curve, or :class:`Unassessed` where the model is not of two classes, or nothing could be tried.

    Raises:
        UserError: if an argument is wrong.
    """
    if not hasattr(model, "predict_proba") or len(getattr(model, "classes_", ())) != 2:
        raise TargetError(
            "The rounding curve is for linear models: give a fitted one of two classes with predict_proba."
        )
    check_rows(rows, what="rows of the attacker")
    check_rows(held_out, what="rows held out")
    truth = check_target(open_target(model), held_out)
    found: list[dict[str, Any]] = []
    skipped: dict[str, Unassessed] = {}

    def attempt(answer: str, method: str, target: Any, count: int | None = None) -> None:
        try:
            if method == EQUATIONS:
                copy = solve_linear(target, rows, queries=count, seed=seed)
            else:
                copy = search_linear(target, rows, seed=seed)
        except TargetError as error:
            skipped[f"{answer}, {method}"] = Unassessed(str(error))
            return
        found.append(
            {
                "answer": answer,
                "method": method,
                "queries": copy.queries,
                "coefficient_error": coefficient_error(model, copy, rows),
                "fidelity": float(np.mean(copy.predict(held_out) == truth)),
            }
        )

    attempt("all digits", EQUATIONS, open_target(model))
    many = queries or (10 * found[0]["queries"] if found else None)
    for places in decimals:
        rounded = _rounded(model, places)
        attempt(f"{places} decimals" if places > 1 else "1 decimal", EQUATIONS, rounded, many)
        attempt(f"{places} decimals" if places > 1 else "1 decimal", LINES, _rounded(model, places))
    attempt("label", LINES, open_target(model, answer="labels"))
    if not found:
        raise TargetError(f"No kind of answer could be tried. {next(iter(skipped.values())).reason}")
    _, counts = np.unique(truth, return_counts=True)
    columns = ["answer", "method", "queries", "coefficient_error", "fidelity"]
    return RoundingCurve(
        pd.DataFrame(found, columns=columns), skipped, float(counts.max() / len(truth)), len(truth)
    )


def _rounded(model: Any, places: int) -> Any:
    policy = AnswerPolicy("rounded", places)
    return open_target(lambda rows: policy.apply(model.predict_proba(rows)), classes=model.classes_)
