"""Claims about performance without labels: right while calibration holds, blind to concept drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from secure_ai.core import Unassessed, UserError
from secure_ai.monitor.drift import (
    check_calibration,
    compare_performance,
    fit_estimator,
    performance_over_time,
    realized_performance,
    simulate_drift,
)
from secure_ai.monitor.drift.performance import _auc

RNG = np.random.default_rng(0)
P = RNG.beta(2, 5, 6_000)
Y = (RNG.random(6_000) < P).astype(float)


@pytest.fixture(scope="module")
def estimator():
    return fit_estimator(P[:3_000], Y[:3_000], threshold=0.4)


def test_auc_by_weights_is_that_of_scikit_learn_with_ties():
    scores = P.round(2)
    assert _auc(scores, Y, 1 - Y) == pytest.approx(roc_auc_score(Y, scores))


def test_the_estimate_matches_what_comes_true_while_probabilities_are_right(estimator):
    estimate = estimator.estimate(P[3_000:])
    truth = realized_performance(P[3_000:], Y[3_000:], threshold=0.4)
    for metric in ("auc", "accuracy", "precision", "recall", "brier"):
        low, high = estimate.figures[metric].interval
        assert low - 0.02 <= truth.value(metric) <= high + 0.02, metric
    assert estimate.doubts == ()


def test_the_estimate_follows_a_shift_of_the_inputs(estimator):
    hard = P[3_000:][(P[3_000:] > 0.25) & (P[3_000:] < 0.55)]
    outcome = (np.random.default_rng(1).random(len(hard)) < hard).astype(float)
    estimate = estimator.estimate(hard)
    assert estimate.value("auc") < estimator.reference().value("auc") - 0.05
    assert abs(estimate.value("auc") - roc_auc_score(outcome, hard)) < 0.04


def test_concept_drift_is_invisible_to_the_estimate_and_plain_in_the_labels(model):
    estimator = fit_estimator(model.scores, model.labels, threshold=0.3, recalibrate=True)
    honest = compare_performance(estimator, model.new_scores, model.new_labels)
    assert not honest.concept_drift
    drifted = simulate_drift(
        model.current, kind="concept_drift", column="readmitted_30d", strength=0.8
    ).frame["readmitted_30d"]
    found = compare_performance(estimator, model.new_scores, drifted)
    assert found.estimated == honest.estimated, "the estimate sees nothing"
    assert found.concept_drift and found.worse
    assert "concept drift" in found.sentence()


def test_scores_that_are_no_probabilities_are_refused_and_can_be_recalibrated():
    wrong = np.sqrt(P)
    assert not check_calibration(wrong, Y).good
    with pytest.raises(UserError, match=r"cannot be read as probabilities.*recalibrate"):
        fit_estimator(wrong, Y)
    estimator = fit_estimator(wrong[:3_000], Y[:3_000], recalibrate=True)
    assert estimator.calibration.good
    assert abs(estimator.estimate(wrong[3_000:]).value("auc") - roc_auc_score(Y[3_000:], P[3_000:])) < 0.04


def test_a_calibrated_model_is_called_calibrated_in_nearly_every_sample():
    good = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        p = rng.beta(2, 5, 300)
        good += check_calibration(p, rng.random(300) < p, seed=seed).good
    assert good >= 8


def test_scores_outside_the_reference_or_after_drift_make_the_estimate_doubtful(estimator):
    beyond = np.concatenate([P[3_000:3_500], np.full(100, 0.999)])
    assert "outside those of the reference" in estimator.estimate(beyond).sentence()
    assert "inputs have drifted" in estimator.estimate(P[3_000:], drifted=True).sentence()
    assert "missing" in estimator.estimate(np.append(P[3_000:], np.nan)).sentence()


def test_few_scores_or_labels_of_one_class_give_no_figure(estimator):
    assert isinstance(estimator.estimate(P[:10]).figures["auc"], Unassessed)
    assert isinstance(realized_performance(P[:100], np.zeros(100)).figures["auc"], Unassessed)
    assert "No estimate" in compare_performance(estimator, P[:10], Y[:10]).sentence()


def predictions(days_late=30):
    n = 3_000
    time = pd.date_range("2026-01-01", periods=n, freq="h", tz="UTC")
    label = Y[3_000:].copy()
    label[1_500:] = np.random.default_rng(2).permutation(label[1_500:])
    return pd.DataFrame(
        {"time": time, "score": P[3_000:], "label": label, "label_time": time + pd.Timedelta(days=days_late)}
    )


def test_over_time_the_truth_leaves_the_estimate_where_the_concept_drifted(estimator):
    chunks = performance_over_time(estimator, predictions(), chunks=6)
    assert chunks["concept_drift"].tolist() == [False] * 3 + [True] * 3
    assert chunks["estimated"].between(0.65, 0.8).all()


def test_at_one_moment_only_labels_that_have_come_count(estimator):
    chunks = performance_over_time(estimator, predictions(), now="2026-03-01", chunks=6)
    assert chunks["labelled"].iloc[0] == 500 and 0 < chunks["labelled"].iloc[1] < 500
    assert chunks["realized"].isna().tolist() == [False] * 2 + [True] * 4
    assert not chunks["concept_drift"].any()


WRONG = {
    "lengths": (lambda: realized_performance([0.1], [0, 1]), "1 scores and 2 labels"),
    "percent": (lambda: realized_performance([40.0, 3], [0, 1]), "outside 0 to 1"),
    "classes": (lambda: realized_performance([0.4, 0.3], [0, 2]), "neither 0 nor 1"),
    "words": (lambda: realized_performance(["high"], [1]), "must be numbers"),
    "few": (lambda: fit_estimator(P[:20], Y[:20]), "200 are needed"),
    "one class": (lambda: fit_estimator(P[:300], np.ones(300)), "All labels"),
    "threshold": (lambda: fit_estimator(P, Y, threshold=5), "threshold"),
    "columns": (lambda: performance_over_time(None, pd.DataFrame({"time": []})), "no column 'score'"),
    "chunks": (
        lambda: performance_over_time(fit_estimator(P, Y), predictions().head(60), chunks=9), "fewer chunks",
    ),
    "moment": (
        lambda: performance_over_time(
            fit_estimator(P, Y), predictions().drop(columns="label_time"), now="2026-02-01"
        ), "label_time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_a_sentence(case):
    call, words = WRONG[case]
    with pytest.raises(UserError, match=words):
        call()
