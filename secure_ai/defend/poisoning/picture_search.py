"""Search for a backdoor in a network of pictures: who stands apart, what they share, whether it commands.

A group of rows that stands apart in its class is no proof: rare but honest pictures do, too. So the pixels
that the group shares and its class does not are taken as a trigger, and tried: pictures of other classes
must change their class under it, and the rest of the class must not need that place for its own answer (as
pictures of the ill need the place of the lesion).

Source: candidates: Tran, Li & Madry (2018), Chen et al. (2018); rebuilding and trying the trigger: the idea
    of Wang et al., Neural Cleanse (2019).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.attack.poisoning.poisoned import label_array
from secure_ai.attack.targets import Target, check_rows, check_target, open_target, reason_instead
from secure_ai.core import UserError
from secure_ai.core.figures import percent
from secure_ai.defend.poisoning.activations import Group, activations_of, groups_apart

OBEYS = 0.7
NEEDED = 0.2
APART = 4.0
MOST_PIXELS = 0.06
TRIED = 200
FLOOR = 0.02
GAP = 0.15
MOST_SHARE = 0.2
LEAST = 5
LEAST_TRIED = 10


@dataclass(frozen=True)
class FoundMarker:
    """What a group of rows shares, and what it does.

    Attributes:
        group: the rows that stand apart.
        pixels: (pixels,) booleans: where the group differs from its class.
        values: (pixels,) the group's grey levels there, 0 elsewhere.
        obeyed: share of pictures of other classes that get the group's class once they carry the pixels.
        needed: share of the rest of the class that loses it when the place is covered by other pictures'.
        gap: empty space between the rows that carry the pixels and the others of the class, in parts of the
            middle distance.
        rows: (n,) places of all rows of the class that carry the pixels.
    """

    group: Group
    pixels: np.ndarray
    values: np.ndarray
    obeyed: float
    needed: float
    gap: float
    rows: np.ndarray

    @property
    def is_backdoor(self) -> bool:
        """Whether the pixels command the answer and the class does not need their place."""
        return self.obeyed >= OBEYS and self.needed <= NEEDED and self.gap >= GAP and len(self.rows) >= LEAST

    def stamp(self, rows: Any) -> np.ndarray:
        """Return pictures, flattened, with these pixels."""
        changed = np.array(rows, dtype=float)
        changed[:, self.pixels] = self.values[self.pixels]
        return changed


@dataclass(frozen=True)
class MarkerSearch:
    """What a search for a backdoor in a network found.

    Attributes:
        found: candidates, backdoors first.
        alarm: whether one is a backdoor.
        suspicious: (training rows,) booleans: rows of its class that carry it.
        looked_at: groups that stood apart.
        queries: pictures asked.
    """

    found: tuple[FoundMarker, ...]
    alarm: bool
    suspicious: np.ndarray
    looked_at: int
    queries: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per candidate, as in :class:`Group` and :class:`FoundMarker`."""
        rows = [
            (
                *(one.group.label, one.group.method, len(one.rows), one.group.share, one.group.separation),
                *(int(one.pixels.sum()), one.obeyed, one.needed, one.gap, one.is_backdoor),
            )
            for one in self.found
        ]
        columns = ["class", "method", "rows", "share", "separation", "pixels"]
        columns += ["obeyed", "needed", "gap", "backdoor"]
        return pd.DataFrame(rows, columns=columns)

    def sentence(self) -> str:
        """Say whether a backdoor was found."""
        if not self.alarm:
            return (
                f"No backdoor was found: {self.looked_at} groups of training pictures stand apart in their "
                "class, and none shares a small mark that commands the answer; a change spread over the "
                "whole picture would not be found."
            )
        first = self.found[0]
        return (
            f"A backdoor was found: {len(first.rows):,} training pictures share {int(first.pixels.sum())} "
            f"pixels, and {percent(first.obeyed)} of pictures of other classes change to their class once "
            f"they carry them; with that place covered, {percent(first.needed)} of the rest of the class do."
        )


@reason_instead
def find_marker(
    network: Any, rows: Any, labels: Any, *, least_share: float = 0.004, seed: int = 0
) -> MarkerSearch:
    """Search the training pictures of a network for a mark that commands its answer.

    Args:
        network: the trained network; it must show ``hidden_activations``.
        rows: the pictures that it was trained on, (n, pixels) from 0 to 1.
        labels: (n,) their labels.
        least_share: smallest share of a class that counts as a group.
        seed: of clustering and of the pictures that are tried.

    Returns:
        The search, or ``Unassessed`` with the reason.

    Raises:
        UserError: if labels do not fit, or the share is none.
    """
    if not 0 < least_share < 0.3:
        raise UserError(f"least_share={least_share!r}: choose a share between 0 and 0.3.")
    known = label_array(labels, rows)
    check_rows(rows, least=100, what="pictures")
    pictures = np.asarray(rows, dtype=float).reshape(len(known), -1)
    asked = open_target(network, name="network")
    layer = activations_of(network, pictures)
    answers = check_target(asked, pictures)
    least = max(8, round(least_share * np.unique(known, return_counts=True)[1].max()))
    with threadpool_limits(1):
        groups = groups_apart(layer, known, answers == known, least=least, seed=seed)
    task = _Task(pictures, known, answers, asked, seed)
    found = []
    for group in groups:
        pixels, values = _shared(pictures, known, group)
        if pixels.any():
            found.append(_tried(group, pixels, values, task))
    found.sort(key=lambda one: (not one.is_backdoor, -one.obeyed, one.needed, -len(one.rows)))
    suspicious = np.zeros(len(known), dtype=bool)
    if found and found[0].is_backdoor:
        suspicious[found[0].rows] = True
    return MarkerSearch(tuple(found), bool(suspicious.any()), suspicious, len(groups), asked.queries)


@dataclass(frozen=True)
class _Task:
    """What stays the same from group to group."""

    pictures: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    asked: Target
    seed: int


def _shared(pictures: np.ndarray, known: np.ndarray, group: Group) -> tuple[np.ndarray, np.ndarray]:
    """Return where the middle of a group lies far from its class's mean, and its grey levels there."""
    mark = np.zeros(len(known), dtype=bool)
    mark[group.rows] = True
    rest = pictures[(known == group.label) & ~mark]
    middle = np.median(pictures[mark], axis=0)
    spread = np.maximum(rest.std(axis=0), FLOOR)
    distance = np.abs(middle - rest.mean(axis=0)) / spread
    pixels = distance >= APART / 2
    most = max(1, int(MOST_PIXELS * len(distance)))
    if pixels.sum() > most:
        pixels &= distance >= np.sort(distance)[-most]
    return pixels, np.where(pixels, middle, 0.0)


def _tried(group: Group, pixels: np.ndarray, values: np.ndarray, task: _Task) -> FoundMarker:
    """Stamp the pixels on pictures of other classes, and cover their place in the rest of the class."""
    rng = np.random.default_rng(task.seed)
    inside, agreed = task.labels == group.label, task.answers == task.labels
    own = np.flatnonzero(inside)
    near, gap = _carriers(np.abs(task.pictures[own][:, pixels] - values[pixels]).mean(axis=1))
    carriers = own[near]
    others = rng.permutation(np.flatnonzero(~inside & (task.answers != group.label)))[:TRIED]
    rest = rng.permutation(np.setdiff1d(np.flatnonzero(inside & agreed), [*group.rows, *carriers]))[:TRIED]
    found = FoundMarker(group, pixels, values, obeyed=0.0, needed=1.0, gap=gap, rows=carriers)
    if len(others) < LEAST_TRIED or len(rest) < LEAST_TRIED:
        return found
    covered = task.pictures[rest].copy()
    covered[:, pixels] = task.pictures[rng.choice(others, len(rest))][:, pixels]
    return replace(
        found,
        obeyed=float((task.asked.labels(found.stamp(task.pictures[others])) == group.label).mean()),
        needed=float((task.asked.labels(covered) != group.label).mean()),
    )


def _carriers(distances: np.ndarray) -> tuple[np.ndarray, float]:
    """Return which rows carry a mark, and how wide the empty space is between them and the others.

    The space is in parts of the middle distance. A stamp is there or not; an honest likeness has degrees.
    """
    order = np.argsort(distances, kind="stable")
    near = distances[order[: max(2, int(MOST_SHARE * len(order)))]]
    steps = np.diff(near)
    place = int(steps.argmax())
    middle = float(np.median(distances))
    return order[: place + 1], float(steps[place] / middle) if middle > 0 else 0.0
