"""How much a way of training leaks: the same attack on several targets that share their reference models.

One target says little: another draw of the members would have leaked more or less. Here several are trained
and attacked, and models that have seen none of the records stand beside them as the control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from secure_ai.attack.membership import figures, scores
from secure_ai.attack.membership.groups import keys_of, take
from secure_ai.attack.membership.judging import CARLINI, LEAST
from secure_ai.attack.membership.references import (
    COUNT,
    Recipe,
    ReferenceSignals,
    Training,
    draw_membership,
    seeds_of,
    train_all,
)
from secure_ai.attack.targets.errors import TargetError, reason_instead
from secure_ai.attack.targets.preflight import check_rows
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

RATES = {"tpr_at_1_percent": 0.01, "tpr_at_0.5_percent": 0.005, "tpr_at_0.1_percent": 0.001, "tpr_at_0": 0.0}
MOST_HELD_OUT = 2_000
Attack = Literal["auto", "lira", "rmia", "label", "loss"]
ATTACKS = ("auto", "lira", "rmia", "label", "loss")


@dataclass(frozen=True)
class RecipeLeakage:
    """What models trained in one way give away of their members.

    Attributes:
        frame: one row for each model: ``model`` (``target`` or ``control``), ``auc``, ``advantage``,
            ``tpr_at_1_percent``, ``tpr_at_0.5_percent``, ``tpr_at_0.1_percent``, ``tpr_at_0`` (missing
            where there are too few non-members), ``accuracy`` (on records of neither group; missing where
            there are none), ``accuracy_on_members``.
        attack: name of the attack.
        members: records that each target was trained on; as many others are told apart from them.
        references: number of reference models.
    """

    frame: pd.DataFrame
    attack: str
    members: int
    references: int

    def mean(self, figure: str, model: str = "target") -> Measurement | Unassessed:
        """Return a column's mean over the models, with the interval over models (Student's t).

        Raises:
            UserError: if there is no such column.
        """
        if figure not in self.frame.columns[1:]:
            raise UserError(f"figure='{figure}': choose from {', '.join(self.frame.columns[1:])}.")
        values = self.frame.loc[self.frame["model"] == model, figure].to_numpy(dtype=float)
        control = self.frame.loc[self.frame["model"] == "control", figure].to_numpy(dtype=float)
        if not len(values) or np.isnan(values).any():
            return Unassessed(f"{figure} was not measured: there were too few records for it; give more.")
        base = {"auc": 0.5, "advantage": 0.0, "tpr_at_0": 1 / (self.members + 1), **_RATE_BASES}
        known = len(control) and not np.isnan(control).any() and model == "target"
        return Measurement(
            name=f"membership_{figure}",
            value=float(values.mean()),
            unit="difference of probabilities" if figure == "advantage" else "probability",
            n=len(values),
            baseline=base.get(figure, 0.0),
            interval=_over_models(values, lowest=-1.0 if figure == "advantage" else 0.0),
            method=f"{self.attack}; mean of {len(values)} models, interval over models",
            source=CARLINI,
            control=float(control.mean()) if known else None,
        )

    def measurements(self) -> list[Measurement]:
        """Return the mean of every figure that was measured."""
        found = (self.mean(name) for name in self.frame.columns[1:])
        return [figure for figure in found if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each model."""
        return self.frame

    def sentence(self) -> str:
        """Say what models trained like this give away."""
        targets = int((self.frame["model"] == "target").sum())
        auc, few = self.mean("auc"), self.mean("tpr_at_1_percent")
        assert isinstance(auc, Measurement)
        text = (
            f"The {self.attack} attack on {targets} models of {self.members:,} members: AUC {auc.value:.3f}"
        )
        if auc.control is not None:
            text += f" (control {auc.control:.3f})"
        if isinstance(few, Measurement):
            text += f", {percent(few.value)} of members found at 1% false alarms"
        accuracy = self.mean("accuracy")
        if isinstance(accuracy, Measurement):
            text += f"; right on {accuracy.value:.1%} of other records"
        return text + "."


_RATE_BASES = {name: rate for name, rate in RATES.items() if rate}


@reason_instead
def measure_recipe(
    recipe: Recipe,
    rows: Any,
    labels: Any,
    *,
    members: int | None = None,
    references: int = COUNT,
    targets: int = 4,
    controls: int = 2,
    method: Attack = "auto",
    seed: int = 0,
    n_jobs: int = 2,
) -> RecipeLeakage:
    """Train targets, controls and references by a recipe, and attack each target with all references.

    Args:
        recipe: an unfitted classifier, or ``(rows, labels, seed)`` to a fitted one; what it returns may
            round, or give answers alone: then the attacker's references do too.
        rows, labels: the population; records that stand in it twice are used once.
        members: size of a target; a third of the population if not given. As many others are the
            non-members; controls are trained on, and accuracy is measured on, the rest.
        references: how many reference models, each trained on half of members and non-members.
        targets: how many targets.
        controls: how many models trained on none of the records; none where the rest is too small.
        method: ``"auto"`` takes LiRA or RMIA, whichever finds more members of the references, or the answers
            alone where there is nothing else; ``"loss"`` uses no references.
        seed: of everything that is drawn.
        n_jobs: how many are trained at the same time.

    Returns:
        The figures, or ``Unassessed`` with the reason.

    Raises:
        UserError: if an argument is wrong.

    Source: Carlini et al., Membership inference attacks from first principles (2022), section VI.
    """
    if method not in ATTACKS:
        raise UserError(f"method='{method}': choose from {', '.join(ATTACKS)}.")
    if targets < 1 or references < 4:
        raise UserError("Give at least one target and four references.")
    plan = _Plan.of(rows, labels, members, seed)
    rng = np.random.default_rng(seed)
    drawn = [draw_membership(2 * plan.size, references, 0.5, rng), *(plan.half(rng) for _ in range(targets))]
    count = controls if len(plan.rest) >= plan.size else 0
    masks = [plan.mask(np.flatnonzero(inside)) for inside in np.vstack(drawn)]
    masks += [plan.mask(2 * plan.size + rng.permutation(len(plan.rest))[: plan.size]) for _ in range(count)]
    training = Training(recipe, plan.rows, plan.labels, plan.asked())
    found = train_all(training, list(zip(masks, seeds_of(seed, len(masks)), strict=True)), n_jobs)
    pool = slice(0, 2 * plan.size)
    known = ReferenceSignals(
        np.stack([one[0][pool] for one in found[:references]]),
        np.stack([one[1][pool] for one in found[:references]]),
        drawn[0],
        np.arange(2 * plan.size, dtype=np.uint64),
    )
    name, attack = _attack(method, known)
    table = []
    for place, (probability, right) in enumerate(found[references:]):
        target = place < targets
        # A control is asked about the members of a target that it has nothing to do with.
        inside = np.vstack(drawn)[references + place % targets]
        one = attack(probability[pool], right[pool])
        told = _figures(one[inside], one[~inside], seed)
        # Trained on the rest, a control would be judged on what it has seen.
        accuracy = float(right[2 * plan.size :].mean()) if target and len(right) > 2 * plan.size else np.nan
        members_right = float(right[pool][inside].mean()) if target else np.nan
        table.append(
            {
                "model": "target" if target else "control",
                **told,
                "accuracy": accuracy,
                "accuracy_on_members": members_right,
            }
        )
    import pandas as pd

    return RecipeLeakage(pd.DataFrame(table), name, plan.size, references)


@dataclass(frozen=True)
class _Plan:
    """The population in the order: members and non-members, then the rest."""

    rows: Any
    labels: np.ndarray
    size: int

    @classmethod
    def of(cls, rows: Any, labels: Any, members: int | None, seed: int) -> _Plan:
        y = np.asarray(labels).ravel()
        check_rows(rows, what="rows of the population")
        if len(y) != len(rows):
            raise UserError(f"There are {len(rows):,} records and {len(y):,} classes: give one for each.")
        if len(np.unique(y)) < 2:
            raise TargetError(
                "All records have one class: no model learns from them. Give rows of two or more."
            )
        once = np.unique(keys_of(rows, y), return_index=True)[1]
        size = len(once) // 3 if members is None else members
        if size < LEAST or 2 * size > len(once):
            raise TargetError(
                f"members={size:,}: there are {len(once):,} different records, and members and non-members "
                f"need {max(size, LEAST) * 2:,} together: give more records, or choose fewer members "
                f"({LEAST} at least)."
            )
        order = np.random.default_rng(seed).permutation(np.sort(once))
        return cls(take(rows, order), y[order], size)

    @property
    def rest(self) -> range:
        return range(2 * self.size, len(self.labels))

    def half(self, rng: np.random.Generator) -> np.ndarray:
        return (rng.permutation(2 * self.size) < self.size)[None, :]

    def mask(self, places: np.ndarray) -> np.ndarray:
        inside = np.zeros(len(self.labels), bool)
        inside[places] = True
        return inside

    def asked(self) -> tuple[Any, np.ndarray]:
        places = np.arange(2 * self.size + min(len(self.rest), MOST_HELD_OUT))
        return take(self.rows, places), self.labels[places]


def _attack(method: str, known: ReferenceSignals) -> tuple[str, Any]:
    """Return the attack's name, and probabilities and right answers to scores."""
    if method == "auto":
        labels_only = bool(np.isin(known.probability, (0.0, 1.0)).all())
        method = "label" if labels_only else scores.best_method(known)
    if method == "label":
        return "label-only", lambda _, right: scores.label_scores(right, known)
    if method == "loss":
        return "loss threshold", lambda probability, _: scores.logit(probability)
    if method == "rmia":
        return "online RMIA", lambda probability, _: scores.rmia_scores(probability, known)
    scale = scores.best_scale(known)
    return "online LiRA", lambda probability, _: scores.lira_scores(probability, known, scale=scale)


def _figures(members: np.ndarray, others: np.ndarray, seed: int) -> dict[str, float]:
    rates = {
        name: figures.true_positives_at(members, others, rate)
        if rate == 0 or rate * len(others) >= 1
        else np.nan
        for name, rate in RATES.items()
    }
    return {
        "auc": figures.auc(members, others),
        "advantage": figures.advantage(members, others, seed)[0],
        **rates,
    }


def _over_models(values: np.ndarray, lowest: float) -> tuple[float, float]:
    """Return the interval of the mean at 95 %; of one model it is all that is possible."""
    from scipy.stats import t

    if len(values) < 2:
        return lowest, 1.0
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return max(lowest, float(values.mean()) - half), min(1.0, float(values.mean()) + half)
