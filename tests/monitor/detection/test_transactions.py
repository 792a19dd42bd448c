"""The watch over transactions: fraud in payments and in claims, and the honest things that look like it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.monitor.detection.stream import rows_of
from secure_ai.monitor.detection.transactions import (
    TransactionDetector,
    TransactionSettings,
    as_transactions,
    transaction_features,
)

START = pd.Timestamp("2026-03-02T00:00:00Z")
LATER = START + pd.Timedelta(days=21, hours=10)
CATEGORIES = {"groceries": 40.0, "fuel": 35.0, "clothing": 70.0, "streaming": 9.0}
NAMES = (
    "account",
    "counterparty",
    "direction",
    "category",
    "channel",
    "country",
    "device",
    "outcome",
    "amount",
)


def payment(time, account="acc-01", **given):
    plain = {
        "event_id": "", "time": time, "account": account, "counterparty": "mer-01", "direction": "out",
        "category": "groceries", "channel": "card", "country": "US", "device": "terminal",
        "outcome": "approved", "amount": 40.0,
    }  # fmt: skip
    return plain | given


def payments(rows):
    made = pd.DataFrame(rows)
    made["event_id"] = [row or f"p-{i:03d}" for i, row in enumerate(made["event_id"])]
    made["time"] = pd.to_datetime(made["time"], utc=True)
    return made


def minutes(n):
    return LATER + pd.Timedelta(minutes=n)


@pytest.fixture(scope="module")
def quiet():
    """Sixty accounts that shop for three weeks and pay a known payee on their own device; some travel."""
    rng = np.random.default_rng(1)
    rows = []
    for i in range(60):
        account = f"acc-{i:02d}"
        for day in range(21):
            for _ in range(int(rng.integers(1, 4))):
                category = str(rng.choice(list(CATEGORIES)))
                online = category == "streaming" or rng.random() < 0.3
                rows.append(payment(
                    START + pd.Timedelta(days=day, hours=float(rng.uniform(7, 22))), account,
                    counterparty=f"mer-{rng.integers(0, 12):02d}", category=category,
                    channel="online" if online else "card", device=f"dev-{i:02d}" if online else "terminal",
                    amount=round(CATEGORIES[category] * float(rng.lognormal(0, 0.3)), 2),
                    event_id=f"h-{len(rows):05d}",
                ))  # fmt: skip
            if i % 6 == 0 and 10 <= day < 14:
                rows.append(payment(
                    START + pd.Timedelta(days=day, hours=12 + i / 10), account, country="GB",
                    counterparty=f"mer-{day}", amount=45.0, event_id=f"h-{len(rows):05d}",
                ))  # fmt: skip
            if day % 7 == i % 7:
                rows.append(payment(
                    START + pd.Timedelta(days=day, hours=9), account, counterparty=f"acc-{(i + 1) % 60:02d}",
                    category="transfer", channel="transfer", device=f"dev-{i:02d}",
                    amount=round(120 * float(rng.lognormal(0, 0.4)), 2), event_id=f"h-{len(rows):05d}",
                ))  # fmt: skip
    return payments(sorted(rows, key=lambda row: row["time"]))


@pytest.fixture(scope="module")
def learned(quiet):
    detector = TransactionDetector()
    detector.learn(quiet)
    return json.dumps(detector.state())


@pytest.fixture
def detector(learned):
    made = TransactionDetector()
    made.restore(json.loads(learned))
    return made


def alerts(detector, table):
    return [item for row in rows_of(table) for item in detector.observe(row) if item.score >= 0.5]


def card_testing():
    return [
        payment(minutes(4 * i), counterparty=f"mer-9{i}", category=category, channel="online", device="dev-x",
                amount=1.0, outcome="declined" if i % 2 else "approved")
        for i, category in enumerate(["groceries", "fuel", "clothing", "groceries", "fuel", "clothing"])
    ]  # fmt: skip


def account_takeover():
    return [
        payment(minutes(9 * i), counterparty=f"ext-{i}", category="transfer", channel="transfer",
                device="dev-x", amount=900.0 + 10 * i)
        for i in range(3)
    ]  # fmt: skip


def mule_layering():
    transfer = {"category": "transfer", "channel": "transfer"}
    came = [payment(minutes(5 * i), counterparty=f"ext-{i}", direction="in", device="", amount=700.0,
                    **transfer) for i in range(5)]  # fmt: skip
    went = [payment(minutes(60 + i), counterparty=f"ext-9{i}", device="dev-01", amount=1100.0, **transfer)
            for i in range(3)]  # fmt: skip
    return came + went


def cloned_card():
    home = [payment(minutes(0), counterparty="mer-02")]
    return home + [
        payment(
            minutes(30 + 20 * i), counterparty=f"mer-8{i}", category="clothing", country="FR", amount=400.0
        )
        for i in range(4)
    ]


@pytest.mark.parametrize("fraud", [card_testing, account_takeover, mule_layering, cloned_card])
def test_a_fraud_in_payments_is_found_by_its_name_and_told_in_words(detector, fraud):
    found = alerts(detector, payments(fraud()))
    assert found[0].kind == fraud.__name__
    assert found[0].actor == "acc-01"
    assert found[0].reasons and all(reason.words for reason in found[0].reasons)
    assert set(found[0].events) <= {f"p-{i:03d}" for i in range(10)}


def collector():
    return [payment(minutes(10 * i), counterparty=f"acc-{i:02d}", direction="in", category="transfer",
                    channel="transfer", device="", amount=50.0) for i in range(3, 20)]  # fmt: skip


def new_phone():
    return [
        payment(minutes(200 * i), counterparty="mer-01", channel="online", device="dev-new") for i in range(3)
    ]


def holiday():
    days = [
        payment(LATER + pd.Timedelta(days=2 + i), country="CA", counterparty=f"mer-0{i}") for i in range(5)
    ]
    return [payment(minutes(0)), *days]


def songs():
    return [
        payment(minutes(2 * i), category="streaming", channel="online", device="dev-01", amount=6.0)
        for i in range(5)
    ]


@pytest.mark.parametrize("case", [collector, new_phone, holiday, songs])
def test_honest_payments_that_look_like_it_are_no_alert(detector, case):
    assert alerts(detector, payments(case())) == []


def claim(day, hour, i, **given):
    service = START + pd.Timedelta(days=day, hours=hour)
    plain = {
        "event_id": f"c-{day:02d}-{i:04d}", "time": service + pd.Timedelta(hours=20), "account": "emp-1",
        "counterparty": f"pat-{i:04d}", "category": "visit_3", "channel": "ward",
        "encounter": f"enc-{day}-{i}",
        "outcome": "paid", "amount": 110.0, "minutes": 20, "service_time": service,
    }  # fmt: skip
    return plain | given


LEVELS = {"visit_2": (75.0, 15), "visit_3": (110.0, 20), "visit_5": (230.0, 45)}


def work(rng, provider, days, *, dear=0.1):
    rows = []
    for day in days:
        for slot in range(8):
            level = str(rng.choice(list(LEVELS), p=[0.4, 0.6 - dear, dear]))
            amount, length = LEVELS[level]
            number = int(rng.integers(0, 9000))
            rows.append(claim(day, 8 + slot, number, account=provider, category=level, amount=amount,
                              minutes=length,
                              encounter="" if rng.random() < 0.04 else f"enc-{provider}-{day}-{slot}",
                              event_id=f"{provider}-{day}-{slot}"))  # fmt: skip
    return rows


def claims(rows):
    return pd.DataFrame(rows).sort_values("time", kind="stable").reset_index(drop=True)


@pytest.fixture(scope="module")
def learned_claims():
    rng = np.random.default_rng(2)
    days = [day for day in range(21) if day % 7 < 5]
    detector = TransactionDetector()
    detector.learn(claims([row for i in range(12) for row in work(rng, f"emp-{i}", days)]))
    return json.dumps(detector.state())


@pytest.fixture
def watch(learned_claims):
    made = TransactionDetector()
    made.restore(json.loads(learned_claims))
    return made


CLAIM_FRAUDS = {
    "duplicate_billing": lambda rng: [
        claim(22, 9, 1), claim(22, 9, 1, event_id="again", time=START + pd.Timedelta(days=25)),
    ],
    "impossible_day": lambda rng: [
        claim(22, 8 + i / 4, i, minutes=45, amount=230.0, category="visit_5") for i in range(30)
    ],
    "upcoding_burst": lambda rng: work(rng, "emp-1", range(22, 25), dear=0.6),
    "phantom_billing": lambda rng: [
        *work(rng, "emp-1", [21]),
        *(claim(26 + 7 * (i // 3), 9 + 2 * (i % 3), i, encounter="") for i in range(6)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", CLAIM_FRAUDS)
def test_a_fraud_in_claims_is_found_by_its_name(watch, kind):
    found = alerts(watch, claims(CLAIM_FRAUDS[kind](np.random.default_rng(3))))
    assert kind in {item.kind for item in found}


def again(**given):
    return [claim(22, 9, 1, **given), claim(22, 9, 1, event_id="again", time=START + pd.Timedelta(days=25))]


HONEST_CLAIMS = {
    "a denied claim sent again": lambda rng: again(outcome="denied"),
    "a void claim sent again": lambda rng: again(outcome="void"),
    "group therapy": lambda rng: [claim(22, 9, i, minutes=60, channel="group") for i in range(14)],
    "a plain week": lambda rng: work(rng, "emp-2", range(21, 26)),
}


@pytest.mark.parametrize("case", HONEST_CLAIMS)
def test_honest_claims_that_look_like_it_are_no_alert(watch, case):
    assert alerts(watch, claims(HONEST_CLAIMS[case](np.random.default_rng(4)))) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": float("nan")}, "no amount"),
        ({"amount": "much"}, "no amount"),
        ({"amount": -5.0}, "an amount of zero or less (a refund or a correction)"),
        ({"time": float("nan")}, "no time"),
        ({"account": None}, "no account"),
    ],
)
def test_a_row_that_cannot_be_judged_is_counted_by_reason_and_stops_nothing(detector, change, reason):
    rows = list(rows_of(payments([payment(minutes(i)) for i in range(3)])))
    rows[1].update(change)
    for row in rows:
        detector.observe(row)
    assert detector.unusable == {reason: 1}


def test_a_clock_that_goes_back_loses_nothing(detector):
    assert alerts(detector, payments(account_takeover()).iloc[::-1])


def test_a_late_row_is_judged_and_teaches_nothing(detector):
    row = next(rows_of(payments([payment(minutes(0), account="acc-99")])))
    detector.observe(row | {"late": True})
    assert "acc-99" not in detector.signs.accounts


def test_missing_columns_give_no_sign_and_no_error():
    table = payments([payment(minutes(i)) for i in range(20)])[["event_id", "time", "account", "amount"]]
    detector = TransactionDetector()
    detector.learn(table)
    assert alerts(detector, table) == []


def test_without_a_history_rows_are_judged_all_the_same():
    detector = TransactionDetector()
    detector.learn(pd.DataFrame())
    assert alerts(detector, payments([payment(minutes(60 * i)) for i in range(20)])) == []


def test_a_restored_detector_goes_on_as_the_first_would_have(detector):
    rows = list(rows_of(payments(mule_layering())))
    for row in rows[:4]:
        detector.observe(row)
    copy = TransactionDetector()
    copy.restore(json.loads(json.dumps(detector.state())))
    assert [detector.observe(row) for row in rows[4:]] == [copy.observe(row) for row in rows[4:]]


@pytest.mark.parametrize("state", [{}, {"version": 0}, {"version": 1}])
def test_a_state_of_another_version_or_damaged_is_refused(state):
    with pytest.raises(UserError, match="learn from the history again"):
        TransactionDetector().restore(state)


def test_labels_that_come_late_teach_a_score_that_sees_the_same_again(quiet):
    detector = TransactionDetector(settings=TransactionSettings(labels_least=5))
    detector.learn(quiet)
    rows = list(rows_of(payments([
        payment(minutes(30 * i), f"acc-{i % 60:02d}", event_id=f"l-{i}",
                amount=900.0 if i % 10 == 0 else 40.0)
        for i in range(120)
    ])))  # fmt: skip
    for row in rows:
        detector.observe(row)
    for _ in range(5):
        for row in rows:
            detector.learn_label(row["event_id"], row["amount"] > 500)
            detector.observe(row)
    high, plain = (
        next(rows_of(payments([payment(LATER + pd.Timedelta(days=9), "acc-33", amount=amount)])))
        for amount in (900.0, 40.0)
    )
    scores = {name: [i.score for i in detector.observe(row) if i.reasons[0].name == "learned"]
              for name, row in (("plain", plain), ("high", high))}  # fmt: skip
    assert max(scores["high"]) > max(scores["plain"], default=0.0)


def test_a_label_of_an_unknown_transaction_is_said_to_be_unknown(detector):
    assert detector.learn_label("never-seen", True) is False


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("payments.csv", "must be a DataFrame"),
        (pd.DataFrame({"event_id": ["a"], "time": [START], "account": ["b"]}), "'amount'"),
    ],
)
def test_a_history_that_is_no_table_of_transactions_is_refused_in_a_sentence(given, words):
    with pytest.raises(UserError, match=words):
        TransactionDetector().learn(given)


@pytest.mark.parametrize("wrong", [{"evidence": 0.0}, {"seen": 1.0}, {"margin": -1.0}])
def test_settings_without_sense_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        TransactionSettings(**wrong)


def test_the_columns_of_other_tables_are_renamed_and_put_in_order():
    made = as_transactions(pd.DataFrame({
        "transaction_id": ["b", "a"], "account_id": ["x", "x"], "timestamp": ["2026-03-02", "2026-03-01"],
        "merchant": ["m", "m"], "mcc": ["1", "1"], "amount": [1.0, 2.0],
    }))  # fmt: skip
    assert made["event_id"].tolist() == ["a", "b"]
    assert {"time", "account", "counterparty", "category"} <= set(made.columns)


def test_features_come_as_numbers_for_a_comparison(quiet):
    made = transaction_features(payments(account_takeover()), quiet)
    assert made["event_id"].tolist() == ["p-000", "p-001", "p-002"]
    assert made["new_device"].tolist()[0] == 1.0
    assert np.isfinite(made.drop(columns="event_id").to_numpy(dtype=float)).all()
