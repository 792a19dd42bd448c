"""Several threads and processes on one ledger, in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.govern.consent import ConsentGate, ConsentLedger, ConsentText
from secure_ai.govern.consent.ledger import ConsentLedger as Ledger

TEXT = ConsentText("leaflet", "1", "What your records are used for.", ("research",))


@pytest.fixture
def address(postgresql_server, postgresql_address) -> Iterator[str]:
    yield postgresql_address
    with postgresql_server.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS consent_ledger CASCADE")


@pytest.fixture(params=["sqlite", "postgresql"])
def options(request, tmp_path):
    where = tmp_path / "consent.db" if request.param == "sqlite" else request.getfixturevalue("address")
    options = {"key": bytes(32), "witness": tmp_path / "witness.jsonl", "purposes": "healthcare"}
    ConsentLedger.create(where, actor="dpo", **options)
    return {"where": where, **options}


def test_writers_keep_one_chain_and_readers_never_see_a_withdrawn_consent(options):
    done, wrong, failed = set(), [], []
    people = [f"P{number}" for number in range(12)]
    Ledger(**options).give_all(people, "research", text=TEXT, actor="desk")

    def write(mine):
        ledger = Ledger(**options)
        for person in mine:
            ledger.withdraw(person, "research", actor="desk")
            done.add(person)

    def read():
        ledger = Ledger(**options)
        gate = ConsentGate(ledger)
        frame = pd.DataFrame({"patient_id": people})
        while len(done) < len(people):
            gone = set(done)
            used = set(gate.read(frame, "research", "ann", person="patient_id").frame["patient_id"])
            if used & gone:
                wrong.append(used & gone)

    def guarded(work, *arguments):
        try:
            work(*arguments)
        except Exception as error:
            failed.append(error)
            done.update(people)

    threads = [threading.Thread(target=guarded, args=(write, people[start::3])) for start in range(3)]
    threads += [threading.Thread(target=guarded, args=(read,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, failed) == ([], [])
    ledger = Ledger(**options)
    assert ledger.verify().sequence == 1 + 2 * len(people)
    assert not ledger.allowed(people, "research").any()


def test_a_run_that_started_before_a_withdrawal_is_not_published(options):
    ledger, other = Ledger(**options), Ledger(**options)
    ledger.give_all(["P1", "P2"], "research", text=TEXT, actor="desk")
    ticket = ConsentGate(ledger).training_rows(
        pd.DataFrame({"patient_id": ["P1", "P2"]}), "research", "eng", person="patient_id", artifact="m@1"
    )
    other.withdraw("P2", actor="desk")
    with pytest.raises(UserError, match="not published"):
        ticket.finish("model", print)
    assert other.history("P2")["kind"].tolist() == ["given", *["withdrawn"] * 6]


def test_an_edit_a_truncation_and_a_missing_ledger_in_postgresql_allow_nothing(
    postgresql_server, address, tmp_path
):
    options = {"key": bytes(32), "witness": tmp_path / "witness.jsonl", "purposes": "healthcare"}
    ledger = ConsentLedger.create(address, actor="dpo", **options)
    ledger.give("P1", "research", text=TEXT, actor="desk")
    ledger.withdraw("P1", "research", actor="desk")
    table = "consent_ledger.consent_events"
    with postgresql_server.connect() as connection:
        with pytest.raises(Exception, match="append-only"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        connection.execute(f"DELETE FROM {table} WHERE sequence = 3")
        for attempt in (
            lambda: ledger.allowed(["P1"], "research"),
            lambda: ConsentLedger(address, **options),
        ):
            with pytest.raises(UserError, match="old copy"):
                attempt()
        recovered = ConsentLedger.recover(address, actor="dpo", **options)
        assert not recovered.allowed(["P1"], "research")[0]
        connection.execute(
            f"UPDATE {table} SET body = replace(body, 'withdrawn', 'given') WHERE sequence = 3"
        )
        with pytest.raises(UserError, match="altered"):
            ConsentLedger(address, **options)
        connection.execute("DROP SCHEMA consent_ledger CASCADE")
    with pytest.raises(UserError, match="no consent ledger"):
        ledger.allowed(["P1"], "research")


def test_an_address_with_a_password_is_in_no_message(tmp_path):
    with pytest.raises(UserError) as caught:
        ConsentLedger(
            "postgresql://user:secret@127.0.0.1:1/none", key=bytes(32), witness=None, purposes="healthcare"
        )
    assert "secret" not in str(caught.value)
