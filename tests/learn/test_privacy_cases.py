"""What the lab of chapter 13 works on: the truth of each case is known, and the attacks are real ones."""

from __future__ import annotations

import numpy as np
import pytest

from secure_ai.core import UserError
from secure_ai.learn import privacy_trials as trials
from secure_ai.learn.privacy_cases import (
    GUESSES,
    RELEASES,
    attack_scores,
    candidates,
    guesses,
    references,
    releases,
)
from secure_ai.learn.tasks import privacy_attacks as tasks
from synthetic_data import load
from synthetic_data.learning_tables import learning_table

SEEDS = pytest.mark.parametrize("seed", range(20))


@pytest.fixture(scope="module")
def case() -> trials.PrivacyCase:
    return trials.privacy_case(learning_table(load("finance", seed=3, rows=36_000), "credit"), seed=3)


@SEEDS
def test_scores_are_tied_and_too_few_others_are_too_few(seed):
    rng = np.random.default_rng(seed)
    members, others, alarms = attack_scores(rng)
    assert len(np.unique(np.append(members, others))) < len(members) + len(others)
    assert len(others) * alarms >= 1
    _, few, alarms = attack_scores(rng, few=True)
    assert 0 < len(few) < 1 / alarms


@SEEDS
def test_each_record_is_in_half_of_the_references_and_plain_ones_need_no_cut_and_no_floor(seed):
    plain = references(np.random.default_rng(seed))
    assert (2 * plain.inside.sum(axis=1) == plain.inside.shape[1]).all()
    assert plain.chance.min() > 1e-3 and plain.chance.max() < 1 - 1e-3
    odds = np.log(plain.chance / (1 - plain.chance))
    for side in (plain.inside, ~plain.inside):
        assert np.nanstd(np.where(side, odds, np.nan), axis=1).min() > 0.1


def test_sure_references_have_probabilities_of_1_and_alike_ones_a_spread_of_0():
    sure, alike = (references(np.random.default_rng(1), **{kind: True}) for kind in ("certain", "alike"))
    assert (sure.chance == 1).any() and (sure.own == 1).any() and (sure.own == 0).any()
    assert min(np.ptp(line[~side]) for line, side in zip(alike.chance, alike.inside, strict=True)) == 0


@SEEDS
def test_guesses_have_the_verdict_of_their_kind(seed):
    rng = np.random.default_rng(seed)
    wanted = {"leaks": "leaks", "both": "leaks", "learned": "learned", "nearly and learned": "learned"}
    for kind in GUESSES:
        assert tasks.weigh_guesses.reference(guesses(rng, kind))[2] == wanted.get(kind, "nothing"), kind


def test_members_who_are_easier_to_guess_without_the_model_are_no_leak():
    table = guesses(np.random.default_rng(1), "easier members")
    right = table["with_model"] == table["truth"]
    assert right[table["member"]].mean() > right[~table["member"]].mean() + 0.2
    assert tasks.weigh_guesses.reference(table)[2] == "nothing"


@SEEDS
def test_the_planted_candidate_is_tied_and_is_neither_first_nor_last(seed):
    logs, place = candidates(np.random.default_rng(seed))
    assert (logs == logs[place]).sum() >= 3
    assert 0 < tasks.exposure.reference(logs, place) < np.log2(len(logs))


@SEEDS
def test_one_model_may_be_released_or_none_and_its_name_does_not_tell(seed):
    rng = np.random.default_rng(seed)
    for kind in RELEASES:
        table, limits = releases(rng, kind)
        chosen = tasks.choose_release.reference(table, limits)
        assert (chosen is None) == (kind == "none")
        assert table["model"].is_monotonic_increasing and table.isna().any(axis=None)
        if kind == "edge":
            row = table.set_index("model").loc[chosen]
            assert row["found_high"] == limits.found and row["group"] == limits.group


def test_nobody_is_in_two_groups_and_the_control_has_seen_neither_members_nor_others(case):
    groups = [set(map(tuple, rows.to_numpy().tolist())) for rows, _ in (case.members, case.others, case.own)]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    assert case.accuracy(case.members) > case.accuracy(case.others) + 0.05


def test_too_few_people_are_refused_with_what_to_do():
    small = learning_table(load("healthcare", seed=3, rows=1_000), "readmission")
    with pytest.raises(UserError, match="raise `rows`"):
        trials.privacy_case(small)


def test_the_likelihood_ratio_finds_members_that_the_probability_alone_does_not_and_none_in_the_control(case):
    signals = trials.reference_signals(case, seed=3)
    found = tasks.members_found.reference

    def by_ratio(model=None):
        scores = tasks.likelihood_ratio.reference(*trials.as_references(case, signals, model).arguments())
        return found(*trials.split(case, scores), 0.05)

    assert by_ratio() > found(*trials.plain_scores(case), 0.05) + 0.1
    assert by_ratio(case.stranger) < 0.1


def test_a_planted_secret_stands_out_and_one_never_planted_or_masked_has_about_one_bit():
    notes = [f"The caller asked about order {number % 7} and was called back." for number in range(60)]
    ways = {"plain": list, "masked": lambda texts: ["".join(c for c in t if not c.isdigit()) for t in texts]}
    found = trials.exposed_canaries(notes, tasks.exposure.reference, ways, times=(2,)).set_index("planted")
    assert found.loc[2, "plain"] == pytest.approx(np.log2(1_000))
    assert found.loc[0, "plain"] == pytest.approx(1, abs=0.6)
    assert found.loc[2, "masked"] == pytest.approx(1, abs=0.05)


def test_larger_leaves_hide_members_and_a_brochure_shows_less_than_an_attacker_who_knows_finds(case):
    table = trials.release_table(case, leaves=(50,), seed=3).set_index("model")
    assert table.loc["leaves of 50 or more", "found"] < table.loc["as it is", "found"] / 3
    assert table.loc["leaves of 50 or more", "group"] >= 50 > table.loc["as it is", "group"]
    brochure = table.loc["rounded to 0.1 (brochure)"]
    assert not brochure["attacker_knows"] and brochure["found_high"] < table.loc["rounded to 0.1", "found"]
