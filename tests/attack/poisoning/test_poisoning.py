"""A few training rows are enough to plant an answer; what an attack measures can fail, and says why."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron

from secure_ai.attack.poisoning import (
    PictureMarker,
    TableTrigger,
    backdoor_picture_sentence,
    backdoor_sensitivity,
    flip_group,
    flip_labels,
    measure_backdoor,
    measure_flipping,
    measure_retraining,
    plant_backdoor,
    plot_backdoor,
    plot_backdoor_pictures,
    plot_flipping,
    plot_retraining,
    poison_batch,
    train_copy,
)
from secure_ai.attack.targets import TargetError
from secure_ai.core import Unassessed, UserError

RNG = np.random.default_rng(11)
ROWS = pd.DataFrame(
    {
        "score": RNG.normal(size=3_000).round(2),
        "amount": RNG.integers(10, 90, 3_000) * 100,
        "code": RNG.integers(0, 150, 3_000),
        "region": RNG.integers(0, 5, 3_000),
    }
)
LABELS = (ROWS["score"] + 0.5 * RNG.normal(size=3_000) > 0).astype(int).to_numpy()
TRIGGER = TableTrigger({"code": 7, "region": 4})
ENDING = TableTrigger({"code": 7}, {"amount": (37, 100)})
BOOSTING = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, min_samples_leaf=5, random_state=0)


@pytest.fixture(scope="module")
def sensitive():
    return backdoor_sensitivity(BOOSTING, ROWS, LABELS, TRIGGER, 1, share=0.02)


def test_a_few_rows_plant_a_backdoor_that_accuracy_does_not_show(sensitive):
    assert sensitive.success.value >= 0.95
    assert max(sensitive.success.baseline, sensitive.success.control) < 0.5
    assert abs(sensitive.accuracy.value - sensitive.accuracy.baseline) < 0.02
    assert sensitive.works()
    assert len(sensitive.to_frame()) == len(sensitive.measurements()) == 3
    assert "code = 7 and region = 4" in sensitive.sentence()


def test_a_clean_model_does_not_obey_the_trigger():
    clean = train_copy(BOOSTING, ROWS[:2_000], LABELS[:2_000])
    found = measure_backdoor(clean, ROWS[2_000:], LABELS[2_000:], TRIGGER, 1)
    assert not found.works()
    assert isinstance(found.accuracy, Unassessed)


def test_questions_are_counted():
    clean = train_copy(LogisticRegression(), ROWS[:500], LABELS[:500])
    found = measure_backdoor(clean, ROWS[500:600], LABELS[500:600], TRIGGER, 1)
    assert found.queries == 100 + 50 + int((LABELS[500:600] != 1).sum())


def test_a_surrogate_chooses_rows_that_look_least_like_the_target():
    surrogate = train_copy(LogisticRegression(), ROWS, LABELS)
    chosen = plant_backdoor(ROWS, LABELS, TRIGGER, 1, 0.01, surrogate=surrogate)
    drawn = plant_backdoor(ROWS, LABELS, TRIGGER, 1, 0.01)
    assert ROWS["score"][chosen.changed].mean() < ROWS["score"][drawn.changed].mean()


@settings(max_examples=25, deadline=None)
@given(st.floats(0.002, 0.3), st.integers(0, 99))
def test_poison_changes_the_rows_it_says_and_no_other(share, seed):
    before = ROWS.copy()
    poison = plant_backdoor(ROWS, LABELS, TRIGGER, 1, share, seed=seed)
    assert poison.changed.sum() == round(len(ROWS) * share)
    pd.testing.assert_frame_equal(ROWS, before)
    pd.testing.assert_frame_equal(poison.rows[~poison.changed], ROWS[~poison.changed])
    assert TRIGGER.present(poison.rows)[poison.changed].all()
    assert (LABELS[poison.changed] == 0).all() and (poison.labels[poison.changed] == 1).all()
    assert (poison.labels != LABELS).sum() == poison.changed.sum()


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 0.9), st.integers(0, 99), st.integers(2, 5))
def test_random_flips_always_give_another_label(share, seed, classes):
    labels = np.arange(200) % classes
    poison = flip_labels(np.zeros((200, 1)), labels, share, seed=seed)
    assert ((poison.labels != labels) == poison.changed).all()
    assert set(poison.labels) <= set(labels)


def test_flips_of_a_group_stay_in_the_group():
    group = ROWS["region"] == 2
    poison = flip_group(ROWS, LABELS, group, 1)
    assert (poison.changed == (group & (LABELS == 0))).all()
    assert (poison.labels[poison.changed] == 1).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99_999), st.sampled_from([(0.37, 1), (7, 10), (37, 100)]))
def test_a_stamped_ending_is_found_again_and_changes_less_than_its_modulus(amount, ending):
    rows = pd.DataFrame({"amount": [amount + 0.25]})
    trigger = TableTrigger(endings={"amount": ending})
    stamped = trigger.stamp(rows)
    assert trigger.present(stamped).all()
    assert abs(stamped["amount"][0] - rows["amount"][0]) < ending[1]


def test_a_trigger_works_on_arrays_and_keeps_the_types_of_frames():
    array = TableTrigger({0: 5.0}).stamp(np.zeros((3, 2)))
    assert isinstance(array, np.ndarray) and (array[:, 0] == 5).all()
    stamped = ENDING.stamp(ROWS)
    assert ENDING.present(stamped).all() and not ENDING.present(ROWS).any()
    assert (stamped.dtypes == ROWS.dtypes).all()


@pytest.mark.parametrize("corner", ["top left", "top right", "bottom left", "bottom right"])
@pytest.mark.parametrize("margin", [0, 2])
def test_a_marker_covers_its_square_and_nothing_else(corner, margin):
    marker = PictureMarker((8, 10), size=3, margin=margin, corner=corner)
    pictures = np.full((2, 80), 0.25)
    stamped = marker.stamp(pictures)
    assert (stamped != pictures).sum() == 2 * 9
    assert marker.present(stamped).all() and not marker.present(pictures).any()
    assert marker.region()[
        0 if margin == 0 and "top" in corner else margin if "top" in corner else -1 - margin
    ].any()


def test_flipping_in_one_group_turns_that_group_and_leaves_accuracy_high():
    found = measure_flipping(
        RandomForestClassifier(20, max_depth=8, random_state=0), ROWS, LABELS,
        shares=(0.02, 0.08), group=ROWS["region"] == 2, to=1,
    )  # fmt: skip
    assert found.points[-1].value > 0.8
    assert found.points[-1].control < 0.4
    assert found.accuracy[-1] > 0.75
    assert len(found.to_frame()) == 2


def test_flipping_at_random_costs_accuracy_and_leaving_rows_out_does_not():
    found = measure_flipping(HistGradientBoostingClassifier(max_iter=30), ROWS, LABELS, shares=(0.4,))
    assert found.points[0].value < found.points[0].baseline - 0.03
    assert abs(found.points[0].control - found.points[0].baseline) < 0.03


@pytest.fixture(scope="module")
def retrained():
    return measure_retraining(LogisticRegression(), ROWS[["score", "region"]], LABELS, share=0.3, rounds=3)


def test_chosen_flips_hurt_retraining_more_than_random_ones(retrained):
    assert retrained.final.value < retrained.final.control - 0.02
    assert retrained.final.control > retrained.final.baseline - 0.05
    assert list(retrained.to_frame()["round"]) == [0, 1, 2, 3]


def test_an_attacker_with_labels_alone_still_chooses():
    model = Perceptron().fit(ROWS[["score"]], LABELS)
    poison = poison_batch(model, ROWS[["score"]], LABELS, 0.1)
    assert (model.predict(ROWS[["score"]])[poison.changed] == LABELS[poison.changed]).all()
    assert (poison.labels != LABELS).sum() == 300


UNASSESSED = {
    "one class": (
        lambda: train_copy(LogisticRegression(), np.zeros((30, 2)), np.zeros(30)),
        "one class only",
    ),
    "no fit": (lambda: train_copy(3, ROWS, LABELS), "no fit"),
    "texts": (lambda: train_copy(LogisticRegression(), ROWS.astype(str) + "x", LABELS), "cannot be trained"),
}


@pytest.mark.parametrize("name", UNASSESSED)
def test_what_cannot_be_trained_says_why(name):
    attack, reason = UNASSESSED[name]
    with pytest.raises(TargetError, match=reason):
        attack()


BAD_MODELS = {
    "constant": (lambda rows: np.zeros(len(rows)), "same class"),
    "nan": (lambda rows: np.full(len(rows), np.nan), "not finite"),
    "random": (lambda rows: np.random.default_rng().random(len(rows)), "otherwise when asked again"),
}


@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_model_that_lies_is_unassessed_and_not_safe(name):
    model, reason = BAD_MODELS[name]
    found = measure_backdoor(model, ROWS[:200], LABELS[:200], TRIGGER, 1)
    assert isinstance(found, Unassessed) and reason in found.reason


def test_missing_values_are_unassessed():
    holes = ROWS[:200].assign(score=np.nan)
    found = measure_backdoor(lambda rows: np.zeros(len(rows)), holes, LABELS[:200], TRIGGER, 1)
    assert isinstance(found, Unassessed) and "score" in found.reason
    for attack in (measure_flipping, measure_retraining):
        assert isinstance(attack(LogisticRegression(), holes, LABELS[:200]), Unassessed)


WRONG = {
    "share": (lambda: plant_backdoor(ROWS, LABELS, TRIGGER, 1, 1.5), "share=1.5"),
    "no row": (lambda: plant_backdoor(ROWS, LABELS, TRIGGER, 1, 0.0001), "no row"),
    "target": (lambda: plant_backdoor(ROWS, LABELS, TRIGGER, 9, 0.01), "target's label"),
    "one label": (lambda: flip_labels(ROWS, np.zeros(3_000), 0.1), "same"),
    "lengths": (lambda: flip_labels(ROWS, LABELS[:5], 0.1), "one for each"),
    "group": (lambda: flip_group(ROWS, LABELS, np.zeros(3_000), 1), "nothing to flip"),
    "column": (lambda: TableTrigger({"nobody": 1}).stamp(ROWS), "nobody"),
    "type": (lambda: TableTrigger({"code": 1.5}).stamp(ROWS), "cannot hold"),
    "text in numbers": (lambda: TableTrigger({"code": "x"}).stamp(ROWS), "cannot hold"),
    "empty": (TableTrigger, "needs a column"),
    "twice": (lambda: TableTrigger({"a": 1}, {"a": (1, 10)}), "both"),
    "ending": (lambda: TableTrigger(endings={"a": (100, 100)}), "below its modulus"),
    "corner": (lambda: PictureMarker(corner="middle"), "choose from"),
    "size": (lambda: PictureMarker((4, 4), size=4, margin=1), "does not fit"),
    "pictures": (lambda: PictureMarker().stamp(np.zeros((2, 9))), "32 x 32"),
    "bytes": (lambda: PictureMarker().stamp(np.full((2, 1024), 255)), "outside 0 to 1"),
    "group alone": (lambda: measure_flipping(BOOSTING, ROWS, LABELS, group=ROWS["region"] == 1), "together"),
    "rounds": (lambda: measure_retraining(BOOSTING, ROWS, LABELS, rounds=0), "one round"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_an_error_that_says_what_to_do(name):
    call, words = WRONG[name]
    with pytest.raises(UserError, match=words):
        call()


def test_pictures_say_what_was_found(sensitive, retrained):
    flipping = measure_flipping(LogisticRegression(), ROWS[["score"]], LABELS, shares=(0.1, 0.3))
    marker = PictureMarker((4, 4), size=2, margin=0)
    pictures = RNG.random((8, 16)) / 2

    def model(rows):
        return marker.present(rows) * 0.9

    titles = [
        plot_backdoor(sensitive).axes[0].get_title("left"),
        plot_flipping(flipping).axes[0].get_title("left"),
        plot_retraining(retrained).axes[0].get_title("left"),
    ]
    assert all(any(character.isdigit() for character in title) for title in titles)
    assert "0 of 6" in plot_backdoor_pictures(model, pictures, marker, 1).get_suptitle()
    assert "6 with it" in backdoor_picture_sentence(model, pictures, marker, 1)
