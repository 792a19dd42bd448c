"""Where data are read: who is let through, and what happens to those who withdraw while something runs."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pandas as pd
import pytest

from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.sources import open_source
from secure_ai.defend.unlearning import train_counting
from secure_ai.govern.consent import ConsentGate


@pytest.fixture
def research(desk):
    for person in ("P1", "P2"):
        desk.give(person)
    return desk


def test_rows_of_people_without_consent_are_left_out(research, visits, tmp_path):
    for source in (visits, _csv(visits, tmp_path), _parquet(visits, tmp_path), open_source(visits)):
        reading = research.gate.read(source, "research", "ann", person="patient_id")
        assert (reading.rows, reading.left_out) == (3, 1)
        assert reading.frame["cost"].tolist() == [10.0, 20.0, 40.0]
        assert research.gate.read(source, "treatment", "ann", person="patient_id").rows == 4
    only = research.gate.read(visits, "research", "ann", person="patient_id", columns=["cost"])
    assert only.frame.columns.tolist() == ["cost"]
    with pytest.raises(UserError, match="1 of 4 rows"):
        research.gate.read(visits, "research", "ann", person="patient_id", refuse=True)


def _csv(frame, folder):
    frame.to_csv(folder / "visits.csv", index=False)
    return folder / "visits.csv"


def _parquet(frame, folder):
    frame.to_parquet(folder / "visits.parquet")
    return folder / "visits.parquet"


def test_keys_in_files_mean_the_same_people_as_in_the_ledger(desk, tmp_path):
    for person in (2**60 + 1, 7):
        desk.give(person)
    frame = pd.DataFrame({"id": pd.array([2**60 + 1, 2**60, 7, None], dtype="Int64"), "x": range(4)})
    for path in (_parquet(frame, tmp_path), _csv(frame, tmp_path)):
        assert desk.gate.read(path, "research", "ann", person="id").frame["x"].tolist() == [0, 2]
        desk.gate.register(path.suffix[1:], path, person="id")
        result = desk.gate.query(f"SELECT x FROM {path.suffix[1:]} ORDER BY x", "research", "ann")
        assert result.frame["x"].tolist() == [0, 2]


def test_a_row_about_two_people_needs_both(research, visits):
    visits["visitor_id"] = ["P2", "P3", None, "P1"]
    reading = research.gate.read(visits, "research", "ann", person=["patient_id", "visitor_id"])
    assert reading.frame["cost"].tolist() == [10.0]
    research.ledger.withdraw("P2", actor="desk")
    assert reading.frame.empty


def test_a_column_of_lists_names_nobody(research):
    import pyarrow as pa

    table = pa.table({"id": [["P1"], ["P2"]], "x": [1, 2]})
    with pytest.raises(UserError, match="column of keys"):
        research.gate.read(table, "research", "ann", person="id")
    research.gate.register("lists", table, person="id")
    with pytest.raises(UserError, match="column of keys"):
        research.gate.query("SELECT x FROM lists", "research", "ann")


@pytest.mark.parametrize("person", ["absent", [], ["patient_id", "absent"]])
def test_without_the_column_of_people_nothing_is_read(research, visits, person):
    with pytest.raises(UserError, match="column"):
        research.gate.read(visits, "research", "ann", person=person)


def test_two_columns_of_one_name_are_refused(research, visits):
    twice = pd.concat([visits, visits[["patient_id"]]], axis=1)
    with pytest.raises(UserError, match="2 columns"):
        research.gate.read(twice, "research", "ann", person="patient_id")


def test_a_reading_that_is_kept_loses_who_withdraws(research, visits):
    reading = research.gate.read(visits, "research", "ann", person="patient_id")
    batches = reading.batches(1)
    assert next(batches)["cost"].tolist() == [10.0]
    copied = copy.copy(reading)
    research.open().withdraw("P1", actor="desk")
    assert [part["cost"].tolist() for part in batches] == [[40.0]]
    assert reading.frame["cost"].tolist() == copied.frame["cost"].tolist() == [40.0]
    research.clock.move(days=1)
    research.give("P1")  # a later consent does not fill an older reading again
    assert reading.frame["cost"].tolist() == [40.0]
    assert "P2" not in repr(reading)


def test_a_reading_loses_who_expires_while_it_is_kept(desk, visits):
    desk.give("P1", expires=desk.clock.now.date().replace(month=5))
    reading = desk.gate.read(visits, "research", "ann", person="patient_id")
    assert len(reading.frame) == 2
    desk.clock.move(days=80)
    assert reading.frame.empty


def test_changing_a_frame_that_was_handed_out_does_not_change_the_reading(research, visits):
    reading = research.gate.read(visits, "research", "ann", person="patient_id")
    handed = reading.frame
    handed["patient_id"] = "P2"
    handed.loc[:, "cost"] = 0.0
    assert reading.frame["cost"].tolist() == [10.0, 20.0, 40.0]


@pytest.mark.parametrize(
    ("collected_for", "purpose", "message"),
    [
        ("research", "marketing", "ask"),
        ("fundraising", "research", "weighed"),
        ("treatment", "none_given", "no purpose"),
        ("treatment", "reserch", "choose from"),
        ("treatmnt", "research", "choose from"),
    ],
)
def test_a_further_use_that_does_not_fit_is_refused_and_recorded(
    research, visits, collected_for, purpose, message
):
    audit = AuditLog(clock=research.clock)
    gate = ConsentGate(research.ledger, audit=audit)
    with pytest.raises(UserError, match=message):
        gate.read(visits, purpose, "ann", person="patient_id", collected_for=collected_for)
    assert "allowed" not in [event.outcome for event in audit.events]


def test_every_reading_is_in_the_audit_trail_without_a_key_of_a_person(research, visits, tmp_path):
    audit = AuditLog(tmp_path / "audit.jsonl", clock=research.clock)
    gate = ConsentGate(research.ledger, audit=audit)
    gate.read(visits, "research", "ann", person="patient_id", collected_for="treatment")
    gate.register("visits", visits, person="patient_id")
    gate.query("SELECT 1 FROM visits WHERE patient_id = 'P1'", "research", "ann")
    assert [(event.actor, event.purpose, event.outcome) for event in audit.events] == [
        ("ann", "research", "allowed")
    ] * 2
    assert "P1" not in (tmp_path / "audit.jsonl").read_text()


# ---------------------------------------------------------------------- training


def test_a_model_of_somebody_who_withdrew_meanwhile_is_not_published(research, visits):
    published = []
    ticket = _ticket(research, visits)
    assert ticket.rows["patient_id"].tolist() == ["P1", "P1", "P2"]
    research.open().withdraw("P1", actor="desk")
    with pytest.raises(UserError, match="was not published"):
        ticket.finish("model", published.append)
    assert published == []
    with pytest.raises(UserError, match="discarded already"):
        ticket.finish("model", published.append)
    again = _ticket(research, visits)
    assert again.rows["patient_id"].tolist() == ["P2"]
    again.finish("model", published.append)
    assert published == ["model"]
    assert research.ledger.models_to_unlearn() == []
    with pytest.raises(UserError, match="published already"):
        again.finish("model", published.append)


def _ticket(desk, frame):
    return desk.gate.training_rows(frame, "research", "eng", person="patient_id", artifact="triage@4")


def test_a_real_model_unlearns_who_withdrew_before_it_is_published(research, visits):
    visits = pd.concat([visits, pd.DataFrame({"patient_id": ["P2"], "cost": [5.0]})])
    ticket = _ticket(research, visits)
    rows = ticket.rows
    features = pd.DataFrame({"band": (rows["cost"] > 15).map({True: "high", False: "low"})})
    labels = np.array([0, 1, 1, 0])
    training = train_counting(features, labels, ids=rows["patient_id"])
    research.ledger.withdraw("P1", actor="desk")
    kept = []
    ticket.finish(training, kept.append, unlearn=lambda model, people: model.erase(people).training)
    assert set(kept[0].keys) == {"P2"}
    assert research.ledger.models_to_unlearn() == []


def test_who_withdraws_while_others_are_unlearned_is_unlearned_too(research, visits):
    ticket = _ticket(research, visits)
    _ = ticket.rows
    research.ledger.withdraw("P1", actor="desk")
    rounds = []

    def unlearn(model, people):
        rounds.append(list(people))
        research.ledger.withdraw("P2", actor="desk")
        return model

    ticket.finish("model", lambda model: None, unlearn=unlearn)
    assert rounds == [["P1"], ["P2"]]


def test_no_withdrawal_comes_between_the_last_look_and_the_publication(research, visits):
    ticket, order, started = _ticket(research, visits), [], threading.Event()
    _ = ticket.rows
    second = research.open()

    def withdraw():
        started.wait(10)
        found = second.withdraw("P1", actor="desk")
        order.append(("withdrawn", found.artifacts))

    thread = threading.Thread(target=withdraw)
    thread.start()

    def publish(model):
        started.set()
        thread.join(0.3)  # it waits for us
        order.append(("published", ()))

    ticket.finish("model", publish)
    thread.join(10)
    # Recorded after the publication, so the person learns which model has to unlearn.
    assert order == [("published", ()), ("withdrawn", ("triage@4",))]
    assert [debt.people for debt in research.ledger.models_to_unlearn()] == [1]


def test_a_published_model_is_not_used_before_it_has_unlearned(research, visits):
    ticket = _ticket(research, visits)
    _ = ticket.rows
    ticket.finish("model", lambda model: None)
    research.gate.require_clean("triage@4", "scorer")
    research.ledger.withdraw(" P2 ", actor="desk")
    (debt,) = research.ledger.models_to_unlearn()
    assert (debt.artifact, debt.people, debt.status) == ("triage@4", 1, "published")
    with pytest.raises(UserError, match="1 person"):
        research.gate.require_clean("triage@4", "scorer")
    research.ledger.settle(debt.run, ["P2"], actor="eng", reference="receipt 9")
    research.gate.require_clean("triage@4", "scorer")
    with pytest.raises(UserError, match="no run"):
        research.ledger.settle("other", None, actor="eng", reference="receipt 9")


def test_a_person_who_is_in_a_model_stays_in_it_when_an_unlearned_identity_is_merged(research, visits):
    ticket = _ticket(research, visits)
    _ = ticket.rows
    research.ledger.withdraw("P1", actor="desk")
    ticket.finish("model", lambda model: None, unlearn=lambda model, people: model)
    research.ledger.merge("P1", "P2", actor="registrar")  # the rows of P2 are in the model still
    (debt,) = research.ledger.models_to_unlearn()
    assert debt.people == 1
    assert research.ledger.withdraw("P2", actor="desk").artifacts == ("triage@4",)
    research.ledger.settle(debt.run, ["P1"], actor="eng", reference="receipt 9")  # one person, by either key
    assert research.open().models_to_unlearn() == []


def test_who_withdrew_before_the_start_was_recorded_is_not_said_to_be_unlearned(research, visits):
    answer = research.ledger.answer

    def late(*arguments):
        found = answer(*arguments)
        research.open().withdraw("P1", actor="desk")
        return found

    research.ledger.answer = late
    ticket = _ticket(research, visits)
    assert research.ledger.models_to_unlearn() == []
    assert ticket.rows["patient_id"].tolist() == ["P2"]
    ticket.finish("model", lambda model: None)
    (run,) = research.ledger._log.standings.runs.values()
    assert run.unlearned == set()


def test_a_run_that_never_ended_is_not_forgotten(research, visits):
    _ = _ticket(research, visits).rows  # the process dies here
    research.ledger.withdraw("P1", actor="desk")
    (debt,) = research.open().models_to_unlearn()
    assert debt.status == "started"
    research.ledger.settle(debt.run, None, actor="eng", reference="disk wiped")
    assert research.ledger.models_to_unlearn() == []


def test_a_publication_that_fails_leaves_the_ticket_open(research, visits):
    ticket = _ticket(research, visits)

    def broken(model):
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        ticket.finish("model", broken)
    ticket.finish("model", lambda model: None)


def test_nothing_to_train_on_is_refused(desk, visits):
    with pytest.raises(UserError, match="nothing to train on"):
        _ticket(desk, visits)


# ---------------------------------------------------------------------- SQL


@pytest.fixture
def sql(research, visits):
    research.gate.register("visits", visits, person="patient_id", collected_for="treatment")
    return research


def test_sql_sees_only_rows_that_may_be_used(sql):
    query = "SELECT count(*) AS n, sum(cost) AS total FROM visits"
    result = sql.gate.query(query, "research", "ann")
    assert result.frame.to_dict("records") == [{"n": 3, "total": 70.0}]
    assert sql.gate.query(query, "operations", "ann").frame["n"].tolist() == [4]
    sql.open().withdraw("P1", actor="desk")
    assert result.frame.to_dict("records") == [{"n": 1, "total": 40.0}]
    assert sql.gate.query(query, "research", "ann").frame["n"].tolist() == [1]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM '{csv}'",
        "SELECT * FROM read_csv('{csv}')",
        "SELECT * FROM query('SELECT * FROM ''{csv}''')",
        "SELECT * FROM query_table('source')",
        "SELECT * FROM visits_raw",
        "SELECT * FROM frame",
        "SELECT * FROM glob('*')",
        "SELECT content FROM read_text('{csv}')",
        "ATTACH '{csv}' AS other",
        "COPY visits TO '{csv}'",
        "SET enable_external_access = true",
        "INSERT INTO visits VALUES ('P3', 1)",
        "SELECT 1; SELECT 2",
        "nonsense",
        "",
        None,
    ],
)
def test_sql_reaches_nothing_else(sql, visits, tmp_path, statement):
    path = _csv(visits, tmp_path)
    frame = visits  # a name that DuckDB would otherwise find in Python
    before = path.read_bytes()
    with pytest.raises(UserError):
        _ = sql.gate.query(statement and statement.format(csv=path), "research", "ann").frame
    assert path.read_bytes() == before
    assert len(frame) == 4


def test_an_error_of_sql_quotes_no_row(sql):
    with pytest.raises(UserError) as caught:
        sql.gate.query("SELECT CAST(patient_id AS INTEGER) FROM visits", "research", "ann")
    assert "P1" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_table_reached_through_another_needs_all_of_its_owners(bank):
    bank.ledger.give("C1", "marketing", text=_text(), actor="desk", birth_date=_adult())
    accounts = pd.DataFrame({"account_id": [1, 1, 2, 3], "customer_id": ["C1", "C2", "C1", "C3"]})
    transactions = pd.DataFrame({"account_id": ["1", "2", "2", "3", None, "9"], "amount": range(6)})
    with pytest.raises(UserError, match="through"):
        bank.gate.register("transactions", transactions, person=None, through=("accounts", "account_id"))
    bank.gate.register("accounts", accounts, person="customer_id")
    bank.gate.register("transactions", transactions, person=None, through=("accounts", "account_id"))
    ask = "SELECT amount FROM transactions ORDER BY amount"
    result = bank.gate.query(ask, "marketing", "ann")
    assert result.frame["amount"].tolist() == [1, 2]
    bank.ledger.withdraw("C1", actor="desk")
    assert result.frame.empty
    assert len(bank.gate.query(ask, "fraud review", "ann").frame) == 6


def test_a_co_owner_counts_under_every_spelling_of_the_account(bank):
    bank.ledger.give("C1", "marketing", text=_text(), actor="desk", birth_date=_adult())
    accounts = pd.DataFrame(
        {"account": ["A1", "A1 ", "17.0", "17", "A2"], "owner": ["C1", "C2"] * 2 + ["C1"]}
    )
    moves = pd.DataFrame({"account": ["A1", "17", "\uff11\uff17", " A2", "A2\u200b"], "amount": range(5)})
    bank.gate.register("accounts", accounts, person="owner")
    bank.gate.register("moves", moves, person=None, through=("accounts", "account"))
    result = bank.gate.query("SELECT amount FROM moves ORDER BY amount", "marketing", "ann")
    assert result.frame["amount"].tolist() == [3, 4]


def _text():
    from secure_ai.govern.consent import ConsentText

    return ConsentText("offers", "1", "Offers by mail.", ("marketing",))


def _adult():
    from datetime import date

    return date(1970, 1, 1)


def test_a_file_that_was_replaced_is_read_anew(research, visits, tmp_path):
    path = _parquet(visits, tmp_path)
    research.gate.register("visits", path, person="patient_id")
    ask = "SELECT count(*) AS n FROM visits"
    assert research.gate.query(ask, "research", "ann").frame["n"].tolist() == [3]
    _parquet(visits[visits["patient_id"] == "P2"], tmp_path)
    assert research.gate.query(ask, "research", "ann").frame["n"].tolist() == [1]


@pytest.mark.parametrize("name", ["visits", "VISITS", "a b", "", 'x"; DROP', 5])
def test_a_name_that_is_taken_or_none_is_refused(sql, visits, name):
    with pytest.raises(UserError, match="name"):
        sql.gate.register(name, visits, person="patient_id")


def test_a_further_use_is_judged_by_what_each_table_was_collected_for(sql, visits):
    sql.gate.register("survey", visits, person="patient_id", collected_for="research")
    sql.give("P1", "marketing")
    with pytest.raises(UserError, match="collected for research"):
        sql.gate.query("SELECT * FROM visits JOIN survey USING (patient_id)", "marketing", "ann")


# ---------------------------------------------------------------------- the access policy


def test_the_access_policy_is_told_what_the_ledger_knows(research):
    facts = research.gate.policy_facts("P1")
    assert facts == {"research_consent": True, "consent": False}
    research.ledger.withdraw("P1", actor="desk")
    policy = AccessPolicy.load("healthcare")
    from secure_ai.access.policy.sectors import HEALTHCARE

    def view(person):
        chart = {"kind": "Chart", **research.gate.policy_facts(person)}
        return policy.decide(HEALTHCARE.request("researcher", "view", chart, "research")).allowed

    assert (view("P1"), view("P2")) == (False, True)


REFUSED_QUERIES = {
    "unknown purpose": ("SELECT * FROM visits", "reserch"),
    "no SELECT": ("DELETE FROM visits", "research"),
    "two statements": ("SELECT 1; SELECT 2", "research"),
    "no SQL": (None, "research"),
    "another table": ("SELECT * FROM visits_raw", "research"),
    "a file": ("SELECT * FROM read_csv('/etc/hostname')", "research"),
    "fails while it runs": ("SELECT CAST(patient_id AS INTEGER) FROM visits", "research"),
    "no column": ("SELECT nothing FROM visits", "research"),
}


@pytest.mark.parametrize("name", REFUSED_QUERIES)
def test_a_query_that_is_refused_or_fails_stands_as_denied_and_as_nothing_else(research, visits, name):
    audit = AuditLog(clock=research.clock)
    gate = ConsentGate(research.ledger, audit=audit)
    gate.register("visits", visits, person="patient_id")
    with pytest.raises(UserError):
        gate.query(*REFUSED_QUERIES[name], "ann")
    assert [(one.actor, one.action, one.outcome) for one in audit.events] == [("ann", "query", "denied")]
    assert "P1" not in audit.events[0].to_json()


REFUSED_READINGS = {
    "unknown purpose": {"purpose": "reserch"},
    "no purpose": {"purpose": None},
    "no such column of people": {"person": "absent"},
    "person is a number": {"person": 5},
    "columns are a number": {"columns": 5},
    "columns are one text": {"columns": "cost"},
    "a column is a number": {"columns": [5]},
    "columns hold a list": {"columns": [["cost"]]},
    "no such column": {"columns": ["absent"]},
    "no table": {"source": 5},
    "no file": {"source": "absent.csv"},
    "rows without a basis": {"refuse": True},
    "no account": {"actor": ""},
}


@pytest.mark.parametrize("name", REFUSED_READINGS)
def test_a_reading_that_is_refused_stands_as_denied_and_as_nothing_else(research, visits, name):
    audit = AuditLog(clock=research.clock)
    gate = ConsentGate(research.ledger, audit=audit)
    given = {"source": visits, "purpose": "research", "actor": "ann", "person": "patient_id"}
    given |= REFUSED_READINGS[name]
    with pytest.raises(UserError):
        gate.read(**given)
    assert [(one.action, one.outcome) for one in audit.events] == [("read", "denied")]
    if "source" not in REFUSED_READINGS[name]:
        given["source"] = open_source(visits)
        with pytest.raises(UserError):
            gate.read(**given)
        assert [one.outcome for one in audit.events] == ["denied"] * 2


def test_a_training_that_is_refused_stands_as_denied(research, visits):
    audit = AuditLog(clock=research.clock)
    gate = ConsentGate(research.ledger, audit=audit)
    given = {"purpose": "research", "actor": "eng", "person": "patient_id", "artifact": "triage@4"}
    tries = [
        {"purpose": "reserch"},
        {"person": "absent"},
        {"artifact": "a\nb"},
        {"frame": 5},
        {"frame": visits[3:]},
    ]
    for changed in tries:
        with pytest.raises(UserError):
            gate.training_rows(**{"frame": visits, **given, **changed})
    assert [(one.action, one.outcome) for one in audit.events] == [("train", "denied")] * len(tries)


def test_one_person_is_no_people(research, visits):
    ticket = _ticket(research, visits)
    _ = ticket.rows
    research.ledger.withdraw("P1", actor="desk")
    with pytest.raises(UserError, match=r"^1 person in triage@4 may no longer"):
        ticket.finish("model", lambda model: None)
