"""Claims about the audit report: each question is answered from the log, or said to be unassessed."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
from contextlib import closing
from itertools import pairwise

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core import Outcome, Unassessed, UserError
from secure_ai.core.audit import AuditEvent, AuditLog, events_to_frame
from secure_ai.core.frameworks.references import references
from secure_ai.monitor.audit_report import audit_report, quarter_of, read_log, review_log
from secure_ai.monitor.trail import open_trail, verify_trail
from secure_ai.monitor.trail.verification import Problem, Verification


@pytest.fixture(scope="session")
def report(events, declared):
    return review_log(events, quarter="2026Q3", organization="Example Hospital", declared=declared)


def whole(**changes):
    fields = {
        "name": "trail", "entries": 100, "end": 100, "checkpoints": 2, "checked_at": (50, 100),
        "witnessed": 100, "problems": (), "problem_count": 0, "clock_back": 0, "first_clock_back": None,
    }  # fmt: skip
    return Verification(**(fields | changes))


def test_accesses_are_counted_by_role_and_purpose(report, events):
    row = report.facts.by_role.set_index(["role", "purpose"]).loc[("nurse", "treatment")]
    mine = [
        e
        for e in events
        if e.details.get("role") == "nurse" and e.purpose == "treatment" and e.action == "view"
    ]
    assert (row["events"], row["denied"]) == (len(mine), sum(e.outcome == "denied" for e in mine))


EXCEPTIONS = {
    "no relation": 3, "outside the declared purpose": 1, "no purpose given": 1, "denied, then allowed": 1,
}  # fmt: skip


def test_each_kind_of_exception_is_counted_exactly(report):
    assert dict(report.facts.exception_counts) == EXCEPTIONS


def test_emergency_accesses_are_matched_with_reviews_by_somebody_else(report):
    assert report.facts.emergencies["state"].tolist() == ["in time", "late", "overdue", "overdue", "waiting"]
    assert report.facts.emergencies["verdict"].tolist()[:2] == ["justified", "not justified"]
    assert report.finding("emergency.reviews").measurement.value == pytest.approx(3 / 5)


def test_uses_without_an_opening_count_once_in_four_hours():
    rows = [
        ["2026-07-01T08:00Z", "emp-1", "view", "pat-1", "allowed", True],
        ["2026-07-01T09:00Z", "emp-1", "view", "pat-1", "allowed", True],
        ["2026-07-02T09:00Z", "emp-1", "view", "pat-1", "allowed", True],
    ]
    frame = pd.DataFrame(rows, columns=["time", "actor", "action", "target", "outcome", "break_glass"])
    assert len(review_log(frame, quarter="2026Q3").facts.emergencies) == 2


def test_alerts_are_followed_to_their_answer(report):
    table = report.facts.alerts.set_index("alert")
    assert table["state"].to_dict() == {"alert-0": "unreviewed", "alert-1": "closed", "alert-2": "closed"}
    assert table.loc["alert-1", "hours"] == pytest.approx(1)
    found = report.finding("alerts.unreviewed")
    assert found.level.value == "critical" and found.measurement.n == 3


def test_an_answer_after_the_quarter_still_counts(events):
    late = AuditEvent("2026-10-02T10:00:00+00:00", "emp-0099", "alert acknowledged", "alert-0", "allowed")
    found = review_log([*events, late], quarter="2026Q3").finding("alerts.unreviewed")
    assert found.outcome is Outcome.WITHIN_THRESHOLD


def test_guessed_passwords_and_marked_events_without_an_alert_are_seen(report):
    assert report.finding("sign_in.guessing").measurement.value > 0
    assert (report.facts.flagged, report.facts.flagged_known) == (1, 0)


def test_six_silent_hours_are_found_where_they_are(report):
    (row,) = report.facts.silent.to_dict(orient="records")
    assert (str(row["start"]), row["hours"]) == ("2026-08-10 09:00:00+00:00", 6)


def test_a_quiet_night_is_no_silence():
    times = [t for t in pd.date_range("2026-07-01", periods=24 * 30, freq="h", tz="UTC") if 8 <= t.hour < 18]
    rows = [(t + pd.Timedelta(minutes=i), "emp-1", "view", "p", "allowed") for t in times for i in range(12)]
    frame = pd.DataFrame(rows, columns=["time", "actor", "action", "target", "outcome"])
    facts = review_log(frame, start="2026-07-01", end="2026-07-31").facts
    assert facts.silent.empty and facts.silent_hours > 300


def test_a_clock_that_went_backwards_is_counted(events):
    wrong = [dataclasses.replace(events[0], time=events[500].time, event_id="x"), *events[1:]]
    facts = review_log(wrong, quarter="2026Q3").facts
    assert facts.clock_back > 0


def test_integrity_is_unassessed_without_a_verification_and_critical_after_an_edit(events, report):
    assert isinstance(report.finding("log.integrity").measurement, Unassessed)
    assert "not verified" in report.html
    good = review_log(events, quarter="2026Q3", verification=whole())
    assert good.finding("log.integrity").outcome is Outcome.WITHIN_THRESHOLD
    problem = Problem("entry", "edited", 17, 17, "Entry 17 was edited.")
    bad = review_log(
        events, quarter="2026Q3", verification=whole(problems=(problem,), problem_count=1)
    )  # fmt: skip
    assert bad.findings[0].id == "monitoring.log.integrity" and bad.findings[0].level.value == "critical"
    assert "Entry 17 was edited." in bad.html


def test_every_citation_exists_carries_its_true_name_and_the_unknowable_is_unassessed(report):
    text = re.sub(r"<[^>]+>", " ", report.html)
    found = references(text)
    assert len(found) > 20
    assert [reference.problem for reference in found if reference.problem] == []
    states = {row.citation: row.state for row in report.evidence}
    assert states["164.308(a)(3)(ii)(C)"] == "unassessed"
    assert states["164.308(a)(1)(ii)(D)"] == "gap"
    assert {"164.312(b)", "164.308(a)(4)", "164.308(a)(5)(ii)(C)", "164.528"} <= set(states)


def test_a_log_that_says_nothing_about_relations_or_purposes_is_not_called_clean():
    frame = pd.DataFrame(
        [["2026-07-01T08:00Z", "emp-1", "view", "pat-1", "allowed"]],
        columns=["time", "actor", "action", "target", "outcome"],
    )
    report = review_log(frame, quarter="2026Q3")
    names = ("access.no_relation", "access.purpose", "access.no_purpose", "emergency.reviews",
             "alerts.unreviewed", "sign_in.guessing", "log.silence")  # fmt: skip
    assert all(report.finding(name).outcome is Outcome.UNASSESSED for name in names)


def test_an_empty_quarter_makes_a_report_that_says_so(events):
    report = review_log(events, quarter="2027Q1", organization="Example Hospital")
    assert "holds no event in 2027 Q1" in report.sentence()
    assert report.finding("log.coverage").measurement.value == 1
    assert {f.outcome for f in report.findings if f.id.split(".")[1] in ("access", "alerts")} == {
        Outcome.UNASSESSED
    }
    assert "No access is recorded" in report.html


def test_a_log_without_any_event_makes_a_report_too():
    report = review_log([], quarter="2026Q3")
    assert report.facts.n_all == 0 and "holds no event" in report.sentence()


def test_frames_lines_logs_and_trails_give_the_same_figures(events, tmp_path):
    some = events[:400]
    path = tmp_path / "audit.jsonl"
    path.write_text("".join(event.to_json() + "\n" for event in some), encoding="ascii")

    class Trail:
        def read(self):
            return iter([type("Entry", (), {"sequence": i, "event": e})() for i, e in enumerate(some)])

    log = AuditLog()
    log._events.extend(some)
    pages = {
        review_log(source, quarter="2026Q3").html
        for source in (
            some,
            path,
            Trail(),
            log,
            [json.loads(e.to_json()) for e in some],
            events_to_frame(some),
        )
    }
    assert len(pages) == 1


def test_entries_of_another_version_and_broken_times_are_counted_and_the_rest_is_read(events, tmp_path):
    path = tmp_path / "audit.jsonl"
    other = json.dumps({"version": 9, "what": "x"})
    nat = json.dumps({**json.loads(events[0].to_json()), "time": "yesterday"})
    path.write_text("\n".join([events[0].to_json(), other, "not json", nat, ""]), encoding="ascii")
    log = read_log(path)
    assert len(log.events) == 1
    assert dict(log.unreadable) == {"another version, or no event": 1, "no JSON": 1, "no readable time": 1}
    report = review_log(log, quarter="2026Q3")
    assert report.finding("log.entries").measurement.value == 3
    assert "another version" in report.html


def test_missing_times_in_a_table_are_counted(events):
    frame = events_to_frame(events[:100])
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    frame.loc[3:5, "time"] = pd.NaT
    assert dict(read_log(frame).unreadable) == {"no readable time": 3}


def test_repeated_entries_are_counted(events):
    assert review_log([*events, events[-1]], quarter="2026Q3").facts.duplicates == 1


def test_no_name_record_or_number_of_a_person_reaches_the_report(events):
    secrets = ("Maria Example", "maria@example.org", "123-45-6789", "pat-000777")
    bad = [
        AuditEvent("2026-07-05T10:00:00+00:00", secret, "view", "pat-000777", outcome, purpose=secret,
                   reason=f"asked by {secret}", details={"role": secret, "relation": ""}, event_id=secret)
        for secret in secrets[:3] for outcome in ("allowed", "denied")
    ]  # fmt: skip
    report = review_log([*events, *bad], quarter="2026Q3", declared={secrets[0]: ["x"]})
    written = report.html + report.to_json()
    assert [secret for secret in secrets if secret in written] == []
    assert re.search(r"pat-\d", written) is None


def test_markup_in_the_log_and_in_the_label_is_escaped(events):
    event = dataclasses.replace(
        events[0], actor="<b>x</b>", purpose="<script>alert(1)</script>", details={"role": "<i>"}
    )
    page = review_log([event], quarter="2026Q3", organization="<img src=x onerror=1>").html
    assert "<script" not in page and "<img" not in page and "<b>x" not in page and "&lt;img" in page


def test_the_page_stands_alone_and_every_drawing_has_words(report):
    page = report.html
    assert re.findall(r"(?:src|href)=\"(?!#)", page) == []
    assert page.count("<svg") == page.count("</desc>") == 3
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    assert len(page) < 200_000


def test_the_same_log_gives_the_same_bytes(events, declared, report):
    again = review_log(events, quarter="2026Q3", organization="Example Hospital", declared=declared)
    assert again.html == report.html and again.to_json() == report.to_json()


def test_page_and_findings_are_written_beside_each_other(events, tmp_path):
    report = audit_report(events, quarter="2026Q3", out=tmp_path / "q3")
    assert report.path == tmp_path / "q3" / "report.html"
    stored = json.loads((tmp_path / "q3" / "findings.json").read_text(encoding="utf-8"))
    assert len(stored["findings"]) == len(report.findings) and stored["unassessed"]
    assert audit_report(events, quarter="2026Q3", out=tmp_path / "a.html").path.name == "a.html"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "a.json", "q3"]


def test_a_failed_run_leaves_the_old_report(events, tmp_path):
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(UserError):
        audit_report(events, quarter="2026Q9", out=tmp_path)
    (tmp_path / "findings.json").mkdir()
    with pytest.raises(UserError, match="is no file"):
        audit_report(events, quarter="2026Q3", out=tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"


def test_a_month_of_the_synthetic_hospital_is_reported_in_seconds():
    from synthetic_data.activity import make_month

    month = make_month("healthcare", staff=60, days=5, seed=3)
    declared = month.services.groupby("service")["purpose"].agg(list).to_dict()
    start = month.events["time"].min().floor("D")
    report = review_log(month.events, start=start, end=start + pd.Timedelta(days=5), declared=declared)
    assert len(report.facts.events) == len(month.events)
    assert report.finding("access.no_relation").measurement.value > 0


WRONG = {
    "quarter": (lambda e: review_log(e, quarter="third"), "write year and number"),
    "quarter number": (lambda e: review_log(e, quarter="2026Q5"), "write year and number"),
    "quarter type": (lambda e: quarter_of(20263), "write year and number"),
    "both": (lambda e: review_log(e, quarter="2026Q3", start="2026-01-01"), "not both"),
    "neither": (lambda e: review_log(e, end=None), "Give the period"),
    "backwards": (lambda e: review_log(e, start="2026-07-02", end="2026-07-01"), "after its start"),
    "too long": (lambda e: review_log(e, start="2020-07-02", end="2026-07-01"), "longer than a year"),
    "no date": (lambda e: review_log(e, start="soon", end="2026-07-01"), "start of the period"),
    "NaT": (lambda e: review_log(e, start="2026-07-01", end=pd.NaT), "end of the period"),
    "columns": (lambda e: review_log(pd.DataFrame({"time": []}), quarter="2026Q3"), "no column 'actor'"),
    "no log": (lambda e: review_log(7, quarter="2026Q3"), "A log is a table"),
    "no file": (lambda e: review_log("nothing.jsonl", quarter="2026Q3"), "nothing.jsonl cannot be read"),
    "all unreadable": (lambda e: review_log(["x", "y"], quarter="2026Q3"), "Not one entry"),
    "label": (lambda e: review_log(e, quarter="2026Q3", organization="  "), "needs a label"),
    "declared": (lambda e: review_log(e, quarter="2026Q3", declared={"a": "b"}), "declared maps"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_a_sentence(events, case):
    call, words = WRONG[case]
    with pytest.raises(UserError, match=words):
        call(events[:50])


def test_a_refused_answer_to_ones_own_alert_and_a_refused_review_are_none(events):
    tries = {
        "alert acknowledged": "alert-0",
        "alert closed": "alert-0",
        "review emergency access": "pat-900003",
    }
    tried = [
        AuditEvent("2026-07-16T10:00:00+00:00", "emp-0007", action, target, "denied", reason="own alert")
        for action, target in tries.items()
    ]
    facts = review_log([*events, *tried], quarter="2026Q3").facts
    assert facts.alerts.set_index("alert").loc["alert-0", "state"] == "unreviewed"
    assert facts.emergencies["state"].tolist() == ["in time", "late", "overdue", "overdue", "waiting"]


def test_words_that_only_one_account_ever_wrote_are_not_shown_and_declared_ones_are(events):
    free, known, shared = "seen with a swollen ankle", "fraud review", "second opinion"

    def event(actor, action="view", outcome="allowed", **more):
        return AuditEvent("2026-07-05T10:00:00+00:00", actor, action, "pat-900003", outcome, **more)

    more = [
        event("svc-x", purpose=free, details={"role": free, "relation": ""}),
        event("svc-x", free, "denied", purpose=known),
        event("emp-0099", "review emergency access", reason=free),
        *(event(f"emp-000{n}", purpose=shared) for n in (1, 2)),
    ]
    page = review_log([*events, *more], quarter="2026Q3", declared={"svc-x": [known]})
    assert free not in page.html + page.to_json()
    assert known in page.html and shared in page.html


def test_the_verification_of_a_real_trail_is_in_the_report(tmp_path):
    key = Ed25519PrivateKey.generate()
    public = key.public_key()
    with open_trail(tmp_path / "trail.db", signing_key=key) as trail:
        for number in range(30):
            at = f"2026-07-05T10:00:{number:02}+00:00"
            trail.append(AuditEvent(at, f"emp-000{number % 4}", "view", f"pat-{number}", "allowed"))
        found = verify_trail(tmp_path / "trail.db", public)
        good = review_log(trail, quarter="2026Q3", verification=found)
        assert good.verification is found and len(good.facts.events) == 30
        assert good.finding("log.integrity").outcome is Outcome.WITHIN_THRESHOLD
        assert str(good.finding("log.integrity").title) in good.html
        with closing(sqlite3.connect(tmp_path / "trail.db")) as connection, connection:
            connection.execute("DROP TRIGGER trail_entries_no_update")
            connection.execute("UPDATE trail_entries SET actor = 'emp-0009' WHERE sequence = 7")
        bad = review_log(trail, quarter="2026Q3", verification=verify_trail(tmp_path / "trail.db", public))
    with open_trail(tmp_path / "b.db", signing_key=key) as other, pytest.raises(UserError, match="another"):
        review_log(other, quarter="2026Q3", verification=found)
    assert bad.finding("log.integrity").level.value == "critical"
    assert "entry 7" in (bad.html + bad.to_json()).lower()


def test_a_quarter_begins_and_ends_at_its_moment_whatever_zone_wrote_it():
    inside = ["2026-07-01T02:00:00+02:00", "2026-09-30T23:59:59.999Z", "2026-09-30T19:59:59-04:00"]
    outside = ["2026-07-01T01:59:59.999+02:00", "2026-09-30T20:00:00-04:00"]
    events = [AuditEvent(time, "emp-0001", "view", "pat-1", "allowed") for time in inside + outside]
    assert len(review_log(events, quarter="2026Q3").facts.events) == len(inside)
