"""Claims about what ``secure-ai release`` does."""

from __future__ import annotations

import pytest

from secure_ai.anonymize.differential_privacy import BudgetLedger
from secure_ai.anonymize.differential_privacy.release_command import query_from_options, run_release
from secure_ai.cli import invoke
from secure_ai.core import UserError


@pytest.fixture
def file(visits, tmp_path):
    path = tmp_path / "visits.csv"
    visits.to_csv(path, index=False)
    return path


def test_one_answer_is_released_and_paid(file, tmp_path):
    ledger, query = tmp_path / "l.sqlite", query_from_options(mean="age", bounds="0,120")
    answer, budget = run_release(file, query, epsilon=0.5, ledger=ledger, budget=1)
    assert 30 < answer.value < 80 and budget.left[0] == 0.5
    run_release(file, query_from_options(count=True), epsilon=0.5, ledger=ledger)
    with pytest.raises(UserError, match="does not suffice"):
        run_release(file, query_from_options(count=True), epsilon=0.5, ledger=ledger)
    assert BudgetLedger(ledger).spent[0] == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "Ask for one answer"),
        ({"count": True, "mean": "age", "bounds": "0,1"}, "Ask for one answer"),
        ({"mean": "age"}, "needs bounds"),
        ({"mean": "age", "bounds": "low,high"}, "two numbers with a comma"),
        ({"mean": "age", "bounds": "9,1"}, "reversed"),
        ({"mean": "age", "bounds": "nan,1"}, "two finite numbers"),
        ({"count": True, "bounds": "0,1"}, "leave them out"),
    ],
)
def test_options_that_make_no_query_are_refused(options, says):
    with pytest.raises(UserError, match=says):
        query_from_options(**options)


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        ({"count": True}, {"epsilon": 2, "budget": 1}, "does not suffice"),
        ({"count": True}, {"epsilon": 1}, "make it with --budget"),
        ({"sum_": "ward", "bounds": "0,1"}, {"epsilon": 1, "budget": 1}, "holds text"),
        ({"count": True}, {"epsilon": 1, "budget": -1}, "Epsilon is -1"),
        ({"count": True}, {"epsilon": 0, "budget": 1}, "Epsilon is 0"),
    ],
)
def test_a_refused_release_leaves_no_ledger_behind(file, tmp_path, query, options, says):
    with pytest.raises(UserError, match=says):
        run_release(file, query_from_options(**query), ledger=tmp_path / "l.sqlite", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["visits.csv"]


def test_the_command_answers_pays_and_refuses_what_is_overdrawn(file, tmp_path, capsys):
    ledger = tmp_path / "visits.budget"
    paid = ["release", str(file), "--ledger", str(ledger)]
    assert invoke([*paid, "--count", "--epsilon", "0.6", "--budget", "1"]) == 0
    assert "epsilon 0.4 left" in capsys.readouterr().out
    assert invoke([*paid, "--mean", "age", "--bounds", "0,120", "--epsilon", "0.6"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and error.count("\n") == 1 and "does not suffice" in error
    assert BudgetLedger(ledger).spent[0] == 0.6


def test_a_first_question_that_is_not_sound_leaves_no_ledger(file, tmp_path):
    ledger = tmp_path / "visits.budget"
    asked = ["release", str(file), "--ledger", str(ledger), "--budget", "1", "--epsilon", "0.5"]
    assert invoke([*asked, "--mean", "age", "--bounds", "120,0"]) == 2
    assert not ledger.exists()


def test_a_new_ledger_from_which_somebody_paid_meanwhile_is_kept(file, tmp_path, monkeypatch):
    path = tmp_path / "l.sqlite"

    def interrupted(*_, ledger, **__):
        BudgetLedger(path).spend(file, 0.5, what="count of another process")
        raise UserError("refused")

    monkeypatch.setattr("secure_ai.anonymize.differential_privacy.release_command.release", interrupted)
    with pytest.raises(UserError, match="refused"):
        run_release(file, query_from_options(count=True), epsilon=0.5, ledger=path, budget=1)
    assert BudgetLedger(path).spent[0] == 0.5
