"""The answers that are worth trying first, for a recipe as it stands."""

from __future__ import annotations

from typing import Any

from secure_ai.access.scoring import AnswerPolicy
from secure_ai.core import UserError
from secure_ai.defend.leakage.recipes import OutOfFold, WithoutDuplicates

# Of the part of a pipeline's setting after the last "__": (setting, value) → name.
SETTINGS = {
    ("min_samples_leaf", 5): "5 records or more in a leaf",
    ("min_samples_leaf", 20): "20 records or more in a leaf",
    ("min_samples_leaf", 50): "50 records or more in a leaf",
    ("max_depth", 4): "depth 4",
    ("C", 0.01): "stronger regularization (C 0.01)",
    ("alpha", 1.0): "stronger regularization (alpha 1)",
    ("max_iter", 10): "10 rounds of training",
    ("epochs", 3): "3 epochs",
}


def usual_answers(recipe: Any) -> dict[str, Any]:
    """Return the usual answers for a recipe, to give to :func:`~secure_ai.defend.leakage.compare_answers`.

    What the recipe can set (records in a leaf, depth, regularization, rounds), rounded probabilities, labels
    alone, no duplicates, out-of-fold answers. Add those that need knowledge of the table: fewer columns,
    training with differential privacy.

    Args:
        recipe: a classifier that is not fitted, or a pipeline with one.

    Raises:
        UserError: if its settings cannot be read.
    """
    if not hasattr(recipe, "get_params") or not hasattr(recipe, "fit"):
        raise UserError("The recipe is a function: name your own answers, its settings cannot be read.")
    from sklearn.base import clone

    last = recipe.steps[-1][0] + "__" if hasattr(recipe, "steps") else ""
    settings = recipe.get_params()
    # What is distilled must not repeat single answers of the folds.
    small = next((name for name in settings if name == last + "min_samples_leaf"), "")
    found: dict[str, Any] = {}
    for (setting, value), name in SETTINGS.items():
        if last + setting in settings and settings[last + setting] != value:
            if setting == "max_iter" and last + "learning_rate" not in settings:
                # A solver that is stopped too early is not regularized, it is wrong.
                continue
            found[name] = clone(recipe).set_params(**{last + setting: value})
    return found | {
        "probabilities rounded to 0.1": AnswerPolicy("rounded", 1),
        "top label only": AnswerPolicy("label"),
        "without duplicates": WithoutDuplicates(recipe),
        f"out-of-fold answers{small and ', 5 records or more in a leaf'}": OutOfFold(
            clone(recipe).set_params(**{small: 5}) if small else recipe
        ),
    }
