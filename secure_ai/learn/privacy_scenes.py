"""What lesson 13 looks at: the house's texts, attacks and answers in words, and the rules of release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secure_ai.core import Measurement, Unassessed
from secure_ai.core.figures import percent
from secure_ai.learn.attacked_models import encoded
from secure_ai.learn.parameters import of_sector

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.attack.attribute_inference import AttributeInference
    from secure_ai.attack.membership import MembershipAttack
    from secure_ai.attack.memorization import MemorizationComparison
    from secure_ai.defend.leakage import LeakageComparison
    from secure_ai.defend.release import ReleaseReport

NOTES = 150
UNITS, RATE = 64, 0.01
EPSILON, DELTA = 4.0, 1e-5
FEW = 0.01


@dataclass(frozen=True)
class PrivacyScene:
    """What is the hospital's and what is the bank's.

    Attributes:
        us, person, people: words for the organization and for those whose records it has.
        task: of the learning table.
        rows_each: how many rows of data make one row of the lesson.
        texts: names of the documents that the text model learns from, and what they are called.
        secret: what membership in the training data would give away.
        ranges, lists: the data dictionary, from outside the data.
    """

    us: str
    person: str
    people: str
    task: str
    rows_each: int
    texts: tuple[tuple[str, ...], str]
    secret: str
    ranges: Mapping[str, tuple[float, float]]
    lists: Mapping[str, Sequence[str]]


SCENES = {
    "healthcare": PrivacyScene(
        us="hospital",
        person="patient",
        people="patients",
        task="readmission",
        rows_each=1,
        texts=(("notes",), "notes"),
        secret="that somebody was an inpatient here",
        ranges={
            **{"age": (0, 100), "length_of_stay": (0, 20), "prior_admissions": (0, 8)},
            **{"prior_emergency_visits": (0, 8), "comorbidity_count": (0, 12), "medication_count": (0, 10)},
            **{"hemoglobin": (8, 18), "sodium": (130, 148), "creatinine": (0, 6)},
            **{"heart_failure": (0, 1), "kidney_disease": (0, 1), "follow_up_within_7_days": (0, 1)},
        },
        lists={
            "discharge_to": ["home", "home_health", "skilled_nursing", "rehabilitation", "against_advice"]
        },
    ),
    "finance": PrivacyScene(
        us="bank",
        person="applicant",
        people="applicants",
        task="credit",
        rows_each=10,
        texts=(("chats", "emails"), "messages"),
        secret="that somebody asked this bank for a loan",
        ranges={
            **{"amount": (0, 50_000), "term_months": (12, 84), "interest_rate": (0, 25)},
            **{"monthly_payment": (0, 2000), "annual_income": (0, 200_000), "debt_to_income": (0, 60)},
            **{"credit_score": (300, 850), "employment_years": (0, 30), "delinquencies_2y": (0, 5)},
            **{"open_accounts": (0, 25), "payment_burden": (0, 1)},
        },
        lists={"home_ownership": ["own", "rent", "mortgage"]},
    ),
}


def privacy_scene(sector: str) -> PrivacyScene:
    """Return the scene of a sector.

    Raises:
        UserError: if there is none of this name.
    """
    return of_sector(SCENES, sector)


def texts_of(documents: Mapping[str, Sequence[Any]], scene: PrivacyScene, count: int = NOTES) -> list[str]:
    """Return the first texts of the kinds that the scene names, as many of each kind.

    Args:
        documents: name to documents with ``text``.
        scene: names the kinds.
        count: how many in all at most.
    """
    kinds = scene.texts[0]
    return [document.text for kind in kinds for document in documents[kind][: count // len(kinds)]]


# Turn 1: who was in the training data


def attacks_table(attacks: Mapping[str, MembershipAttack]) -> pd.DataFrame:
    """Return one row for each attack: what it found in all and at few false alarms, and the control."""
    import pandas as pd

    rows = [
        (
            name,
            f"{found.auc.value:.2f} ({found.auc.interval[0]:.2f} to {found.auc.interval[1]:.2f})",
            _share(found.tpr_at_low_fpr),
            _share(found.tpr_at_lower_fpr),
            f"{found.auc.control:.2f}",
        )
        for name, found in attacks.items()
    ]
    heads = ["attack", "AUC", "found at 1% false alarms", "at 0.1%", "AUC of the control"]
    return pd.DataFrame(rows, columns=heads)


def _share(figure: Measurement | Unassessed) -> str:
    if isinstance(figure, Unassessed):
        return "unassessed"
    return _spread(figure.value, *figure.interval)


def _spread(value: float, low: float, high: float) -> str:
    """Show a share and its interval, all with as many places."""
    return f"{value:.1%} ({low:.1%} to {high:.1%})"


def attacks_note(attack: MembershipAttack) -> str:
    """Say on how many false alarms the figures rest, and why one is not measured."""
    others = int((~attack.scores["member"]).sum())
    said = f"At 1%: at most {int(FEW * others)} of {others:,} others are wrongly accused."
    if isinstance(attack.tpr_at_lower_fpr, Unassessed):
        said += f" At 0.1%: {attack.tpr_at_lower_fpr.reason}"
    return said


# Turn 2: what else of them


def guesses_table(found: AttributeInference) -> pd.DataFrame:
    """Return how often each way of guessing is right, of members and of others."""
    import pandas as pd

    table = found.table
    return pd.DataFrame(
        {
            "guessed by": [GUESSES.get(name, name) for name in table["attack"]],
            "asks the model": ["yes" if uses else "no" for uses in table["uses_model"]],
            "right for members": [percent(share) for share in table["members"]],
            "right for others": [percent(share) for share in table["non_members"]],
        }
    )


GUESSES = {
    "most frequent": "always the most frequent value",
    "imputation": "a model of the other columns, from own records",
    "weighted": "the answers of the model, weighed by a stand-in of it",
    "bayes": "the answers of the model, and how frequent each value is with such columns",
    "prior": "the answers of the model, and how frequent each value is",
    "confidence": "the value with which the model is surest",
}


# Turn 3: a text model


def without_copies(texts: Sequence[str], *, near: float | None = None) -> Sequence[str]:
    """Return each text once.

    Args:
        texts: the notes.
        near: overlap from which two texts count as the same one; None for word for word.
    """
    from secure_ai.attack.memorization import deduplicate

    return deduplicate(texts, near=near).texts


def preparations_table(found: MemorizationComparison) -> pd.DataFrame:
    """Return a row for each preparation: the median exposure in bits, by how often a secret was planted."""
    table = found.to_frame()
    table["times"] = ["never planted" if times == 0 else f"planted {times} x" for times in table["planted"]]
    wide = table.pivot(index="preparation", columns="times", values="exposure")
    wide = wide.loc[table["preparation"].unique(), table["times"].unique()]
    return wide.map("{:.1f}".format).rename_axis(columns=None).reset_index(names="the texts")


# Turn 4: answers


def network(epochs: int, *, weight_decay: float = 0.0) -> Any:
    """Return a network for a frame with texts, not fitted.

    Args:
        epochs: how often training sees every row.
        weight_decay: how strongly weights are pulled to 0.
    """
    from sklearn.preprocessing import StandardScaler

    from secure_ai.attack.networks import Network

    made = Network(hidden=(UNITS,), epochs=epochs, learning_rate=RATE, weight_decay=weight_decay)
    return encoded(made, numbers=StandardScaler())


def private_training(scene: PrivacyScene, epsilon: float = EPSILON) -> Any:
    """Return training of a logistic regression with differential privacy, by the scene's data dictionary."""
    from secure_ai.anonymize.differential_privacy.learning.encoder import PublicEncoder, Range
    from secure_ai.anonymize.differential_privacy.learning.training import PrivateLogisticRegression
    from secure_ai.defend.leakage import PrivateTraining

    ranges = {name: Range(*limits) for name, limits in scene.ranges.items()}
    return PrivateTraining(
        PrivateLogisticRegression(epsilon=epsilon, delta=DELTA, bounds=(0, 1), classes=[0, 1]),
        PublicEncoder(ranges | {name: list(values) for name, values in scene.lists.items()}),
    )


def answers_table(found: LeakageComparison, first: str = "as it is") -> pd.DataFrame:
    """Return what each answer leaves to an attacker who knows it, and what it costs.

    Args:
        found: the comparison.
        first: name of the line without an answer.
    """
    import pandas as pd

    table = found.to_frame()
    return pd.DataFrame(
        {
            "the model": [first, *table["answer"][1:]],
            "members found at 1% false alarms": [
                _spread(row.tpr, row.low, row.high) for row in table.itertuples()
            ],
            "times fewer": ["", *(f"{times:.1f}" for times in table["times"][1:])],
            "right on others": [f"{share:.1%}" for share in table["accuracy"]],
            "area under the ROC curve": [f"{area:.2f}" for area in table["ranking"]],
        }
    )


def bound_sentence(epsilon: float = EPSILON) -> str:
    """Say what differential privacy promises against every attack, as a share found at 1 % false alarms."""
    from secure_ai.attack.membership.bounds import most_true_positives

    most = float(most_true_positives(FEW, epsilon, DELTA))
    return (
        f"Whatever the attack: at epsilon {epsilon:g} nobody can find more than {percent(most)} of the "
        "members at 1% false alarms. That is the promise; what was found is in the table."
    )


# Turn 5: may it leave the house


def rules_verdict(reports: Mapping[str, ReleaseReport]) -> str:
    """Say how many rules each model meets.

    Args:
        reports: name of the model to what was found.
    """
    said = []
    for name, report in reports.items():
        against, open_ = len(report.not_met()), len(report.unassessed())
        met = len(report.findings) - against - open_
        said.append(f"'{name}' meets {met}, fails {against}, and {open_} could not be assessed")
    return f"Of {len(report.findings)} rules {'; '.join(said)}."


def rules_table(reports: Mapping[str, ReleaseReport]) -> pd.DataFrame:
    """Return one row for each rule: what it asks, its threshold, and how each model does.

    Args:
        reports: name of the model to what was found.
    """
    import pandas as pd

    first = next(iter(reports.values()))
    rows = {finding.rule: {"rule": finding.terms.asks, "limit": f"{finding.terms.limit} {finding.terms.unit}"}
            for finding in first.findings}  # fmt: skip
    for name, report in reports.items():
        table = report.to_frame().set_index("rule")
        for rule, line in rows.items():
            line[name] = table.at[rule, "outcome"] if rule in table.index else "does not apply"
    return pd.DataFrame(rows.values())
