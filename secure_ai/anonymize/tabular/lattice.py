"""The lattice of generalization levels, and an exact search in it that checks as few nodes as it can.

A node says how far each column is generalized: ``(1, 0, 2)`` takes the first column one level up and the
third one two. A node above another one is at least as general in every column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secure_ai.core import UserError

Node = tuple[int, ...]
Floats = NDArray[np.float64]

MOST_NODES = 1_000_000
UNKNOWN, FAILS, MEETS = 0, 1, 2


@dataclass(frozen=True)
class Lattice:
    """All combinations of levels.

    Attributes:
        heights: number of levels of each column.

    Raises:
        UserError: if there are more combinations than can be searched.
    """

    heights: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.n_nodes > MOST_NODES:
            raise UserError(
                f"The hierarchies make {self.n_nodes:,} combinations of levels, more than {MOST_NODES:,}: "
                "leave out levels or columns."
            )

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return math.prod(self.heights)

    @property
    def top(self) -> Node:
        """The node that generalizes everything to ``*``."""
        return tuple(height - 1 for height in self.heights)

    def nodes(self) -> list[Node]:
        """Return all nodes, the least general first: by the sum of their levels, then by the levels."""
        return sorted(np.ndindex(self.heights), key=lambda node: (sum(node), node))


def candidates(lattice: Lattice, meets: Callable[[Node], bool]) -> list[Node]:
    """Return the nodes that meet a monotone condition, in the order of :meth:`Lattice.nodes`.

    Where a node meets the condition so do all above it, and where it fails so do all below; each check so
    settles many nodes. Chains from the bottom to the top are searched by bisection.

    Args:
        lattice: the nodes.
        meets: the condition; called for few of the nodes.

    Source: Kohlmayer et al., Flash: efficient, stable and optimal k-anonymity (2012).
    """
    state = np.full(lattice.heights, UNKNOWN, dtype=np.int8)
    ordered = lattice.nodes()
    for start in ordered:
        if state[start] != UNKNOWN:
            continue
        chain = [start]
        while (above := _first_above(chain[-1], state)) is not None:
            chain.append(above)
        low, high = 0, len(chain) - 1
        while low <= high:
            middle = (low + high) // 2
            node = chain[middle]
            if meets(node):
                state[tuple(slice(level, None) for level in node)] = MEETS
                high = middle - 1
            else:
                state[tuple(slice(level + 1) for level in node)] = FAILS
                low = middle + 1
    return [node for node in ordered if state[node] == MEETS]


def least(
    nodes: Sequence[Node], bounds: Floats, loss: Callable[[Node], float | None]
) -> tuple[Node, float] | None:
    """Return the node of least loss and that loss, or None if no node has one.

    Nodes are tried in the order of their bounds, until no bound is below the least loss found. Of equal
    losses the least general node wins, then the first by its levels.

    Args:
        nodes: the nodes to choose from.
        bounds: what the loss of each node is at least (minus infinity where nothing is known).
        loss: the loss of a node, or None if it must not be chosen.
    """
    best: tuple[float, int, Node] | None = None
    ranked = sorted(
        zip(bounds.tolist(), nodes, strict=True), key=lambda pair: (pair[0], sum(pair[1]), pair[1])
    )
    for bound, node in ranked:
        if best is not None and bound > best[0]:
            break
        found = loss(node)
        if found is not None and (best is None or (found, sum(node), node) < best):
            best = (found, sum(node), node)
    return None if best is None else (best[2], best[0])


def _first_above(node: Node, state: NDArray[np.int8]) -> Node | None:
    for column, level in enumerate(node):
        if level + 1 < state.shape[column]:
            above = (*node[:column], level + 1, *node[column + 1 :])
            if state[above] == UNKNOWN:
                return above
    return None
