"""One insertion is learned by heart where the model can; what was never there shows about one bit."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.attack.memorization import (
    CanaryFormat,
    NgramModel,
    compare_preparations,
    deduplicate,
    exposures,
    extract,
    extract_secrets,
    make_canaries,
    measure_memorization,
    plant,
    plot_exposure,
    plot_preparations,
)
from secure_ai.attack.memorization.exposure import all_log_probabilities, place_of
from secure_ai.core import UserError
from synthetic_data import load


class Digits:
    """A model that knows how common each digit is, and nothing else."""

    def __init__(self, chances):
        self.chances = dict(zip("0123456789", chances, strict=True))
        self.characters = tuple("0123456789")

    def fit(self, texts):
        return self

    def next_log_probabilities(self, contexts, characters):
        row = [math.log(self.chances.get(character, 0.1)) for character in characters]
        return np.tile(row, (len(contexts), 1))

    def bits_per_character(self, texts):
        return 1.0


@pytest.fixture(scope="module")
def notes():
    """Notes of the invented hospital."""
    return [document.text for document in load("healthcare", rows=1200).documents["notes"]]


@pytest.fixture(scope="module")
def found(notes):
    """What the standard model learns by heart of them."""
    return measure_memorization(notes)


def test_one_insertion_has_the_greatest_exposure_where_the_model_memorizes(found):
    once = found.canaries[found.canaries["planted"] == 1]
    assert len(once) == 10
    assert (once["exposure"] == found.most_bits).all()
    assert once["greatest"].all()
    assert once["first_guess"].all()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_canaries_never_planted_have_a_median_of_about_one_bit(notes, seed):
    never = measure_memorization(notes[:150], times=(1,), canaries=2, never=80, seed=seed)
    row = never.by_times().set_index("planted").loc[0]
    assert row["canaries"] >= 50
    assert 0.5 < row["exposure"] < 1.7
    assert row["first_guess"] == 0


def test_the_figures_carry_baseline_and_control(found):
    exposure, extracted = found.measurements()[:2]
    assert exposure.name == "canary_exposure_planted_1_times"
    assert exposure.baseline == pytest.approx(1.0, abs=0.01)
    assert abs(exposure.control - 1.0) < 0.7
    assert (extracted.value, extracted.control) == (1.0, 0.0)
    assert extracted.baseline == pytest.approx(1e-4)
    assert len(found.to_frame()) == len(found.measurements())


def test_a_model_that_forgets_needs_duplicates(notes):
    table = measure_memorization(notes, recipe=NgramModel(7), never=20).by_times()["exposure"].to_list()
    assert table == sorted(table)
    assert table[0] < 2 < table[1] < table[3] - 1


def test_removing_duplicates_takes_their_effect_away(notes):
    options = {"recipe": NgramModel(7), "times": (1, 16), "never": 20, "edited": True}
    both = compare_preparations(notes, {"as they are": None, "each once": deduplicate}, **options)
    as_they_are, each_once = (
        one.by_times().set_index("planted")["exposure"] for one in both.results.values()
    )
    assert as_they_are[16] > as_they_are[1] + 1
    assert each_once[16] < each_once[1] + 1
    assert "as they are" in both.sentence()
    assert "each once" in both.sentence()


def test_what_was_taken_out_first_cannot_be_repeated(notes):
    def hide(texts):
        return [re.sub(r"900-20-\d{4}", "[number]", text) for text in texts]

    found = measure_memorization(notes[:40], prepare=hide, times=(1, 8), canaries=4, never=20)
    assert not found.canaries["first_guess"].any()
    assert (found.by_times()["exposure"] < 4).all()


@pytest.mark.slow
def test_what_was_deidentified_first_cannot_be_repeated(notes):
    from secure_ai.anonymize import Deidentifier

    safe = Deidentifier("safe_harbor", seed=1, as_of=2026)
    found = measure_memorization(notes[:40], prepare=safe.text, times=(1, 8), canaries=4, never=20)
    assert not found.canaries["first_guess"].any()
    assert (found.by_times()["exposure"] < 4).all()


def test_equally_likely_secrets_share_the_middle_of_their_ranks():
    (canary,) = make_canaries(1, CanaryFormat(secret="###"))
    (found,) = exposures(Digits([0.1] * 10), [canary])
    assert found.rank == 500.5
    assert found.bits == pytest.approx(math.log2(1000) - math.log2(500.5))
    assert not found.greatest


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=10, max_size=10), st.integers(0, 999))
def test_the_rank_is_that_of_counting_all_secrets(weights, seed):
    chances = np.array(weights) / sum(weights)
    form = CanaryFormat(secret="##")
    (canary,) = make_canaries(1, form, seed=seed)
    (found,) = exposures(Digits(chances), [canary])
    logs = {
        "".join(pair): math.log(chances[int(pair[0])]) + math.log(chances[int(pair[1])])
        for pair in itertools.product("0123456789", repeat=2)
    }
    own = logs[canary.secret]
    better = sum(value > own + 1e-9 for value in logs.values())
    same = sum(abs(value - own) <= 1e-9 for value in logs.values())
    assert found.rank == better + (same + 1) / 2


def test_a_sample_with_a_fitted_distribution_comes_near_the_exact_exposure():
    rng = np.random.default_rng(3)
    model = Digits(rng.dirichlet(np.full(10, 8.0)))
    made = make_canaries(3, CanaryFormat(secret="#####"), seed=2)
    exact = np.array([one.bits for one in exposures(model, made)])
    sampled = exposures(model, made, most_exact=10)
    assert {one.method for one in sampled} == {"sampled"}
    assert np.abs(exact - [one.bits for one in sampled]).max() < 1.0
    assert max(one.bits for one in sampled) <= math.log2(100_000)


def test_a_sampled_exposure_of_what_was_learned_by_heart_is_the_greatest(notes):
    made = make_canaries(2, CanaryFormat(secret="900-20-####"), seed=1)
    model = NgramModel().fit(plant(notes[:80], made, [4, 0]))
    learned, never = exposures(model, made, most_exact=10)
    assert learned.bits > 12
    assert never.bits < 6


def test_a_beam_that_keeps_all_finds_what_counting_all_finds(notes):
    made = make_canaries(3, CanaryFormat("{mark} has the code {secret}.", "##@"), seed=4)
    model = NgramModel(9).fit(plant(notes[:60], made[:2], [3, 1]))
    for canary in made:
        logs = all_log_probabilities(model, [canary.before], canary.format)[0]
        guesses = extract(model, canary, beam=canary.format.space)
        assert place_of(guesses.guesses[0], canary.format) == int(logs.argmax())
        np.testing.assert_allclose(np.sort(guesses.log_probabilities), np.sort(logs))
    assert extract(model, made[0]).place_of(made[0].secret) == 1


def test_many_canaries_at_a_time_give_what_one_at_a_time_gives(notes):
    made = [*make_canaries(3, seed=1), *make_canaries(2, CanaryFormat(secret="@#"), seed=2)]
    model = NgramModel(8).fit(plant(notes[:60], made, [1, 0, 2, 1, 0]))
    together = extract_secrets(model, made)
    for canary, guesses in zip(made, together, strict=True):
        assert extract(model, canary).guesses == guesses.guesses
    assert exposures(model, made) == [exposures(model, [canary])[0] for canary in made]


def test_an_attacker_without_the_format_reads_on(notes):
    (canary,) = make_canaries(1, seed=3)
    model = NgramModel().fit(plant(notes, [canary], [2]))
    assert extract(model, canary.before, length=len(canary.secret)).place_of(canary.secret) == 1
    with pytest.raises(UserError, match="length="):
        extract(model, canary.before)


def test_no_secret_is_shown(found, notes):
    (canary,) = make_canaries(1)
    model = NgramModel().fit(plant(notes[:40], [canary], [1]))
    guesses = extract(model, canary)
    shown = [
        *(repr(canary), canary.masked, repr(guesses), guesses.to_frame().to_string(), repr(found)),
        *(found.sentence(), found.canaries.to_string(), found.to_frame().to_string()),
    ]
    assert not any(canary.secret in text or canary.secret[-4:] in text for text in shown)
    assert not re.search(r"900-20-\d", "".join(shown))


def test_secrets_of_the_standard_format_can_belong_to_nobody():
    assert all(re.fullmatch(r"900-20-\d{4}", canary.secret) for canary in make_canaries(50))


def test_marks_tell_canaries_apart_and_the_seed_decides():
    made = make_canaries(200, seed=5)
    assert len({canary.mark for canary in made}) == 200
    assert [canary.text for canary in made] == [canary.text for canary in make_canaries(200, seed=5)]
    assert made[0].text != make_canaries(200, seed=6)[0].text


def test_planting_keeps_every_other_note_and_repeats_as_often_as_said():
    notes = [f"note {number} about a visit on another day" for number in range(30)]
    made = make_canaries(3)
    planted = plant(notes, made, [0, 1, 5])
    assert [sum(canary.text in text for text in planted) for canary in made] == [0, 1, 5]
    assert len(set(notes) & set(planted)) == 28
    edited = [text for text in plant(notes, made, [0, 1, 5], edited=True) if made[2].text in text]
    assert len(edited) == 5
    assert len(set(edited)) > 1


def test_the_same_seed_gives_the_same_result(notes):
    first, again = (measure_memorization(notes[:60], times=(2,), canaries=3, never=5) for _ in range(2))
    assert first.canaries.equals(again.canaries)
    assert first.sentence() == again.sentence()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"times": ()}, "times"),
        ({"times": (0, 1)}, "times"),
        ({"canaries": 1}, "two canaries"),
        ({"never": 0}, "two canaries"),
        ({"recipe": 7}, "recipe"),
        ({"recipe": lambda texts: texts}, "recipe"),
        ({"prepare": lambda texts: []}, "no text"),
        ({"prepare": lambda texts: [None] * len(texts)}, "no text"),
    ],
)
def test_impossible_settings_are_refused_in_words(options, words):
    notes = [f"a note of visit {number}" for number in range(30)]
    with pytest.raises(UserError, match=words):
        measure_memorization(notes, **options)


@pytest.mark.parametrize(
    ("template", "secret"),
    [
        ("no mark {secret}", "##"),
        ("{mark} no secret", "##"),
        ("{secret} before {mark}", "##"),
        ("{mark} {secret} {secret}", "##"),
        ("{mark} {secret}", "fixed"),
    ],
)
def test_a_format_that_cannot_be_judged_is_refused(template, secret):
    with pytest.raises(UserError):
        CanaryFormat(template, secret)


def test_too_few_notes_and_a_broken_model_are_refused():
    with pytest.raises(UserError, match="20 or more"):
        measure_memorization(["a note"] * 5)
    with pytest.raises(UserError, match="not finite"):
        exposures(Digits([0.1] * 9 + [math.nan]), make_canaries(1))
    with pytest.raises(UserError, match="100 secrets"):
        exposures(Digits([0.1] * 10), make_canaries(1), sample=5)


def test_the_charts_say_what_was_found(found):
    assert plot_exposure(found).axes[0].get_title("left").startswith("Planted once: 13.3 of 13.3 bits")
    from secure_ai.attack.memorization import MemorizationComparison

    both = MemorizationComparison({"as they are": found, "again": found})
    assert "13.3 bits" in plot_preparations(both).axes[0].get_title("left")
