"""Questions to a policy, to an access log, to a database and to a TLS service, from the command line."""

from __future__ import annotations

import pandas as pd
import pytest

from secure_ai.access.database.schema import protect
from secure_ai.access.database.server import database
from secure_ai.access.policy import AccessPolicy, grants_of, logged_roles
from secure_ai.cli import invoke
from secure_ai.encrypt.transport import lesson_authority, serve
from synthetic_data import load

NURSE = ["access", "ask", "healthcare", "nurse", "view", "Notes", "treatment"]


@pytest.fixture(scope="module")
def hospital():
    return load("healthcare", rows=120, seed=1).tables


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (NURSE, 1, "missing: the relationship is care team or covering"),
        ([*NURSE, "--fact", "relationship=care_team"], 0, "Allowed by care-team-views"),
        ([*NURSE[:3], "clown", *NURSE[4:]], 1, "not in the policy's vocabulary"),
    ],
)
def test_a_question_is_answered_with_its_rule(capsys, arguments, code, said):
    assert invoke(arguments) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*NURSE, "--fact", "relationship=x"], "choose from none, care_team"),
        ([*NURSE, "--fact", "shoe_size=9"], "There is no circumstance shoe_size"),
        ([*NURSE, "--fact", "relationship"], "--fact is NAME=VALUE"),
        ([*NURSE, "--policy", "own.cedar"], "needs both --policy and --schema"),
        ([*NURSE[:5], "Shoes", "treatment"], "There is no kind of record 'Shoes'"),
        (["access", "grants", "none.csv", "--schema", "x"], "Set DATABASE_URL"),
        (["access", "unused", "none.csv", "--grants", "none.csv"], "none.csv"),
        (["endpoint", "127.0.0.1", "1"], "cannot be reached"),
        (["endpoint", "127.0.0.1", "1", "--key", "x"], "needs --certificate, --key and --authority"),
    ],
)
def test_bad_input_is_told_in_a_sentence(capsys, monkeypatch, tmp_path, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert invoke(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_unused_grants_are_listed_and_proposed(capsys, tmp_path, hospital):
    grants_of(AccessPolicy.load("healthcare"), "healthcare").to_csv(tmp_path / "grants.csv", index=False)
    log, columns = logged_roles("healthcare", hospital["access_log"], hospital["staff"])
    log.to_csv(tmp_path / "log.csv", index=False)
    command = ["access", "unused", str(tmp_path / "log.csv"), "--grants", str(tmp_path / "grants.csv")]
    named = [option for pair in columns.items() for option in ("--column", "=".join(pair))]
    kinds = [option for name in ("notes", "labs", "chart") for option in ("--kind", f"{name}={name.title()}")]
    assert invoke([*command, *named, *kinds, "--proposal", str(tmp_path / "less.cedar")]) == 0
    said = capsys.readouterr().out
    assert "grants were never used" in said
    proposal = (tmp_path / "less.cedar").read_text(encoding="utf-8")
    assert proposal.count("forbid (") == said.count("\nunused ") + said.startswith("unused ")
    # A log of a day says nothing about what is not needed.
    log.head(3).to_csv(tmp_path / "log.csv", index=False)
    assert invoke([*command, *named, *kinds]) == 0
    assert "Unassessed: The log covers" in capsys.readouterr().out


def test_grants_of_a_database_are_compared_with_those_expected(capsys, monkeypatch, tmp_path, hospital):
    with database(url="") as server:
        protected = protect(server, hospital, "healthcare")
        expected = protected.declaration.expected()
        expected["role"] = protected.prefix + "_" + expected["role"]
        monkeypatch.setenv("DATABASE_URL", server.dsn())
        command = ["access", "grants", str(tmp_path / "expected.csv"), "--schema", protected.schema]
        expected.to_csv(tmp_path / "expected.csv", index=False)
        assert invoke(command) == 0
        expected.iloc[1:].to_csv(tmp_path / "expected.csv", index=False)
        assert invoke(command) == 1
    said = capsys.readouterr()
    missing = expected.iloc[0]
    assert missing["column"] in said.out and missing["relation"] in said.out
    assert said.err == ""


def test_a_service_is_measured_and_a_foreign_authority_is_noticed(capsys, tmp_path):
    with lesson_authority() as own, lesson_authority() as foreign:
        tls, caller = own.server(), own.client("caller")
        with serve(lambda record: 0.5, tls, allowed={"caller"}) as service:
            command = ["endpoint", service.address.host, str(service.address.port), "--name", "localhost"]
            client = ["--certificate", str(caller.certificate), "--key", str(caller.key)]
            right = invoke([*command, *client, "--authority", str(caller.authority)])
            assert "accepts TLS 1.3" in capsys.readouterr().out
            other = foreign.client("caller").authority
            wrong = invoke([*command, *client, "--authority", str(other)])
    assert (right, wrong) == (0, 1)


def test_an_expected_table_without_its_columns_is_refused(capsys, monkeypatch, tmp_path):
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "expected.csv", index=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:hunter2hunter2@127.0.0.1:1/x")
    assert invoke(["access", "grants", str(tmp_path / "expected.csv"), "--schema", "x"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "hunter2" not in error
