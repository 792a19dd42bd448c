"""Models in the skops format: only types of a list are made, and trees are checked before use.

skops asks for trust in decision trees, because scikit-learn follows the numbers in them without checking: a
crafted tree reads memory that is not its own, or never ends. Here they are trusted and then checked.

Source: skops documentation, *Secure persistence*; scikit-learn pull request 34558.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.defend.model_files.formats import zip_problem

TREES = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
# Attributes whose content is given the very rows that their owner was given.
SAME_ROWS = ("estimators_", "_predictors")
DEEPEST = 60


def save_skops(model: Any, path: str | Path) -> Path:
    """Write a fitted model in the skops format.

    Raises:
        UserError: if it holds something that skops cannot store, or the file cannot be written.
    """
    import skops.io

    target = Path(path)
    try:
        content = skops.io.dumps(model)
    except Exception as error:
        raise UserError(
            f"The model cannot be stored in the skops format ({type(error).__name__}): leave out what is no "
            "estimator, number or text, such as functions of your own."
        ) from None
    with atomic_file(target) as draft:
        draft.write_bytes(content)
    return target


def untrusted_types(content: bytes) -> tuple[list[tuple[str, str]], str]:
    """Return types that skops does not trust by itself, each with its kind, and a problem if there is one."""
    import skops.io

    problem = zip_problem(content)
    if problem is not None:
        return [], problem
    try:
        types = skops.io.get_untrusted_types(data=content)
    except Exception as error:
        return [], f"its schema cannot be read ({type(error).__name__})"
    return [(shown(name), "estimator" if name in TREES else "other") for name in types], ""


def load_skops(content: bytes, name: str, *, trusted_types: Sequence[str] = ()) -> Any:
    """Make the model that a skops file describes, if it holds only trusted types and sound trees.

    Args:
        content: the file's bytes.
        name: of the file, for sentences.
        trusted_types: fully qualified names of types that you trust beyond those of scikit-learn and numpy.

    Raises:
        UserError: if it holds another type, a broken tree, or is no skops file.
    """
    import skops.io

    named = shown(name)
    found, problem = untrusted_types(content)
    if problem:
        raise UserError(f"The model file {named} cannot be opened: {problem}. Ask for it again.")
    unknown = [kind for kind, sort in found if sort == "other" and kind not in set(trusted_types)]
    if unknown:
        more = "…" if len(unknown) > 5 else ""
        raise UserError(
            f"The model file {named} holds types that are not on the list of trusted ones: "
            f"{', '.join(unknown[:5])}{more}. If you know what they do, name them as trusted types; "
            "otherwise do not open it."
        )
    try:
        model = skops.io.loads(content, trusted=[*TREES, *trusted_types])
    except Exception as error:
        raise UserError(
            f"The model file {named} is broken or of other versions of its libraries ({type(error).__name__}"
            "): ask for it again."
        ) from None
    problem = tree_problem(model)
    if problem is not None:
        raise UserError(f"The model file {named} holds a decision tree that {problem}: do not use it.")
    return model


def tree_problem(model: Any) -> str | None:
    """Say what is wrong with a decision tree in the model; None if all are sound."""
    for tree, width in _trees(model, None, set(), 0):
        problem = (
            _histogram_tree_problem(tree, width) if hasattr(tree, "nodes") else _tree_problem(tree, width)
        )
        if problem is not None:
            return problem
    return None


def _tree_problem(tree: Any, width: int | None) -> str | None:
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    inner = left != -1
    return _nodes_problem(left, right, inner, np.asarray(tree.feature), width or tree.n_features)


def _histogram_tree_problem(tree: Any, width: int | None) -> str | None:
    nodes = tree.nodes
    inner = nodes["is_leaf"] == 0
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    bits = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    if len(bits) and bits.max() >= min(len(tree.raw_left_cat_bitsets), len(tree.binned_left_cat_bitsets)):
        return "names categories that it does not have"
    return _nodes_problem(left, right, inner, nodes["feature_idx"].astype(np.int64), width)


def _nodes_problem(
    left: np.ndarray, right: np.ndarray, inner: np.ndarray, feature: np.ndarray, width: int | None
) -> str | None:
    if not len(left):
        return "has no nodes"
    place = np.flatnonzero(inner)
    for child in (left[place], right[place]):
        # Children stand behind their parent, so that no path comes back to where it was.
        if (child <= place).any() or (child >= len(left)).any():
            return "leads out of itself or in a circle"
    asked = feature[place]
    if width is not None and len(asked) and (asked.min() < 0 or asked.max() >= width):
        return "asks for a feature that the model does not have"
    return None


def _trees(value: Any, width: int | None, seen: set[int], depth: int) -> Iterator[tuple[Any, int | None]]:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

    if id(value) in seen and not isinstance(value, Tree | TreePredictor):
        return
    if depth > DEEPEST:
        raise UserError("The model is nested too deeply to be checked: do not use it.")
    if isinstance(value, Tree | TreePredictor):
        yield value, width
        return
    seen.add(id(value))
    if isinstance(value, dict):
        parts = [(part, width) for part in value.values()]
    elif isinstance(value, list | tuple | set):
        parts = [(part, width) for part in value]
    elif isinstance(value, np.ndarray):
        parts = [(part, width) for part in value.ravel()] if value.dtype.hasobject else []
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        own = getattr(value, "n_features_in_", None)
        own = int(own) if isinstance(own, int | np.integer) else None
        inner = min((w for w in (own, width) if w is not None), default=None)
        parts = [
            (part, inner if name in SAME_ROWS or name == "tree_" else None)
            for name, part in vars(value).items()
        ]
    else:
        parts = []
    for part, bound in parts:
        if not isinstance(part, str | bytes | int | float | bool | None | np.generic):
            yield from _trees(part, bound, seen, depth + 1)
