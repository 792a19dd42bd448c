"""The model under the team's decisions: trained, measured and attacked for real, each configuration once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.attack.evasion import measure_evasion
from secure_ai.attack.extraction import measure_extraction
from secure_ai.attack.membership import measure_membership
from secure_ai.attack.targets import Target, open_target
from secure_ai.core.intervals import wilson
from secure_ai.core.measurement import Measurement, Unassessed
from secure_ai.defend.extraction import DailyLimit, GuardedModel, refused_share
from secure_ai.defend.poisoning import find_label_noise
from secure_ai.learn.capstones.materials import SOURCES, Materials

if TYPE_CHECKING:
    import pandas as pd

TRAINING = ("simpler_model", "private_training", "adversarial_training", "signed_batches", "label_filter")
EPSILON = 2.0
REVIEW_BAND = 0.1
"""Probability on the safe side of the threshold from which a person looks at a case."""
ATTACKED = 60
"""Cases that the attacker tries: with fewer, one case more or less decides over a threshold."""
QUESTIONS = 60
THIEF_DAYS = 5
"""Days until somebody looks at who asks so much."""
ROWS_PER_DAY = 10
UNLIMITED = 800
FLIPPED = 0.6
"""Share of the positive cases of the poisoned batch whose outcome is turned round."""


class ModelBench:
    """Trains and measures one model for each set of choices that touch it.

    Args:
        materials: cases of the sector.
        verified: columns that nobody outside can change once entries are verified.
        most_cost: what the attacker pays for one case.
    """

    def __init__(self, materials: Materials, verified: tuple[str, ...], most_cost: float) -> None:
        self.materials = materials
        self.verified = verified
        self.most_cost = most_cost
        self._known: dict[tuple[Any, ...], Any] = {}

    def _once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        if key not in self._known:
            from threadpoolctl import threadpool_limits

            with threadpool_limits(1):  # models as small as these are quicker on one thread
                self._known[key] = make()
        return self._known[key]

    # ------------------------------------------------------------------------------------------ training

    def model(self, chosen: frozenset[str], *, poisoned: bool = False) -> Any:
        """Return the model that these choices train; ``poisoned`` with the batch of the attack day."""
        touching = tuple(name for name in TRAINING if name in chosen)
        return self._once(("model", touching, poisoned), lambda: self._train(frozenset(touching), poisoned))

    def training_rows(self, chosen: frozenset[str], poisoned: bool) -> tuple[pd.DataFrame, np.ndarray]:
        """Return rows and outcomes that training gets to see."""
        rows, outcome = self.materials.train
        labels = self._poisoned_labels() if poisoned else outcome
        kept = np.ones(len(labels), dtype=bool)
        if "signed_batches" in chosen:
            kept &= self._proven(labels)
        if "label_filter" in chosen:
            kept &= ~self._suspicious(labels, poisoned)
        return rows[kept].reset_index(drop=True), labels[kept]

    def _poisoned_labels(self) -> np.ndarray:
        """The batches of two sources arrive with positive outcomes turned round."""
        labels = self.materials.train[1].copy()
        hit = np.flatnonzero((self.materials.source <= 1) & (labels == 1))
        rng = np.random.default_rng(self.materials.seed + 1)
        labels[rng.permutation(hit)[: round(FLIPPED * len(hit))]] = 0
        return labels

    def _proven(self, labels: np.ndarray) -> np.ndarray:
        """Which rows carry a signature that holds; one source cannot sign, and a changed row does not fit."""
        return self._once(("proven", labels.tobytes()), lambda: self._verify(labels))

    def _verify(self, labels: np.ndarray) -> np.ndarray:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        from secure_ai.defend.poisoning import sign_batch, verify_batch
        from secure_ai.encrypt.transport.public_keys import public_line

        rows, outcome = self.materials.train
        proven = np.zeros(len(labels), dtype=bool)
        for number in range(SOURCES - 1):
            mine = np.flatnonzero(self.materials.source == number)
            key = Ed25519PrivateKey.generate()
            signed = sign_batch(
                rows.iloc[mine].assign(outcome=outcome[mine]), source=f"source {number}", number=1, key=key
            )
            arrived = replace(signed, rows=rows.iloc[mine].assign(outcome=labels[mine]))
            found = verify_batch(arrived, {f"source {number}": public_line(key.public_key())})
            if not found.reason:
                proven[np.delete(mine, found.foreign)] = True
        return proven

    def _suspicious(self, labels: np.ndarray, poisoned: bool) -> np.ndarray:
        return self._once(("suspicious", poisoned), lambda: self._find_suspicious(labels))

    def _find_suspicious(self, labels: np.ndarray) -> np.ndarray:
        from secure_ai.learn.attacked_models import logistic

        found = find_label_noise(
            logistic(), self.materials.train[0], labels, folds=3, seed=self.materials.seed
        )
        return np.zeros(len(labels), dtype=bool) if isinstance(found, Unassessed) else found.suspicious

    def _train(self, chosen: frozenset[str], poisoned: bool) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        rows, labels = self.training_rows(chosen, poisoned)
        seed = self.materials.seed
        if "private_training" in chosen:
            return self._private(rows, labels)
        simple = "simpler_model" in chosen
        model = HistGradientBoostingClassifier(
            max_iter=40 if simple else 80,
            learning_rate=0.08 if simple else 0.15,
            max_leaf_nodes=6 if simple else 31,
            min_samples_leaf=60 if simple else 5,
            random_state=seed,
        ).fit(rows, labels)
        if "adversarial_training" not in chosen:
            return model
        from secure_ai.defend.robust import harden_table

        story = self.materials.story
        return harden_table(
            model,
            rows,
            labels,
            story.constraints,
            goal=story.goal,
            rounds=1,
            attacked=60,
            budget=40,
            seed=seed,
        )

    def _private(self, rows: pd.DataFrame, labels: np.ndarray) -> Any:
        from secure_ai.anonymize.differential_privacy.learning.training import PrivateLogisticRegression

        # The bounds of a lesson come from cases held out; yours come from the data dictionary.
        outside = self.materials.test[0]
        low, high = outside.min().to_numpy(float), outside.max().to_numpy(float)
        return PrivateLogisticRegression(
            epsilon=EPSILON,
            bounds=(low, np.where(high > low, high, low + 1)),
            classes=[0, 1],
            seed=self.materials.seed,
        ).fit(rows.to_numpy(float), labels)

    def target(
        self, chosen: frozenset[str], *, poisoned: bool = False, threshold: float | None = None
    ) -> Target:
        """Return the model as something to ask."""
        model = self.model(chosen, poisoned=poisoned)
        at = self.materials.story.threshold if threshold is None else threshold
        asked = _Numbers(model) if "private_training" in chosen else model
        return open_target(asked, threshold=at)

    # ----------------------------------------------------------------------------------------- measuring

    def quality(self, chosen: frozenset[str], *, poisoned: bool = False) -> float:
        """Return the area under the ROC curve of what the user sees, on people not learned from."""
        from sklearn.metrics import roc_auc_score

        seen = self._scores(chosen, poisoned)
        if "rounded_answers" in chosen:
            seen = (seen >= self.materials.story.threshold).astype(float)
        return float(roc_auc_score(self.materials.test[1], seen))

    def _scores(self, chosen: frozenset[str], poisoned: bool = False) -> np.ndarray:
        """Return (test rows,) probabilities of the positive class, asked once for each model."""
        touching = tuple(name for name in TRAINING if name in chosen)
        return self._once(
            ("scores", touching, poisoned),
            lambda: self.target(chosen, poisoned=poisoned).probabilities(self.materials.test[0])[:, 1],
        )

    def membership(self, chosen: frozenset[str]) -> Measurement:
        """Return how well members of the training data are told from others (AUC of the attack)."""
        key = tuple(name for name in TRAINING if name in chosen)

        def measure() -> Measurement:
            # Members are those that training got to see.
            rows = self.training_rows(chosen, False)
            return measure_membership(
                self.target(chosen), rows, self.materials.test, seed=self.materials.seed
            ).auc

        return self._once(("membership", key), measure)

    def evasion(self, chosen: frozenset[str]) -> Measurement | Unassessed:
        """Return which share of cases an attacker turns round at a price that pays, unseen by a person."""
        parts = (*TRAINING, "verified_inputs", "review_band")
        key = tuple(name for name in parts if name in chosen)
        return self._once(("evasion", key), lambda: self._evade(chosen))

    def _evade(self, chosen: frozenset[str]) -> Measurement | Unassessed:
        story, rows = self.materials.story, self.materials.test[0]
        rules = story.constraints
        if "verified_inputs" in chosen:
            held = tuple(name for name in self.verified if name in rows)
            free = {name: cost for name, cost in rules.costs.items() if name not in held}
            rules = replace(
                rules,
                immutable=(*rules.immutable, *held),
                increasing=tuple(name for name in rules.increasing if name not in held),
                decreasing=tuple(name for name in rules.decreasing if name not in held),
                ranges={name: bounds for name, bounds in rules.ranges.items() if name not in held},
                costs=free,
            )
        # Who wants to stay unseen has to get past the band in which a person looks.
        at = story.threshold
        if "review_band" in chosen:
            at = at + REVIEW_BAND if story.goal == 1 else max(at - REVIEW_BAND, at / 2)
        plain, target = self.target(chosen), self.target(chosen, threshold=at)
        changed = rows[plain.labels(rows) != story.goal].head(ATTACKED)
        found = measure_evasion(
            target,
            changed,
            self.materials.train[0].head(300),
            rules,
            budget=QUESTIONS,
            goal=story.goal,
            most_cost=self.most_cost,
            seed=self.materials.seed,
        )
        return found if isinstance(found, Unassessed) else found.success

    def reviewed(self, chosen: frozenset[str]) -> float:
        """Return which share of ordinary cases a person has to look at beside the model."""
        if "review_band" not in chosen:
            return 0.0
        story = self.materials.story
        scores = self._scores(chosen)
        low, high = story.threshold, story.threshold + REVIEW_BAND
        if story.goal == 0:
            low, high = max(story.threshold - REVIEW_BAND, story.threshold / 2), story.threshold
        return float(((scores >= low) & (scores < high)).mean())

    def extraction(self, chosen: frozenset[str]) -> Measurement | Unassessed:
        """Return on which share of unseen cases a copy gives the model's answer.

        The thief works with what the service gives out. Of a probability both it and the decision that
        follows from it can be learned from; the better copy counts.
        """
        parts = (*TRAINING, "rate_limit", "rounded_answers")
        key = tuple(name for name in parts if name in chosen)
        return self._once(("extraction", key), lambda: self._steal(chosen))

    def _steal(self, chosen: frozenset[str]) -> Measurement | Unassessed:
        kept = tuple(name for name in (*TRAINING, "rate_limit") if name in chosen)
        # Whoever gets a probability gets the decision with it: one copy serves both ways of answering.
        label = self._once(("label copy", kept), lambda: self._copy(frozenset(kept), "label"))
        if "rounded_answers" in chosen:
            return label
        number = self._copy(chosen, "probability")
        known = [one for one in (label, number) if isinstance(one, Measurement)]
        return max(known, key=lambda one: one.value, default=label)

    def _copy(
        self, chosen: frozenset[str], kind: Literal["probability", "label"]
    ) -> Measurement | Unassessed:
        rows, at = self.materials.test[0], self.materials.story.threshold
        half = len(rows) // 2
        budget = DailyLimit(ROWS_PER_DAY, THIEF_DAYS).queries() if "rate_limit" in chosen else UNLIMITED
        target = self.target(chosen)
        served = GuardedModel(target, AnswerPolicy(kind), threshold=at)
        found = measure_extraction(
            _Centered(served, at) if kind == "probability" else served,
            rows.head(half),
            rows.tail(half),
            budget=budget,
            kind="trees",
            checkpoints=(),
            original=target,
            seed=self.materials.seed,
        )
        return found if isinstance(found, Unassessed) else found.fidelity

    def refused_questions(self, chosen: frozenset[str]) -> float:
        """Return which share of honest questions to the model the daily limit refuses."""
        if "rate_limit" not in chosen:
            return 0.0
        rng = np.random.default_rng(self.materials.seed + 2)
        return refused_share(rng.poisson(5, size=200), ROWS_PER_DAY)

    def missed_by_poison(self, chosen: frozenset[str]) -> Measurement:
        """Return which share of the cases that the model finds today it no longer finds after retraining."""
        at = self.materials.story.threshold
        clean, bad = (self._scores(chosen, poisoned) >= at for poisoned in (False, True))
        found = clean & (self.materials.test[1] == 1)
        lost = found & ~bad
        n = max(int(found.sum()), 1)
        return Measurement(
            name="cases_lost_by_poisoning",
            value=float(lost.sum() / n),
            unit="probability",
            n=n,
            baseline=0.0,
            interval=wilson(int(lost.sum()), n),
            method="retrained with the poisoned batch; cases found before and no longer found after",
            source="Biggio et al., Poisoning attacks against support vector machines (2012)",
        )


class _Centered:
    """Probabilities as a thief learns from them: moved so that the decision turns at one half.

    Where the service decides at 0.1 or 0.3, a copy that decides at one half would be worse than it need be.
    """

    def __init__(self, served: GuardedModel, threshold: float) -> None:
        self.served, self.threshold = served, threshold
        self.classes, self.answer = served.classes, "probabilities"

    def ask(self, rows: Any) -> np.ndarray:
        """Return (rows, 2) probabilities."""
        given, at = self.served.ask(rows)[:, 1], self.threshold
        yes, no = given * (1 - at), (1 - given) * at
        moved = yes / (yes + no)
        return np.column_stack([1 - moved, moved])


class _Numbers:
    """A model of plain numbers behind a frame."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.classes_ = np.array([0, 1])

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return (rows, 2) probabilities."""
        return self.model.predict_proba(np.asarray(rows, dtype=float))

    def predict(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes."""
        return self.predict_proba(rows).argmax(axis=1)
