"""How much of a model is stolen by how many queries, measured on rows that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from secure_ai.attack.extraction.coding import as_frame
from secure_ai.attack.extraction.result import ExtractionResult
from secure_ai.attack.extraction.substitute import Substitute, shuffled_copy, steal_model
from secure_ai.attack.targets import TargetError, check_rows, open_target, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.intervals import wilson

SOURCE = "Jagielski et al., High accuracy and high fidelity extraction of neural networks (2020)"


def fidelity(model: Any, copy: Any, rows: Any) -> Measurement:
    """Return on how many rows a copy gives the model's class; baseline: the most frequent class of the model.

    Args:
        model: the original, see :func:`secure_ai.attack.targets.open_target`.
        copy: the same of the copy.
        rows: rows that neither was made with.

    Raises:
        TargetError: if one of them does not answer, or the rows cannot be judged.
    """
    check_rows(rows, what="rows held out")
    return _agreement(open_target(model).labels(rows), _labels(copy, rows), None, "extraction_fidelity")


@reason_instead
def measure_extraction(
    model: Any,
    rows: Any,
    held_out: Any,
    *,
    budget: int = 5_000,
    answer: Literal["probabilities", "labels"] | None = None,
    kind: Literal["auto", "trees", "network", "linear"] = "auto",
    active: bool = True,
    recombine: bool = True,
    checkpoints: Sequence[int] | None = None,
    original: Any | None = None,
    price_per_thousand: float = 1.0,
    currency: str = "USD",
    seed: int = 0,
) -> ExtractionResult | Unassessed:
    """Steal a model by its answers and measure how well the copy agrees with it.

    Args:
        model: what is asked, see :func:`secure_ai.attack.targets.open_target`.
        rows: rows of the same kind that the thief owns, without classes.
        held_out: rows to judge the copy by; the thief does not have them. Asking for the model's classes of
            them is the judge's question and is not counted as the thief's.
        budget, answer, kind, active, recombine, checkpoints, seed: see :func:`steal_model`.
        original: the model to judge by where ``model`` is a defended view of it; None for ``model``.
        price_per_thousand: what the owner asks for 1,000 queries.
        currency: of the price.

    Returns:
        The result, or :class:`Unassessed` with the reason.

    Raises:
        UserError: if an argument is wrong.
    """
    if not price_per_thousand >= 0 or not np.isfinite(price_per_thousand):
        raise UserError(
            f"price_per_thousand={price_per_thousand!r}: give what 1,000 queries cost, 0 or more."
        )
    check_rows(held_out, what="rows held out")
    target = open_target(model)
    truth = (target if original is None else open_target(original)).labels(held_out)
    if len(np.unique(truth)) < 2:
        raise TargetError(
            f"The {target.name} gives the same class for all {len(held_out):,} rows held out: "
            "any copy would agree. Give rows that it answers differently."
        )
    points: list[tuple[int, float, float, float, float]] = []

    def mark(copy: Substitute) -> None:
        hits = int(np.sum(copy.predict(held_out) == truth))
        cost = copy.queries / 1_000 * price_per_thousand
        points.append((copy.queries, cost, hits / len(truth), *wilson(hits, len(truth))))

    copy = steal_model(
        target,
        rows,
        budget=budget,
        answer=answer,
        kind=kind,
        active=active,
        recombine=recombine,
        checkpoints=checkpoints,
        on_checkpoint=mark,
        seed=seed,
    )
    curve = pd.DataFrame(points, columns=["queries", "cost", "fidelity", "low", "high"])
    judged = partial(
        _agreement, truth, copy.predict(held_out), shuffled_copy(copy, seed=seed).predict(held_out)
    )
    seen = _known(held_out, [rows, copy.transcript.rows()])
    return ExtractionResult(
        fidelity=judged("extraction_fidelity"),
        fidelity_unseen=judged("extraction_fidelity_unseen", chosen=~seen)
        if not seen.all()
        else Unassessed("Every row held out has the values of a row that the thief owns or asked about."),
        fidelity_rare=judged("extraction_fidelity_rare", chosen=truth != _most_frequent(truth)),
        curve=curve.assign(own_rows=copy.own_rows),
        answer=copy.answer,
        cost=float(curve["cost"].iloc[-1]),
        currency=currency,
        substitute=copy,
    )


def _labels(copy: Any, rows: Any) -> np.ndarray:
    return copy.predict(rows) if isinstance(copy, Substitute) else open_target(copy, name="copy").labels(rows)


def _most_frequent(labels: np.ndarray) -> Any:
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def _agreement(
    truth: np.ndarray,
    given: np.ndarray,
    by_chance: np.ndarray | None,
    name: str,
    *,
    chosen: Any = slice(None),
) -> Measurement:
    """Return the agreement on chosen rows; baseline: the most frequent class of all of them."""
    frequent = _most_frequent(truth)
    truth, given = truth[chosen], given[chosen]
    hits = int(np.sum(truth == given))
    return Measurement(
        name=name,
        value=hits / len(truth),
        unit="probability",
        n=len(truth),
        baseline=float(np.mean(truth == frequent)),
        control=None if by_chance is None else float(np.mean(truth == by_chance[chosen])),
        interval=wilson(hits, len(truth)),
        method="agreement with the model; baseline: its most frequent class; "
        "control: a copy learned from shuffled answers",
        source=SOURCE,
    )


def _known(held_out: Any, known: Sequence[Any]) -> np.ndarray:
    """Say for each held-out row whether the same values are among known rows."""
    frame = as_frame(held_out)
    seen = set()
    for rows in known:
        other = as_frame(rows)[list(frame.columns)]
        seen.update(pd.util.hash_pandas_object(other.astype(frame.dtypes.to_dict()), index=False))
    return pd.util.hash_pandas_object(frame, index=False).isin(seen).to_numpy()
