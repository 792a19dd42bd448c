"""The trainer: adapts, names cues, counts both errors, and cannot be gamed."""

import matplotlib
import numpy as np
import pytest

from secure_ai.attack.phishing import CUES, make_mails
from secure_ai.core.errors import UserError
from secure_ai.govern.awareness import PhishingTrainer, Skill, estimate_skill, plot_learning
from secure_ai.govern.awareness.sensitivity import sensitivity

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def mails():
    return make_mails("finance", 220, seed=5, phishing_share=0.5)


def play(mails, decide, rounds=50, seed=0, cues=lambda mail: ()):
    trainer, by_id, served = PhishingTrainer(mails, seed=seed), {m.mail_id: m for m in mails}, []
    for _ in range(rounds):
        mail = by_id[trainer.next().mail_id]
        served.append(mail)
        trainer.answer(mail.mail_id, decide(mail), cues(mail))
    return trainer, served


@pytest.mark.parametrize("always", ["report", "trust"])
@pytest.mark.parametrize("seed", range(3))
def test_always_the_same_answer_scores_nothing(mails, always, seed):
    trainer, _ = play(mails, lambda mail: always, seed=seed)
    score = trainer.score()
    assert score.score == pytest.approx(0, abs=1e-9) and score.score_interval[0] == 0
    assert trainer.skill()["both"].ability < -1
    assert (score.criterion < -1) == (always == "report")


def test_guessing_scores_near_nothing_and_knowing_scores_near_all(mails):
    random = np.random.default_rng(1)
    guessed, _ = play(mails, lambda mail: random.choice(["report", "trust"]))
    known, _ = play(mails, lambda mail: "report" if mail.malicious else "trust")
    assert guessed.score().interval[0] < 0 < known.score().interval[0]
    assert known.score().score > 95 and known.skill()["both"].ability > 1.5


def test_one_sided_carefulness_is_worth_less_than_telling_them_apart(mails):
    careful, _ = play(mails, lambda m: "report" if m.malicious or len(m.cues) > 0 else "trust")
    apart, _ = play(mails, lambda m: "report" if m.malicious else "trust")
    assert careful.score().score < apart.score().score


def test_mails_get_harder_for_the_able_and_easier_for_the_beginner(mails):
    rank = {"least": 0, "moderately to least": 1, "moderately": 2, "very": 3}
    _, able = play(mails, lambda m: "report" if m.malicious else "trust")
    _, beginner = play(mails, lambda m: "trust" if m.malicious else "report")
    hard = [np.mean([rank[m.difficulty] for m in served[15:] if m.malicious]) for served in (able, beginner)]
    assert hard[0] > hard[1] + 1


def test_no_mail_is_served_twice_and_the_same_answers_get_the_same_mails(mails):
    first, second = (play(mails, lambda m: "report", rounds=30, seed=7)[1] for _ in range(2))
    assert first == second and len({m.mail_id for m in first}) == 30


def test_feedback_names_cues_found_missed_and_not_there(mails):
    trainer, by_id = PhishingTrainer(mails, seed=2), {m.mail_id: m for m in mails}
    for _ in range(20):
        mail = by_id[trainer.next().mail_id]
        names = {cue.name for cue in mail.cues}
        named = [*sorted(names)[:1], next(name for name in CUES if name not in names)]
        told = trainer.answer(mail.mail_id, "report", named)
        assert set(told.found) == names & set(named) and told.not_there == (named[-1],)
        assert set(told.missed) == (names - set(named) if mail.malicious else set())
        for name in (*told.found, *told.missed):
            assert CUES[name] in told.message
        assert told.right == mail.malicious


def test_both_errors_are_told_and_neither_is_blamed(mails):
    trainer, by_id, messages = PhishingTrainer(mails), {m.mail_id: m for m in mails}, {}
    for _ in range(20):
        mail = by_id[trainer.next().mail_id]
        told = trainer.answer(mail.mail_id, "trust" if mail.malicious else "report")
        messages[mail.malicious] = told.message
    assert "nobody is blamed" in messages[True]
    assert "honest" in messages[False] and "What speaks for it" in messages[False]


def test_a_missed_cue_comes_back_when_it_is_due(mails):
    trainer, by_id = PhishingTrainer(mails, seed=3), {m.mail_id: m for m in mails}
    checked = 0
    for _ in range(60):
        due = trainer.due_cues()
        mail = by_id[trainer.next().mail_id]
        if mail.malicious and due:
            assert any(cue.name in due for cue in mail.cues)
            checked += 1
        trainer.answer(mail.mail_id, "trust")
    assert checked > 10


def test_what_the_learner_sees_does_not_tell_the_answer(mails):
    trainer = PhishingTrainer(mails)
    shown = vars(trainer.next())
    assert not {"kind", "template", "cues", "difficulty", "malicious", "ask", "premise"} & set(shown)
    assert trainer.next() == trainer.next()


def test_progress_is_counts_only(mails):
    trainer, served = play(mails, lambda m: "report", rounds=20)
    progress = trainer.progress()
    assert list(progress.columns) == ["what", "count"] and progress["count"].dtype.kind == "i"
    text = progress.to_csv()
    assert not any(m.mail_id in text or m.sender_name in text for m in served)
    assert progress["count"].head(4).sum() == 20
    assert "20" in "".join(plot_learning(trainer).axes[0].get_title(loc="left")) or plot_learning(trainer)


def test_sensitivity_matches_hand_calculation():
    found = sensitivity(9, 10, 2, 10)
    # (9.5/11, 2.5/11) through the inverse normal: 1.0968 and -0.7479.
    assert found.d_prime == pytest.approx(1.0968 + 0.7479, abs=1e-3)
    assert found.criterion == pytest.approx(-(1.0968 - 0.7479) / 2, abs=1e-3)
    more = sensitivity(90, 100, 20, 100)
    assert more.interval[1] - more.interval[0] < found.interval[1] - found.interval[0]


def test_skill_grows_surer_with_answers_and_starts_unsure():
    none, some = estimate_skill([], []), estimate_skill([0.0] * 30, [True] * 15 + [False] * 15)
    assert isinstance(none, Skill) and none.ability == pytest.approx(0, abs=1e-6)
    assert none.sd == pytest.approx(1.5, abs=0.01) and some.sd < 0.5
    assert some.ability == pytest.approx(0, abs=0.01) and some.interval[0] < 0 < some.interval[1]


def test_bad_input_is_refused_and_counts_nothing(mails):
    trainer = PhishingTrainer(mails)
    with pytest.raises(UserError, match="waiting"):
        trainer.answer("x", "report")
    mail = trainer.next()
    for arguments in ((mail.mail_id, "maybe"), ("other", "report"), (mail.mail_id, "report", ["vibes"])):
        with pytest.raises(UserError):
            trainer.answer(*arguments)
    assert trainer.score().phishing + trainer.score().honest == 0
    trainer.answer(mail.mail_id, "trust")
    with pytest.raises(UserError, match="waiting"):
        trainer.answer(mail.mail_id, "trust")
    with pytest.raises(UserError, match="both"):
        PhishingTrainer([m for m in mails if m.malicious])
    with pytest.raises(UserError):
        PhishingTrainer([])
    for counts in ((1, 0, 0, 0), (-1, 2, 0, 1), (1.5, 2, 0, 1), (True, 2, 0, 1)):
        with pytest.raises(UserError):
            sensitivity(*counts)
    with pytest.raises(UserError):
        estimate_skill([float("nan")], [True])


def test_when_all_mails_are_served_it_is_said(mails):
    trainer = PhishingTrainer(
        [*[m for m in mails if m.malicious][:2], *[m for m in mails if not m.malicious][:2]]
    )
    with pytest.raises(UserError, match="Every mail was served"):
        for _ in range(5):
            trainer.answer(trainer.next().mail_id, "trust")


def test_the_end_does_not_tell_which_side_is_left():
    few = make_mails("finance", 12, seed=3, phishing_share=0.2)
    trainer = PhishingTrainer(few)
    with pytest.raises(UserError, match="Every mail was served"):
        for _ in range(13):
            trainer.answer(trainer.next().mail_id, "trust")
    for _ in range(5):
        with pytest.raises(UserError, match="Every mail was served"):
            trainer.next()


@pytest.mark.parametrize("cues", [None, 5, [[]], [None], {"urgency": 1, 2: 3}])
def test_cues_of_another_type_are_said_and_nothing_is_counted(mails, cues):
    trainer = PhishingTrainer(mails)
    exercise = trainer.next()
    with pytest.raises(UserError, match="cue"):
        trainer.answer(exercise.mail_id, "report", cues)
    assert trainer.next() == exercise and trainer.score().phishing + trainer.score().honest == 0


def test_no_field_of_an_exercise_tells_the_truth(mails):
    """Neither names nor text of what is handed out hold it, and no outward form stands for one side alone."""
    trainer, by_id = PhishingTrainer(mails, seed=1), {mail.mail_id: mail for mail in mails}
    for _ in range(20):
        exercise = trainer.next()
        mail = by_id[exercise.mail_id]
        for hidden in (mail.template, f"kind='{mail.kind}'", "difficulty", "premise", "malicious"):
            assert hidden not in repr(exercise)
        trainer.answer(exercise.mail_id, "trust")
    several = make_mails("finance", 250, seed=5)
    for form in (
        lambda m: bool(m.images), lambda m: bool(m.attachments), lambda m: bool(m.links),
        lambda m: m.reply_to != m.sender_address, lambda m: any(link.in_image for link in m.links),
    ):  # fmt: skip
        sides = {mail.malicious for mail in several if form(mail)}
        assert sides == {True, False}
