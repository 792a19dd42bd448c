"""The report that a committee reads, its thresholds, a model's file, and input that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from secure_ai.core import Level, Outcome, UserError
from secure_ai.defend.model_files import save_skops
from secure_ai.defend.release import check_release, check_release_file, load_rules, plot_release
from secure_ai.defend.release.rules import KNOWN

ROWS, LABELS = make_classification(200, 5, random_state=0)
FOREST = RandomForestClassifier(5, random_state=0).fit(ROWS, LABELS)


def as_dict() -> dict[str, Any]:
    return load_rules().model_dump()


def test_every_rule_has_a_threshold_a_source_and_words() -> None:
    rules = load_rules().rules
    assert tuple(rules) == KNOWN
    for rule in rules.values():
        assert rule.asks.endswith("?")
        assert rule.remedy.endswith(".")
        assert rule.source


def test_a_threshold_of_the_house_changes_the_outcome_and_names_its_source() -> None:
    rules = load_rules().with_thresholds("our policy of 2026", class_size=150)
    found = check_release(FOREST, ROWS, LABELS, rules=rules).finding("class_size")
    assert found.outcome is Outcome.EXCEEDS_THRESHOLD
    assert found.terms.source == "our policy of 2026"
    assert check_release(FOREST, ROWS, LABELS).finding("class_size").outcome is Outcome.WITHIN_THRESHOLD


def test_rules_are_read_from_a_file_and_a_rule_can_be_switched_off(tmp_path: Path) -> None:
    content = as_dict()
    content["rules"]["class_disclosure"]["enabled"] = False
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    report = check_release(FOREST, ROWS, LABELS, rules=file)
    assert dict(report.does_not_apply)["class_disclosure"] == "switched off in these rules"


def _unknown(content: dict[str, Any]) -> None:
    content["rules"]["max_depth"] = content["rules"]["class_size"]


def _missing(content: dict[str, Any]) -> None:
    del content["rules"]["epsilon"]


def _two_bounds(content: dict[str, Any]) -> None:
    content["rules"]["epsilon"]["at_least"] = 1


def _no_number(content: dict[str, Any]) -> None:
    content["rules"]["epsilon"]["at_most"] = float("nan")


def _no_source(content: dict[str, Any]) -> None:
    content["rules"]["epsilon"]["source"] = ""


@pytest.mark.parametrize("spoil", [_unknown, _missing, _two_bounds, _no_number, _no_source])
def test_rules_that_are_wrong_are_refused_in_a_sentence(spoil: Any) -> None:
    content = as_dict()
    spoil(content)
    with pytest.raises(UserError, match="elease rules"):
        load_rules(content)


@pytest.mark.parametrize("text", ["- a\n- b", "rules: [", "42", ""])
def test_a_file_that_holds_no_rules_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        load_rules(file)
    with pytest.raises(UserError, match="cannot be read"):
        load_rules(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((LogisticRegression(), ROWS, LABELS), "not fitted"),
        ((LogisticRegression, ROWS, LABELS), "not its class"),
        ((None,), "not its class"),
        ((FOREST, ROWS, LABELS[:-1]), "200 records and 199 labels"),
        ((FOREST, ROWS[:150], LABELS[:150]), "trained on 200 records or more and 150"),
        ((FOREST, ROWS[:0]), "at least one row"),
        ((FOREST, 7), "at least one row"),
        ((FOREST, (ROWS, LABELS), LABELS), "once"),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(arguments: tuple[Any, ...], word: str) -> None:
    with pytest.raises(UserError, match=word):
        check_release(*arguments)


def test_thresholds_need_a_source_and_a_known_rule() -> None:
    with pytest.raises(UserError, match="where the thresholds come from"):
        load_rules().with_thresholds("", epsilon=1)
    with pytest.raises(UserError, match="no release rule"):
        load_rules().with_thresholds("us", depth=1)
    with pytest.raises(UserError):
        load_rules().with_thresholds("us", epsilon=float("inf"))


def test_a_skops_file_is_checked_as_the_model_itself(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    save_skops(FOREST, file)
    said = check_release_file(file, ROWS, LABELS).to_frame()
    assert said.equals(check_release(FOREST, ROWS, LABELS).to_frame())


def test_a_pickle_is_only_asked_and_its_structure_stays_unassessed(tmp_path: Path) -> None:
    import joblib

    file = tmp_path / "model.joblib"
    joblib.dump(FOREST, file)
    with pytest.raises(UserError, match="skops"):
        check_release_file(file, ROWS, LABELS)
    report = check_release_file(file, ROWS, LABELS, trust_pickle=True)
    assert report.finding("smallest_leaf").outcome is Outcome.UNASSESSED
    assert "skops" in report.finding("stored_records").found
    assert report.finding("equal_answers").outcome is Outcome.EXCEEDS_THRESHOLD


def test_the_sentence_says_what_stands_against_release() -> None:
    report = check_release(KNeighborsClassifier().fit(ROWS, LABELS), ROWS, LABELS)
    assert report.sentence().startswith("Do not release this KNeighborsClassifier as it is")
    assert "stored_records" in report.sentence()
    found = report.finding("stored_records")
    for words in (found.terms.asks, "200 training records", "at most 0 records", found.terms.remedy):
        assert words in found.sentence()


def test_a_rule_that_is_met_asks_for_nothing() -> None:
    found = check_release(FOREST, ROWS, LABELS).finding("class_size")
    assert found.terms.remedy not in found.sentence()


def test_findings_for_the_risk_report_carry_threshold_and_level() -> None:
    findings = check_release(FOREST, ROWS, LABELS).to_findings("triage model")
    by_id = {finding.id: finding for finding in findings}
    leaf = by_id["release.smallest_leaf"]
    assert (leaf.outcome, leaf.threshold, leaf.asset) == (Outcome.EXCEEDS_THRESHOLD, 5, "triage model")
    assert leaf.level is Level.HIGH
    unknown = {f.id for f in check_release(FOREST).to_findings() if f.level is Level.UNASSESSED}
    assert unknown == {"release.class_size", "release.equal_answers", "release.class_disclosure"}


def test_the_frame_has_every_rule_once() -> None:
    frame = check_release(FOREST, ROWS, LABELS).to_frame()
    assert sorted(frame["rule"]) == sorted(KNOWN)
    assert set(frame["outcome"]) == {"met", "not met", "does not apply"}
    assert (frame.loc[frame["outcome"] == "not met", "to do"] != "").all()


def test_the_picture_states_the_share_of_small_leaves() -> None:
    figure = plot_release(FOREST)
    leaves = np.concatenate(
        [tree.tree_.n_node_samples[tree.tree_.children_left == -1] for tree in FOREST.estimators_]
    )
    share = f"{(leaves < 5).mean():.0%} of {len(leaves):,} leaves"
    axes = figure.axes[0]
    assert axes.get_title().startswith(share)
    assert axes.get_xlabel() and axes.get_ylabel()
    assert sum(bar.get_width() for bar in axes.patches) == len(leaves)
    with pytest.raises(UserError, match="no tree"):
        plot_release(LogisticRegression().fit(ROWS, LABELS))
