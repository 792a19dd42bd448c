"""What lesson 14 is about: three houses that learn together, what their server sees, and who is erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.federated import GradientInversion, gradients_of_change, measure_inversion
from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.defend.federated import (
    FederatedModel,
    FederationComparison,
    LieTest,
    LocalClient,
    Participant,
    RecordPrivacy,
    RoundRequest,
    TrainingSettings,
    model_for,
    pooled_rows,
    split_unequally,
)
from secure_ai.defend.federated.exposure import seen_by_server
from secure_ai.defend.federated.secure_aggregation import SecureMean, masked_view
from secure_ai.learn.attacked_models import CaseTable
from secure_ai.learn.parameters import of_sector

if TYPE_CHECKING:
    import pandas as pd

LEAST_CASES = 800
SIZES = (0.5, 0.35, 0.15)
SKEW = 2.0
UNITS = 32
TREES = 25
BATCHES = 5
ERASED = 40


@dataclass(frozen=True)
class PrivateTrainingScene:
    """What is the hospitals' and what is the banks'.

    Attributes:
        house, person, people: words for an organization and for those whose cases it has.
        names: of the three houses.
        task: of the learning table.
        rows_each: how many rows of data make one row of the lesson.
        question: that the common model answers.
    """

    house: str
    person: str
    people: str
    names: tuple[str, str, str]
    task: str
    rows_each: int
    question: str


SCENES = {
    "healthcare": PrivateTrainingScene(
        house="hospital",
        person="patient",
        people="patients",
        names=("Hazel Hospital", "Maple Hospital", "Rowan Clinic"),
        task="readmission",
        rows_each=1,
        question="Will this patient be back in hospital within 30 days?",
    ),
    "finance": PrivateTrainingScene(
        house="bank",
        person="customer",
        people="customers",
        names=("Hazel Bank", "Maple Bank", "Rowan Savings"),
        task="credit",
        rows_each=10,
        question="Will this applicant default?",
    ),
}


def private_training_scene(sector: str) -> PrivateTrainingScene:
    """Return the scene of a sector.

    Raises:
        UserError: if there is none of this name.
    """
    return of_sector(SCENES, sector)


@dataclass(frozen=True)
class Federation:
    """Three houses with their rows, and the models that they agreed on.

    Attributes:
        scene: words.
        houses: the participants, the largest first.
        linear: a logistic regression.
        network: a small network, as image and text models are large ones.
    """

    scene: PrivateTrainingScene
    houses: list[Participant]
    linear: FederatedModel
    network: FederatedModel

    def sentence(self) -> str:
        """Say who has how many cases, and how unlike they are."""
        told = [
            f"{one.name} {len(one.labels) + len(one.test_labels):,} "
            f"({percent(float(np.mean([*one.labels, *one.test_labels])))} of them yes)"
            for one in self.houses
        ]
        return f"Three {self.scene.house}s ask: {self.scene.question} Cases: {', '.join(told)}."


def federation(cases: CaseTable, scene: PrivateTrainingScene, *, seed: int = 0) -> Federation:
    """Deal the cases out to three houses of unequal size, with unequal outcomes.

    Raises:
        UserError: if there are too few cases.
    """
    if len(cases.outcome) < LEAST_CASES:
        raise UserError(
            f"{len(cases.outcome):,} cases are too few for three houses: raise the parameter rows until "
            f"there are {LEAST_CASES:,}."
        )
    dealt = split_unequally(
        cases.inputs,
        cases.outcome,
        scene.names,
        sizes=SIZES,
        label_skew=SKEW,
        least=60,
        people=cases.people,
        seed=seed,
    )
    houses = sorted(dealt, key=lambda one: -len(one.labels))
    return Federation(scene, houses, model_for(houses), model_for(houses, hidden=(UNITS,)))


# Turn 1: together or alone


def compared_table(found: FederationComparison) -> pd.DataFrame:
    """Return one row for each model: who trained it, and how it does on all held-out cases."""
    import pandas as pd

    table = found.to_frame()
    return pd.DataFrame(
        {
            "who trained it": table["trained"],
            "area under the ROC curve": [f"{value:.3f}" for value in table["auc"]],
            "loss": [f"{value:.3f}" for value in table["loss"]],
        }
    )


def proximal_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return what FedProx's pull does, in words: one row for each strength."""
    import pandas as pd

    return pd.DataFrame(
        {
            "pull (mu)": ["none: FedAvg" if mu == 0 else f"{mu:g}" for mu in found["proximal"]],
            "how far a house strays in a round": [f"{value:.2f}" for value in found["drift"]],
            "area under the ROC curve": [f"{value:.3f}" for value in found["auc"]],
            "loss": [
                f"{row.loss:.3f} ({row.loss_low:.3f} to {row.loss_high:.3f})" for row in found.itertuples()
            ],
        }
    )


# Turn 2: what the server sees


def inverted(
    group: Federation,
    batch: int,
    *,
    settings: TrainingSettings | None = None,
    masked: bool = False,
    seed: int = 0,
) -> GradientInversion:
    """Let the server invert what the smallest house sends of a few records.

    Args:
        group: whose smallest house and network.
        batch: records behind one update.
        settings: how the house trains; one step on these records if None.
        masked: whether the update goes through a masked sum, of which the server sees one house's words.
        seed: of drawing, masks and weights.
    """
    house = group.houses[-1]
    weights = group.network.initial_weights(seed)
    return measure_inversion(
        group.network.unflatten(weights),
        house.rows,
        group.network.codes(house.labels),
        batch=batch,
        batches=BATCHES,
        sends=seen_by_server(
            group.network,
            weights,
            settings or TrainingSettings(batch_size=None),
            mask=masked_view(len(group.houses), seed=seed) if masked else None,
            seed=seed,
        ),
        seed=seed,
    )


def inverted_sum(group: Federation, *, seed: int = 0) -> GradientInversion:
    """Let the server invert the masked sum of a round in which each house sends the update of one record.

    Args:
        group: whose houses and network; the records are drawn from all of them.
        seed: of drawing, masks and weights.
    """
    model, settings = group.network, TrainingSettings(batch_size=None)
    weights = model.initial_weights(seed)
    request = RoundRequest(1, model.unflatten(weights), settings)
    rows, labels = pooled_rows(group.houses)
    mean = SecureMean(seed=seed)

    def sends(drawn: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
        outcomes = np.asarray(model.classes)[codes]
        updates = [
            LocalClient(house.name, drawn[place : place + 1], outcomes[place : place + 1], model, seed).train(
                request
            )
            for place, house in enumerate(group.houses)
        ]
        summed = mean([each.delta for each in updates], np.ones(len(updates)))
        return gradients_of_change(model.unflatten(summed), settings.learning_rate)

    return measure_inversion(
        model.unflatten(weights),
        rows,
        model.codes(labels),
        batch=len(group.houses),
        batches=BATCHES,
        sends=sends,
        seed=seed,
    )


def inversion_sentence(found: GradientInversion) -> str:
    """Say how many records the server read, without digits that mean nothing to a reader."""
    count = found.recovered.n
    return (
        f"{count // found.batch} updates of {found.batch} record{'s' if found.batch > 1 else ''}: the server "
        f"reads {_of(found.recovered.value, count)} in full (by guessing: "
        f"{_of(found.recovered.baseline or 0, count)})."
    )


def tiny(difference: float) -> str:
    """Return a difference in words where it is one of rounding, and as a number where it is not."""
    return "less than a billionth" if difference < 1e-9 else f"{difference:.1g}"


def read_table(found: Mapping[str, GradientInversion]) -> pd.DataFrame:
    """Return how much the server reads in each case, in words.

    Args:
        found: what arrives at the server to what was measured.
    """
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "what arrives": name,
                "records read in full": _of(each.recovered.value, each.recovered.n),
                "in the long run (95% interval)": f"{percent(each.recovered.interval[0])} to "
                f"{percent(each.recovered.interval[1])}",
                "control": _of(each.recovered.control or 0, each.recovered.n),
                "how far off": "under 0.01" if each.error.value < 0.01 else f"{each.error.value:.2f}",
                "by guessing": f"{each.error.baseline:.2f}",
            }
            for name, each in found.items()
        ]
    )


def _of(share: float, count: int) -> str:
    return f"{round(share * count)} of {count}"


def first_updates(group: Federation, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Return what each house computes in the first round of the network, before any protection."""
    request = RoundRequest(1, group.network.unflatten(group.network.initial_weights(seed)))
    return {house.name: house.client(group.network, seed=seed).train(request).delta for house in group.houses}


def noisy(noise_multiplier: float) -> TrainingSettings:
    """Return settings of one step on all records, each shortened, with noise on the sum."""
    return TrainingSettings(
        record_privacy=RecordPrivacy(noise_multiplier=noise_multiplier, sampling_rate=1.0, steps=1)
    )


# Turn 3: what the result gives away


def budgets_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return what each budget costs, in words: one row for each level and epsilon."""
    import pandas as pd

    levels = {"record": "one record", "participant": "a whole house", "no noise": "nobody"}
    return pd.DataFrame(
        {
            "the noise protects": [levels[level] for level in found["level"]],
            "epsilon": ["no bound" if np.isinf(value) else f"{value:g}" for value in found["epsilon"]],
            "area under the ROC curve": [
                f"{row.auc:.3f} ({row.auc_low:.3f} to {row.auc_high:.3f})" for row in found.itertuples()
            ],
        }
    )


# Turn 4: one who lies


def lies_table(found: LieTest) -> pd.DataFrame:
    """Return the area under the ROC curve for each lie and rule, to three digits."""
    table = found.to_frame().set_index("lie")
    shown = table.map(lambda value: "not tried" if np.isnan(value) else f"{value:.3f}")
    return shown.reset_index().rename(columns={"lie": "what the house sends"})


# Turn 5: one who is erased


@dataclass(frozen=True)
class ErasureCase:
    """The records of one house, and those of others who were never in its model.

    Attributes:
        rows, labels, people: what the house trains on, and whose it is; texts are numbered.
        others, truth: records of people that no model here saw, with their outcomes.
        asking: people who ask to be erased, one who asks first.
        cut: columns of numbers, which a model that counts has to cut into ranges.
    """

    rows: pd.DataFrame
    labels: np.ndarray
    people: np.ndarray
    others: pd.DataFrame
    truth: np.ndarray
    asking: np.ndarray
    cut: tuple[str, ...]

    @property
    def recipe(self) -> Any:
        """A random forest, not fitted."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(TREES, n_jobs=1)

    def edges(self) -> Mapping[str, list[float]]:
        """Where numbers are cut into ranges for counting: by the records of others, so not by one's own."""
        return {
            name: np.unique(np.quantile(self.others[name], [0.25, 0.5, 0.75])).tolist() for name in self.cut
        }


def erasure_case(cases: CaseTable, *, seed: int = 0) -> ErasureCase:
    """Put two thirds of the people into the training data, and draw some who ask to be erased.

    The texts of a column are numbered by the list of all of them, as a data dictionary has it: a list that
    was made of the training data would remember who was erased.
    """
    rng = np.random.default_rng(seed)
    people = rng.permutation(np.unique(cases.people))
    inside = np.isin(cases.people, people[: len(people) * 2 // 3])
    cut = tuple(cases.inputs.select_dtypes("number"))
    table = cases.inputs.copy()
    for name in table.columns.difference(cut):
        table[name] = table[name].astype("category").cat.codes
    return ErasureCase(
        table[inside].reset_index(drop=True),
        cases.outcome[inside],
        cases.people[inside],
        table[~inside].reset_index(drop=True),
        cases.outcome[~inside],
        people[:ERASED],
        cut,
    )


def erased_table(found: Mapping[str, Any]) -> pd.DataFrame:
    """Return what an attacker finds of the erased people in each version of each model, and the work.

    Args:
        found: name of the model to its :class:`~secure_ai.defend.unlearning.ErasureMeasure`.
    """
    import pandas as pd

    rows = [
        (
            name,
            line.version,
            f"{line.auc:.2f} ({line.low:.2f} to {line.high:.2f})",
            f"{line.difference:.3f}",
            percent(line.work),
        )
        for name, measured in found.items()
        for line in measured.to_frame().itertuples()
    ]
    return pd.DataFrame(
        rows,
        columns=[
            "model",
            "version",
            "AUC of the attack",
            "difference",
            "work of training",
        ],
    )
