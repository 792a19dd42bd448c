"""Attacks with references find what a forest leaks, nothing where nothing is, and leave nothing behind."""

import itertools
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from secure_ai.attack.membership import (
    MembershipAttack,
    ReferenceSignals,
    figures,
    label_only_attack,
    lira_attack,
    loss_threshold_attack,
    measure_membership,
    measure_recipe,
    membership_from_scores,
    membership_from_table,
    reference_models,
    rmia_attack,
    scores,
    shadow_attack,
)
from secure_ai.attack.membership.charts import plot_membership_attacks, plot_records_at_risk
from secure_ai.attack.membership.references import draw_membership
from secure_ai.attack.targets import TargetError, open_target
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent

FOREST = RandomForestClassifier(n_estimators=15)
SMALL = RandomForestClassifier(n_estimators=3)


def people(rows=2000, seed=0):
    """People whose outcome is partly luck: a forest can only learn the luck by heart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6)).astype(np.float32)
    return x, (x[:, 0] + rng.normal(0, 1, rows) > 0).astype(int)


X, Y = people()
MEMBERS, OTHERS, THIRD = (X[:500], Y[:500]), (X[500:1000], Y[500:1000]), (X[1000:1500], Y[1000:1500])


@pytest.fixture(scope="module")
def references():
    return reference_models(FOREST, X[:1000], Y[:1000], 8, seed=1, n_jobs=1)


@pytest.fixture(scope="module")
def target():
    return RandomForestClassifier(n_estimators=15, random_state=5).fit(*MEMBERS)


@pytest.fixture(scope="module")
def stranger():
    """A model that has seen neither group."""
    return RandomForestClassifier(n_estimators=15, random_state=6).fit(*THIRD)


ATTACKS = {
    "online LiRA": lira_attack,
    "online RMIA": rmia_attack,
    "shadow-trained": shadow_attack,
    "label-only": label_only_attack,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_finds_members_and_nothing_in_a_model_that_has_not_seen_them(
    name, target, stranger, references
):
    found = ATTACKS[name](target, MEMBERS, OTHERS, references, control=stranger)
    assert found.attack == name
    assert found.leaks()
    assert abs(found.auc.control - 0.5) < 0.06
    assert found.p_value.value < 0.01 < found.p_value.control


def test_references_find_what_the_loss_alone_cannot(target, references):
    plain = loss_threshold_attack(target, MEMBERS, OTHERS)
    strong = lira_attack(target, MEMBERS, OTHERS, references)
    assert strong.auc.value > plain.auc.value + 0.04
    assert strong.tpr_at_low_fpr.value > plain.tpr_at_low_fpr.value + 0.05


def test_answers_alone_still_give_members_away(target, references):
    labels = open_target(target, answer="labels")
    found = measure_membership(labels, MEMBERS, OTHERS, references=references)
    assert found.attack == "label-only"
    assert found.leaks()
    assert measure_membership(labels, MEMBERS, OTHERS).leaks()


def test_offline_the_references_have_never_seen_the_records(target):
    both = np.concatenate([MEMBERS[0], OTHERS[0]]), np.concatenate([MEMBERS[1], OTHERS[1]])
    offline = reference_models(FOREST, X[1000:], Y[1000:], 8, records=both, seed=2, n_jobs=1)
    assert (offline.records, offline.member[:, 1000:].any()) == (2000, False)
    assert lira_attack(target, MEMBERS, OTHERS, offline, mode="offline").leaks()
    assert rmia_attack(target, MEMBERS, OTHERS, offline, mode="offline").leaks()
    with pytest.raises(UserError, match="mode='offline'"):
        lira_attack(target, MEMBERS, OTHERS, offline)


def test_the_same_references_serve_another_target_in_any_order(references):
    order = np.random.default_rng(0).permutation(1000)
    inside, outside = order[:500], order[500:]
    other = RandomForestClassifier(n_estimators=15, random_state=9).fit(X[inside], Y[inside])
    found = lira_attack(other, (X[inside], Y[inside]), (X[outside], Y[outside]), references)
    assert found.leaks()


def test_frames_and_arrays_give_the_same_figures(target, references):
    names = [f"c{place}" for place in range(6)]
    framed = [(pd.DataFrame(rows, columns=names), pd.Series(labels)) for rows, labels in (MEMBERS, OTHERS)]
    asked = open_target(lambda rows: target.predict_proba(np.asarray(rows)))
    first = lira_attack(asked, *framed, references)
    assert first.to_frame().equals(lira_attack(target, MEMBERS, OTHERS, references).to_frame())


def test_the_front_door_trains_references_from_a_recipe_and_repeats_itself(target):
    runs = [
        measure_membership(target, MEMBERS, OTHERS, recipe=FOREST, references=4, n_jobs=1, seed=3)
        for _ in range(2)
    ]
    assert runs[0].attack in {"online LiRA", "online RMIA"}
    assert runs[0].leaks()
    assert runs[0].to_frame().equals(runs[1].to_frame())


def test_the_front_door_without_a_recipe_uses_the_loss(target, stranger):
    found = measure_membership(target, MEMBERS, OTHERS, control=stranger)
    assert found.attack == "loss threshold"
    assert found.to_frame().equals(
        loss_threshold_attack(target, MEMBERS, OTHERS, control=stranger).to_frame()
    )


def test_a_recipe_may_be_a_function(target):
    def forest(rows, labels, seed):
        return RandomForestClassifier(n_estimators=15, random_state=seed).fit(rows, labels)

    found = reference_models(forest, X[:200], Y[:200], 4, n_jobs=1, seed=1)
    same = reference_models(FOREST, X[:200], Y[:200], 4, n_jobs=1, seed=1)
    assert np.array_equal(found.probability, same.probability)


@pytest.mark.parametrize("limit", ["WORTH_SHARING", pytest.param("WORTH_PROCESSES", marks=pytest.mark.slow)])
def test_threads_and_processes_give_the_same_signals_and_leave_nothing_on_disk(limit, monkeypatch, tmp_path):
    monkeypatch.setattr(f"secure_ai.attack.membership.references.{limit}", 0.0)
    monkeypatch.setattr("secure_ai.attack.membership.references.WORTH_SHARING", 0.0)
    before = {path for folder in (tempfile.gettempdir(), "/dev/shm") for path in leftovers(folder)}
    # More than 1 MB: what joblib would put into a file, were it left to it.
    wide = np.tile(X[:400], (1, 110))
    shared = reference_models(SMALL, wide, Y[:400], 4, seed=1, n_jobs=2)
    assert np.array_equal(
        shared.probability, reference_models(SMALL, wide, Y[:400], 4, seed=1, n_jobs=1).probability
    )
    after = {path for folder in (tempfile.gettempdir(), "/dev/shm") for path in leftovers(folder)}
    assert after <= before


def leftovers(folder):
    return [path for path in Path(folder).glob("joblib*") if path.is_dir() and any(path.rglob("*.pkl"))]


def test_a_recipe_that_cannot_leave_this_process_is_trained_in_it(monkeypatch):
    for limit in ("WORTH_SHARING", "WORTH_PROCESSES"):
        monkeypatch.setattr(f"secure_ai.attack.membership.references.{limit}", 0.0)
    lock = threading.Lock()

    def guarded(rows, labels, seed):
        with lock:
            return RandomForestClassifier(n_estimators=3, random_state=seed).fit(rows, labels)

    assert reference_models(guarded, X[:200], Y[:200], 4).count == 4


@pytest.mark.parametrize("count", [2, 3, 4])
def test_even_few_references_are_enough_for_rmia(count, target):
    found = measure_membership(target, MEMBERS, OTHERS, recipe=FOREST, references=count, n_jobs=1)
    assert found.attack == "online RMIA"
    assert found.leaks()


def test_an_attack_that_needs_probabilities_says_so(target, references):
    with pytest.raises(TargetError, match="label_only_attack"):
        rmia_attack(open_target(target, answer="labels"), MEMBERS, OTHERS, references)


@pytest.mark.parametrize(("count", "share"), [(16, 0.5), (8, 0.25), (5, 0.5)])
def test_who_is_in_which_reference_is_balanced_and_tells_nothing_across_halves(count, share):
    drawn = draw_membership(4000, count, share, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(share, abs=0.01)
    half = count - count // 2
    counts = drawn[:half].sum(axis=0)
    assert np.ptp(counts) <= 1
    assert abs(np.corrcoef(drawn[0], drawn[-1])[0, 1]) < 0.05


def made_up(rng, count=16, records=1500, effect=0.0):
    """Signals of models, with a known effect of membership on the logit."""
    inside = draw_membership(records, count + 1, 0.5, rng)
    hard = rng.normal(0, 1, records)
    signal = hard + effect * inside + rng.normal(0, 0.5, inside.shape)
    chance = (1 / (1 + np.exp(-signal))).astype(np.float32)
    known = ReferenceSignals(
        chance[:-1], chance[:-1] >= 0.5, inside[:-1], np.arange(records, dtype=np.uint64)
    )
    # Drawn independently of the references, as a real target's members are.
    member = rng.random(records) < 0.5
    own = 1 / (1 + np.exp(-(hard + effect * member + rng.normal(0, 0.5, records))))
    return own.astype(np.float32), known, member


JUDGES = {
    "LiRA": scores.lira_scores,
    "offline LiRA": lambda *case: scores.lira_scores(*case, mode="offline"),
    "RMIA": scores.rmia_scores,
    "label": lambda own, known: scores.label_scores(own >= 0.5, known),
}


@pytest.mark.parametrize("name", JUDGES)
def test_where_membership_changes_nothing_the_auc_is_one_half_over_ten_seeds(name):
    found = []
    for seed in range(10):
        own, known, member = made_up(np.random.default_rng(seed))
        value = JUDGES[name](own, known)
        found.append(figures.auc(value[member], value[~member]))
    assert abs(np.mean(found) - 0.5) < 0.02


def test_lira_comes_near_the_best_test_that_there_is():
    """The best test knows each record's distributions: the AUC of two normal ones, a distance of 2 apart."""
    own, known, member = made_up(np.random.default_rng(3), count=64, effect=1.0, records=4000)
    value = scores.lira_scores(own, known, scale="logit")
    best = 0.9214  # Phi(2 / sqrt(2))
    assert best - 0.03 < figures.auc(value[member], value[~member]) < best + 0.015


@pytest.mark.parametrize("name", JUDGES)
def test_float32_probabilities_of_exactly_zero_and_one_give_finite_scores(name):
    own, known, _ = made_up(np.random.default_rng(0), records=200)
    own[:50], own[50:100] = np.float32(1), np.float32(0)
    known.probability[:, :70] = np.float32(1)
    assert np.isfinite(JUDGES[name](own, known)).all()


def test_the_logit_is_cut_at_one_in_a_thousand():
    ends = scores.logit(np.array([0, 1e-9, 1e-3, 0.5, 1 - 1e-3, 1], dtype=np.float32))
    assert np.allclose(ends, [-6.9068, -6.9068, -6.9068, 0, 6.9068, 6.9068], atol=1e-3)


def test_members_and_others_that_overlap_are_refused_with_numbers_and_without_values(target):
    rows, labels = np.concatenate([X[498:500], OTHERS[0]]), np.concatenate([Y[498:500], OTHERS[1]])
    with pytest.raises(UserError, match=r"2 of 502 non-members are members too.*positions 0, 1 of") as error:
        measure_membership(target, MEMBERS, (rows, labels))
    assert not any(f"{value:.2f}" in str(error.value) for value in X[498:500].ravel())
    without = measure_membership(target, MEMBERS, (rows, labels), overlap="leave out")
    assert without.to_frame().equals(measure_membership(target, MEMBERS, OTHERS).to_frame())
    assert measure_membership(target, MEMBERS, (rows, labels), overlap="keep").auc.n == 1002


def test_the_same_person_with_another_class_is_no_overlap(target):
    assert measure_membership(target, MEMBERS, (np.vstack([X[:1], OTHERS[0]]), np.r_[1 - Y[0], OTHERS[1]]))


def test_a_class_that_no_member_has_is_unassessed_with_the_number(target):
    one = MEMBERS[1] == 1
    found = measure_membership(target, (MEMBERS[0][one], MEMBERS[1][one]), OTHERS)
    assert isinstance(found, Unassessed)
    assert f"{(OTHERS[1] == 0).sum()} of 500 non-members have a class that no member has" in found.reason


def test_a_class_missing_in_a_reference_is_no_obstacle():
    y = Y[:300].copy()
    y[0] = 2
    found = reference_models(LogisticRegression(), X[:300], y, 6, n_jobs=1)
    assert np.array_equal(found.probability[:, 0] > 0, found.member[:, 0])
    assert np.isfinite(found.probability).all()


def test_too_few_records_for_so_few_false_alarms_are_unassessed_with_the_number_needed(target, references):
    few = lira_attack(target, (X[:60], Y[:60]), (X[500:560], Y[500:560]), references)
    assert isinstance(few.tpr_at_low_fpr, Unassessed)
    assert "give 100 or more" in few.tpr_at_low_fpr.reason
    more = lira_attack(target, MEMBERS, OTHERS, references)
    assert isinstance(more.tpr_at_low_fpr, Measurement)
    assert "give 1,000 or more" in more.tpr_at_lower_fpr.reason
    assert more.tpr_at_zero_fpr.baseline == pytest.approx(1 / 501)
    with pytest.raises(UserError, match="500 non-members cannot show"):
        more.tpr_at(0.0005)
    assert more.tpr_at(0.01) == more.tpr_at_low_fpr.value


def test_the_whole_recipe_is_measured_on_several_targets_beside_controls():
    found = measure_recipe(FOREST, X, Y, members=500, references=8, targets=2, controls=2, n_jobs=1)
    auc = found.mean("auc")
    assert auc.interval[0] <= auc.value <= auc.interval[1]
    assert auc.value > 0.75
    assert abs(auc.control - 0.5) < 0.05
    assert found.frame["accuracy_on_members"][0] > found.frame["accuracy"][0] + 0.1
    assert isinstance(found.mean("tpr_at_0.1_percent"), Unassessed)
    assert "control 0." in found.sentence()
    tame = measure_recipe(LogisticRegression(), X, Y, members=500, references=4, targets=2, n_jobs=1)
    assert tame.mean("auc").value < 0.56


def test_a_recipe_that_gives_answers_alone_is_attacked_by_them():
    class Answers:
        def __init__(self, model):
            self.predict, self.classes_ = model.predict, model.classes_

    def recipe(rows, labels, seed):
        return Answers(RandomForestClassifier(n_estimators=15, random_state=seed).fit(rows, labels))

    found = measure_recipe(recipe, X, Y, members=500, references=4, targets=1, controls=1, n_jobs=1)
    assert found.attack == "label-only"
    assert found.mean("auc").value > 0.55


def test_records_that_stand_twice_in_a_population_are_used_once():
    twice = measure_recipe(
        LogisticRegression(), np.vstack([X[:90]] * 2), np.tile(Y[:90], 2), references=4, targets=1, n_jobs=1
    )
    assert twice.members == 30


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: reference_models(FOREST, X, Y, 1), "at least two"),
        (lambda: reference_models(FOREST, X, Y, in_share=1.0), "between 0 and 1"),
        (lambda: reference_models(FOREST, X, Y[:5]), "one class for each"),
        (lambda: reference_models(42, X, Y), "neither an unfitted classifier nor a function"),
        (lambda: measure_membership(fitted(), MEMBERS, OTHERS, method="magic"), "choose from auto"),
        (lambda: measure_membership(fitted(), MEMBERS, OTHERS, method="lira"), "give a recipe or references"),
        (lambda: measure_membership(fitted(), MEMBERS, OTHERS, overlap="maybe"), "choose from refuse"),
        (lambda: measure_membership(fitted(), X, OTHERS), "members: give a pair"),
        (lambda: measure_membership(fitted(), (pd.DataFrame(X), Y), OTHERS), "both as frames"),
        (lambda: measure_membership(fitted(), (X[:, :3], Y), OTHERS), "numbers of columns"),
        (lambda: measure_recipe(FOREST, X, Y, method="magic"), "choose from auto"),
        (lambda: measure_recipe(FOREST, X, Y, references=2), "four references"),
    ],
)
def test_a_wrong_argument_gets_a_sentence(make, said):
    with pytest.raises(UserError, match=said):
        make()


def test_records_that_the_references_do_not_know_are_refused(target, references):
    with pytest.raises(UserError, match="500 of 1,000 records are unknown to the reference models"):
        lira_attack(target, MEMBERS, THIRD, references)


def test_labels_in_another_spelling_are_told(references):
    with pytest.raises(TargetError, match="knows none of the classes"):
        reference_models(lambda rows, labels, seed: fitted(), X[:1000], Y[:1000].astype(str), 2, n_jobs=1)


def test_no_value_of_a_record_is_in_a_representation(target, references):
    found = lira_attack(target, MEMBERS, OTHERS, references)
    assert repr(references) == "ReferenceSignals(8 models, 1,000 records)"
    assert "scores=" not in repr(found)


def fitted():
    return LogisticRegression().fit(*MEMBERS)


def answers(model, references=None):
    """What a team writes that hands over no model."""
    rows, labels = np.concatenate([MEMBERS[0], OTHERS[0]]), np.concatenate([MEMBERS[1], OTHERS[1]])
    chances = model.predict_proba(rows)
    table = pd.DataFrame({"p_0": chances[:, 0], "p_1": chances[:, 1], "label": labels, "member": 1})
    table.loc[500:, "member"] = 0
    if references is not None:
        for k in range(references.count):
            table[f"ref_{k}"], table[f"in_{k}"] = references.probability[k], references.member[k].astype(int)
    return table


def test_a_csv_of_probabilities_gives_the_figures_of_the_model_itself(target, references, tmp_path):
    path = tmp_path / "answers.csv"
    answers(target, references).to_csv(path, index=False)
    found = membership_from_table(path)
    method = scores.best_method(references)
    same = (lira_attack if method == "lira" else rmia_attack)(target, MEMBERS, OTHERS, references)
    assert isinstance(found, MembershipAttack)
    assert found.auc.value == pytest.approx(same.auc.value, abs=1e-4)
    plain = membership_from_table(answers(target))
    assert plain.attack == "loss threshold"
    assert plain.auc.value == pytest.approx(
        loss_threshold_attack(target, MEMBERS, OTHERS).auc.value, abs=0.005
    )


def test_a_csv_whose_references_have_not_seen_the_records_is_attacked_offline(target, references):
    table = answers(target, references)
    found = membership_from_table(table.drop(columns=[f"in_{k}" for k in range(references.count)]))
    assert found.attack == "offline LiRA"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop(columns="member"), "no column 'member'"),
        (lambda table: table.drop(columns="p_1"), "1 columns of probabilities"),
        (lambda table: table.assign(member="Zoltan"), r"^(?!.*Zoltan).*neither 1 nor 0 in 1,000 rows"),
        (lambda table: table.assign(p_0=table["p_0"].where(table.index != 7)), "column 'p_0', row 8"),
        (lambda table: table.assign(p_0=table["p_0"] + 2), "not from 0 to 1"),
        (lambda table: table.assign(label=5), "without a column p_<label>"),
        (lambda table: table.assign(ref_a=0.5, ref_b=0.5, in_a=1), "1 of 2 reference models"),
    ],
)
def test_a_table_that_cannot_be_read_gets_a_sentence(change, said, target):
    with pytest.raises(UserError, match=said):
        membership_from_table(change(answers(target)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.assign(p_0=0.9, p_1=0.9), "do not add up to 1"),
        (lambda table: table.assign(p_0=0.5, p_1=0.5), "same probabilities"),
        (lambda table: table.head(510), "10 non-members"),
    ],
)
def test_a_table_on_which_nothing_can_be_judged_is_unassessed(change, said, target):
    found = membership_from_table(change(answers(target)))
    assert isinstance(found, Unassessed)
    assert said in found.reason


def test_pictures_compare_attacks_on_log_axes(target, references):
    found = {
        "loss threshold": loss_threshold_attack(target, MEMBERS, OTHERS),
        "LiRA": lira_attack(target, MEMBERS, OTHERS, references),
    }
    figure = plot_membership_attacks(found)
    assert "LiRA" in figure.get_suptitle()
    assert (figure.axes[0].get_xscale(), figure.axes[0].get_yscale()) == ("log", "log")
    names = pd.DataFrame({"ward": np.where(Y[:500] == 1, "north", "south")})
    assert plot_records_at_risk(found["LiRA"].records_at_risk(names)).axes
    with pytest.raises(UserError, match="at least one"):
        plot_membership_attacks({})


def test_the_title_of_the_curves_and_the_figure_count_the_same_false_alarms():
    # 3 of 300 others are 1 % and, in floating point, a little more.
    members = np.concatenate([np.full(150, 296.5), np.zeros(150)])
    found = membership_from_scores(members, np.arange(300.0), attack="made up")
    title = plot_membership_attacks({"made up": found}).get_suptitle()
    assert percent(found.tpr_at_low_fpr.value) == "50%" and "50%" in title


def test_training_in_threads_shows_no_warning_whatever_they_do_to_the_filters(monkeypatch, capsys):
    monkeypatch.setattr("secure_ai.attack.membership.references.WORTH_SHARING", 0.0)
    together, entering, entered = threading.Barrier(2), threading.Lock(), itertools.count()

    def recipe(rows, labels, seed):
        model = RandomForestClassifier(n_estimators=3, random_state=seed).fit(rows, labels)
        if threading.current_thread() is threading.main_thread():
            return model
        together.wait(timeout=20)
        with entering:
            last = next(entered) % 2
            changed = warnings.catch_warnings()
            changed.__enter__()
            warnings.resetwarnings()
        together.wait(timeout=20)
        time.sleep(0.02 * last)
        # Who came second brings back the filters of the first: none.
        changed.__exit__(None, None, None)
        together.wait(timeout=20)
        warnings.warn(f"model {seed}", stacklevel=1)
        return model

    before = list(warnings.filters), warnings.showwarning
    assert reference_models(recipe, X[:200], Y[:200], 5, seed=1, n_jobs=2).count == 5
    assert next(entered) == 4
    assert (list(warnings.filters), warnings.showwarning) == before
    assert not capsys.readouterr().err
