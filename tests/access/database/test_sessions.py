"""The signed session cannot be forged, replayed or outlived, and no sentence holds a value."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import threading
import time
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.access.database.cost import measure_rls_cost
from secure_ai.access.database.guard import padded_keys, quoted, setting_name, sign
from secure_ai.access.database.refusals import ContextExpiredError, Refusal, RefusedError
from secure_ai.access.database.schema import protect
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError


@pytest.fixture
def physician(hospital):
    encounters = hospital.tables["encounters"]
    physicians = hospital.staff("physician")["staff_id"]
    return encounters.loc[encounters["attending_staff_id"].isin(physicians), "attending_staff_id"].iloc[0]


def token(session):
    name = setting_name(session.protected.prefix)
    return session.connection.execute("SELECT current_setting(%s)", (name,)).fetchone()[0]


def put(session, value):
    name = setting_name(session.protected.prefix)
    session.connection.execute("SELECT set_config(%s, %s, false)", (name, value))


@given(key=st.binary(min_size=1, max_size=200), message=st.binary(max_size=100))
@settings(max_examples=50)
def test_the_two_padded_keys_give_hmac(key, message):
    inner, outer = padded_keys(key)
    ours = hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).digest()
    assert ours == hmac.digest(key, message, "sha256")


def test_a_changed_token_is_refused_wherever_it_is_changed(hospital, physician):
    with hospital.protected.as_user(physician, "treatment") as session:
        good = token(session)
        assert len(session.rows("SELECT patient_id FROM patients")) > 0
        for position in range(0, len(good), 7):
            changed = good[:position] + ("0" if good[position] != "0" else "1") + good[position + 1 :]
            put(session, changed)
            refused = session.attempt("SELECT patient_id FROM patients")
            assert isinstance(refused, Refusal), position
            assert refused.sqlstate == "SA002"
        put(session, good)
        assert len(session.rows("SELECT patient_id FROM patients")) > 0


@pytest.mark.parametrize(
    "value", ["", "S000000001", "a|b|c|d", "||||", "00|00|99999999999999|" + "0" * 64, "x" * 5000]
)
def test_nonsense_instead_of_a_token_is_refused(hospital, physician, value):
    with hospital.protected.as_user(physician, "treatment") as session:
        put(session, value)
        refused = session.attempt("SELECT patient_id FROM patients")
    assert isinstance(refused, Refusal)
    assert refused.sqlstate == ("SA001" if value == "" else "SA002")


def test_a_token_is_worth_nothing_in_another_session(hospital, physician):
    other = hospital.staff("nurse")["staff_id"].iloc[0]
    with (
        hospital.protected.as_user(physician, "treatment") as first,
        hospital.protected.as_user(other, "treatment") as second,
    ):
        put(second, token(first))
        assert second.attempt("SELECT patient_id FROM patients").sqlstate == "SA002"


def test_a_token_is_worth_nothing_once_the_pooled_connection_serves_somebody_else(hospital, physician):
    hospital.protected.close_idle()
    with hospital.protected.as_user(physician, "treatment") as first:
        kept, backend = token(first), first.connection.info.backend_pid
    other = hospital.staff("nurse")["staff_id"].iloc[0]
    with hospital.protected.as_user(other, "treatment") as second:
        assert second.connection.info.backend_pid == backend
        put(second, kept)
        assert second.attempt("SELECT patient_id FROM patients").sqlstate == "SA002"


def test_a_signature_for_another_purpose_or_login_is_refused(hospital, physician):
    protected = hospital.protected
    with protected.as_user(physician, "treatment") as session:
        session.connection.execute("RESET ALL")
        guard = quoted(protected.prefix + "_guard")
        nonce, pid, started, now = session.connection.execute(f"SELECT * FROM {guard}.challenge()").fetchone()
        right = {
            "login": protected.login("treatment")[0], "staff_id": physician, "purpose": "treatment",
            "expires": int(now * 1000) + 60_000, "pid": pid, "started": started, "nonce": nonce,
        }  # fmt: skip
        schema = quoted(protected.schema)
        ask = f"SELECT patient_id FROM {schema}.patients"
        put(session, sign(protected._key, **right))
        assert len(session.rows(ask)) > 0
        clerk = hospital.staff("billing_specialist")["staff_id"].iloc[0]
        for wrong, state in (
            ({"login": protected.login("payment")[0]}, "SA002"),
            ({"purpose": "payment", "staff_id": clerk}, "SA004"),
            ({"pid": pid + 1}, "SA002"),
            ({"started": "0"}, "SA002"),
            ({"nonce": "0" * 64}, "SA002"),
            ({"expires": int(now * 1000) - 1}, "SA003"),
        ):
            put(session, sign(protected._key, **(right | wrong)))
            assert session.attempt(ask).sqlstate == state, wrong
        put(session, sign(secrets.token_bytes(64), **right))
        assert session.attempt(ask).sqlstate == "SA002"


def test_a_session_ends_by_itself(hospital, physician):
    with hospital.protected.as_user(physician, "treatment", seconds=1) as session:
        assert len(session.rows("SELECT patient_id FROM patients")) > 0
        time.sleep(1)
        with pytest.raises(ContextExpiredError, match="open a new one"):
            session.rows("SELECT patient_id FROM patients")


def test_nothing_of_a_session_stays_in_the_pooled_connection(hospital, physician):
    hospital.protected.close_idle()
    with hospital.protected.as_user(physician, "treatment") as session:
        session.connection.execute("CREATE TEMP TABLE left_behind (x int)")
        session.connection.autocommit = False
        session.connection.execute("SELECT 1")
    (connection,) = hospital.protected._idle["treatment"]
    assert connection.execute("SELECT to_regclass('pg_temp.left_behind')").fetchone() == (None,)
    name = setting_name(hospital.protected.prefix)
    assert connection.execute("SELECT current_setting(%s, true)", (name,)).fetchone()[0] in {"", None}


def test_clocks_far_apart_are_said(hospital, physician):
    wrong = replace(hospital.protected, clock=lambda: time.time() + 3600)
    with pytest.raises(UserError, match="more than 5 minutes apart"):
        wrong.as_user(physician, "treatment")


@pytest.mark.parametrize(
    ("staff_id", "purpose", "seconds", "message"),
    [
        ("S000000001", "", 60, "Say for which purpose"),
        ("S000000001", None, 60, "Say for which purpose"),
        ("S000000001", "curiosity", 60, "knows no such purpose"),
        ("", "treatment", 60, "Say who is asking"),
        (None, "treatment", 60, "Say who is asking"),
        ("S\0", "treatment", 60, "Say who is asking"),
        ("S000000001", "treatment", 0, "at most 3600 seconds"),
        ("S000000001", "treatment", math.nan, "at most 3600 seconds"),
        ("S000000001", "treatment", 1e9, "at most 3600 seconds"),
        ("Robert'); DROP TABLE patients; --", "treatment", 60, "nobody of that identifier"),
    ],
)  # fmt: skip
def test_whoever_does_not_say_who_or_what_for_gets_no_session(hospital, staff_id, purpose, seconds, message):
    with pytest.raises(UserError, match=message) as caught:
        hospital.protected.as_user(staff_id, purpose, seconds=seconds)
    assert "Robert" not in str(caught.value)
    assert "Robert" not in hospital.protected.audit.to_frame().to_string()


@pytest.mark.parametrize(
    ("sql", "params", "message"),
    [
        ("SELECT ssn FROM", None, "does not understand"),
        ("SELECT nothing FROM patients", None, "does not understand"),
        ("SELECT 1; SELECT 2", None, "does not understand"),
        ("SELECT patient_id FROM patients WHERE patient_id = %s", (), "do not match"),
        ("SELECT patient_id FROM patients WHERE patient_id = %s", (object(),), "type"),
        ("SELECT patient_id::int FROM patients", None, "type or range"),
        ("SELECT 1/0", None, "type or range"),
        ("", None, "one SQL statement"),
        (None, None, "one SQL statement"),
    ],
)
def test_a_wrong_statement_is_one_sentence_without_a_value(hospital, physician, sql, params, message):
    with hospital.protected.as_user(physician, "treatment") as session:
        with pytest.raises(UserError, match=message) as caught:
            session.rows(sql, params)
        assert "P0000" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        assert session.rows("SELECT 'a%b' AS x")["x"].iloc[0] == "a%b"


def new_diagnosis(hospital, physician, key):
    encounters = hospital.tables["encounters"]
    row = encounters[encounters["attending_staff_id"] == physician].iloc[0]
    return (key, row["encounter_id"], row["patient_id"], "Z00.0", "check-up", "2026-01-01")


INSERT = "INSERT INTO diagnoses VALUES (%s, %s, %s, %s, %s, %s)"


def test_a_row_is_written_for_ones_own_patient_and_recorded_by_the_database(hospital, physician):
    values = new_diagnosis(hospital, physician, "DNEW1")
    with hospital.protected.as_user(physician, "treatment") as session:
        assert session.rows(INSERT, values)["rows"].tolist() == [1]
    written = hospital.protected.writes()
    assert written.iloc[-1].tolist() == [physician, "treatment", "INSERT", "diagnoses", "DNEW1"]


def test_a_row_about_somebody_elses_patient_is_refused_without_a_value(hospital, physician):
    key, encounter, _, *rest = new_diagnosis(hospital, physician, "DNEW2")
    encounters, patients = hospital.tables["encounters"], hospital.tables["patients"]
    mine = set(encounters.loc[encounters["attending_staff_id"] == physician, "patient_id"])
    mine |= set(patients.loc[patients["primary_care_staff_id"] == physician, "patient_id"])
    foreign = next(p for p in patients["patient_id"] if p not in mine)
    with hospital.protected.as_user(physician, "treatment") as session:
        refused = session.attempt(INSERT, (key, encounter, foreign, *rest))
    assert isinstance(refused, Refusal)
    assert refused.sqlstate == "42501"
    assert foreign not in refused.sentence()


def test_the_detail_of_a_broken_constraint_does_not_leave_the_database(hospital, physician):
    existing = hospital.tables["diagnoses"]["diagnosis_id"].iloc[0]
    values = new_diagnosis(hospital, physician, existing)
    with (
        hospital.protected.as_user(physician, "treatment") as session,
        pytest.raises(UserError, match="diagnoses_pkey of table diagnoses") as caught,
    ):
        session.rows(INSERT, values)
    assert not any(str(value) in str(caught.value) for value in values)
    assert caught.value.__cause__ is None


def test_a_lost_connection_is_said_and_the_next_session_works(hospital, physician, postgresql):
    session = hospital.protected.as_user(physician, "treatment")
    pid = session.connection.info.backend_pid

    def kill():
        time.sleep(0.2)
        with postgresql.connect() as administrator:
            administrator.execute("SELECT pg_terminate_backend(%s)", (pid,))

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(UserError, match="connection to PostgreSQL was lost"):
        session.rows("SELECT pg_sleep(20)")
    thread.join()
    session.close()
    with hospital.protected.as_user(physician, "treatment") as again:
        assert len(again.rows("SELECT patient_id FROM patients")) > 0


def test_a_closed_session_says_so(hospital, physician):
    session = hospital.protected.as_user(physician, "treatment")
    session.close()
    session.close()
    with pytest.raises(UserError, match="session is closed"):
        session.rows("SELECT 1")


def test_without_a_trail_there_is_no_answer(hospital, physician, tmp_path):
    trail = AuditLog(tmp_path / "audit.jsonl")
    watched = replace(hospital.protected, audit=trail, _idle={})
    session = watched.as_user(physician, "treatment")
    trail.path.unlink()
    trail.path.mkdir()
    with pytest.raises(UserError, match="nothing is done without it"):
        session.rows("SELECT patient_id FROM patients")
    session.close()
    watched.close_idle()


def test_neither_key_nor_password_nor_value_is_in_repr_or_trail(hospital, physician):
    with hospital.protected.as_user(physician, "treatment") as session:
        session.rows("SELECT first_name FROM patients WHERE phone <> %s", ("(716) 555-0177",))
        shown = repr(session) + repr(hospital.protected) + repr(hospital.protected.database)
    shown += hospital.protected.audit.to_frame().to_string()
    assert hospital.protected._key.hex() not in shown
    assert repr(hospital.protected._key) not in shown
    assert not any(password in shown for password in hospital.protected._passwords.values())
    assert "555-0177" not in shown


def test_many_threads_each_see_their_own_rows(hospital):
    people = hospital.staff("nurse").drop_duplicates("department").head(6)
    encounters = hospital.tables["encounters"]
    wrong: list[str] = []

    def ask(person: pd.Series) -> None:
        expected = encounters.loc[encounters["department"] == person["department"], "patient_id"].nunique()
        for _ in range(5):
            with hospital.protected.as_user(person["staff_id"], "treatment") as session:
                if len(session.rows("SELECT patient_id FROM patients")) != expected:
                    wrong.append(person["staff_id"])

    threads = [threading.Thread(target=ask, args=(person,)) for _, person in people.iterrows()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_cost_of_the_rule_is_measured_on_the_same_rows(hospital, physician):
    cost = measure_rls_cost(hospital.protected, physician, "treatment", "encounters", repeats=3)
    with hospital.protected.as_user(physician, "treatment") as session:
        assert cost.rows == len(session.rows("SELECT encounter_id FROM encounters"))
    assert cost.with_rule > 0 < cost.with_filter
    assert cost.uses_index
    assert list(cost.to_frame()["rows"]) == [cost.rows, cost.rows]
    with pytest.raises(UserError, match="opens"):
        measure_rls_cost(hospital.protected, physician, "treatment", "claims")
    with pytest.raises(RefusedError):
        measure_rls_cost(hospital.protected, "nobody", "treatment", "encounters")


def test_a_session_leaves_nothing_to_the_next_user_of_its_login(hospital):
    staff = hospital.staff("physician")["staff_id"]
    protected = hospital.protected
    with protected.as_user(staff.iloc[0], "treatment") as session:
        session.rows("SELECT lo_from_bytea(0, 'a canary'::bytea)")
        session.rows("ALTER ROLE CURRENT_USER SET statement_timeout = 1")
        session.rows("ALTER ROLE CURRENT_USER SET row_security = off")
        session.rows("ALTER ROLE CURRENT_USER PASSWORD 'known to the attacker'")
    protected.close_idle()
    with protected.as_user(staff.iloc[1], "treatment") as session:
        assert session.rows("SELECT 1 AS one FROM pg_largeobject_metadata").empty
        assert session.rows("SHOW row_security").iloc[0, 0] == "on"
        session.rows("SELECT count(*) FROM patients")
    alert = next(event for event in protected.audit.events if event.action == "restore login")
    assert alert.alert


def test_a_function_in_the_usual_path_is_not_built_into_a_view(postgresql, hospital):
    said = []
    with postgresql.connect() as administrator:
        administrator.execute(
            "CREATE FUNCTION public.age(timestamp, date) RETURNS interval LANGUAGE plpgsql AS "
            "$$BEGIN RAISE NOTICE '%', $2; RETURN '1 year'::interval; END$$"
        )
        try:
            protected = protect(postgresql, hospital.tables, "healthcare")
            with protected.as_model() as session:
                session.connection.add_notice_handler(said.append)
                assert len(session.rows("SELECT age FROM readmission_features LIMIT 3")) == 3
        finally:
            administrator.execute("DROP FUNCTION public.age(timestamp, date)")
    assert not said
