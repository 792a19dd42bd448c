"""What the server sees of a participant's rows: its update under given settings, as a gradient to invert."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from secure_ai.attack.federated import gradients_of_change
from secure_ai.core.errors import UserError
from secure_ai.defend.federated.client import LocalClient, RoundRequest, TrainingSettings
from secure_ai.defend.federated.model import FederatedModel


def seen_by_server(
    model: FederatedModel,
    weights: np.ndarray,
    settings: TrainingSettings | None = None,
    *,
    mask: Callable[[np.ndarray], np.ndarray] | None = None,
    seed: int = 0,
) -> Callable[[np.ndarray, np.ndarray], list[np.ndarray]]:
    """Return ``sends(rows, codes)``: what the server reads from the update of a participant with these rows.

    It is for ``secure_ai.attack.federated.measure_inversion``: the participant trains as it does in a round,
    and the server divides the change by step size and number of steps.

    Args:
        model: the shape that all agreed on.
        weights: (model.size,) the common weights of the round.
        settings: how participants train; None takes all rows in one step.
        mask: what protects the update on its way, ``mask(change) -> change``, as secure aggregation does;
            None leaves it as it is.
        seed: of order and noise.
    """
    settings = settings or TrainingSettings(batch_size=None)
    parts = model.unflatten(weights)

    def sends(rows: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
        labels = np.asarray(model.classes)[codes]
        change = LocalClient("participant", rows, labels, model, seed).train(RoundRequest(1, parts, settings))
        if settings.record_privacy is None:
            steps = settings.epochs * -(-len(rows) // (settings.batch_size or len(rows)))
        else:
            steps = settings.record_privacy.steps
        delta = change.delta if mask is None else np.asarray(mask(change.delta), dtype=float)
        if delta.shape != (model.size,):
            raise UserError(f"mask: it has to return {model.size:,} numbers.")
        return gradients_of_change(model.unflatten(delta), settings.learning_rate, steps)

    return sends
