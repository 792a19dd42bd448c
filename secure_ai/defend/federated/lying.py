"""A participant that lies, and which way of adding up updates withstands it: the same lies against each.

Whether a rule helps depends on how many are honest and how unequal their rows are: an honest participant with
unusual patients looks like a liar to a median. Both prices are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from secure_ai.attack.federated import flip_labels, not_numbers, opposite_change, scaled_change
from secure_ai.core import Measurement, UserError
from secure_ai.defend.federated.aggregation import (
    Aggregate,
    BoundedMean,
    Krum,
    TrimmedMean,
    coordinate_median,
    weighted_mean,
)
from secure_ai.defend.federated.client import Client, RoundRequest, TrainingSettings, Update
from secure_ai.defend.federated.model import FederatedModel
from secure_ai.defend.federated.participants import Participant
from secure_ai.defend.federated.scores import area, area_interval, scores_of
from secure_ai.defend.federated.training import FederatedRun, train_federated

Lie = Callable[[Participant, FederatedModel, int], Client]
NOBODY, WITHOUT = "nobody lies", "the liar stays away"
YIN = "Yin et al., Byzantine-robust distributed learning (2018)"


class LyingClient:
    """A participant that trains as it should, and sends something else.

    Args:
        client: the honest one.
        lie: makes the change that is sent of the honest one, (weights,) to (weights,).
        records: how many rows it claims; None tells the truth.
    """

    def __init__(
        self, client: Client, lie: Callable[[np.ndarray], np.ndarray], *, records: int | None = None
    ) -> None:
        self.client = client
        self.lie = lie
        self.claimed = records

    @property
    def name(self) -> str:
        """Name of the participant."""
        return self.client.name

    @property
    def records(self) -> int:
        """The number of records that was agreed on."""
        return self.client.records

    def train(self, request: RoundRequest) -> Update:
        """Return the lie."""
        honest = self.client.train(request)
        claimed = honest.records if self.claimed is None else self.claimed
        return replace(honest, delta=self.lie(honest.delta), records=claimed)


def sent(lie: Callable[[np.ndarray], np.ndarray]) -> Lie:
    """Return a lie that changes the update: honest training, then ``lie(change)``."""

    def build(participant: Participant, model: FederatedModel, seed: int) -> Client:
        return LyingClient(participant.client(model, seed), lie)

    return build


def flipped(participant: Participant, model: FederatedModel, seed: int) -> Client:
    """Return a participant whose outcomes are all turned round: it follows the protocol on false rows."""
    labels = flip_labels(participant.labels, classes=model.classes)
    return replace(participant, labels=labels).client(model, seed)


LIES: Mapping[str, Lie] = {
    "false outcomes": flipped,
    "opposite update": sent(opposite_change),
    "update ten times as long, opposite": sent(lambda change: scaled_change(opposite_change(change), 10)),
    "not a number": sent(not_numbers),
}


@dataclass(frozen=True)
class LieTest:
    """How each rule does under each lie, on the held-out rows of the honest participants.

    Attributes:
        liar: name of the participant that lies.
        table: one row for each lie (``"nobody lies"`` and ``"the liar stays away"`` among them) and rule:
            lie, rule, loss, accuracy, auc, left_out (rounds in which the liar was left out).
        worst: rule → its lowest AUC under a lie; baseline: the plain mean of the honest alone; control: the
            same rule where nobody lies.
    """

    liar: str
    table: pd.DataFrame
    worst: Mapping[str, Measurement]

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        return list(self.worst.values())

    def to_frame(self, figure: str = "auc") -> pd.DataFrame:
        """Return a figure with one row for each lie and one column for each rule."""
        wide = self.table.pivot_table(index="lie", columns="rule", values=figure, sort=False)
        return wide.rename_axis(None, axis=1).reset_index()

    def sentence(self) -> str:
        """Say what the lies do to the mean, and which rule loses least."""
        best = max(self.worst, key=lambda rule: self.worst[rule].value)
        first = next(iter(self.worst))
        plain = self.worst[first]
        kept = self.worst[best]
        return (
            f"When '{self.liar}' lies, the AUC on the cases of the honest falls from {plain.control:.3f} to "
            f"{plain.value:.3f} at worst with the {first}; it stays highest with the {best}: "
            f"at worst {kept.value:.3f}, which costs {plain.control - kept.control:+.3f} where nobody lies. "
            f"Without that participant the mean reaches {plain.baseline:.3f}."
        )


def default_rules(participants: int) -> dict[str, Aggregate]:
    """Return the rules that so many participants allow, by name, the plain mean first."""
    rules: dict[str, Aggregate] = {"mean": weighted_mean, "bounded mean": BoundedMean()}
    if participants >= 3:
        rules["median"] = coordinate_median
    if participants >= 5:
        rules["trimmed mean"] = TrimmedMean(1)
    # Krum needs five; one more, as the round of a liar who was left out goes on without it.
    if participants >= 6:
        rules["Krum"] = Krum(1)
    return rules


def compare_aggregations(
    participants: Sequence[Participant],
    model: FederatedModel,
    *,
    liar: str,
    lies: Mapping[str, Lie] | None = None,
    rules: Mapping[str, Aggregate] | None = None,
    rounds: int = 15,
    settings: TrainingSettings | None = None,
    seed: int = 0,
) -> LieTest:
    """Train with each lie and each rule, and measure on the held-out rows of the honest participants.

    Args:
        participants: three or more (of two nobody can say who lies).
        model: a shape with two classes.
        liar: name of the participant that lies.
        lies: name → lie, see :data:`LIES`; :func:`sent` makes one of a function of the update.
        rules: name → aggregation, the plain mean first; None takes all that so many participants allow.
        rounds, settings, seed: as :func:`train_federated`.

    Raises:
        UserError: if nobody has the liar's name, there are fewer than three participants, or the held-out
            rows of the honest hold one class only.
    """
    lies = LIES if lies is None else lies
    rules = default_rules(len(participants)) if rules is None else rules
    honest = [each for each in participants if each.name != liar]
    if len(participants) < 3 or len(honest) != len(participants) - 1:
        raise UserError(f"Give three participants or more, of which one is named '{liar}'.")
    if not lies or not rules:
        raise UserError("Give at least one lie and one rule.")
    rows = np.concatenate([each.test_rows for each in honest])
    labels = np.concatenate([each.test_labels for each in honest])
    codes = model.codes(labels)
    if len(model.classes) != 2 or len(np.unique(codes)) < 2:
        raise UserError("The comparison is by AUC: it takes two classes, both among the held-out rows.")

    def run(clients: Sequence[Client], rule: Aggregate) -> FederatedRun:
        return train_federated(
            clients, model, rounds=rounds, settings=settings, aggregate=rule, held_out={}, seed=seed
        )

    honestly = {each.name: each.client(model, seed + place) for place, each in enumerate(participants)}
    own = next(place for place, each in enumerate(participants) if each.name == liar)
    told = {name: lie(participants[own], model, seed + own) for name, lie in lies.items()}
    first = next(iter(rules))
    found = {(WITHOUT, first): run([honestly[each.name] for each in honest], rules[first])}
    for rule, aggregate in rules.items():
        found[NOBODY, rule] = run(list(honestly.values()), aggregate)
        for name, client in told.items():
            found[name, rule] = run(list({**honestly, liar: client}.values()), aggregate)
    table = pd.DataFrame(
        [
            {
                "lie": lie,
                "rule": rule,
                **scores_of(each.model, rows, labels),
                "left_out": int((each.left_out["participant"] == liar).sum()),
            }
            for (lie, rule), each in found.items()
        ]
    ).drop(columns="records")
    chances = {key: each.model.predict_proba(rows)[:, 1] for key, each in found.items()}
    worst = {}
    for rule in rules:
        lie = min(lies, key=lambda name, rule=rule: area(chances[name, rule], codes))
        worst[rule] = Measurement(
            name="worst_auc_under_a_lie",
            value=area(chances[lie, rule], codes),
            unit="AUC",
            n=len(codes),
            baseline=area(chances[WITHOUT, first], codes),
            interval=area_interval(chances[lie, rule], codes, seed=seed),
            method=f"{rule}; the lie that hurts it most: {lie}",
            source=YIN,
            control=area(chances[NOBODY, rule], codes),
        )
    return LieTest(liar, table, worst)
