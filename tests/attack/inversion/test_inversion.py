"""Inversion shows what a class has in common; it shows a person only where the class is one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from secure_ai.attack.inversion import (
    invert_class,
    measure_inversion,
    plot_inverted_picture,
    plot_inverted_record,
)
from secure_ai.attack.networks import Network
from secure_ai.attack.targets import open_target
from secure_ai.core import Unassessed, UserError


def halves(rows, labels, seed=0):
    """Members and others, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(labels))
    one, other = np.array_split(order, 2)
    taken = (lambda p: rows.iloc[p]) if isinstance(rows, pd.DataFrame) else (lambda p: rows[p])
    return (taken(one), labels[one]), (taken(other), labels[other])


def cases(rows=800, seed=0):
    """A table: class 1 is older, pays late, and rents."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.4).astype(int)
    frame = pd.DataFrame(
        {
            "age": rng.normal(45, 12, rows) + 12 * labels,
            "late": rng.poisson(1 + 2 * labels),
            "noise": rng.normal(0, 1, rows),
            "home": np.where(rng.random(rows) < 0.3 + 0.4 * labels, "rent", "own"),
        }
    )
    return frame, labels


def with_texts():
    """A forest that takes the table as it is."""
    from secure_ai.attack.extraction.coding import InputCoder

    class Coded(RandomForestClassifier):
        def fit(self, rows, labels):
            self.coder_ = InputCoder(rows)
            return super().fit(self.coder_(rows), labels)

        def predict_proba(self, rows):
            return super().predict_proba(self.coder_(rows) if isinstance(rows, pd.DataFrame) else rows)

    return Coded(40, min_samples_leaf=5, random_state=0)


@pytest.fixture(scope="module")
def digits():
    """Handwritten digits, half of which a network learned from."""
    members, others = halves(*load_digits(return_X_y=True))
    network = Network((64,), picture=(8, 8), filters=(), shift=0, epochs=15).fit(*members)
    return network, members, others


@pytest.mark.parametrize("method", ["gradient", "answers"])
def test_a_digit_comes_out_like_the_mean_of_its_class(digits, method):
    network, members, others = digits
    found = measure_inversion(network, members, others, 3, method=method, picture=(8, 8))
    assert found.likeness.value > 0.7
    assert found.shows_class()
    assert found.likeness.control < 0.3
    assert found.inverted.probability[0] > found.inverted.probability[1] + 0.3
    assert (found.inverted.queries == 0) == (method == "gradient")


def test_a_digit_of_many_writers_shows_no_writer(digits):
    network, members, others = digits
    shown = [
        measure_inversion(network, members, others, label, method="gradient", picture=(8, 8)).shows_members()
        for label in range(8)
    ]
    assert sum(shown) <= 1


def test_where_a_class_is_a_person_the_person_comes_out():
    rng = np.random.default_rng(0)
    faces = rng.normal(0, 1, (12, 8, 8))
    faces = (faces + np.roll(faces, 1, 1) + np.roll(faces, 1, 2)).reshape(12, 64)
    people = np.repeat(np.arange(12), 60)
    rows = faces[people] + rng.normal(0, 0.6, (len(people), 64))
    members, others = halves(rows, people)
    model = LogisticRegression(max_iter=500).fit(*members)
    found = measure_inversion(model, members, others, 4, picture=(8, 8), steps=60)
    like = np.corrcoef(found.inverted.record[0], faces[4])[0, 1]
    unlike = max(
        np.corrcoef(found.inverted.record[0], faces[place])[0, 1] for place in range(12) if place != 4
    )
    assert like > 0.8
    assert like > unlike + 0.3


def test_a_table_with_texts_is_inverted_by_its_answers():
    members, others = halves(*cases())
    model = with_texts().fit(*members)
    found = measure_inversion(model, members, others, 1)
    record = found.inverted.record
    assert list(record.columns) == list(members[0].columns)
    assert record.dtypes.equals(members[0].dtypes)
    assert record["home"].iloc[0] == "rent"
    assert record["age"].iloc[0] > members[0]["age"].mean()
    assert found.shows_class()
    assert not found.shows_members()
    assert "is like the mean of its members" in found.sentence()
    assert "it shows no person" in found.sentence()


def test_every_value_of_a_record_by_answers_is_one_that_the_attacker_knows():
    members, others = halves(*cases())
    record = invert_class(with_texts().fit(*members), 1, others[0]).record
    assert record["home"].iloc[0] in set(others[0]["home"])
    assert others[0]["age"].between(record["age"].iloc[0] - 5, record["age"].iloc[0] + 5).any()


def test_a_model_that_learned_from_shuffled_classes_is_like_none_on_average():
    frame, labels = cases()
    numbers = frame.drop(columns="home")
    taught, untaught = [], []
    for seed in range(4):
        members, others = halves(numbers, labels, seed)
        mixed = np.random.default_rng(seed).permutation(members[1])
        for classes, like in ((members[1], taught), (mixed, untaught)):
            model = make_pipeline(StandardScaler(), LogisticRegression()).fit(members[0], classes)
            found = measure_inversion(model, members, others, 1, method="gradient", seed=seed)
            like.append(found.likeness.value)
    assert min(taught) > 0.9
    assert abs(np.mean(untaught)) < 0.6


def test_gradient_and_answers_agree_on_a_linear_model():
    frame, labels = cases()
    numbers = frame.drop(columns="home")
    members, others = halves(numbers, labels)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*members)
    records = [
        invert_class(model, 1, others[0], method=method, picture=picture, steps=150).record.iloc[0]
        for method, picture in (("gradient", None), ("answers", (1, 3)))
    ]
    spread = others[0].std().to_numpy()
    assert np.abs((records[0] - records[1]) / spread).max() < 0.6


def test_more_trust_in_the_own_rows_stays_nearer_to_them(digits):
    network, _, others = digits
    far = [
        np.linalg.norm(found.record - found.start)
        for trust in (0.1, 1.0, 10.0)
        for found in [invert_class(network, 3, others[0], method="gradient", picture=(8, 8), trust=trust)]
    ]
    assert far == sorted(far, reverse=True)


def test_the_same_seed_gives_the_same_result(digits):
    network, members, others = digits
    first, again = (measure_inversion(network, members, others, 5, picture=(8, 8), steps=5) for _ in range(2))
    assert first.to_frame().equals(again.to_frame())
    assert first.table.equals(again.table)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "magic"}, "choose from"),
        ({"trust": -1.0}, "trust"),
        ({"trust": float("nan")}, "trust"),
        ({"steps": 0}, "steps"),
        ({"picture": (3, 5)}, "64 columns"),
        ({"label": 77}, "does not know that class"),
    ],
)
def test_wrong_arguments_are_refused_in_words(digits, options, words):
    network, members, others = digits
    with pytest.raises(UserError, match=words):
        measure_inversion(network, members, others, **({"label": 3} | options))


def test_members_among_the_others_are_refused_and_counted(digits):
    network, members, _ = digits
    with pytest.raises(UserError, match="non-members are members too"):
        measure_inversion(network, members, members, 3)


def test_what_cannot_be_judged_is_unassessed(digits):
    network, members, others = digits
    few = (others[0][:60], others[1][:60])
    assert "10 or more" in measure_inversion(network, members, few, 3, own=others[0]).reason
    frame, labels = cases()
    tabular = halves(frame, labels)
    found = measure_inversion(with_texts().fit(*tabular[0]), *tabular, 1, method="gradient")
    assert isinstance(found, Unassessed)
    alone = measure_inversion(open_target(network, answer="labels"), members, others, 3)
    assert isinstance(alone, Unassessed)


def test_the_charts_say_what_was_found(digits):
    network, members, others = digits
    found = measure_inversion(network, members, others, 3, method="gradient", picture=(8, 8))
    title = plot_inverted_picture(found, members, (8, 8)).get_suptitle()
    assert f"likeness {found.likeness.value:.2f}" in title
    with pytest.raises(UserError):
        plot_inverted_picture(found, members, (5, 5))
    tabular = halves(*cases())
    other = measure_inversion(with_texts().fit(*tabular[0]), *tabular, 1)
    figure = plot_inverted_record(other, tabular[0])
    assert "shows no person" in figure.get_suptitle()
    assert "home=rent" in [text.get_text() for text in figure.axes[0].get_yticklabels()]
