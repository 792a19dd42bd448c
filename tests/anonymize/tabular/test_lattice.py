"""The search in the lattice: exact, whatever the condition, with fewer checks than nodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.anonymize.tabular.lattice import MOST_NODES, Lattice, candidates, least
from secure_ai.core import UserError

HEIGHTS = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


def at_least(node, corners):
    return any(all(a >= b for a, b in zip(node, corner, strict=True)) for corner in corners)


@given(st.data(), HEIGHTS)
def test_all_nodes_that_meet_a_monotone_condition_are_found(data, heights):
    lattice = Lattice(heights)
    corner = st.tuples(*(st.integers(0, height - 1) for height in heights))
    corners = data.draw(st.lists(corner, max_size=4))
    asked = []

    def meets(node):
        asked.append(node)
        return at_least(node, corners)

    found = candidates(lattice, meets)
    assert found == [node for node in lattice.nodes() if at_least(node, corners)]
    assert len(asked) == len(set(asked)) <= lattice.n_nodes


def test_a_chain_is_searched_by_bisection():
    asked = []
    found = candidates(Lattice((1000,)), lambda node: asked.append(node) or node[0] >= 700)
    assert len(found) == 300
    assert len(asked) <= 11


@given(st.data(), HEIGHTS)
def test_the_least_loss_is_found_whatever_the_bounds(data, heights):
    nodes = Lattice(heights).nodes()
    figures = st.lists(st.integers(0, 5), min_size=len(nodes), max_size=len(nodes))
    losses = dict(zip(nodes, data.draw(figures), strict=True))
    slack = np.array(data.draw(figures))
    banned = {node for node, flag in zip(nodes, data.draw(figures), strict=True) if flag == 0}
    bounds = np.array([losses[node] for node in nodes], float) - slack
    found = least(nodes, bounds, lambda node: None if node in banned else float(losses[node]))
    allowed = [node for node in nodes if node not in banned]
    if not allowed:
        assert found is None
        return
    best = min(allowed, key=lambda node: (losses[node], sum(node), node))
    assert found == (best, losses[best])


def test_nodes_that_cannot_be_better_are_not_looked_at():
    nodes = Lattice((10,)).nodes()
    asked = []
    found = least(nodes, np.arange(10.0), lambda node: asked.append(node) or node[0] + 0.5)
    assert found == ((0,), 0.5)
    assert asked == [(0,)]


def test_nodes_come_from_the_least_general_to_the_top():
    lattice = Lattice((2, 3))
    assert lattice.nodes() == [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (1, 2)]
    assert lattice.top == (1, 2)


def test_a_lattice_too_large_to_search_is_refused():
    with pytest.raises(UserError, match="leave out levels or columns"):
        Lattice((MOST_NODES + 1,))
