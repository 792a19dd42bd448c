"""The attack finds what an overfitted model leaks, nothing where nothing is, and stays below the bound."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from secure_ai.anonymize.differential_privacy.learning.training import PrivateNetwork
from secure_ai.attack.membership import (
    figures,
    loss_threshold_attack,
    membership_from_scores,
    privacy_utility_curve,
)
from secure_ai.attack.membership.bounds import most_advantage, most_true_positives
from secure_ai.attack.membership.charts import plot_membership, plot_privacy_utility
from secure_ai.attack.membership.figures import auc, roc, true_positives_at
from secure_ai.core import Measurement, Unassessed, UserError


def task(rows=1200, seed=0):
    """A line through two of twenty features, with noise that only a model that learns by heart can follow."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (rows, 20))
    return x, (x[:, 0] + 0.5 * x[:, 1] + rng.normal(0, 0.5, rows) > 0).astype(int)


X, Y = task()
MEMBERS, OTHERS, THIRD = ((X[i : i + 400], Y[i : i + 400]) for i in (0, 400, 800))


def network(epsilon, records):
    norm = math.inf if math.isinf(epsilon) else 1.0
    model = PrivateNetwork(
        hidden_layers=(64,),
        steps=600,
        sampling_rate=0.5,
        epsilon=epsilon,
        max_grad_norm=norm,
        bounds=(-1, 1),
        seed=0,
    )
    return model.fit(*records)


def test_an_overfitted_network_leaks_and_the_same_network_with_noise_does_not():
    control = network(math.inf, THIRD)
    free = loss_threshold_attack(network(math.inf, MEMBERS), MEMBERS, OTHERS, control=control)
    private = loss_threshold_attack(network(1.0, MEMBERS), MEMBERS, OTHERS, control=control)
    assert free.leaks()
    assert free.advantage.interval[0] > 0.15
    assert not private.leaks()
    assert private.advantage.interval[1] < most_advantage(1.0, 1e-5)
    assert "tells members" in free.sentence()
    assert "no attack can have an advantage above 0.462" in private.sentence()


def test_a_tree_that_learned_its_records_by_heart_gives_them_away():
    found = loss_threshold_attack(DecisionTreeClassifier(random_state=0).fit(*MEMBERS), MEMBERS, OTHERS)
    assert found.advantage.value > 0.2
    assert found.leaks()
    assert found.epsilon is None


def test_groups_that_differ_in_something_else_fool_nobody_who_looks_at_the_control():
    """Records of another kind have larger losses whether or not they were trained on."""
    control = network(math.inf, THIRD)
    odd = (OTHERS[0], 1 - OTHERS[1])
    found = loss_threshold_attack(control, MEMBERS, odd, control=control)
    assert found.auc.value > 0.7
    assert not found.leaks()


def test_random_scores_find_nothing_and_intervals_cover_chance():
    covered = {"auc": [], "advantage": [], "true positives at 1 percent": []}
    for seed in range(150):
        rng = np.random.default_rng(seed)
        scores = rng.normal(size=200), rng.normal(size=300)
        found = {
            "auc": (0.5, figures.auc_interval(*scores)),
            "advantage": (0.0, figures.advantage(*scores, seed)[1]),
        }
        if seed < 20:  # resampled, so it takes longer
            found["true positives at 1 percent"] = (
                0.01,
                figures.true_positives_interval(*scores, 0.01, seed),
            )
        for name, (chance, (low, high)) in found.items():
            covered[name].append(low <= chance <= high)
    assert min(np.mean(hits) for hits in covered.values()) >= 0.9
    whole = membership_from_scores(*scores, attack="random", seed=149)
    assert not whole.leaks() and whole.auc.interval == found["auc"][1]
    assert whole.advantage.interval == found["advantage"][1]


def test_intervals_cover_the_true_auc_of_two_normal_distributions():
    truth = 0.7602  # of scores that differ by one standard deviation: Phi(1 / sqrt 2)
    covered = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        low, high = figures.auc_interval(rng.normal(1, 1, 60), rng.normal(0, 1, 90))
        covered.append(low <= truth <= high)
    assert 0.92 <= np.mean(covered) <= 0.98


@settings(max_examples=40, deadline=None)
@given(
    members=st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    others=st.lists(st.integers(-3, 3), min_size=1, max_size=30),
)
def test_auc_and_curve_equal_those_of_scikit_learn_also_with_ties(members, others):
    first, second = np.array(members, float), np.array(others, float)
    labels = [1] * len(first) + [0] * len(second)
    expected = roc_auc_score(labels, np.concatenate([first, second]))
    fpr, tpr = roc(first, second)
    assert auc(first, second) == pytest.approx(expected)
    assert np.trapezoid(tpr, fpr) == pytest.approx(expected)
    assert (np.diff(fpr) >= 0).all()
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)


def test_true_positives_count_only_scores_above_the_allowed_false_alarms():
    others = np.arange(200.0)
    assert true_positives_at(np.array([198.0, 198.5, 196.5, 300.0]), others, 0.01) == 0.75


@settings(max_examples=100)
@given(epsilon=st.floats(0, 20), delta=st.floats(0, 0.5))
def test_the_greatest_advantage_is_the_farthest_point_of_the_allowed_region(epsilon, delta):
    corner = (1 - delta) / (1 + math.exp(epsilon))
    fpr = np.append(np.linspace(0, 1, 1001), corner)
    gap = most_true_positives(fpr, epsilon, delta) - fpr
    assert gap.max() == pytest.approx(gap[-1])
    assert gap[-1] == pytest.approx(most_advantage(epsilon, delta))


def test_no_epsilon_allows_nothing_and_no_noise_allows_everything():
    assert most_advantage(0.0) == 0
    assert most_advantage(math.inf) == 1
    assert most_true_positives(np.array([0.3]), 0.0)[0] == pytest.approx(0.3)
    assert most_true_positives(np.array([0.0]), math.inf)[0] == 1


def test_figures_come_with_baseline_control_and_interval():
    found = membership_from_scores(np.arange(50.0), np.arange(25.0, 75), attack="toy")
    assert isinstance(found.tpr_at_low_fpr, Unassessed)
    assert isinstance(found.tpr_at_lower_fpr, Unassessed)
    assert "1,000" in found.tpr_at_lower_fpr.reason
    assert [figure.name for figure in found.measurements()] == [
        "membership_auc",
        "membership_advantage",
        "membership_balanced_accuracy",
        "membership_tpr_at_0_fpr",
        "membership_p_value",
    ]
    for figure in found.measurements():
        assert isinstance(figure, Measurement)
        assert figure.control is not None
        assert figure.interval[0] <= figure.value <= figure.interval[1]
    assert list(found.to_frame()["baseline"]) == [0.5, 0.0, 0.5, 1 / 51, 0.5]


def test_the_same_seed_gives_the_same_figures():
    rng = np.random.default_rng(0)
    scores = rng.normal(1, 1, 150), rng.normal(0, 1, 150)
    first, second = (membership_from_scores(*scores, attack="toy", seed=4).to_frame() for _ in range(2))
    assert first.equals(second)


def test_the_curve_shows_less_advantage_and_less_accuracy_for_less_epsilon():
    curve = privacy_utility_curve(X[:800], Y[:800], epsilons=(math.inf, 0.5), seeds=(0,), bounds=(-1, 1))
    frame = curve.to_frame()
    assert list(frame["epsilon"]) == [0.5, math.inf]
    assert frame["advantage"].iloc[0] < 0.1 < frame["advantage"].iloc[1]
    assert frame["accuracy"].iloc[0] < frame["accuracy"].iloc[1]
    assert "no noise" in curve.sentence()
    assert plot_privacy_utility(curve).axes


def test_pictures_are_titled_by_what_was_found():
    found = membership_from_scores(np.arange(200.0) + 100, np.arange(200.0), attack="toy", epsilon=1.0)
    assert "tells members" in plot_membership(found).get_suptitle()


class NoChances:
    classes_ = (0, 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: loss_threshold_attack(NoChances(), MEMBERS, OTHERS), "probabilities"),
        (lambda: loss_threshold_attack(network_of_two(), (X[:5], Y[:5]), OTHERS), "too few"),
        (lambda: loss_threshold_attack(network_of_two(), (X[:30], Y[:20]), OTHERS), "one class for each"),
        (lambda: loss_threshold_attack(network_of_two(), (X[:30], Y[:30] + 5), OTHERS), "does not know"),
        (lambda: membership_from_scores([math.nan] * 30, [0.0] * 30, attack="toy"), "finite"),
        (
            lambda: membership_from_scores(["Zoltan"] * 30, [0] * 30, attack="toy"),
            r"^(?!.*Zoltan).*no number",
        ),
        (lambda: most_advantage(-1), "epsilon=-1"),
        (lambda: most_advantage(math.nan), "epsilon=nan"),
        (lambda: privacy_utility_curve(X, Y, epsilons=()), "at least one"),
        (lambda: privacy_utility_curve(X, Y, epsilons=(1, 1)), "once"),
        (lambda: privacy_utility_curve(X[:10], Y[:10]), "40 or more"),
        (lambda: privacy_utility_curve(X, np.zeros(len(X))), "one class"),
        (lambda: privacy_utility_curve(X, Y), "State bounds"),
    ],
)
def test_bad_input_gets_a_sentence(make, said):
    with pytest.raises(UserError, match=said):
        make()


def network_of_two():
    return DecisionTreeClassifier(max_depth=1).fit(*MEMBERS)
