"""The models of chapters 10 to 12: what each decides, who wants another answer, what he can change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from secure_ai.attack.evasion import Constraints
from secure_ai.attack.targets import Target, open_target
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

HELD_OUT = 0.35


class CaseTable(Protocol):
    """What is read of a learning table: one row for each case, how it ended, and whose it is."""

    task: str
    inputs: pd.DataFrame
    outcome: np.ndarray
    people: np.ndarray


@dataclass(frozen=True)
class Story:
    """Words and rules of one model.

    Attributes:
        name: of the model.
        decides: the question that it answers, yes or no.
        yes, no: what follows from class 1 and from class 0.
        attacker: who wants another answer, and why.
        goal: the class that he wants.
        threshold: probability of class 1 from which the answer is yes.
        constraints: what he can change, and what it costs him.
    """

    name: str
    decides: str
    yes: str
    no: str
    attacker: str
    goal: int
    threshold: float
    constraints: Constraints


DISEASES = ("heart_failure", "copd", "kidney_disease", "diabetes", "cancer", "depression", "substance_use")
STORIES = {
    "readmission": Story(
        name="readmission model",
        decides="Will this patient be back in hospital within 30 days?",
        yes="high risk",
        no="low risk",
        attacker="A clinic that is paid a supplement for each patient at high risk, and codes up.",
        goal=1,
        threshold=0.3,
        constraints=Constraints(
            immutable=(
                *("age", "sex", "payer", "admission_type", "department", "length_of_stay"),
                *("prior_admissions", "prior_emergency_visits", "hemoglobin", "sodium", "creatinine"),
            ),
            increasing=("comorbidity_count", "medication_count", *DISEASES),
            formulas=(f"comorbidity_count >= {' + '.join(DISEASES)}",),
            costs={
                **dict.fromkeys(("comorbidity_count", "medication_count", *DISEASES), 1.0),
                **dict.fromkeys(("discharge_to", "follow_up_within_7_days"), 1.0),
            },
            cost_unit="false entries",
        ),
    ),
    "fraud": Story(
        name="fraud model",
        decides="Is this payment fraud?",
        yes="stopped",
        no="passes",
        attacker="A fraudster who wants a payment to pass, and gives up as little of it as possible.",
        goal=0,
        threshold=0.1,
        constraints=Constraints(
            immutable=(
                *("usual_amount", "new_device", "accounts_on_device", "new_merchant", "payments_last_day"),
                *("channel", "merchant_code", "foreign", "distance_from_home"),
            ),
            decreasing=("amount", "payments_last_hour"),
            increasing=("hours_since_last",),
            ranges={"amount": (1.0, None)},
            formulas=(
                "times_usual = amount / usual_amount",
                "round_amount = 1 if amount % 10 == 0 else 0",
                "near_limit = 1 if amount >= 8000 and amount < 10000 else 0",
                "payments_last_hour <= payments_last_day",
                "payments_last_hour == 0 or hours_since_last <= 1",
            ),
            costs={
                "amount": {"up": 0.0, "down": 1.0},
                "hour": {"fixed": 5.0},
                "hours_since_last": 5.0,
                "payments_last_hour": {"fixed": 5.0},
            },
            cost_unit="USD",
        ),
    ),
    "credit": Story(
        name="credit model",
        decides="Will this applicant default?",
        yes="declined",
        no="granted",
        attacker="An applicant who was declined, and states what nobody checks.",
        goal=0,
        threshold=0.3,
        constraints=Constraints(
            immutable=(
                "credit_score",
                "delinquencies_2y",
                "open_accounts",
                "interest_rate",
                "debt_to_income",
            ),
            decreasing=("amount",),
            increasing=("annual_income", "employment_years"),
            ranges={"amount": (1000.0, None)},
            ordered={"home_ownership": ("rent", "mortgage", "own")},
            formulas=(
                "monthly_payment = round(amount * (interest_rate / 1200) / "
                "(1 - (1 + interest_rate / 1200) ** -term_months), 2)",
                "payment_burden = monthly_payment * 12 / annual_income",
            ),
        ),
    ),
}


@dataclass(frozen=True)
class AttackedModel:
    """A trained model with everything an attack on it needs.

    Attributes:
        story: words and rules.
        model: gradient boosting, fitted on ``train``.
        linear: logistic regression on the same rows.
        train, test: inputs and outcomes; no person is in both.
    """

    story: Story
    model: Any
    linear: Any
    train: tuple[pd.DataFrame, np.ndarray]
    test: tuple[pd.DataFrame, np.ndarray]

    def target(self, model: Any = None, **options: Any) -> Target:
        """Return the model (or another on the same inputs) as something to ask, at the story's threshold."""
        options = {"name": self.story.name, "threshold": self.story.threshold} | options
        return open_target(self.model if model is None else model, **options)

    def rows_to_change(self, count: int, model: Any = None) -> pd.DataFrame:
        """Return held-out rows that are not answered as the attacker wants, ``count`` at most."""
        inputs = self.test[0]
        return inputs[self.target(model).labels(inputs) != self.story.goal].head(count)

    def quality(self, model: Any = None) -> float:
        """Return the area under the ROC curve on held-out rows."""
        from sklearn.metrics import roc_auc_score

        inputs, outcome = self.test
        return float(roc_auc_score(outcome, self.target(model).probabilities(inputs)[:, 1]))

    def sentence(self) -> str:
        """Say what the model does and how well."""
        return (
            f"The {self.story.name} asks: {self.story.decides} It learned from {len(self.train[1]):,} cases; "
            f"on {len(self.test[1]):,} others its area under the ROC curve is {self.quality():.2f}."
        )


def attacked_model(cases: CaseTable, *, seed: int = 0) -> AttackedModel:
    """Train the models of a task: gradient boosting and logistic regression on the same rows.

    Args:
        cases: a learning table whose task is ``"readmission"``, ``"fraud"`` or ``"credit"``.
        seed: of who is held out, and of the training.

    Raises:
        UserError: if there is no story of this task.
    """
    from sklearn.model_selection import GroupShuffleSplit
    from threadpoolctl import threadpool_limits

    if cases.task not in STORIES:
        raise UserError(f"There is no such task: choose from {', '.join(STORIES)}.")
    split = GroupShuffleSplit(n_splits=1, test_size=HELD_OUT, random_state=seed)
    train, test = next(split.split(cases.inputs, cases.outcome, cases.people))
    known, unseen = (
        (cases.inputs.iloc[rows].reset_index(drop=True), cases.outcome[rows]) for rows in (train, test)
    )
    with threadpool_limits(1):
        model, linear = boosting(seed).fit(*known), logistic().fit(*known)
    return AttackedModel(STORIES[cases.task], model, linear, known, unseen)


def boosting(seed: int = 0) -> Any:
    """Return gradient boosting for a frame with texts, not fitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return encoded(
        HistGradientBoostingClassifier(
            max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=20, random_state=seed
        )
    )


def logistic() -> Any:
    """Return logistic regression for a frame with texts, not fitted."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    return encoded(LogisticRegression(C=0.3, max_iter=1000), numbers=StandardScaler())


def encoded(classifier: Any, *, numbers: Any = "passthrough") -> Any:
    """Return a classifier, not fitted, that takes a frame: texts become a column for each value.

    Args:
        classifier: of numbers.
        numbers: what becomes of the columns of numbers.
    """
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    texts = (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        make_column_selector(dtype_exclude="number"),
    )
    return make_pipeline(make_column_transformer(texts, remainder=numbers), classifier)
