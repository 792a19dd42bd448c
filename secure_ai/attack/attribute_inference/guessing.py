"""Ways to guess a sensitive value: with the model's answers, and without them.

Source: Fredrikson et al., Privacy in pharmacogenetics (2014): values weighted by how common they are
    (``"prior"``); Mehnaz et al., Are your sensitive attributes private? (2022): the value with which the
    model is surest of the true outcome (``"confidence"``); Jayaraman & Evans, Are attribute inference attacks
    just imputation? (2022): guessing without the model, and both together (``"bayes"``). What the model says
    weighs more where it learns by heart; how much is learned on a stand-in (``"weighted"``): Shokri et al.,
    Membership inference attacks against machine learning models (2017), shadow models.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.attribute_inference.values import SensitiveValues
from secure_ai.attack.extraction.coding import InputCoder, as_frame
from secure_ai.attack.membership.groups import take
from secure_ai.attack.targets import Target, TargetError, open_target
from secure_ai.core import UserError

LEAST_CHANCE = 1e-3
WITH_MODEL = ("weighted", "bayes", "prior", "confidence")
POWERS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)


def outcome_chances(target: Target, rows: Any, outcomes: Any, values: SensitiveValues) -> np.ndarray:
    """Return (rows, values): the model's probability of the true outcome with each value put in.

    A model that gives labels alone is believed as a probability of 0.9 for its answer.
    """
    codes = np.array([target.index_of(outcome) for outcome in np.asarray(outcomes)])
    found = np.empty((len(rows), len(values)))
    for place in range(len(values)):
        changed = values.put(rows, place)
        if target.answer == "labels":
            said = target.labels(changed) == np.asarray(outcomes)
            found[:, place] = np.where(said, 0.9, 0.1 / (len(target.classes) - 1))
        else:
            found[:, place] = target.probabilities(changed)[np.arange(len(codes)), codes]
    return np.clip(found, LEAST_CHANCE, 1 - LEAST_CHANCE)


class Imputer:
    """A guess of the sensitive value from the other columns, learned on the attacker's own rows.

    Args:
        rows: the attacker's rows, with the sensitive column.
        outcomes: their outcomes, as one more column to learn from; None to leave it out.
        values: what the sensitive column may hold.
        seed: of trees and folds.
    """

    def __init__(self, rows: Any, outcomes: Any, values: SensitiveValues, seed: int) -> None:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        self.values = values
        codes = values.codes(rows)
        self._counts = np.bincount(codes, minlength=len(values))
        table = self._table(rows, outcomes)
        self._code = InputCoder(table)
        coded = self._code(table)
        # A line and trees err in different places: the mean of both is better than either, and no slower.
        learners = (
            LogisticRegression(max_iter=300),
            RandomForestClassifier(60, min_samples_leaf=3, random_state=seed),
        )
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")
            self._learners = [learner.fit(coded, codes) for learner in learners]

    def chances(self, rows: Any, outcomes: Any) -> np.ndarray:
        """Return (rows, values) probabilities of each value."""
        coded = self._code(self._table(rows, outcomes))
        found = np.full((len(rows), len(self.values)), 1e-6)
        for learner in self._learners:
            found[:, learner.classes_] += learner.predict_proba(coded)
        return found / found.sum(axis=1, keepdims=True)

    @property
    def common(self) -> np.ndarray:
        """How common each value is among the attacker's rows; every one counts half a row more."""
        return (self._counts + 0.5) / (self._counts + 0.5).sum()

    def _table(self, rows: Any, outcomes: Any) -> pd.DataFrame:
        table = as_frame(self.values.without(rows)).reset_index(drop=True)
        table.columns = [str(name) for name in table.columns]
        return table if outcomes is None else table.assign(**{"(outcome)": np.asarray(outcomes).astype(str)})


class Guesser:
    """An attacker who has learned what can be learned from his own rows.

    Args:
        target: what is asked, once for each row and value.
        own: the attacker's rows, with the sensitive column, and their outcomes.
        values: what the column may hold.
        stand_in: a classifier like the target's, not fitted, that is trained on his own rows; a random forest
            if not given.
        seed: of what is learned.

    Attributes:
        power: how much the model's word weighs.
        trusts_columns: 1 where the other columns count beside it, 0 where not.

    Raises:
        TargetError: if the stand-in cannot be trained on the rows.
    """

    def __init__(
        self,
        target: Target,
        own: tuple[Any, Any],
        values: SensitiveValues,
        *,
        stand_in: Any = None,
        seed: int,
    ) -> None:
        self.target, self.values = target, values
        self._beside = Imputer(own[0], None, values, seed)
        self._imputer = Imputer(own[0], own[1], values, seed)
        self.trusts_columns, self.power = self._weights(own, stand_in, seed)

    def guess(self, rows: Any, outcomes: Any) -> dict[str, np.ndarray]:
        """Return (rows, values) scores of each way to guess; the greatest is the guess.

        ``"most frequent"`` and ``"imputation"`` ask no model; ``"bayes"`` weighs what the other columns say
        by the model's probability of the true outcome, ``"weighted"`` by a power of it, ``"prior"`` weighs
        how common a value is, ``"confidence"`` takes the model's word alone.

        Args:
            rows: records; what stands in the sensitive column is not looked at.
            outcomes: their true outcomes.
        """
        told = outcome_chances(self.target, rows, outcomes, self.values)
        beside = self._beside.chances(rows, None)
        common = self._beside.common
        return {
            "most frequent": np.tile(common, (len(rows), 1)),
            "imputation": self._imputer.chances(rows, outcomes),
            "weighted": beside**self.trusts_columns * told**self.power,
            "bayes": beside * told,
            "prior": common * told,
            "confidence": told,
        }

    def _weights(self, own: tuple[Any, Any], stand_in: Any, seed: int) -> tuple[int, float]:
        """Return what guesses best about the members of a stand-in.

        It is trained on half of the attacker's rows, whose sensitive values he knows and imputes from the
        other half.
        """
        order = np.random.default_rng(seed).permutation(len(own[0]))
        known, learned = (taken(own, np.sort(part)) for part in np.array_split(order, 2))
        if len(np.unique(learned[1])) < 2 or len(np.unique(self.values.codes(known[0]))) < 2:
            return 1, 1.0
        shadow = open_target(_trained(stand_in, learned, seed), answer=self.target.answer, name="stand-in")
        told = outcome_chances(shadow, *learned, self.values)
        beside = Imputer(known[0], None, self.values, seed).chances(learned[0], None)
        truth = self.values.codes(learned[0])
        ways = [*((1, power) for power in POWERS), (0, 1.0)]
        hits = [((beside**trust * told**power).argmax(axis=1) == truth).mean() for trust, power in ways]
        return ways[int(np.argmax(hits))]


def _trained(stand_in: Any, learned: tuple[Any, Any], seed: int) -> Any:
    from sklearn.base import clone
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from threadpoolctl import threadpool_limits

    if stand_in is None:
        coder = FunctionTransformer(InputCoder(learned[0]))
        model = make_pipeline(coder, RandomForestClassifier(100, random_state=seed))
    try:
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")
            return (model if stand_in is None else clone(stand_in)).fit(*learned)
    except UserError:
        raise
    except Exception as error:
        # The text of the exception may hold a value of the rows.
        raise TargetError(
            f"The stand-in cannot be trained on the attacker's rows ({type(error).__name__}): give one that "
            "takes them as they are with stand_in=."
        ) from None


def taken(group: tuple[Any, Any], places: np.ndarray) -> tuple[Any, Any]:
    """Return the rows and outcomes at some places."""
    return take(group[0], places), np.asarray(group[1])[places]
