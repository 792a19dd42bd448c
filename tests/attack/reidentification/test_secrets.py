"""k does not keep a secret that a class shares, nor one that few facts reveal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.reidentification import (
    background_knowledge,
    homogeneity,
    plot_background_knowledge,
    plot_homogeneity,
)
from secure_ai.core import UserError

# Machanavajjhala et al. (2007), figure 2: 4-anonymous, and the last class all has cancer.
INPATIENTS = pd.DataFrame(
    {
        "zip": ["130**"] * 4 + ["1485*"] * 4 + ["130**"] * 4,
        "age": ["< 30"] * 4 + [">= 40"] * 4 + ["3*"] * 4,
        "condition": ["heart", "heart", "virus", "virus", "cancer", "heart", "virus", "virus"]
        + ["cancer"] * 4,
    }
)
KEYS = ["zip", "age"]


def independent(n: int, classes: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"q": rng.integers(0, classes, n), "s": rng.choice(list("abcd"), n, p=[0.4, 0.3, 0.2, 0.1])}
    )


def test_the_cancer_of_four_people_is_learned_from_a_four_anonymous_table() -> None:
    found = homogeneity(INPATIENTS, KEYS, "condition")
    assert (found.k, found.learned_records) == (4, 4)
    assert found.learned.value == pytest.approx(4 / 12)
    assert found.learned.baseline == 0.0
    assert found.classes["given_away"].sum() == 1
    assert "at least 4 records" in found.sentence()


def test_nearly_alike_counts_the_people_for_whom_it_is_right() -> None:
    frame = pd.DataFrame({"q": [1] * 10, "s": ["yes"] * 9 + ["no"]})
    assert homogeneity(frame, ["q"], "s").learned_records == 0
    assert homogeneity(frame, ["q"], "s", threshold=0.9).learned_records == 9
    # For somebody without the release all are one class too.
    assert homogeneity(frame, ["q"], "s", threshold=0.9).learned.baseline == 0.9


def test_only_the_named_values_count_as_secrets_and_a_gap_is_none() -> None:
    assert homogeneity(INPATIENTS, KEYS, "condition", secrets=["virus"]).learned_records == 0
    assert homogeneity(INPATIENTS, KEYS, "condition", secrets=["cancer"]).learned_records == 4
    gaps = pd.DataFrame({"q": [1, 1, 2, 2], "s": [None, None, "a", "a"]})
    assert homogeneity(gaps, ["q"], "s").learned_records == 2


def test_homogeneity_of_independent_values_is_that_of_its_control() -> None:
    found = homogeneity(independent(20_000, 5000), ["q"], "s", shuffles=20)
    assert found.learned.value == pytest.approx(found.learned.control, rel=0.1)
    large = homogeneity(independent(20_000, 20), ["q"], "s")
    assert large.learned.value == large.learned.control == large.learned.baseline == 0.0


def test_ruling_out_virus_reveals_the_heart_disease_of_the_first_class() -> None:
    curve = background_knowledge(INPATIENTS, KEYS, "condition", ruled_out=2).curve
    # Nothing known: 4 with cancer. One value ruled out: also the four of the first class, for whom it leaves
    # one value. In the second class "virus" goes for cancer and heart, and 1 of 2 is left.
    assert (curve["learned"] * 12).round().tolist() == [4, 8, 12]
    certainty = [(4 + 4 * 0.5 + 0.25 + 0.25 + 2 * 0.5) / 12, (4 + 4 + 0.5 + 0.5 + 2 * 2 / 3) / 12, 1.0]
    assert curve["certainty"].tolist() == pytest.approx(certainty)


def test_a_known_column_divides_the_classes() -> None:
    frame = pd.DataFrame({"q": [1] * 4, "smoker": ["y", "y", "n", "n"], "s": ["a", "a", "b", "b"]})
    curve = background_knowledge(frame, ["q"], "s", ruled_out=0, known=["smoker"]).curve
    assert curve["learned"].tolist() == [0.0, 1.0]
    assert curve["certainty"].tolist() == [0.5, 1.0]
    # The column alone, without the class, is enough here.
    assert curve["baseline"].tolist() == [0.0, 1.0]


def test_background_knowledge_of_independent_values_is_that_of_somebody_without_the_release() -> None:
    curve = background_knowledge(independent(20_000, 10), ["q"], "s").curve
    assert curve["certainty"].to_numpy() == pytest.approx(curve["baseline_certainty"].to_numpy(), abs=0.01)
    assert curve["certainty"].to_numpy() == pytest.approx(curve["control_certainty"].to_numpy(), abs=0.01)
    assert curve["certainty"].iloc[0] == pytest.approx(0.3, abs=0.01)  # 0.4² + 0.3² + 0.2² + 0.1²


rows = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", "c", None])), min_size=1, max_size=30)


@settings(max_examples=25, deadline=None)
@given(rows)
def test_another_fact_never_makes_an_attacker_less_certain(records) -> None:
    frame = pd.DataFrame(records, columns=["q", "s"])
    if frame["s"].isna().all():
        return
    found = background_knowledge(frame, ["q"], "s", ruled_out=4, shuffles=1)
    assert found.curve["certainty"].is_monotonic_increasing
    assert found.curve["learned"].is_monotonic_increasing
    assert (
        found.curve["learned"].iloc[-1] == pytest.approx(frame["s"].notna().mean()) or frame["s"].isna().any()
    )
    first = background_knowledge(frame, ["q"], "s", ruled_out=0, shuffles=1, threshold=1.0).curve["learned"][
        0
    ]
    assert first == pytest.approx(homogeneity(frame, ["q"], "s", shuffles=1).learned.value)


def test_the_same_seed_gives_the_same_control() -> None:
    frame = independent(500, 100)
    assert homogeneity(frame, ["q"], "s", seed=1).learned == homogeneity(frame, ["q"], "s", seed=1).learned


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((KEYS, "condition"), {"threshold": 0.4}, "above 0.5"),
        ((KEYS, "zip"), {}, "two roles"),
        ((KEYS, "shoe"), {}, "no column 'shoe'"),
        (([], "condition"), {}, "No quasi-identifier"),
        ((KEYS, "condition"), {"secrets": ["plague"]}, "None of the secrets"),
        ((KEYS, "condition"), {"shuffles": 0}, "shuffles"),
        ((KEYS, "condition"), {"threshold": "high"}, "must be a number"),
        ((KEYS, "condition"), {"seed": -1}, "seed"),
    ],
)
def test_a_wrong_request_is_answered_in_a_sentence(arguments, options, words) -> None:
    with pytest.raises(UserError, match=words):
        homogeneity(INPATIENTS, *arguments, **options)


def test_a_secret_that_nobody_has_is_refused() -> None:
    with pytest.raises(UserError, match="missing in every record"):
        homogeneity(INPATIENTS.assign(condition=None), KEYS, "condition")
    with pytest.raises(UserError, match="two roles"):
        background_knowledge(INPATIENTS, KEYS, "condition", known=["age"])


def test_titles_state_the_finding() -> None:
    assert (
        "4 of 12 people (33%)"
        in plot_homogeneity(homogeneity(INPATIENTS, KEYS, "condition"))._suptitle.get_text()
    )
    found = background_knowledge(INPATIENTS, KEYS, "condition", ruled_out=1)
    assert "33%" in plot_background_knowledge(found)._suptitle.get_text()
    assert "67%" in plot_background_knowledge(found)._suptitle.get_text()
    assert "33%" in found.sentence()
    assert [m.n for m in found.measurements()] == [12, 12]
    assert plot_background_knowledge(background_knowledge(INPATIENTS, KEYS, "condition", ruled_out=0))
