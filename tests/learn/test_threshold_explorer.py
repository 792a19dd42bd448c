"""Claims about the threshold explorer: text and widget say the same, and figures follow the threshold."""

from __future__ import annotations

import pytest

from secure_ai.core import Document, Span, UserError
from secure_ai.learn.threshold_explorer import ThresholdExplorer

DOCUMENTS = [
    Document("Ann <b> met Bob", [Span(0, 3, "PERSON"), Span(12, 15, "PERSON")]),
    Document("912-34-5678", [Span(0, 11, "US_SSN")]),
]
FOUND = [[Span(0, 3, "PERSON", 0.5), Span(8, 11, "PERSON", 0.1)], [Span(0, 11, "US_SSN", 0.9)]]


@pytest.fixture
def explorer():
    return ThresholdExplorer(DOCUMENTS, FOUND)


@pytest.mark.parametrize(
    ("threshold", "found", "missed", "alarms"),
    [(0, "2 (67%)", "1", "1"), (0.4, "2 (67%)", "1", "0"), (0.95, "0 (0%)", "3", "0")],
)
def test_figures_follow_the_threshold(explorer, threshold, found, missed, alarms):
    cells = dict(explorer.look(threshold).rows)
    assert (cells["found (recall)"], cells["missed"], cells["false alarms"]) == (found, missed, alarms)


def test_no_findings_means_precision_is_not_known(explorer):
    assert dict(explorer.look(1).rows)["precision"] == "not known"


def test_the_example_is_marked_and_escaped(explorer):
    note = explorer.marked(0.4)
    assert "[PERSON: Ann] <b> met [[MISSED PERSON: Bob]]" in note.text()
    assert "&lt;b&gt;" in note.html()


def test_the_widget_shows_the_text_and_follows_its_slider(explorer):
    slider, view = explorer.widget().children
    assert explorer.look(0.4).html() in view.value and 'alt="Threshold curve.' in view.value
    slider.value = 0.95
    assert explorer.look(0.95).html() in view.value


def test_a_threshold_or_documents_that_make_no_sense_are_refused(explorer):
    with pytest.raises(UserError, match="threshold is 2"):
        explorer.look(2)
    with pytest.raises(UserError, match="one list of found spans"):
        ThresholdExplorer(DOCUMENTS, FOUND[:1])
    with pytest.raises(UserError, match="needs documents"):
        ThresholdExplorer([], [])


def test_without_widgets_only_the_text_is_shown(explorer, monkeypatch):
    shown = []
    monkeypatch.setenv("SECURE_AI_WIDGETS", "off")
    monkeypatch.setattr("IPython.display.display", shown.append)
    explorer.show()
    assert [item.text() for item in shown] == [explorer.look().text()]
