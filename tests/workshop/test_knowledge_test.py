"""The pre- and post-test: like forms without a shared question, keys that score, gains that were planted."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.learn.map import ROLES
from secure_ai.learn.quiz import load_quiz
from secure_ai.workshop.knowledge_test import draw_forms, page, read_forms, write_forms
from secure_ai.workshop.learning_gain import Answered, learning_gain, read_answers

FORMS = draw_forms("security", questions=10, seed=7)


def key_of(form):
    return {number: item.answer for number, item in enumerate(form.items, start=1)}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([path for path in ROLES if path != "instructor"]), st.integers(1, 2), st.integers(0, 999)
)
def test_the_forms_share_no_question_and_take_equally_many_from_each_chapter(path, questions, seed):
    forms = draw_forms(path, questions=questions, seed=seed)
    assert len(forms.a.items) == len(forms.b.items) == questions
    places = [{(item.chapter, item.number) for item in form.items} for form in (forms.a, forms.b)]
    assert not places[0] & places[1] and len(places[0]) == questions
    of_chapter = [Counter(item.chapter for item in form.items) for form in (forms.a, forms.b)]
    assert of_chapter[0] == of_chapter[1]
    assert forms == draw_forms(path, questions=questions, seed=seed)


def test_every_item_is_its_question_with_the_right_answer_and_the_options_in_another_order():
    moved = 0
    for form in (draw_forms("full", questions=30, seed=3).a, FORMS.a, FORMS.b):
        for item in form.items:
            question = load_quiz(item.chapter[3:]).content.questions[item.number - 1]
            assert item.prompt == question.prompt
            assert item.options[item.answer] == question.options[question.answer]
            assert item.why == question.why[question.answer]
            assert sorted(item.options.values()) == sorted(question.options.values())
            moved += item.answer != question.answer
    assert moved > 10


def test_the_right_letter_is_not_the_same_everywhere():
    letters = Counter(item.answer for item in draw_forms("full", questions=35).a.items)
    assert set(letters) >= {"a", "b", "c"} and max(letters.values()) < 25


def test_no_question_before_the_workshop_asks_about_the_workshop():
    forms = draw_forms("full", questions=35)
    assert not any("your task" in item.prompt.lower() for item in forms.a.items + forms.b.items)


def test_the_key_scores_all_nothing_scores_none_and_one_slip_costs_one():
    for form in (FORMS.a, FORMS.b):
        key = key_of(form)
        assert form.score(key) == 10 and form.score({}) == 0
        wrong = next(letter for letter in form.items[0].options if letter != key[1])
        assert form.score(key | {1: wrong}) == 9


@pytest.mark.parametrize("questions", [0, -1, 19, 10**6, 2.5, "ten", True, None])
def test_too_many_questions_say_how_many_there_are(questions):
    with pytest.raises(UserError, match=r"1 to 18 questions"):
        draw_forms("security", questions=questions)


def test_wrong_paths_and_seeds_are_told():
    for seed in (-1, 2**32, 1.5, "x", None):
        with pytest.raises(UserError, match="seed"):
            draw_forms("security", seed=seed)
    with pytest.raises(UserError, match="no such role"):
        draw_forms("nobody")
    with pytest.raises(UserError, match="questions"):
        draw_forms("instructor")


def test_the_folder_comes_back_as_it_was_written_and_the_form_has_no_key(tmp_path):
    folder = write_forms(FORMS, tmp_path / "test")
    assert read_forms(folder / "forms.yaml") == FORMS
    assert {file.name for file in folder.iterdir()} == {
        "form_A.html", "form_B.html", "key_A.html", "key_B.html", "forms.yaml", "answers.csv",
    }  # fmt: skip
    text = (folder / "form_A.html").read_text(encoding="utf-8")
    assert "checked" not in text and "Right:" not in text
    assert text.count("<fieldset>") == 10 and "http" not in re.sub(r"https?://[\w.]*example", "", text)
    key = (folder / "key_A.html").read_text(encoding="utf-8")
    assert key.count(" checked") == 10 and key.count("Right:") == 10


def test_a_prompt_with_marks_of_html_is_text():
    item = FORMS.a.items[0].model_copy(update={"prompt": "<script>alert(1)</script> `x<y`"})
    shown = page(FORMS.a.model_copy(update={"items": (item,)}))
    assert "<script" not in shown and "<code>x&lt;y</code>" in shown


def test_damaged_forms_are_told_in_a_sentence(tmp_path):
    folder = write_forms(FORMS, tmp_path / "test")
    text = (folder / "forms.yaml").read_text(encoding="utf-8")
    same = text.replace("name: B", "name: A", 1)
    for damaged in ("", "[", "path: x", text.replace("seed: 7", "seed: many", 1), same):
        file = tmp_path / "forms.yaml"
        file.write_text(damaged, encoding="utf-8")
        with pytest.raises(UserError) as told:
            read_forms(file)
        assert "\n" not in str(told.value)
    with pytest.raises(UserError):
        read_forms(tmp_path / "none.yaml")


# ------------------------------------------------------------------------------------------ answers


def sheet_of(rows):
    header = ",".join(["seat", "when", "form", *(str(number) for number in range(1, 11))])
    return "\n".join([header, *rows]) + "\n"


def row(seat, when, form, letters):
    return ",".join([seat, when, form, *letters])


def typed(tmp_path, text):
    file = tmp_path / "answers.csv"
    file.write_text(text, encoding="utf-8")
    return file


def letters(form, right):
    """The letters of a sheet with so many right answers, the others wrong."""
    key = key_of(FORMS.form(form))
    options = {number: item.options for number, item in enumerate(FORMS.form(form).items, start=1)}
    return [
        key[number]
        if number <= right
        else next(letter for letter in options[number] if letter != key[number])
        for number in key
    ]


def test_sheets_are_scored_by_their_own_form(tmp_path):
    rows = [row("seat-01", "pre", "A", letters("A", 4)), row("seat-01", "post", "b", letters("B", 7))]
    sheets = read_answers(typed(tmp_path, sheet_of([*rows, ""])), FORMS)
    assert sheets == (Answered("seat-01", "pre", "A", 4, 0), Answered("seat-01", "post", "B", 7, 0))


def test_an_empty_cell_is_open_and_not_right(tmp_path):
    rows = [row("seat-01", "pre", "A", [*letters("A", 10)[:8], "", " "])]
    [sheet] = read_answers(typed(tmp_path, sheet_of(rows)), FORMS)
    assert (sheet.right, sheet.open) == (8, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "other columns"),
        ("seat,when\nseat-01,pre\n", "other columns"),
        (sheet_of(["seat-01,pre,A,a"]), "row 2: it has 4 cells"),
        (sheet_of([row("", "pre", "A", ["a"] * 10)]), "row 2: there is no seat"),
        (sheet_of([row("s", "during", "A", ["a"] * 10)]), "row 2: 'when'"),
        (sheet_of([row("s", "pre", "C", ["a"] * 10)]), "row 2: 'form'"),
        (sheet_of([row("s", "pre", "A", ["z", *["a"] * 9])]), "row 2, question 1"),
        (sheet_of([row("s", "pre", "A", ["a"] * 10)] * 2), "row 3: this seat"),
        ('"', "not a CSV"),
    ],
)
def test_wrong_sheets_are_told_by_row_and_without_the_seat(tmp_path, text, said):
    with pytest.raises(UserError) as told:
        read_answers(typed(tmp_path, text), FORMS)
    assert said in str(told.value) and "seat-01" not in str(told.value)


def test_files_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_answers(tmp_path / "none.csv", FORMS)
    with pytest.raises(UserError, match="cannot be read"):
        read_answers(tmp_path, FORMS)
    (tmp_path / "noise.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="not UTF-8"):
        read_answers(tmp_path / "noise.csv", FORMS)


# ------------------------------------------------------------------------------------------- gains


def class_of(pairs, first="A"):
    second = "B" if first == "A" else "A"
    sheets = []
    for number, (pre, post) in enumerate(pairs):
        sheets.append(Answered(f"seat-{number:02d}", "pre", first, pre, 0))
        sheets.append(Answered(f"seat-{number:02d}", "post", second, post, 0))
    return tuple(sheets)


def test_the_class_gain_is_that_of_the_means_as_hake_defined_it():
    found = learning_gain(class_of([(2, 6), (4, 7), (6, 8), (8, 9), (0, 5)]), FORMS)
    assert found.pre == pytest.approx(0.4) and found.post == pytest.approx(0.7)
    assert found.gain == pytest.approx(0.5)
    low, high = found.interval
    assert low < 0.5 < high
    assert [one.gain for one in found.learners] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.5])


def test_fewer_than_five_learners_make_no_figure_of_the_class():
    found = learning_gain(class_of([(2, 6)] * 4), FORMS)
    assert found.gain is None and found.interval is None and found.pre is None
    assert len(found.learners) == 4 and "fewer than 5" in found.sentence()
    assert learning_gain((), FORMS).gain is None


def test_who_knew_everything_has_no_gain_and_is_not_taken_for_zero():
    found = learning_gain(class_of([(10, 10), *[(5, 5)] * 4]), FORMS)
    assert found.learners[0].gain is None and found.gain == 0
    assert learning_gain(class_of([(10, 10)] * 6), FORMS).reason.startswith("everything was right")


def test_a_loss_is_said_as_a_loss():
    found = learning_gain(class_of([(5, 3)] * 6), FORMS)
    assert found.gain == pytest.approx(-0.4) and found.interval == pytest.approx((-0.4, -0.4))


def test_one_sheet_alone_counts_for_nothing_and_is_said():
    sheets = (*class_of([(3, 6)] * 5), Answered("late", "post", "A", 10, 0))
    found = learning_gain(sheets, FORMS)
    assert found.unpaired == ("late",) and len(found.learners) == 5
    assert "1 with one sheet only" in found.sentence()


def test_the_same_form_twice_is_refused():
    sheets = (Answered("s", "pre", "A", 3, 0), Answered("s", "post", "A", 9, 0))
    with pytest.raises(UserError, match="same form"):
        learning_gain(sheets, FORMS)


def test_the_order_of_the_forms_is_said_where_it_is_one_for_all():
    assert "same form" in learning_gain(class_of([(3, 6)] * 6), FORMS).sentence()
    others = (
        Answered("x" + sheet.seat, sheet.when, sheet.form, sheet.right, 0)
        for sheet in class_of([(3, 6)] * 3, "B")
    )
    mixed = (*class_of([(3, 6)] * 3), *others)
    found = learning_gain(mixed, FORMS)
    assert found.crossed == 3 and "same form" not in found.sentence()


def test_the_interval_holds_a_planted_gain_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    could, learned, hits, rounds = 0.6, 0.5, 0, 60
    for number in range(rounds):
        pre = rng.binomial(10, 1 - could, size=30)
        post = pre + rng.binomial(10 - pre, learned)
        low, high = learning_gain(
            class_of(list(zip(pre.tolist(), post.tolist(), strict=True))), FORMS, seed=number
        ).interval
        hits += low <= learned <= high
    assert hits / rounds > 0.85


def test_the_same_sheets_and_seed_give_the_same_interval():
    sheets = class_of([(2, 6), (4, 7), (6, 8), (8, 9), (0, 5)])
    assert learning_gain(sheets, FORMS, seed=1) == learning_gain(sheets, FORMS, seed=1)
