"""An extraction over the scoring service is noticed while it runs, its limit falls; honest wards go on."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from secure_ai.access.scoring import ModelCard, QueryLog, RateLimit, ServiceAccount, run_model
from secure_ai.attack.targets import ScoringEndpoint, TargetError
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport import lesson_authority
from secure_ai.monitor.alerts import AlertDesk, ManualClock
from secure_ai.monitor.detection import QueryWatch, lowers_limit

WARDS = ("ward-a", "ward-b", "ward-c")
MIX = np.random.default_rng(0).normal(size=(5, 5))


def genuine(rng, rows):
    """Records whose inputs hang together, as those of people do."""
    return rng.normal(size=(rows, 5)) @ MIX


@pytest.fixture(scope="module")
def setting():
    """A service, its endpoints by account, the clock, and a quiet past of 900 records."""
    rng = np.random.default_rng(1)
    rows = genuine(rng, 500)
    model = LogisticRegression().fit(rows, rows @ np.ones(5) > 0)
    accounts = [
        ServiceAccount(name=name, models="m@1", purposes="care", limit=RateLimit(10**6, 10**7))
        for name in (*WARDS, "vendor", "tester")
    ]
    clock, log = ManualClock("2026-03-02T08:00:00"), QueryLog()
    with lesson_authority() as authority, run_model(
        model, ModelCard(id="m@1", purposes="care"), accounts, rows, authority.server(),
        audit=AuditLog(clock=clock), on_query=log,
    ) as service:  # fmt: skip
        ends = {
            account.name: ScoringEndpoint(
                service.address, authority.client(account.name), purpose="care", timeout=60.0
            )
            for account in accounts
        }
        work(ends, clock, rng, hours=30)
        yield service, ends, clock, log.to_frame()
        for end in ends.values():
            end.close()


@pytest.fixture(scope="module")
def learned(setting):
    return QueryWatch(setting[3])


def work(ends, clock, rng, hours):
    for _ in range(hours):
        for ward in WARDS:
            clock.advance(minutes=20)
            ends[ward].ask(genuine(rng, 10))


def test_an_extraction_is_noticed_and_its_account_is_slowed_down(setting, learned):
    service, ends, clock, past = setting
    desk = AlertDesk(clock=clock, background=False)
    watch = deepcopy(learned)
    watch.desk, watch.on_alert = desk, lowers_limit(service, rows_per_minute=5)
    service.gate.on_query = watch
    rng = np.random.default_rng(2)
    work(ends, clock, rng, hours=5)
    with pytest.raises(TargetError, match="5 rows a minute"):
        for _ in range(30):
            clock.advance(minutes=20)
            # The thief draws each input by itself: no record of a person looks like that.
            ends["vendor"].ask(rng.normal(size=(10, 5)) * past.filter(regex="^x").std().to_numpy() * 2)
    work(ends, clock, rng, hours=2)
    noticed = watch.asked("vendor")
    assert noticed.first_alert <= 100 and noticed.kinds[0] == "extraction"
    assert all(watch.asked(ward).first_alert is None for ward in WARDS)
    assert [alert.actor for alert in watch.alerts] == ["vendor"] * len(watch.alerts)
    assert len(desk.to_frame()) == 1
    assert service.gate.limiter.limit_of("vendor").rows_per_minute == 5
    assert service.gate.limiter.limit_of("ward-a").rows_per_minute == 10**6
    assert f"vendor after {noticed.first_alert}" in watch.sentence()
    desk.close()


def test_a_quick_copy_from_genuine_records_is_noticed_by_its_pace(setting, learned):
    service, ends, clock, _ = setting
    watch = deepcopy(learned)
    service.gate.on_query = watch
    rng = np.random.default_rng(3)
    for _ in range(20):
        clock.advance(seconds=5)
        ends["tester"].ask(genuine(rng, 50))
    asked = watch.asked("tester")
    assert asked.rows == 1000 and asked.first_alert < 400
    assert watch.to_frame()["records"].tolist() == [1000]


def test_a_slow_copy_from_mixed_records_is_noticed_too(setting, learned):
    service, ends, clock, _ = setting
    watch = deepcopy(learned)
    service.gate.on_query = watch
    own = genuine(np.random.default_rng(5), 60)
    rng = np.random.default_rng(6)
    for _ in range(30):
        clock.advance(hours=1)
        pairs = rng.integers(60, size=(2, 10))
        # No faster than a ward, and every value is one of a real record.
        ends["tester"].ask(np.where(rng.random((10, 5)) < 0.4, own[pairs[0]], own[pairs[1]]))
    assert watch.asked("tester").first_alert <= 200


def test_an_account_that_is_spared_keeps_its_limit_and_low_alerts_change_nothing(setting, learned):
    lowered = []

    class Service:
        def lower_limit(self, principal, **limits):
            lowered.append((principal, limits["rows_per_minute"]))

    watch = deepcopy(learned)
    service, ends = setting[:2]
    service.gate.on_query = watch
    rng = np.random.default_rng(4)
    ends["tester"].ask(genuine(rng, 900))
    alert = watch.alerts[0]
    lowers_limit(Service(), spare={"tester": "emergency department"})(alert)
    lowers_limit(Service(), at_least="critical")(alert)
    assert lowered == []
    lowers_limit(Service(), rows_per_minute=3)(alert)
    assert lowered == [("tester", 3)]


def test_a_watch_without_a_past_is_refused(setting):
    for past in (setting[3].head(20), None):
        with pytest.raises(UserError, match="quiet past"):
            QueryWatch(past)
    with pytest.raises(UserError, match="severity"):
        lowers_limit(setting[0], at_least="enormous")
