"""Planted misuse of models: copying one, looking for its border, asking who was in its training data."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.plant import Scene
from synthetic_data.activity.queries import INPUTS, analysts


def _start(scene: Scene) -> tuple[int, int, int, float]:
    able = analysts(scene.world)
    who = scene.pick(able if len(able) else scene.active())
    day, begins = scene.shift_of(who)
    return who, int(scene.rng.integers(0, len(scene.models.names))), day, begins


def _ask(scene: Scene, who: int, model: int, x: np.ndarray, time: np.ndarray) -> str:
    scene.models.ask(model, np.round(x, 3), time, who=who, incident=scene.number)
    return scene.staff_name(who)


def extraction(scene: Scene) -> str:
    """Many queries spread over the whole space of inputs, as a copy of the model needs them."""
    who, model, day, begins = _start(scene)
    n = scene.count(700, 80)
    rng = scene.rng
    spread = rng.uniform(-3, 3, (n, INPUTS))
    real = scene.models.genuine(rng, model, n)
    x = np.where(rng.random((n, 1)) < scene.quiet(1.0, 0.4), spread, real)
    return _ask(scene, who, model, x, scene.moments(day, begins + 0.5, n, scene.quiet(0.06, 2.0)))


def boundary_probing(scene: Scene) -> str:
    """Halves the way between a refused and an accepted case again and again."""
    who, model, day, begins = _start(scene)
    rng, parts = scene.rng, []
    for _ in range(scene.count(12, 2)):
        pool = scene.models.genuine(rng, model, 400)
        scores = scene.models.score(model, pool)
        low, high = pool[np.argmin(scores)], pool[np.argmax(scores)]
        for _ in range(scene.count(11, 6)):
            middle = (low + high) / 2
            parts.append(middle)
            above = scene.models.score(model, middle[None])[0] > 0.5
            low, high = (low, middle) if above else (middle, high)
    x = np.array(parts)
    return _ask(scene, who, model, x, scene.moments(day, begins + 0.5, len(x), scene.quiet(0.08, 2.0)))


def membership_probing(scene: Scene) -> str:
    """Real cases, each with a cloud of close neighbors: how the score bends tells who was in the training."""
    who, model, day, begins = _start(scene)
    rng = scene.rng
    cases = scene.models.genuine(rng, model, scene.count(30, 5))
    each = scene.count(10, 4)
    x = np.repeat(cases, each, axis=0)
    x = x + rng.normal(0, 0.03, x.shape) * (np.arange(len(x)) % each > 0)[:, None]
    return _ask(scene, who, model, x, scene.moments(day, begins + 0.5, len(x), scene.quiet(0.08, 2.0)))
