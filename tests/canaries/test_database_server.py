"""PostgreSQL keeps patients' rows in its tables, readable to who has the disk; nothing else holds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from secure_ai.access.database.schema import protect
from secure_ai.access.database.server import database
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.secret_keys import random_key
from synthetic_data import load

from .planted import PERSONAL

ROWS = ("base", "pg_wal")
"""Folders of the data directory that hold the rows of tables, and of the log of their changes.

PostgreSQL does not encrypt its files: a disk or volume that is encrypted must. What this room promises for
the embedded server is that its folder is readable by one account alone and gone at the end.
"""


@pytest.fixture
def opened(watch):
    """A protected hospital database with one planted patient, and the secrets that guard it."""
    watch.look_at_removals = False  # the tables' files on their way out, see ROWS
    tables = dict(load("healthcare", rows=60, seed=1).tables)
    patients, diagnoses = tables["patients"].copy(), tables["diagnoses"].copy()
    encounters = tables["encounters"]
    staff = tables["staff"]
    physicians = staff.loc[staff["role"] == "physician", "staff_id"]
    visit = encounters[encounters["attending_staff_id"].isin(physicians)].iloc[0]
    planted = patients["patient_id"] == visit["patient_id"]
    patients.loc[planted, ["last_name", "ssn"]] = [PERSONAL["name"], PERSONAL["ssn"]]
    diagnoses.loc[diagnoses.index[0], "description"] = PERSONAL["diagnosis"]
    tables |= {"patients": patients, "diagnoses": diagnoses}
    key = random_key()
    with database(url="") as server:
        trail = AuditLog(watch.work / "database.audit.jsonl")
        protected = protect(server, tables, "healthcare", audit=trail, key=key)
        folder = Path(server._parameters["host"])
        assert folder.is_relative_to(watch.here), "the server's folder is in the watched place"
        secrets = {f"password for {name}": value for name, value in protected._passwords.items()}
        watch.canaries = watch.canaries.plus(
            key=key.secret,
            signing_key=protected._key,
            administrator=server._parameters["password"],
            **secrets,
        )
        watch.say("database", server, protected)
        yield protected, folder, str(visit["attending_staff_id"])


def questions(watch, protected, physician):
    """Good, refused and wrong questions with planted values in them."""
    with protected.as_user(physician, "treatment") as session:
        found = session.rows("SELECT last_name FROM patients WHERE last_name = %s", (PERSONAL["name"],))
        assert len(found) == 1
        watch.say("session", session)
        for sql, values in (
            ("SELECT ssn FROM patients WHERE ssn = %s", (PERSONAL["ssn"],)),
            ("SELECT patient_id::int FROM patients WHERE last_name = %s", (PERSONAL["name"],)),
            (f"SELECT '{PERSONAL['ssn']}'::int", None),
            (f'SELECT "{PERSONAL["ssn"]}" FROM patients', None),
            (
                "INSERT INTO diagnoses (diagnosis_id, description) VALUES (%s, %s)",
                ("D1", PERSONAL["diagnosis"]),
            ),
            (
                "INSERT INTO diagnoses SELECT * FROM diagnoses WHERE description = %s",
                (PERSONAL["diagnosis"],),
            ),
        ):
            with pytest.raises(UserError) as refused:
                session.rows(sql, values)
            watch.raised(refused.value)
    with pytest.raises(UserError) as refused:
        protected.as_user(PERSONAL["name"], "treatment")
    watch.raised(refused.value)
    watch.say("trail", protected.audit.to_frame().to_string(), protected.writes().to_string())


def test_rows_are_in_the_tables_files_and_nowhere_else_and_secrets_are_nowhere(watch, opened):
    protected, folder, physician = opened
    questions(watch, protected, physician)
    with protected.database.connect() as administrator:
        administrator.execute("CHECKPOINT")
    found = watch.found()
    inside = {f"{folder.relative_to(watch.here).as_posix()}/data/{name}/" for name in ROWS}
    assert {one.canary for one in found} == {"name", "ssn", "diagnosis"}, "by design, see ROWS"
    assert [one for one in found if not one.where.startswith(tuple(inside))] == []


def test_the_servers_log_keeps_states_and_roles_and_no_message(watch, opened):
    protected, folder, physician = opened
    questions(watch, protected, physician)
    kept = protected.database._server.log_counts()
    # Refused, a text that is no number, a column that is not there, and a broken constraint.
    assert {state for state, _ in kept} >= {"42501", "22P02", "42703"}
    assert any(state.startswith("23") for state, _ in kept)
    assert watch.canaries.in_text(repr(kept) + repr(vars(protected.database._server.log))) == []
    assert (folder / "log").is_fifo(), "no file of the log that could be searched"


def test_when_the_server_is_stopped_nothing_is_left(watch, opened):
    protected, folder, physician = opened
    questions(watch, protected, physician)
    protected.close_idle()
    protected.database.close()
    assert not folder.exists()
    assert watch.found() == []


def test_a_server_that_logs_statements_into_a_file_would_show_values_so_the_search_can_fail(watch, opened):
    protected, folder, _ = opened
    with protected.database.connect() as administrator:
        administrator.execute("ALTER SYSTEM SET log_statement = 'all'")
        administrator.execute("ALTER SYSTEM SET logging_collector = on")
    server = protected.database._server
    server._run("pg_ctl", "-w", "-D", str(folder / "data"), "-l", str(folder / "log"), "restart")
    with protected.database.connect() as administrator:
        administrator.execute(f"SELECT '{PERSONAL['iban']}'")
    logs = b"".join(path.read_bytes() for path in (folder / "data" / "log").iterdir())
    assert {found.canary for found in watch.canaries.in_bytes(logs)} == {"iban"}
