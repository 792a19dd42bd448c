"""What the sections that ask a model share: answers counted, failures as reasons, names shown safely."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.names import Names
from secure_ai.assess.opening.models import ModelCases, OpenedModel, model_and_cases
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.section import Section, Text
from secure_ai.assess.sections.feature_names import FeatureNames, categories_of
from secure_ai.attack.targets import Target
from secure_ai.core import Unassessed, UserError

R = TypeVar("R")


def left_open(inputs: Inputs, section: str, reason: str) -> Section:
    """Return a section in which nothing was measured, and why."""
    return part_of(section).left_open(inputs.parameters, reason)


def opened(inputs: Inputs, *, labels: bool) -> tuple[OpenedModel, ModelCases] | Unassessed:
    """Return the model and its records, or why one of them is not there.

    Args:
        inputs: of the assessment.
        labels: whether records without their class are of no use.

    Raises:
        UserError: if what was given is wrong.
    """
    return model_and_cases(inputs, labels=labels)


def told(model: OpenedModel, progress: Progress, what: str, questions: float) -> Target:
    """Return the model as something to ask that says how far it is.

    Args:
        model: what is asked.
        progress: of the section.
        what: is being done, a sentence.
        questions: how many are expected.
    """
    target = model.target()
    answers = target.probabilities if target.answer == "probabilities" else target.labels

    def ask(rows: Any) -> np.ndarray:
        found = answers(rows)
        progress(what, min(target.queries / max(questions, 1), 0.99))
        return found

    return Target(
        ask, classes=target.classes, answer=target.answer, name=target.name, threshold=target.threshold
    )


def reason_instead(
    measure: Callable[[], R | Unassessed], names: Names | FeatureNames, columns: Iterable[Any]
) -> R | Unassessed:
    """Measure, and return the reason where the model fails, whatever it does.

    A model can hang, lie or crash in ways that nobody has foreseen: nothing follows about it then, and the
    other sections go on. What an assessor gave wrongly has to be checked before.

    Args:
        measure: asks the model.
        names: how the columns may be called.
        columns: that a reason could name.
    """
    try:
        found = measure()
    except UserError as error:
        found = Unassessed(str(error))
    except Exception as error:  # its text may hold a value of the records
        return Unassessed(
            f"The model could not be measured on these records ({type(error).__name__}): check that it takes "
            "them as they are."
        )
    return Unassessed(safe(found.reason, names, columns)) if isinstance(found, Unassessed) else found


def safe(sentence: str, names: Names | FeatureNames, columns: Iterable[Any]) -> str:
    """Return a sentence in which each quoted column is called as it may be."""
    for column in columns:
        quoted = f"'{column}'"
        if quoted in sentence:
            sentence = sentence.replace(quoted, f"'{names.column(column)}'")
    return sentence


def features_of(inputs: Inputs, cases: ModelCases) -> FeatureNames:
    """Return what the model's features may be called."""
    return FeatureNames(inputs.names, categories_of(cases.known.rows))


def class_of(value: Any, classes: Sequence[Any], parameter: str) -> Any:
    """Return the model's class that a parameter names; 1 is also "1" and 1.0.

    Raises:
        UserError: if the model knows no such class.
    """
    truth = isinstance(value, bool | np.bool_)
    for known in classes:
        word = _word(known).lower() if truth else _word(known)
        if value == known or _word(value) == word:
            return known
    raise UserError(
        f"{parameter} names a class that the model does not know: choose one of its {len(classes)} classes."
    )


def favorable_class(value: Any, classes: Sequence[Any]) -> Any:
    """Return the class that people want: the one named, else the second."""
    return classes[1] if value is None else class_of(value, classes, "favorable")


def class_names(labels: np.ndarray, classes: Sequence[Any], names: Names) -> dict[Any, str]:
    """Return what each class may be called on the report."""
    return {
        one: names.value(one, int((labels == one).sum()), number) for number, one in enumerate(classes, 1)
    }


def as_taken(model: OpenedModel, rows: Any) -> Any:
    """Return records as the model was trained on them: a frame, or an array where it knows no names."""
    return rows if model.features else rows.to_numpy()


def notes(cases: ModelCases, *more: str) -> Text:
    """Return as a paragraph what was sampled or left out."""
    return Text(text=" ".join([*more, *cases.notes]))


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()
