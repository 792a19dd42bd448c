"""The risk-utility frontier: what each k costs in detail and in what a model still learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from secure_ai.anonymize.tabular.loss import information_loss
from secure_ai.anonymize.tabular.methods import Plan, partition, usefulness_of, with_hierarchies
from secure_ai.core import Measurement, UserError
from secure_ai.core.sources import Source, as_source

if TYPE_CHECKING:
    import pandas as pd

KS = (2, 5, 10, 25, 50, 100)


@dataclass(frozen=True)
class Frontier:
    """What each k leaves of risk and of use.

    Attributes:
        points: one row per k that was reached: ``k``, ``highest_risk``, ``success_rate`` (expected share of
            records that are traced), ``classes``, ``suppressed`` (share of records), ``ncp``; with a target
            also ``score``, ``score_low``, ``score_high`` (95 %), and ``difference``, ``low``, ``high`` (from
            the score before, on the same rows).
        unreached: each k that was not reached, with the reason.
        before: score of the table as it was; None without a target.
    """

    points: pd.DataFrame
    unreached: Mapping[int, str]
    before: Measurement | None

    def to_frame(self) -> pd.DataFrame:
        """Return the points."""
        return self.points.copy()

    def sentence(self) -> str:
        """Say what the frontier shows."""
        from secure_ai.anonymize.tabular.charts import frontier_sentence

        return frontier_sentence(self)


def frontier(
    table: pd.DataFrame | Source | Any,
    plan: Plan,
    *,
    ks: Sequence[int] = KS,
    target: str | None = None,
    features: Sequence[str] = (),
    seed: int = 0,
) -> Frontier:
    """Anonymize a table with each of several k, and measure what is left of risk and of use.

    Args:
        table: frame, path or open source.
        plan: everything that a release is made with; its k is replaced.
        ks: the k to try.
        target: column to predict; without it only the information loss is measured.
        features: columns that the model reads beside quasi-identifiers and sensitive attributes.
        seed: of the folds of the model.

    Raises:
        UserError: if there is no k, or the plan does not fit the table with any of them.
    """
    import pandas as pd

    if not ks:
        raise UserError("No k was named for the frontier: 2, 5, 10, 25, 50 and 100 are usual.")
    source = as_source(table)
    plan = with_hierarchies(source, plan)
    rows, unreached, before = [], {}, None
    cache: dict[Any, Any] = {}
    for k in sorted(set(ks)):
        chosen = replace(plan, requirements=replace(plan.requirements, k=k))
        try:
            found = partition(source, chosen, every_node=False).partitioning
            useful = (
                usefulness_of(source, chosen, target, features=features, seed=seed, cache=cache)
                if target is not None
                else None
            )
        except UserError as error:
            # Only a k that is too large may fail; anything else fails with the smallest k as well.
            if not rows:
                raise
            unreached[k] = str(error)
            continue
        loss = information_loss(found)
        # Suppressed records look alike, too.
        sizes = [*found.class_sizes.tolist(), *([loss.suppressed] if loss.suppressed else [])]
        row = {
            "k": k,
            "highest_risk": 1 / min(sizes),
            "success_rate": len(sizes) / loss.records,
            "classes": loss.classes,
            "suppressed": loss.suppressed / loss.records,
            "ncp": loss.ncp,
        }
        if useful is not None:
            before = useful.main.before
            row |= {
                "score": useful.main.after.value,
                "score_low": useful.main.after.interval[0],
                "score_high": useful.main.after.interval[1],
                "difference": useful.main.difference.value,
                "low": useful.main.difference.interval[0],
                "high": useful.main.difference.interval[1],
            }
        rows.append(row)
    return Frontier(pd.DataFrame(rows), unreached, before)
