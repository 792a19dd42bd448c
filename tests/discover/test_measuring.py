"""Claims about thresholds, flow maps, reports and pictures."""

from __future__ import annotations

import math
import os

import pandas as pd
import pytest

from secure_ai.core import Document, Span, UserError
from secure_ai.core.sources import open_source
from secure_ai.discover import Tier, detect, inventory, score_spans
from secure_ai.discover.charts import (
    curve_sentence,
    plot_comparison,
    plot_curve,
    plot_flows,
    plot_recall,
    recall_sentence,
)
from secure_ai.discover.compare import (
    compare_detectors,
    comparison_report,
    comparison_sentence,
    detect_by_patterns,
    mistakes,
    mistakes_report,
    mistakes_sentence,
)
from secure_ai.discover.flow import Flow, example_flows, flow_map, flow_sentence
from secure_ai.discover.report import (
    column_report,
    curve_report,
    rules_report,
    score_report,
    telling_example,
    tier_counts,
)
from secure_ai.discover.thresholds import at_threshold, clean_share, mark, missed, threshold_curve

TEXTS = [
    "Dr. Ann Lee, account 123456789012, zip 02155, age 44, 912-34-5678, (212) 555-0142",
    "Jane Roe wrote from Boston on 5 May 2024; card 4111 1111 1111 1111 and accounts 22 123456789",
]
DOCUMENTS = [
    Document(TEXTS[0], [Span(4, 11, "PERSON"), Span(54, 65, "US_SSN")]),
    Document(TEXTS[1], [Span(0, 8, "PERSON"), Span(20, 26, "LOCATION"), Span(30, 40, "DATE_TIME")]),
]


# ---------------------------------------------------------------- thresholds


@pytest.mark.parametrize("threshold", [0.05, 0.4, 0.6, 0.75, 0.9, 1])
def test_cutting_findings_equals_detecting_at_that_threshold(threshold):
    everything = detect(TEXTS, threshold=0)
    assert at_threshold(everything, threshold) == detect(TEXTS, threshold=threshold)


def test_recall_never_rises_with_the_threshold():
    curve = threshold_curve(DOCUMENTS, detect(TEXTS, threshold=0))
    assert curve["recall"].is_monotonic_decreasing
    assert curve["found"].is_monotonic_decreasing
    assert curve["threshold"].tolist()[0] == 0 and curve["threshold"].tolist()[-1] == 1
    assert set(curve["n"]) == {5}


def test_a_curve_of_one_entity_and_of_one_that_is_not_there():
    everything = detect(TEXTS, threshold=0)
    assert set(threshold_curve(DOCUMENTS, everything, entity="PERSON")["n"]) == {2}
    with pytest.raises(UserError, match="no 'PASSPORT' in these texts: choose from"):
        threshold_curve(DOCUMENTS, everything, entity="PASSPORT")


def test_a_text_is_clean_only_if_every_character_of_every_identifier_is_covered():
    truth = [[Span(0, 10, "PERSON")], [Span(0, 10, "PERSON")], [Span(0, 10, "PERSON")], []]
    found = [
        [Span(0, 10, "LOCATION")],
        [Span(0, 9, "PERSON")],
        [Span(0, 6, "PERSON"), Span(6, 12, "URL")],
        [],
    ]
    assert [bool(missed(t, f)) for t, f in zip(truth, found, strict=True)] == [False, True, False, False]
    assert clean_share(truth, found) == 0.75
    assert math.isnan(clean_share([], []))


def test_ages_and_organizations_may_be_left_unless_asked_for():
    truth = [[Span(0, 2, "AGE"), Span(5, 9, "ORGANIZATION")]]
    assert clean_share(truth, [[]]) == 1
    assert clean_share(truth, [[]], ignore=()) == 0


def test_marked_text_names_hits_and_misses_and_is_the_text_otherwise():
    text = "Dr. Lee saw Ann and Bo"
    found = [Span(4, 7, "PERSON")]
    truth = [Span(4, 7, "PERSON"), Span(12, 15, "PERSON"), Span(20, 22, "PERSON")]
    marked = mark(text, found, truth)
    assert marked == "Dr. [PERSON: Lee] saw [[MISSED PERSON: Ann]] and [[MISSED PERSON: Bo]]"
    assert mark(text, []) == text


def test_the_blank_between_two_findings_is_no_miss_where_the_text_is_known():
    text = "Lee, Ann"
    truth, found = [Span(0, 8, "PERSON")], [Span(0, 3, "PERSON"), Span(5, 8, "PERSON")]
    assert missed(truth, found) and not missed(truth, found, text)
    assert (clean_share([truth], [found]), clean_share([truth], [found], texts=[text])) == (0, 1)
    assert mark(text, found[1:], truth) == "[[MISSED PERSON: Lee]], [PERSON: Ann]"


def test_a_finding_that_touches_no_true_span_is_marked_as_a_false_alarm():
    assert mark("Oxygen for Ann", [Span(0, 6, "PERSON")], [Span(11, 14, "PERSON")]) == (
        "[FALSE ALARM PERSON: Oxygen] for [[MISSED PERSON: Ann]]"
    )


# ---------------------------------------------------------------- two detectors


def test_patterns_alone_leave_the_environment_as_it_was(monkeypatch):
    monkeypatch.setenv("SECURE_AI_NLP", "blank")
    assert detect_by_patterns(TEXTS) == detect(TEXTS)
    monkeypatch.delenv("SECURE_AI_NLP")
    detect_by_patterns(TEXTS)
    assert "SECURE_AI_NLP" not in os.environ


def test_a_comparison_has_a_row_for_each_marked_kind_and_leaves_the_others_out():
    truth = [document.spans for document in DOCUMENTS]
    nothing = [[] for _ in DOCUMENTS]
    titled = [[*spans, Span(0, 3, "TITLE")] for spans in truth]
    frame = compare_detectors(DOCUMENTS, {"none": nothing, "perfect": titled})
    assert set(frame.index) == {"PERSON", "US_SSN", "LOCATION", "DATE_TIME", "all"}
    assert frame.loc["all", ("recall", "none")] == 0 and frame.loc["all", ("precision", "perfect")] == 1
    assert frame.loc["all", ("clean", "perfect")] == 1
    assert comparison_report(frame)["recall, perfect"].tolist() == ["100%"] * 5
    assert comparison_sentence(frame).startswith("With perfect instead of none recall goes from 0% to 100%")
    figure = plot_comparison(frame, least=1)
    assert figure.axes[0].get_title(loc="left") == "Over all kinds recall goes from 0% to 100%"
    with pytest.raises(UserError, match="at least one detector"):
        compare_detectors(DOCUMENTS, {})


MISTAKES = [
    ("Dear Ann, thanks", Span(5, 8, "PERSON"), [], "one word, after a label or title"),
    ("we saw Ann Lee", Span(7, 14, "PERSON"), [], "two words, within a sentence"),
    ("Ann Lee wrote", Span(0, 7, "PERSON"), [], "two words, at the start of a line"),
    ("we saw Ann Lee", Span(7, 14, "PERSON"), [Span(7, 10, "PERSON")], "found in part"),
    ("ann lee wrote", Span(0, 7, "PERSON"), [], "in small letters, at the start of a line"),
    ("we saw ANN LEE", Span(7, 14, "PERSON"), [], "in capitals, within a sentence"),
    ("code A12345", Span(5, 11, "DEVICE_ID"), [], "letters and digits, within a sentence"),
    ("age 93", Span(4, 6, "AGE"), [], "a number, within a sentence"),
]


@pytest.mark.parametrize(("text", "true", "found", "sort"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_miss_is_sorted_by_what_it_looks_like_and_shown_masked(text, true, found, sort):
    frame = mistakes([Document(text, [true])], [found])
    assert frame[["mistake", "entity", "sort", "n"]].values.tolist() == [["miss", true.entity_type, sort, 1]]
    assert text[true.start : true.end] not in frame.to_csv()
    assert mistakes_sentence(frame).startswith("1 miss and 0 false alarms; the most frequent miss is")


def test_mistakes_beyond_the_most_frequent_are_counted_together():
    documents = [Document(text, [true]) for text, true, _, _ in MISTAKES]
    found = [spans for _, _, spans, _ in MISTAKES]
    report = mistakes_report(mistakes(documents, found), most=3)
    assert len(report) == 4 and report["times"].sum() == len(MISTAKES)
    assert report["identifier"].iloc[-1].endswith("other sorts")
    assert (
        mistakes_sentence(mistakes(documents, [d.spans for d in documents])) == "0 misses and 0 false alarms."
    )


# ---------------------------------------------------------------- flows


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_the_example_maps_name_data_that_exist_and_some_of_it_leaves(sector):
    from synthetic_data import load

    data = load(sector, seed=1, rows=200)
    flows = example_flows(sector)
    assert {flow.data for flow in flows} <= set(data.tables)
    assert any(flow.outside for flow in flows) and not all(flow.outside for flow in flows)


def test_a_flow_is_as_sensitive_as_the_data_and_what_leaves_comes_first():
    ids = inventory(open_source(pd.DataFrame({"ssn": [f"912-34-{5000 + i}" for i in range(30)]})))
    units = inventory(open_source(pd.DataFrame({"currency": ["USD"] * 30})))
    flows = [
        Flow("units", "a", "inside", "x", False),
        Flow("units", "a", "vendor", "x", True),
        Flow("ids", "b", "vendor", "x", True),
    ]
    frame = flow_map(flows, {"ids": ids, "units": units})
    assert frame[["data", "outside", "tier", "identifiers", "special"]].values.tolist() == [
        ["ids", "yes", "RESTRICTED", "G", "no"],
        ["units", "yes", "PUBLIC", "", "no"],
        ["units", "no", "PUBLIC", "", "no"],
    ]
    assert flow_sentence(frame) == "2 of 3 flows leave the house, 1 of them with RESTRICTED data."
    assert plot_flows(frame).axes[0].get_title(loc="left").startswith("1 of 2 flows")
    with pytest.raises(UserError, match="no inventory of 'units'"):
        flow_map(flows, {"ids": ids})
    with pytest.raises(UserError, match="no map for the sector 'space'"):
        example_flows("space")


# ---------------------------------------------------------------- reports and pictures


@pytest.fixture
def scan():
    return inventory(
        open_source(pd.DataFrame({"ssn": [f"912-34-{5000 + i}" for i in range(30)], "race": "W", "z": 1}))
    )


def test_reports_of_a_scan_hold_every_column_once_and_no_value(scan):
    columns, rules, tiers = column_report(scan), rules_report(scan), tier_counts({"t": scan})
    assert columns["column"].tolist() == ["ssn", "race", "z"]
    assert columns["HIPAA"].tolist() == ["G", "", ""]
    assert columns["Art. 9"].tolist() == ["", "special", ""]
    assert sorted(", ".join(rules["columns"]).split(", ")) == ["race", "ssn", "z"]
    assert rules["tier"].tolist() == sorted(rules["tier"], key=lambda name: -Tier[name])
    assert tiers["columns"].sum() == 3 and tiers["tier"].tolist() == [tier.name for tier in reversed(Tier)]
    assert "912-34" not in columns.to_csv() + rules.to_csv()


def test_score_report_puts_the_lowest_recall_first_and_the_total_last():
    truth = [[Span(0, 5, "PERSON"), Span(10, 15, "US_SSN")]] * 6
    scores = score_spans(truth, [[Span(10, 15, "US_SSN")]] * 6)
    report = score_report(scores)
    assert report["identifier"].tolist() == ["PERSON", "US_SSN", "all together"]
    assert report["recall"].tolist() == ["0%", "100%", "50%"]
    assert report["precision"].tolist()[0] == "not known"
    assert recall_sentence(scores) == "Recall is 50% over all, and lost on: PERSON 0%."
    assert "most of all PERSON" in plot_recall(scores).axes[0].get_title(loc="left")


def test_titles_say_when_nothing_is_lost_and_errors_when_there_is_too_little():
    truth = [[Span(0, 5, "US_SSN")]] * 6
    scores = score_spans(truth, truth)
    assert recall_sentence(scores).startswith("All 1 kinds")
    assert plot_recall(scores).axes[0].get_title(loc="left").startswith("All 1 kinds")
    with pytest.raises(UserError, match="use more texts"):
        plot_recall(score_spans(truth[:2], truth[:2]))


def test_the_curve_is_reported_and_drawn_with_its_own_figures():
    curve = threshold_curve(DOCUMENTS, detect(TEXTS, threshold=0))
    report = curve_report(curve)
    assert report["threshold"].tolist() == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert report["recall"].tolist()[0] == f"{curve['recall'].iloc[0]:.0%}"
    assert f"F2 is best at {curve.loc[curve['f2'].idxmax(), 'threshold']:g}" in curve_sentence(curve)
    figure = plot_curve(curve, chosen=0.4)
    assert f"{curve['recall'].max():.0%}" in figure.axes[0].get_title(loc="left")
    assert figure.axes[0].get_xlabel() and figure.axes[0].get_ylabel()


def test_the_example_shows_hits_and_misses_where_there_are_any():
    # By patterns alone two names in prose are missed in the second text.
    found = [DOCUMENTS[0].spans, DOCUMENTS[1].spans[2:]]
    assert telling_example(DOCUMENTS, found) == 1
    assert telling_example(DOCUMENTS[:1], found[:1]) == 0
