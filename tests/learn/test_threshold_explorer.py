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
    besides = cells["found besides (false alarms, or of another kind)"]
    assert (cells["found (recall)"], cells["missed"], besides) == (found, missed, alarms)


def test_no_findings_means_precision_is_not_known(explorer):
    assert dict(explorer.look(1).rows)["precision"] == "not known"


def test_the_example_is_marked_and_escaped(explorer):
    note = explorer.marked(0.4)
    assert "[PERSON: Ann] <b> met [[MISSED PERSON: Bob]]" in note.text()
    assert "&lt;b&gt;" in note.html()


def test_found_missed_and_false_alarms_are_said_in_words_and_drawn_in_three_ways(explorer):
    marked = explorer.marked(0)
    assert marked.summary() == "1 found, 1 missed, 1 false alarm."
    assert "[FALSE ALARM PERSON: met]" in marked.text()
    for label, line in (
        ("PERSON:", "solid"),
        ("MISSED PERSON:", "dashed"),
        ("FALSE ALARM PERSON:", "dotted"),
    ):
        assert f">{label}</small>" in marked.html() and f"3px {line}" in marked.html()


def test_what_is_marked_in_no_text_is_neither_hit_nor_false_alarm():
    titles = [[*FOUND[0], Span(4, 7, "TITLE", 0.9)], FOUND[1]]
    explorer = ThresholdExplorer(DOCUMENTS, titles)
    assert explorer.look(0).rows == ThresholdExplorer(DOCUMENTS, FOUND).look(0).rows
    assert "TITLE" not in explorer.marked(0).text()


def test_the_widget_shows_the_text_and_follows_slider_and_choice(explorer):
    slider, choice, view = explorer.widget().children
    assert explorer.look(0.4).html() in view.value and 'alt="Threshold curve.' in view.value
    assert explorer.marked(0.4).html() in view.value and 'aria-live="polite"' in view.value
    slider.value = 0.95
    assert explorer.look(0.95).html() in view.value and explorer.marked(0.95).html() in view.value
    choice.value = 1
    assert explorer.marked(0.95, example=1).html() in view.value and "912-34" in view.value


def test_a_threshold_or_documents_that_make_no_sense_are_refused(explorer):
    with pytest.raises(UserError, match="threshold is 2"):
        explorer.look(2)
    with pytest.raises(UserError, match="no text 2: choose a number from 0 to 1"):
        explorer.marked(0.4, example=2)
    with pytest.raises(UserError, match="one list of found spans"):
        ThresholdExplorer(DOCUMENTS, FOUND[:1])
    with pytest.raises(UserError, match="needs documents"):
        ThresholdExplorer([], [])


def test_without_widgets_only_the_text_is_shown(explorer, monkeypatch):
    shown = []
    monkeypatch.setenv("SECURE_AI_WIDGETS", "off")
    monkeypatch.setattr("IPython.display.display", shown.append)
    explorer.show()
    said = shown[0].text()
    assert len(shown) == 1 and explorer.look().text() in said and explorer.marked().text() in said
