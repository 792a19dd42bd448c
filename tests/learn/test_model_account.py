"""Claims about the little database of lab 08: it judges what really can be read, and ends cleanly."""

from __future__ import annotations

import numpy as np
import pytest

from secure_ai.core import UserError
from secure_ai.learn import model_account
from secure_ai.learn.engine import Lab, Status, correct
from secure_ai.learn.model_account import (
    CARELESS,
    FEATURES,
    close_model_database,
    invented_people,
    model_database,
)

COLUMNS = f"GRANT SELECT ({', '.join(FEATURES)}) ON people TO model_account;"
ROWS = (
    "ALTER TABLE people ENABLE ROW LEVEL SECURITY;"
    "CREATE POLICY agreed ON people FOR SELECT TO model_account USING (consent);"
)


@pytest.fixture(scope="module")
def database():
    yield model_database()
    close_model_database()


@pytest.fixture(scope="module")
def people():
    return invented_people(np.random.default_rng(3))


def agreed(people):
    return set(people.loc[[given is True for given in people["consent"]], "reference"])


def test_columns_and_rows_are_those_that_the_statements_open(database, people):
    reach = database.reach(COLUMNS + ROWS, people)
    assert reach.columns == set(FEATURES) and reach.shown == agreed(people)
    assert not (reach.problem or reach.writes or reach.others or reach.public)


def test_each_table_is_new_and_nothing_of_the_last_statements_stays(database, people):
    database.reach(CARELESS + "GRANT ALL ON people TO PUBLIC;", people)
    reach = database.reach("", people)
    assert not reach.columns and not reach.public and not reach.policies


@pytest.mark.parametrize(
    ("statements", "field"),
    [
        (CARELESS + "GRANT DELETE ON people TO model_account;", "writes"),
        (CARELESS + "GRANT UPDATE (age) ON people TO model_account;", "writes"),
        ("CREATE VIEW v AS SELECT * FROM people; GRANT SELECT ON v TO model_account;", "others"),
        ("GRANT SELECT ON people TO PUBLIC;", "public"),
        ("GRANT SELECT (names) ON people TO model_account;", "problem"),
        ("DROP TABLE people;", "problem"),
        ("SELECT pg_sleep(5);", "problem"),
        ("CREATE ROLE intruder SUPERUSER;", "problem"),
        ("COPY people TO PROGRAM 'cat';", "problem"),
        ("\0", "problem"),
    ],
)
def test_what_else_the_statements_do_is_found(database, people, statements, field):
    assert getattr(database.reach(statements, people), field)


def test_injections_gain_rows_from_a_whole_grant_and_nothing_from_a_narrow_one(database, people):
    whole = database.injections(CARELESS, people).set_index("attempt")["rows"]
    assert whole["always true"] == len(people) - len(agreed(people))
    assert whole["one column more"] == len(people)
    assert set(whole.index) == set(model_account.TRIED)
    assert not database.injections(COLUMNS + ROWS, people)["rows"].any()
    assert database.injections(COLUMNS, people)["rows"].any()


def test_consent_that_was_never_asked_is_among_the_people(people):
    assert {True, False, None} == set(people["consent"])


def test_a_check_is_prepared_outside_its_time_limit_and_only_for_an_answer():
    lab, calls = Lab("99_test", "Test"), []

    @lab.task("Say it.", ("a", "b"), prepare=lambda: calls.append(1))
    def say(value):
        return correct("Said.")

    assert say.check(...).status is Status.NOT_ATTEMPTED and not calls
    assert say.check(1).accepted and calls == [1]


def test_what_cannot_be_prepared_is_said_in_a_sentence():
    lab = Lab("99_test", "Test")

    def unavailable():
        raise UserError("PostgreSQL does not start: install it.")

    @lab.task("Say it.", ("a", "b"), prepare=unavailable)
    def say(value):
        return correct("Said.")

    result = say.check(1)
    assert result.status is Status.ERROR and "PostgreSQL does not start" in result.message
