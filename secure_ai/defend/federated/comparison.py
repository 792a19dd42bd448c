"""What learning together brings: each participant alone, all together, and all rows in one place.

All three are trained by the same steps over the same rounds and judged on the same held-out rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.core import Measurement, UserError
from secure_ai.defend.federated.client import LocalClient, TrainingSettings
from secure_ai.defend.federated.model import FederatedClassifier, FederatedModel
from secure_ai.defend.federated.participants import Participant, pooled_rows
from secure_ai.defend.federated.scores import area, scores_of
from secure_ai.defend.federated.training import FederatedRun, train_federated

if TYPE_CHECKING:
    from numpy.typing import NDArray

MCMAHAN = "McMahan et al., Communication-efficient learning of deep networks (2017)"
EVERYBODY = "everybody"
RESAMPLES = 400
SHUFFLES = 20


@dataclass(frozen=True)
class FederationComparison:
    """How well a model does that was trained alone, together, or on pooled rows.

    Attributes:
        table: one row for each model and held-out part: trained (``"alone: name"``, ``"federated"``,
            ``"pooled"``), tested_on (a participant, or ``"everybody"``), records, loss, accuracy, auc.
        auc: of the federated model on everybody's held-out rows; baseline: the mean of those trained alone,
            weighted by their records; control: the same scores against shuffled outcomes.
        gain: federated AUC less that mean; paired over the same held-out rows.
        gap: pooled AUC less the federated one.
        run: the federated :class:`FederatedRun`.
    """

    table: pd.DataFrame
    auc: Measurement
    gain: Measurement
    gap: Measurement
    run: FederatedRun

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        return [self.auc, self.gain, self.gap]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each model, on everybody's held-out rows: trained, loss, accuracy, auc."""
        everywhere = self.table[self.table["tested_on"] == EVERYBODY]
        return everywhere.drop(columns=["tested_on", "records"]).reset_index(drop=True)

    def sentence(self) -> str:
        """Say what learning together brings, and what it still lacks."""
        low, high = self.gain.interval
        gain = "better" if low > 0 else "worse" if high < 0 else "no different beyond chance"
        low, high = self.gap.interval
        gap = "below" if low > 0 else "above" if high < 0 else "no different beyond chance from"
        return (
            f"On everybody's held-out cases the federated model reaches an AUC of {self.auc.value:.3f}; "
            f"alone the participants reach {self.auc.baseline:.3f} in the mean (federated is {gain}: "
            f"{self.gain.value:+.3f}, {self.gain.interval[0]:+.3f} to {self.gain.interval[1]:+.3f}), and a "
            f"model of the pooled rows {self.auc.value + self.gap.value:.3f} (federated is {gap} it)."
        )


def compare_with_alone(
    participants: Sequence[Participant],
    model: FederatedModel,
    *,
    rounds: int = 20,
    settings: TrainingSettings | None = None,
    seed: int = 0,
) -> FederationComparison:
    """Train alone, together and on pooled rows, and measure all of them on the same held-out rows.

    Args:
        participants: two or more, with held-out rows.
        model: a shape with two classes.
        rounds, settings, seed: as :func:`train_federated`.

    Raises:
        UserError: if there are fewer than two participants, more than two classes, or the held-out rows hold
            one class only.
    """
    if len(participants) < 2:
        raise UserError("A comparison needs two participants or more.")
    if len(model.classes) != 2:
        raise UserError("The comparison is by AUC: it takes a model with two classes.")
    rows, labels = _held_out(participants)
    codes = model.codes(labels)
    if len(np.unique(codes)) < 2:
        raise UserError("The held-out rows have one class only: nothing can be compared.")
    shared = {"rounds": rounds, "settings": settings, "seed": seed}
    quiet = {"held_out": {}, **shared}
    run = train_federated(participants, model, **shared)
    models = {f"alone: {each.name}": train_federated([each], model, **quiet).model for each in participants}
    models["federated"] = run.model
    together = LocalClient("pooled", *pooled_rows(participants), model, seed)
    models["pooled"] = train_federated([together], model, **quiet).model
    table = _table(models, participants, rows, labels)
    scores = {name: fitted.predict_proba(rows)[:, 1] for name, fitted in models.items()}
    weights = np.array([len(each.rows) for each in participants], dtype=float)
    return FederationComparison(table, *_figures(scores, codes, weights, seed), run)


def compare_proximal(
    participants: Sequence[Participant],
    model: FederatedModel,
    *,
    strengths: Sequence[float] = (0.0, 0.01, 0.1, 1.0),
    rounds: int = 20,
    settings: TrainingSettings | None = None,
    seeds: Sequence[int] = (0, 1, 2),
) -> pd.DataFrame:
    """Return what FedProx's pull does on these participants: one row for each strength.

    Columns: proximal; loss, accuracy and auc of the last model on everybody's held-out rows (means over
    ``seeds``); loss_low, loss_high (least and greatest over seeds); drift (mean length of an update in the
    last round); disagreement (1 less the mean agreement of updates over all rounds: 0 where all pull in one
    direction). Whether it helps depends on the data: look before using it.

    Args:
        strengths: values of mu; 0 is FedAvg.
        participants, model, rounds, settings: as :func:`train_federated`.
        seeds: of first weights and order of rows.

    Source: Li et al., Federated optimization in heterogeneous networks (2020).
    """
    settings = settings or TrainingSettings()
    rows, labels = _held_out(participants)
    found = []
    for strength in strengths:
        own = replace(settings, proximal=float(strength))
        runs = [
            train_federated(participants, model, rounds=rounds, settings=own, held_out={}, seed=seed)
            for seed in seeds
        ]
        scores = pd.DataFrame([scores_of(run.model, rows, labels) for run in runs])
        told = pd.concat([run.rounds for run in runs])
        found.append(
            {
                "proximal": float(strength),
                **scores[["loss", "accuracy", "auc"]].mean().to_dict(),
                "loss_low": scores["loss"].min(),
                "loss_high": scores["loss"].max(),
                "drift": told.loc[told["round"] == rounds, "update_norm"].mean(),
                "disagreement": 1 - told["agreement"].mean(),
            }
        )
    return pd.DataFrame(found)


def _held_out(participants: Sequence[Participant]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.concatenate([each.test_rows for each in participants]),
        np.concatenate([each.test_labels for each in participants]),
    )


def _table(
    models: dict[str, FederatedClassifier],
    participants: Sequence[Participant],
    rows: np.ndarray,
    labels: np.ndarray,
) -> pd.DataFrame:
    parts = {each.name: (each.test_rows, each.test_labels) for each in participants}
    parts[EVERYBODY] = rows, labels
    return pd.DataFrame(
        [
            {"trained": name, "tested_on": where, **scores_of(fitted, *part)}
            for name, fitted in models.items()
            for where, part in parts.items()
        ]
    )


def _figures(
    scores: dict[str, NDArray],
    codes: np.ndarray,
    weights: np.ndarray,
    seed: int,
) -> tuple[Measurement, Measurement, Measurement]:
    """Return AUC, gain and gap with intervals by resampling held-out rows, all models on the same draw."""
    share = weights / weights.sum()
    alone = [name for name in scores if name.startswith("alone: ")]

    def three(chosen: np.ndarray) -> tuple[float, float, float]:
        own = {name: area(values[chosen], codes[chosen]) for name, values in scores.items()}
        by_itself = float(share @ [own[name] for name in alone])
        return own["federated"], own["federated"] - by_itself, own["pooled"] - own["federated"]

    rng = np.random.default_rng(seed)
    ones, zeros = np.flatnonzero(codes == 1), np.flatnonzero(codes == 0)
    drawn = [
        three(np.concatenate([rng.choice(ones, len(ones)), rng.choice(zeros, len(zeros))]))
        for _ in range(RESAMPLES)
    ]
    lows, highs = np.percentile(drawn, [2.5, 97.5], axis=0)
    values = three(np.arange(len(codes)))
    control = float(np.mean([area(scores["federated"], rng.permutation(codes)) for _ in range(SHUFFLES)]))
    method = f"bootstrap of held-out cases, {RESAMPLES} draws, outcomes stratified"

    def figure(place: int, name: str, baseline: float, control: float | None) -> Measurement:
        value = values[place]
        interval = float(min(lows[place], value)), float(max(highs[place], value))
        return Measurement(
            name=name,
            value=value,
            unit="AUC",
            n=len(codes),
            baseline=baseline,
            interval=interval,
            method=method,
            source=MCMAHAN,
            control=control,
        )

    return (
        figure(0, "federated_auc", values[0] - values[1], control),
        figure(1, "gain_over_alone", 0.0, None),
        figure(2, "gap_to_pooled", 0.0, None),
    )
