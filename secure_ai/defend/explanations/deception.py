"""Explanations that are harder to deceive, and a check whether made rows tell the truth about a model.

An explainer that asks about rows nobody could have can be told anything. Answers: real people as background
instead of averages; real rows alone; a look-alike fitted on the answers to real rows.

Source: Slack et al., Fooling LIME and SHAP (2020), for the attack; the check is our own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.attack.explanations import made_rows
from secure_ai.attack.targets import (
    Target,
    TargetError,
    check_rows,
    check_target,
    open_target,
    reason_instead,
)
from secure_ai.core import Measurement, Unassessed
from secure_ai.core.intervals import wilson
from secure_ai.defend.explanations.explain_decision import explain_rows
from secure_ai.defend.explanations.look_alikes import FAMILIES, fit_look_alike, fit_on_answers
from secure_ai.defend.explanations.players import as_frame

SOURCE = "Slack et al., Fooling LIME and SHAP (2020)"
CENTERS = 10
MADE = 2_000


@dataclass(frozen=True)
class MadeRowsCheck:
    """Whether what explainers learn from made rows holds for real people.

    Attributes:
        excess: how much more a look-alike, fitted on real rows, errs on made rows than on real ones; the
            smallest over families of look-alikes. Baseline: the greatest excess that honest models (the
            look-alikes themselves, checked likewise) show. Control: the look-alike's error on real rows that
            it was not fitted on.
        families: columns family, real, made, excess, honest: errors on held-out real and on made rows, and
            the excess of the honest model of that family.
        made: rows made.
    """

    excess: Measurement
    families: pd.DataFrame
    made: int

    def departs(self) -> bool:
        """Say whether the excess lies beyond chance above what honest models show."""
        return self.excess.interval[0] > self.excess.baseline

    def measurements(self) -> list[Measurement]:
        """Return the excess."""
        return [self.excess]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each family of look-alikes."""
        return self.families

    def sentence(self) -> str:
        """Say what was found and what it means."""
        low, high = (100 * bound for bound in self.excess.interval)
        text = (
            "On rows that only explainers make, the model departs from what it says to real people in "
            f"{100 * self.excess.value:+.1f} points of the answers ({low:+.1f} to {high:+.1f}); honest "
            f"models do in up to {100 * max(self.excess.baseline, 0.0):+.1f}. "
        )
        if self.departs():
            return text + (
                "Explanations that ask about made rows do not hold for people: the model hides a second "
                "rule, or has learned what no real row shows. Explain from real rows alone."
            )
        return text + "That shows no second rule; a small one could escape this check."


def average_people(rows: Any, *, count: int = CENTERS, seed: int = 0) -> pd.DataFrame:
    """Return averages of groups of people (k-means centers), the background often used to save queries.

    They are nobody: a model can tell them from people, which is why real rows are the better background.

    Args:
        rows: numbers only.
        count: how many averages, 10 or more.
        seed: of k-means.
    """
    from sklearn.cluster import KMeans

    frame, _ = as_frame(rows)
    check_rows(frame, least=count)
    numbers = frame.to_numpy(dtype=float)
    center, spread = numbers.mean(axis=0), np.where(numbers.std(axis=0) > 0, numbers.std(axis=0), 1)
    with threadpool_limits(1):
        found = KMeans(count, n_init=3, random_state=seed).fit((numbers - center) / spread).cluster_centers_
    return pd.DataFrame(found * spread + center, columns=frame.columns)


def explainers(
    background: pd.DataFrame,
    *,
    label: Any,
    groups: Mapping[str, Sequence[Any]] | None = None,
    permutations: int = 80,
    background_rows: int = 40,
    seed: int = 0,
) -> dict[str, Callable[[Any, Any], Any]]:
    """Return five explainers to compare with :func:`~secure_ai.attack.explanations.measure_hiding`.

    Args:
        background: real rows, numbers only.
        label: class that all answers are about.
        groups, permutations, background_rows, seed: as for `explain_rows`.
    """
    averages = average_people(background, seed=seed)
    shared = {"label": label, "groups": groups, "permutations": permutations, "seed": seed}

    def by(method: str, those: pd.DataFrame) -> Callable[[Any, Any], Any]:
        return lambda model, rows: explain_rows(
            model, rows, those, method=method, background_rows=background_rows, **shared
        )

    def of_look_alike(model: Any, rows: Any) -> Any:
        try:
            alike = fit_look_alike(model, background, seed=seed)
        except TargetError as error:
            return Unassessed(str(error))
        return by("sampled", background)(alike.model, rows)

    return {
        "local surrogate": by("surrogate", background),
        "Shapley, average people": by("sampled", averages),
        "Shapley, real people": by("sampled", background),
        "Shapley, real rows alone": by("cohort", background),
        "look-alike explained": of_look_alike,
    }


@reason_instead
def check_made_rows(
    model: Any, rows: Any, *, groups: Sequence[Sequence[Any]] = (), seed: int = 0
) -> MadeRowsCheck | Unassessed:
    """Check whether what explainers learn from made rows holds for real people.

    Look-alikes learn what the model says to real people. An honest model departs from them a little more on
    made rows, as any two models do; how much is measured on the look-alikes themselves. A scaffold departs
    wherever its two models differ. So does an honest model where features hang together so closely that real
    rows do not show what each does alone: the check tells that explanations do not hold, not why.

    Args:
        model: any classifier, function or endpoint; each real row and 2,000 made rows are asked about once.
        rows: real rows, 400 or more.
        groups: columns that explainers exchange together (the columns of one category).
        seed: of everything.

    Returns:
        The check, or :class:`~secure_ai.core.Unassessed` with the reason.
    """
    frame, as_array = as_frame(rows)
    check_rows(frame, least=400, what="real rows")
    target: Target = open_target(model)
    labels = check_target(target, frame.to_numpy() if as_array else frame)
    order = np.array_split(np.random.default_rng(seed).permutation(len(frame)), 2)
    known, held = (frame.iloc[part].reset_index(drop=True) for part in order)
    of_known, of_held = (labels[part] for part in order)
    made = made_rows(held, count=MADE, groups=groups, seed=seed)
    of_made = target.labels(made.to_numpy() if as_array else made)
    parts, lines = (known, held, made), []
    with threadpool_limits(1):
        for family in FAMILIES:
            alike = fit_on_answers(known, of_known, family=family, seed=seed).model
            real, other = (
                float(np.mean(alike.predict(part) != told))
                for part, told in ((held, of_held), (made, of_made))
            )
            lines.append((family, real, other, other - real, _honest_excess(alike, family, parts, seed)))
    table = pd.DataFrame(lines, columns=["family", "real", "made", "excess", "honest"])
    least = table.loc[table["excess"].idxmin()]
    real, other = float(least["real"]), float(least["made"])
    low, high = wilson(other * len(made), len(made))
    below, above = wilson(real * len(held), len(held))
    return MadeRowsCheck(
        Measurement(
            name="departure_on_made_rows",
            value=other - real,
            unit="difference of shares of answers",
            n=len(made) + len(held),
            baseline=float(table["honest"].max()),
            control=real,
            # Newcombe's interval of a difference, from the two of Wilson.
            interval=(
                other - real - math.hypot(other - low, above - real),
                other - real + math.hypot(high - other, real - below),
            ),
            method="look-alikes of three families, the least departure; Newcombe interval",
            source=SOURCE,
        ),
        table,
        len(made),
    )


def _honest_excess(suspect: Any, family: str, parts: tuple[pd.DataFrame, ...], seed: int) -> float:
    """Check a look-alike, which has no second rule, as the model was checked; return its least excess.

    Args:
        suspect: the look-alike.
        family: its family; the others look at it.
        parts: real rows known, real rows held out, made rows.
        seed: of the fits.
    """
    known, held, made = (suspect.predict(part) for part in parts)
    found = []
    for other in FAMILIES:
        if other == family:
            continue
        try:
            alike = fit_on_answers(parts[0], known, family=other, seed=seed + 1).model
        except TargetError:
            continue
        found.append(
            float(np.mean(alike.predict(parts[2]) != made) - np.mean(alike.predict(parts[1]) != held))
        )
    return min(found, default=0.0)
