"""Black box by a detour: the gradient of a substitute that learned the model's answers, tried on the model.

Source: Papernot et al., Practical black-box attacks against machine learning (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from secure_ai.attack.gradients.limits import Limits, Norm
from secure_ai.attack.gradients.measure import GradientAttack, curve_through
from secure_ai.attack.gradients.white_box import open_white_box
from secure_ai.attack.networks.network import Network
from secure_ai.attack.targets import Target, check_rows, check_target, open_target, reason_instead


def substitute_network(
    model: Any, own_rows: Any, *, picture: tuple[int, int] | None = None, seed: int = 0, **settings: Any
) -> Network:
    """Return a network of the attacker's own that learned the model's answers about the attacker's rows.

    Args:
        model: what :func:`secure_ai.attack.targets.open_target` takes; asked once about each row.
        own_rows: numbers, as the model takes them; no labels needed.
        picture: height and width if rows are flattened pictures.
        seed: of the network.
        settings: others of :class:`Network`.

    Raises:
        TargetError: if the model does not answer, or gives one class for all rows.
    """
    target = open_target(model)
    check_rows(own_rows, what="own rows")
    return _fitted(own_rows, check_target(target, own_rows), picture, seed, settings)


@reason_instead
def measure_transfer(
    model: Any,
    rows: Any,
    labels: Any = None,
    sizes: Sequence[float] = (2 / 255, 4 / 255, 8 / 255, 16 / 255),
    *,
    own_rows: Any,
    picture: tuple[int, int] | None = None,
    norm: Norm = "linf",
    limits: Limits | None = None,
    steps: int = 20,
    starts: int = 1,
    name: str = "model",
    seed: int = 0,
    **settings: Any,
) -> GradientAttack:
    """Measure changes made on a substitute by what the model answers (black box; labels are enough).

    Args:
        model: what :func:`secure_ai.attack.targets.open_target` takes: any model, function or endpoint.
        rows, labels, sizes, norm, limits, steps, starts, name: as in
            :func:`secure_ai.attack.gradients.measure.measure_gradient_attack`.
        own_rows: rows of the attacker, of the same kind as ``rows``, without labels.
        picture: height and width if rows are flattened pictures.
        seed: of the substitute and of random changes.
        settings: others of :class:`Network`.

    Returns:
        The curve; its control is a substitute that learned the same answers, shuffled. ``Unassessed`` if the
        model does not answer or rows are unusable.
    """
    target: Target = model if isinstance(model, Target) else open_target(model, name=name)
    check_rows(rows)
    check_rows(own_rows, what="own rows")
    answers = check_target(target, own_rows)
    mixed = np.random.default_rng([seed, 1]).permutation(answers)
    substitute, shuffled = (_fitted(own_rows, given, picture, seed, settings) for given in (answers, mixed))
    return curve_through(
        target,
        open_white_box(substitute),
        rows,
        labels,
        sizes,
        norm=norm,
        limits=limits,
        steps=steps,
        starts=starts,
        seed=seed,
        shuffled=open_white_box(shuffled),
    )


def _fitted(
    rows: Any, answers: np.ndarray, picture: tuple[int, int] | None, seed: int, settings: dict[str, Any]
) -> Network:
    return Network(picture=picture, seed=seed, **settings).fit(rows, answers)
