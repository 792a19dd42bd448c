"""Claims about the picture of an incident."""

from __future__ import annotations

import itertools

import pytest

from secure_ai.govern.incidents import Tabletop, play, plot_timeline


@pytest.mark.parametrize("policy", ["by_plan", "everything"])
@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_labels_of_decisions_neither_cover_one_another_nor_leave_the_picture(sector, policy):
    figure = plot_timeline(play(Tabletop("exposed_store", sector, seed=3), policy))
    figure.canvas.draw()
    axes = figure.axes[0]
    boxes = [label.get_window_extent() for label in axes.texts]
    assert len(boxes) > 10
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(box.x1 <= axes.get_window_extent().x1 for box in boxes)
