"""No personal value is in an alert, message, file, log, trail or store; identifiers pass."""

from __future__ import annotations

import json
import logging

import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.monitor.alerts import ConsoleSink, FileSink, Retry, WebhookReceiver, WebhookSink
from secure_ai.monitor.alerts.identifiers import Identifiers, looks_like_identifier, rounded
from secure_ai.monitor.alerts.message import FIELDS, FIELDS_OF_WHY
from secure_ai.monitor.detection.result import Reason

from ...canaries.planted import PERSONAL, Canaries
from .conftest import MemorySink

FIELDS_WITH_TEXT = ("time", "family", "kind", "actor", "target", "severity")


def test_planted_values_in_any_field_come_out_nowhere(open_desk, detection, tmp_path, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    canaries = Canaries.of(PERSONAL)
    audit = AuditLog(tmp_path / "trail.jsonl")
    bad = MemorySink("bad")
    bad.fails = True
    said = []
    with WebhookReceiver() as receiver:
        desk = open_desk(
            tmp_path / "alerts.db",
            sinks=[
                ConsoleSink(),
                FileSink(tmp_path / "alerts.jsonl"),
                WebhookSink(receiver.url, receiver.key),
                bad,
            ],
            audit=audit,
            retry=Retry(),
            prominent=set(PERSONAL.values()),
            groups={"P-00001": PERSONAL["name"]},
        )
        for value in PERSONAL.values():
            for name in FIELDS_WITH_TEXT:
                said.append(desk.receive(detection(len(said), **{name: value})))
            desk.receive(detection(900 + len(said), actor=f"E-{len(said)}", events=(value, value)))
            reasons = (Reason(value, value, 912473561.0, 5555730184269917.0),)
            desk.receive(detection(950 + len(said), actor=f"E-{len(said)}", reasons=reasons, score=0.99))
        desk.tick()
        desk.deliver()
        said += [desk.alerts(), desk.to_frame().to_csv(), desk.history().to_csv(), desk.cases().to_csv()]
        said += [desk.sentences(), desk.workload().sentences(), receiver.messages, repr(desk)]
        desk.close()
    assert len(receiver.messages) >= 15
    texts = [str(said), capsys.readouterr().out, caplog.text]
    assert [found for text in texts for found in canaries.in_text(text)] == []
    assert canaries.in_folder(tmp_path) == []
    for message in receiver.messages:
        assert set(message) <= {"key", *FIELDS}
        assert all(set(reason) == set(FIELDS_OF_WHY) for reason in message.get("why", []))


def test_messages_have_only_the_fields_of_the_list_whatever_happens(desk, detection, clock, sink):
    desk.receive([detection(n, actor=f"E-{n:05d}", severity="critical") for n in range(100)])
    clock.advance(minutes=31)
    desk.tick()
    desk.deliver()
    assert {name for one in sink.messages for name in one.fields} == set(FIELDS)


IDENTIFIERS = [
    "E-0012", "svc-triage", "fa85f645-5717-4562-b3fc-2c963f66afa6",
    "triage@3", "triage@v3.1", "internal:bi", "usb", "personal-mail", "P-00031", "acc_7",
    "vendor:claims-clearing", "ICU", "encounters/2026", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "12345",
]  # fmt: skip
NO_IDENTIFIERS = [
    *PERSONAL.values(), "Smith", "Maria.Fernandez", "JohnSmith", "Smith-Jones", "jane@example.org",
    "1984-02-11",
    "11/02/1984", "912473561", "912-47-3561", "de61999999990417263548",
    "(555) 010-1234", "555-010-1234", "+15550101234", "1EG4-TE5-MK73", "",
    " E-1", "E-1\n", "E 1", "é-1", "x" * 65, None, 17, "a@b.org", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("value", IDENTIFIERS)
def test_identifiers_pass(value):
    assert looks_like_identifier(value)


@pytest.mark.parametrize("place", range(len(NO_IDENTIFIERS)))
def test_what_looks_like_a_value_of_a_person_does_not_pass(place):
    assert not looks_like_identifier(NO_IDENTIFIERS[place])


def test_a_value_that_is_held_back_gets_the_same_code_in_one_store_and_another_elsewhere():
    one, other = Identifiers(b"a" * 32), Identifiers(b"b" * 32)
    assert one.clean(PERSONAL["ssn"]) == one.clean(PERSONAL["ssn"]) != other.clean(PERSONAL["ssn"])
    assert one.withheld == 2


def test_no_number_of_a_person_survives_rounding():
    assert rounded(912473561) == 912000000.0
    assert [rounded(value) for value in (float("nan"), float("inf"), None, True, "3")] == [None] * 5
    json.dumps(rounded(10**300))
