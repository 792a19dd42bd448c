"""Personal values that reached the watch by mistake are in no alert, message, log, report or exception.

What stores them by design, and is left out of the search, each for its reason:

- the audit trail itself (``trail.db`` and an export of it): it keeps every event as it was recorded, so that
  nobody can say that something else was recorded; its files are of mode 0600, and who records puts
  identifiers into them, never values. Its witness, and what an examination says of it, hold hashes only.
- the alert desk's store is searched: it replaces what looks like no identifier before anything is kept, and
  refuses notes in which the kit's detector finds a person.
"""

from __future__ import annotations

import socketserver
import threading
from datetime import UTC, datetime

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.audit import AuditEvent, AuditLog
from secure_ai.core.errors import UserError
from secure_ai.monitor.alerts import (
    AlertDesk,
    ConsoleSink,
    FileSink,
    MailSink,
    ManualClock,
    WebhookReceiver,
    WebhookSink,
)
from secure_ai.monitor.audit_report import audit_report
from secure_ai.monitor.detection.result import Detection, Reason
from secure_ai.monitor.drift import DriftMonitor, actions_to_frame, measure_drift, replay, what_to_do
from secure_ai.monitor.trail import export_jsonl, import_jsonl, open_trail, verify_trail

from .planted import PERSONAL

START = "2026-07-06T08:00:00+00:00"
NOW = datetime(2026, 7, 6, 8, tzinfo=UTC)
VALUES = tuple(PERSONAL.values())


def event(number: int, **fields) -> AuditEvent:
    plain = {
        "time": f"2026-07-06T08:{number // 60 % 60:02}:{number % 60:02}.000+00:00", "actor": "S0000001",
        "action": "read", "target": "P000001", "outcome": "allowed", "event_id": f"E{number:06}",
    }  # fmt: skip
    return AuditEvent(**(plain | fields))


def planted_events() -> list[AuditEvent]:
    """One event for each value in each field, with details as rooms give them."""
    fields = ("actor", "action", "target", "purpose", "reason", "model", "data", "event_id")
    events = [
        event(n, **{name: value}) for n, (value, name) in enumerate((v, f) for v in VALUES for f in fields)
    ]
    for value in VALUES:
        for name in ("role", "relation", "severity", "kind", "about", "destination", "resource", "note"):
            events.append(event(100 + len(events), details={name: value}, records=(value,)))
        for action in ("alert raised", "alert closed", "open emergency access", "review emergency access"):
            events.append(event(300 + len(events), action=action, actor=value, target=value, alert=True))
    return events


@pytest.fixture
def trail(watch):
    """A trail beside the watched place, filled by mistake with values in every field."""
    key = Ed25519PrivateKey.generate()
    opened = open_trail(
        watch.inputs / "trail.db", signing_key=key, witness=watch.work / "witness.jsonl", checkpoint_every=20,
        clock=lambda: NOW,
    )  # fmt: skip
    with opened:
        opened.append_many(planted_events())
        yield opened, key.public_key()


def test_what_is_said_of_a_trail_holds_no_value_of_its_events(watch, trail):
    opened, key = trail
    witness = watch.work / "witness.jsonl"
    watch.say("trail", opened, opened.name, opened.durability, opened.checkpoints())
    whole = verify_trail(opened.where, key, witness)
    watch.say("verification", whole, whole.sentence(), whole.to_frame().to_string())
    copy = export_jsonl(opened, watch.inputs / "export.jsonl")
    changed = watch.inputs / "changed.jsonl"
    changed.write_bytes(copy.read_bytes().replace(VALUES[1].encode(), b"912-47-3562"))
    broken = verify_trail(changed, key, witness)
    assert whole.intact and not broken.intact
    watch.say("verification", broken, broken.sentence(), broken.to_frame().to_string())
    again = import_jsonl(opened, copy)
    watch.say("import", again, again.sentence())
    assert watch.found() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"time": PERSONAL["ssn"]},
        {"outcome": PERSONAL["name"]},
        {"actor": PERSONAL["name"] + "\0"},
        {"details": {PERSONAL["ssn"]: [PERSONAL["note"]]}},
        {"details": {PERSONAL["name"] + "\ud83d": PERSONAL["note"]}},
        {"records": PERSONAL["name"]},
        {"reason": PERSONAL["note"] * 20_000},
        {"actor": PERSONAL["name"]},
    ],
    ids=["time", "outcome", "actor", "details", "half character", "records", "reason", "duplicate"],
)
def test_an_event_that_is_refused_is_not_repeated_in_the_exception(watch, trail, fields):
    opened, _ = trail
    opened.append(event(900))
    with pytest.raises(UserError) as refused:
        opened.append(event(900, **fields))
    watch.raised(refused.value)
    assert watch.found() == []


class _MailServer(socketserver.StreamRequestHandler):
    """As much of SMTP as it takes to receive a mail."""

    def handle(self) -> None:
        self._say("220 here")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self._say("354 go on")
                for part in iter(self.rfile.readline, b".\r\n"):
                    self.server.mails.append(part)
            self._say("250 yes" if word != b"QUIT" else "221 bye")
            if word == b"QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture
def mail_server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _MailServer) as server:
        server.mails = []
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def planted_detections() -> list[Detection]:
    plain = {
        "time": START, "family": "access", "kind": "bulk_night_reading", "actor": "S0000001",
        "target": "P000001", "severity": "high", "score": 0.9, "reasons": (), "events": ("E1",),
    }  # fmt: skip
    found = []
    for value in VALUES:
        for name in ("time", "family", "kind", "actor", "target", "severity"):
            found.append(Detection(**(plain | {name: value, "events": (f"E{len(found)}",)})))
        reason = Reason(value, value, 912473561.0, 5555730184269917.0)
        found.append(
            Detection(**(plain | {"reasons": (reason,), "events": (value,), "actor": f"S{len(found)}"}))
        )
    return found


def test_an_alert_takes_no_value_to_a_mail_webhook_file_console_log_or_trail(watch, mail_server):
    with WebhookReceiver() as receiver:
        mail = MailSink(
            "127.0.0.1", mail_server.server_address[1], "desk@example.org", ["oncall@example.org"],
            security="none",
        )  # fmt: skip
        sinks = [
            ConsoleSink(),
            FileSink(watch.work / "alerts.jsonl"),
            WebhookSink(receiver.url, receiver.key),
            mail,
        ]
        desk = AlertDesk(
            watch.work / "alerts.db", sinks=sinks, clock=ManualClock(START), background=False,
            audit=AuditLog(watch.work / "desk.jsonl", clock=lambda: NOW), prominent=set(VALUES),
            groups={"P000001": PERSONAL["name"]},
            check_note=lambda note: any(value in note for value in VALUES),
        )  # fmt: skip
        with desk:
            for detection in planted_detections():
                watch.say("received", desk.receive(detection))
            for text in VALUES:
                for attempt in (
                    lambda text=text: desk.acknowledge("A-000001", "E-9", text),
                    lambda text=text: desk.snooze("A-000001", "E-9", 10, text),
                    lambda text=text: desk.close_alert("A-000001", "E-9", "true", text),
                    lambda text=text: desk.close_alert("A-000001", "E-9", text),
                    lambda text=text: desk.suppress("E-9", text, 1, actor="S1"),
                    lambda text=text: desk.acknowledge(text, "E-9"),
                ):
                    with pytest.raises(UserError) as refused:
                        attempt()
                    watch.raised(refused.value)
            desk.acknowledge("A-000001", "E-9", "on the rota")
            watch.say("delivered", desk.deliver(), desk)
            watch.say("desk", desk.alerts(), desk.sentences(), desk.workload().sentences())
            for frame in (desk.to_frame(), desk.history(), desk.cases()):
                watch.say("table", frame.to_csv())
        assert len(receiver.messages) > 5 and len(mail_server.mails) > 5
        watch.say("webhook", receiver.messages)
        watch.said.append(("mail", b"".join(mail_server.mails).decode()))
    assert watch.found() == []


def test_the_audit_report_of_a_trail_full_of_values_shows_none(watch, trail):
    opened, key = trail
    report = audit_report(
        opened, out=watch.work / "report", quarter="2026Q3", verification=verify_trail(opened.where, key),
        declared={PERSONAL["name"]: ["treatment"], "S0000001": ["treatment"]},
    )  # fmt: skip
    watch.say("report", report, report.sentence(), report.to_frame().to_string(), report.findings)
    with pytest.raises(UserError) as refused:
        audit_report(opened, out=watch.work / "other", quarter=PERSONAL["ssn"])
    watch.raised(refused.value)
    assert (watch.work / "report" / "report.html").is_file()
    assert watch.found() == []


def test_drift_of_a_table_that_holds_values_is_told_without_them(watch):
    plain = pd.DataFrame(
        {"age": [float(n % 60) for n in range(400)], "ward": [f"W{n % 4}" for n in range(400)]}
    )
    for name, value in PERSONAL.items():
        plain[name] = [f"nothing planted {n % 3}" for n in range(400)]
        plain[f"{name} now"] = plain[name]
        plain[f"{name} then"] = value
    now = plain.assign(**PERSONAL, age=plain["age"] + 20)
    report = measure_drift(plain, now)
    watch.say("drift", report, report.sentence(), report.to_frame().to_csv())
    watch.say("drift", *[column.sentence() for column in report.columns])
    watch.say("actions", actions_to_frame(what_to_do(report)).to_csv())
    watch.say("sentences", *[action.sentence() for action in what_to_do(report)])
    stream = pd.DataFrame({"event_id": VALUES, "time": START, "score": VALUES})
    watch.say("stream", replay(DriftMonitor(), stream))
    assert watch.found() == []


def test_the_search_would_find_a_value_in_a_report(watch):
    (watch.work / "report.html").write_text(f"<td>{PERSONAL['name']}</td>", encoding="utf-8")
    assert {found.canary for found in watch.found()} == {"name"}
