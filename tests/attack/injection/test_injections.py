"""Injections forge the sessions that a database trusts, and not the signed one."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from secure_ai.access.database.schema import protect
from secure_ai.access.database.server import Database, database
from secure_ai.access.database.sessions import ProtectedDatabase
from secure_ai.attack.injection.attempts import ATTEMPTS
from secure_ai.attack.injection.careless import careless_search, parametrized_search
from secure_ai.attack.injection.table import CARELESS, Injections, injection_table, try_injections
from secure_ai.core.errors import UserError
from synthetic_data import load

SUCCEEDS_BY_SETTING = {
    "second statement sets another user",
    "set_config inside WHERE",
    "replay another session's token",
    "replay an earlier token of this connection",
    "pg_stat_activity",
    "temporary table in front of the helper's",
    "operator in front of the system's",
    "function in WHERE that prints what it sees",
    "error message that quotes a value",
}


@pytest.fixture(scope="module")
def opened() -> Iterator[Database]:
    with database(url="") as made:
        yield made


@pytest.fixture(scope="module", params=["healthcare", "finance"])
def tried(request, opened) -> tuple[ProtectedDatabase, Injections, tuple[str, str], dict[str, pd.DataFrame]]:
    tables = dict(load(request.param, rows=300, seed=1).tables)
    protected = protect(opened, tables, request.param)
    people = two_people(request.param, tables)
    return protected, try_injections(protected, *people), people, tables


def two_people(sector: str, tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    staff = tables["staff"]
    if sector == "healthcare":
        physicians = staff.loc[staff["role"] == "physician", "staff_id"]
        attending = tables["encounters"]["attending_staff_id"]
        first, second = attending[attending.isin(physicians)].drop_duplicates().iloc[:2]
        return first, second
    branch = staff[staff["role"].isin(["teller", "personal banker", "branch manager"])]
    branch = branch[branch["branch_id"].isin(tables["customers"]["branch_id"])].drop_duplicates("branch_id")
    first, second = branch["staff_id"].iloc[:2]
    return first, second


def test_the_signed_session_gives_nothing_away_though_the_query_is_careless(tried):
    _, injections, _, _ = tried
    assert injections.succeeded("signed") == 0
    assert injections.succeeded("parametrized") == 0


def test_a_setting_is_forged_in_nine_ways_and_a_role_in_one(tried):
    table = tried[1].to_frame().set_index("attempt")
    assert set(table.index[table["setting"] > 0]) == SUCCEEDS_BY_SETTING
    assert list(table.index[table["role"] > 0]) == ["SET ROLE to another"]
    assert tried[1].succeeded("own login") == 0


def test_a_forged_setting_shows_exactly_the_rows_of_the_other(tried):
    protected, injections, (me, other), tables = tried
    purpose = protected.declaration.purposes[0].name
    table = protected.declaration.table(protected.declaration.subject_table)
    seen = []
    for person in (me, other):
        with protected.as_user(person, purpose) as session:
            seen.append(set(session.rows(f"SELECT {table.key} FROM {table.name}")[table.key]))
    counts = injections.to_frame().set_index("attempt")["setting"]
    assert counts["second statement sets another user"] == len(seen[1] - seen[0])
    everyone = set(tables[table.name][table.key])
    assert counts["function in WHERE that prints what it sees"] == len(everyone - seen[0])


def test_the_signed_session_refuses_for_the_reason_that_is_given(tried):
    answers = tried[1].to_frame().set_index("attempt")["answer"]
    for name in answers.index:
        assert answers[name] in {"own rows only", "refused (SA002)", "refused (42501)"}, name
    assert set(answers[["sign with a guessed key", "replay another session's token"]]) == {"refused (SA002)"}
    assert answers["read the signing key"] == answers["SET ROLE to another"] == "refused (42501)"
    assert answers["always true"] == answers["function in WHERE that prints what it sees"] == "own rows only"


def test_the_table_shows_counts_and_never_a_value(tried):
    protected, injections, (me, other), tables = tried
    shown = injections.to_frame().to_string() + injections.sentence()
    assert len(injections.to_frame()) == len(ATTEMPTS)
    assert me not in shown
    assert other not in shown
    assert "a plain setting says who asks, 9 gave something away" in injections.sentence()
    assert injections.sentence().endswith("signed setting: none; with a query done right as well: none.")
    assert protected.prefix not in shown
    key = protected.declaration.table(protected.declaration.subject_table).key
    assert not any(value in shown for value in tables[protected.declaration.subject_table][key])


def test_the_careless_sessions_are_gone_afterwards(tried, opened):
    with opened.connect() as connection:
        left = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE '%careless%' "
            "UNION SELECT polname FROM pg_policy WHERE polname LIKE '%careless%'"
        ).fetchall()
    assert left == []


def test_the_table_is_the_same_each_time(tried):
    protected, injections, people, _ = tried
    pd.testing.assert_frame_equal(injection_table(protected, *people), injections.to_frame())


def test_glued_text_is_read_as_sql_and_a_parameter_is_not(tried):
    protected, _, (me, _), _ = tried
    table = protected.declaration.table(protected.declaration.subject_table)
    with protected.as_user(me, protected.declaration.purposes[0].name) as session:
        own = session.rows(f"SELECT {table.key}, city FROM {table.name}")
        city = own["city"].iloc[0]
        for search in (careless_search, parametrized_search):
            (rows,) = search(session.connection, table.name, table.key, city)
            assert len(rows) == (own["city"] == city).sum()
        (everything,) = careless_search(session.connection, table.name, table.key, "' OR '1' = '1")
        assert len(everything) == len(own)
        assert parametrized_search(session.connection, table.name, table.key, "' OR '1' = '1") == [[]]


def test_whoever_has_nothing_to_gain_is_told_so(tried):
    protected, _, (me, _), _ = tried
    with pytest.raises(UserError, match="two members of staff"):
        try_injections(protected, me, me)
    with pytest.raises(UserError, match="may act for this purpose"):
        try_injections(protected, me, "nobody")
    assert set(CARELESS) == {"setting", "role", "own login"}
