"""The hospital and the bank of chapter 10: whose picture is changed, whose decision is explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.networks import Network, picture_rows, picture_side
from secure_ai.learn.parameters import of_sector

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.learn.attacked_models import AttackedModel

TRAINED_ON = 0.7


@dataclass(frozen=True)
class AdversarialScene:
    """What is the hospital's and what is the bank's in the lesson.

    Attributes:
        us: the organization.
        picture: what the network looks at.
        answers: class of a picture → words.
        looks: what the network is asked.
        evaded, explained: tasks of the table model that is evaded and of the one whose decision is explained.
        outcome: what class 1 of the explained model means.
        reader: for whom the decision is explained.
        most_cost: what an attacker can pay for a row in the comparison of answers, in the unit of the rules.
    """

    us: str
    picture: str
    answers: dict[int, str]
    looks: str
    evaded: str
    explained: str
    outcome: str
    reader: str
    most_cost: float


SCENES = {
    "healthcare": AdversarialScene(
        us="hospital",
        picture="scan",
        answers={0: "no lesion", 1: "lesion"},
        looks="Is there a lesion in this scan?",
        evaded="readmission",
        explained="readmission",
        outcome="readmission within 30 days",
        reader="clinician",
        most_cost=4.0,
    ),
    "finance": AdversarialScene(
        us="bank",
        picture="deposited check",
        answers={0: "genuine", 1: "altered"},
        looks="Has the amount on this check been altered?",
        evaded="fraud",
        explained="credit",
        outcome="default on the loan",
        reader="customer",
        most_cost=100.0,
    ),
}
GROUP = "protected_group"


def adversarial_scene(sector: str) -> AdversarialScene:
    """Return the scene of a sector.

    Raises:
        UserError: if there is none of this name.
    """
    return of_sector(SCENES, sector)


@dataclass(frozen=True)
class PictureModel:
    """A small network that looks at pictures, and pictures that it has not seen.

    Attributes:
        network: fitted on the others.
        side: height and width.
        train, test: rows from 0 to 1 and their labels.
        accuracy: on ``test``.
        commonest: share of the commonest label there.
    """

    network: Network
    side: tuple[int, int]
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    accuracy: float
    commonest: float

    def sentence(self) -> str:
        """Say how good it is."""
        return (
            f"The network learned from {len(self.train[1])} pictures and is right on {self.accuracy:.0%} "
            f"of {len(self.test[1])} others; naming the commoner answer every time, on {self.commonest:.0%}."
        )

    def example(self, label: int = 1) -> np.ndarray:
        """Return the held-out picture of a class, rightly answered, of which the network is sure as usual."""
        rows, labels = self.test
        chances = self.network.predict_proba(rows)[:, label]
        right = np.flatnonzero((labels == label) & (chances > 0.5))
        order = right[np.argsort(chances[right])]
        return rows[order[len(order) // 2]]


def picture_model(pictures: Any, *, epochs: int = 20, seed: int = 0) -> PictureModel:
    """Train the network of the lesson.

    Args:
        pictures: an object with ``pixels`` (pictures, height, width) of bytes and ``labels``.
        epochs: of the training.
        seed: of the split and of the network.
    """
    rows, labels, side = picture_rows(pictures), np.asarray(pictures.labels), picture_side(pictures)
    order = np.random.default_rng(seed).permutation(len(labels))
    known, unseen = np.split(order, [int(TRAINED_ON * len(order))])
    network = Network(picture=side, epochs=epochs, seed=seed).fit(rows[known], labels[known])
    share = float(labels[unseen].mean())
    return PictureModel(
        network=network,
        side=side,
        train=(rows[known], labels[known]),
        test=(rows[unseen], labels[unseen]),
        accuracy=float((network.predict(rows[unseen]) == labels[unseen]).mean()),
        commonest=max(share, 1 - share),
    )


class DecidesByGroup:
    """A model that looks at nothing but the column of a group: the biased model that a scaffold hides."""

    classes_ = np.array([0, 1])

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        """Return 1 for those who belong to the group, and 0 for all others."""
        chosen = (rows[GROUP] > 0.5).to_numpy(dtype=float)
        return np.column_stack([1 - chosen, chosen])

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the classes."""
        return self.predict_proba(rows)[:, 1].astype(int)


def with_group(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the numbers of the rows and an invented column: who belongs to a group, at random."""
    numbers = rows.select_dtypes("number")
    return numbers.assign(**{GROUP: np.random.default_rng(seed).integers(0, 2, len(rows))})


def honest_model(rows: pd.DataFrame, outcome: np.ndarray, seed: int) -> Any:
    """Return gradient boosting on the numbers of the rows, the group among them: it learns to ignore it."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return HistGradientBoostingClassifier(max_iter=40, random_state=seed).fit(rows, outcome)


def answers_to_evasion(attacked: AttackedModel, *, seed: int = 0) -> dict[str, Any]:
    """Return five answers to evasion of a model, fitted: name → model or system.

    They are fitted on its training rows; the margin of the review is set on every second held-out row.
    """
    from threadpoolctl import threadpool_limits

    from secure_ai.defend import robust

    rows, outcome = attacked.train
    rules, goal = attacked.story.constraints, attacked.story.goal
    with threadpool_limits(1):
        return {
            "hardened": robust.harden_table(
                attacked.model, rows, outcome, rules, goal=goal, rounds=1, attacked=80, budget=50, seed=seed
            ),
            "monotone": _monotone(attacked, seed),
            "plausibility": robust.PlausibleRows(
                attacked.model, robust.learn_plausibility(rows, rules, seed=seed)
            ),
            "agreement": robust.fit_agreement(rows, outcome, protect=goal, seed=seed),
            "review": robust.review_by_margin(
                attacked.model, attacked.test[0].iloc[::2], share=0.1, protect=goal
            ),
        }


def _monotone(attacked: AttackedModel, seed: int) -> Any:
    """Return gradient boosting in which a push in the only direction that is open never helps attackers."""
    import pandas as pd

    from secure_ai.defend import robust

    rows, outcome = attacked.train
    directions = robust.harmless_directions(attacked.story.constraints)
    if attacked.story.goal == 1:
        directions = {name: "down" if way == "up" else "up" for name, way in directions.items()}
    coded = pd.get_dummies(rows, dtype=float)
    model = robust.fit_monotone(coded, outcome, directions, seed=seed, max_iter=60)
    return lambda asked: model.predict_proba(
        pd.get_dummies(asked, dtype=float).reindex(columns=coded.columns, fill_value=0.0)
    )
