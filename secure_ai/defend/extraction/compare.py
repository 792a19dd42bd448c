"""One table of answers to theft: how much a thief still copies, and what honest clients lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.attack.extraction import ExtractionResult, measure_extraction
from secure_ai.attack.targets import check_rows, open_target, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.defend.extraction.guard import DeceptiveNoise, GuardedModel
from secure_ai.defend.extraction.limits import DailyLimit, refused_share

Answer = AnswerPolicy | DeceptiveNoise | DailyLimit
OPEN = "probability, no limit"


@dataclass(frozen=True)
class AnswerComparison:
    """What each answer leaves to a thief and takes from clients.

    Attributes:
        table: one row for each answer: ``answer``, ``queries`` of the thief, ``fidelity`` of a thief who
            learns from what is given, ``fidelity_adaptive`` (the better of that and of learning from the
            class alone), ``low``, ``high`` (of the latter), ``decisions_changed`` for clients,
            ``probability_error`` (mean change of a probability; of a label, its distance from the
            probability), ``brier`` (mean squared error against the true classes, smaller is better),
            ``rows_refused`` to clients (NaN where their demand is not known).
        results: the thefts behind it, by answer.
        unassessed: answers that could not be measured.
        majority: what naming the most frequent answer agrees on.
        n: rows held out.
    """

    table: pd.DataFrame
    results: dict[str, ExtractionResult] = field(repr=False)
    unassessed: dict[str, Unassessed]
    majority: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def measurements(self) -> list[Measurement]:
        """Return every fidelity that was measured, of the adaptive thief."""
        return [result.fidelity for result in self.results.values()]

    def sentence(self) -> str:
        """Say which answer leaves a thief least, and its price."""
        if OPEN not in self.results or len(self.table) < 2:
            return "No answer could be compared with the open model."
        base = self.table.iloc[0]
        others = self.table.iloc[1:]
        best = others.loc[others["fidelity_adaptive"].idxmin()]
        price = f"clients see {percent(best['decisions_changed'])} of decisions changed"
        if best["rows_refused"] > 0:
            price += f" and {percent(best['rows_refused'])} of their rows refused"
        clearly = best["high"] < base["low"]
        verdict = "clearly less" if clearly else "no answer leaves clearly less; least"
        return (
            f"Without an answer {base['queries']:,} queries copy {percent(base['fidelity_adaptive'])} of the "
            f"model's answers on {self.n:,} rows held out (naming the most frequent one: "
            f"{percent(self.majority)}). A thief who knows the answer: {verdict} under '{best['answer']}', "
            f"{percent(best['fidelity_adaptive'])} with {best['queries']:,} queries; {price}, the mean error "
            f"of a probability is {best['probability_error']:.3f}."
        )


@reason_instead
def compare_answers(
    model: Any,
    rows: Any,
    held_out: Any,
    truth: Any,
    *,
    answers: Mapping[str, Answer] | None = None,
    budget: int = 1_000,
    kind: Literal["auto", "trees", "network", "linear"] = "auto",
    checkpoints: Sequence[int] | None = None,
    demand: Sequence[int] | None = None,
    key: bytes | None = None,
    seed: int = 0,
) -> AnswerComparison | Unassessed:
    """Steal a model behind each answer, by a thief who learns from what is given and by one who adapts.

    Args:
        model: see :func:`secure_ai.attack.targets.open_target`; must give probabilities.
        rows: rows that the thief owns, without classes.
        held_out: rows to judge by.
        truth: their true classes, for what clients lose.
        answers: by name; rounding, the label alone, noise and a daily limit if not given.
        budget: queries of the thief where no limit stops it.
        kind, checkpoints: of the copy, see :func:`secure_ai.attack.extraction.steal_model`.
        demand: rows that honest clients ask about in a day, one number for each client and day; needed for
            what a limit refuses.
        key: of the noise; made from the seed if not given, which is good for a measurement and not for use.
        seed: of the thefts.

    Returns:
        The comparison, or :class:`Unassessed` with the reason.

    Raises:
        UserError: if an argument is wrong.
    """
    check_rows(held_out, what="rows held out")
    if len(truth) != len(held_out):
        raise UserError(
            f"There are {len(held_out):,} rows held out and {len(truth):,} classes: give one each."
        )
    target = open_target(model)
    chances = target.probabilities(held_out)
    if answers is None:
        answers = usual_answers(key or np.random.default_rng(seed).bytes(32))
    found: list[dict[str, Any]] = []
    results: dict[str, ExtractionResult] = {}
    unassessed: dict[str, Unassessed] = {}
    decided = target.decide(chances)
    by_label: dict[int, Any] = {}
    for name, answer in {OPEN: AnswerPolicy(), **answers}.items():
        limit = answer if isinstance(answer, DailyLimit) else None
        policy = AnswerPolicy() if isinstance(answer, DailyLimit) else answer
        guarded = GuardedModel(target, policy, threshold=target.threshold)
        given = guarded.ask(held_out)
        queries = budget if limit is None else min(budget, limit.queries())
        options = {
            "budget": queries,
            "kind": kind,
            "original": target,
            "checkpoints": checkpoints,
            "seed": seed,
        }
        steal = partial(measure_extraction, rows=rows, held_out=held_out, **options)
        naive = steal(open_target(guarded, threshold=target.threshold))
        adaptive = naive
        if guarded.answer == "probabilities" and not isinstance(naive, Unassessed):
            # Where no decision changes, the classes are those of the open model: one theft serves.
            same = bool(np.array_equal(target.decide(given), decided))
            other = by_label.get(queries) if same else None
            if other is None:
                other = steal(open_target(guarded, threshold=target.threshold), answer="labels")
            if same:
                by_label[queries] = other
            if not isinstance(other, Unassessed):
                adaptive = max(naive, other, key=lambda result: result.fidelity.value)
        if isinstance(adaptive, Unassessed):
            unassessed[name] = adaptive
            continue
        results[name] = adaptive
        refused = 0.0
        if limit is not None:
            refused = float("nan") if demand is None else refused_share(demand, limit.rows_per_day)
        found.append(
            {
                "answer": name,
                "queries": adaptive.queries,
                "fidelity": naive.fidelity.value,
                "fidelity_adaptive": adaptive.fidelity.value,
                "low": adaptive.fidelity.interval[0],
                "high": adaptive.fidelity.interval[1],
                **_price(given, chances, decided, truth, target),
                "rows_refused": refused,
            }
        )
    if not results:
        return next(iter(unassessed.values()))
    majority = next(iter(results.values())).fidelity.baseline
    return AnswerComparison(pd.DataFrame(found), results, unassessed, majority, len(held_out))


def usual_answers(key: bytes) -> dict[str, Answer]:
    """Return the answers that are compared if none are named; ``key`` is that of the noise."""
    return {
        "2 decimals": AnswerPolicy("rounded", 2),
        "1 decimal": AnswerPolicy("rounded", 1),
        "label alone": AnswerPolicy("label"),
        "deceptive noise": DeceptiveNoise(1.5, key),
        "10 rows a day for 30 days": DailyLimit(10, days=30),
    }


def _price(
    given: np.ndarray, chances: np.ndarray, decided: np.ndarray, truth: Any, target: Any
) -> dict[str, float]:
    """Return what clients lose on rows of known class."""
    if given.ndim == 1:
        labels = given
        given = (given[:, None] == target.classes[None, :]).astype(float)
    else:
        labels = target.decide(given)
    correct = (np.asarray(truth)[:, None] == target.classes[None, :]).astype(float)
    return {
        "decisions_changed": float(np.mean(labels != decided)),
        "probability_error": float(np.abs(given - chances).mean()),
        "brier": float(((given - correct) ** 2).sum(axis=1).mean()),
    }
