"""The bank holds together: keys, shares, identifiers, texts, and what a model can learn from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthetic_data import identifiers, load
from synthetic_data.dataset import Dataset
from synthetic_data.finance import assemble, datacard, fraud, learn_default, learn_fraud, messages, templates
from synthetic_data.finance import reference as ref

ROWS = datacard.LEARNING_ROWS


@pytest.fixture(scope="module")
def bank() -> Dataset:
    return load("finance", seed=7, rows=ROWS)


def test_all_tables_are_there(bank):
    assert set(bank.tables) == {
        "customers", "accounts", "cards", "transactions", "loans",
        "staff", "access_log", "chats", "emails", "wires",
    }  # fmt: skip
    assert set(bank.documents) == {"chats", "emails"}


@pytest.mark.parametrize("rows", [1, 7, 49, 500, 5_003, 75_000, 124_999])
def test_blocks_add_up_to_exactly_the_rows_asked_for(rows):
    sizes = assemble.block_sizes(rows)
    assert sum(sizes) == rows
    assert all(size == assemble.BLOCK_SIZE for size in sizes[:-1])
    assert sizes[-1] <= 1.5 * assemble.BLOCK_SIZE
    customers = sum(max(50, size // 10) for size in sizes)
    assert customers == max(50, rows // 10)


@pytest.mark.parametrize("rows", [1, 13, 777])
def test_small_banks_have_exactly_the_rows_asked_for(rows):
    data = load("finance", seed=3, rows=rows)
    assert len(data["transactions"]) == rows
    assert len(data["customers"]) == max(50, rows // 10)


KEYS = [
    ("accounts", "customer_id", "customers"),
    ("cards", "customer_id", "customers"),
    ("cards", "account_id", "accounts"),
    ("transactions", "account_id", "accounts"),
    ("transactions", "card_id", "cards"),
    ("loans", "customer_id", "customers"),
    ("access_log", "customer_id", "customers"),
    ("access_log", "staff_id", "staff"),
    ("chats", "customer_id", "customers"),
    ("chats", "staff_id", "staff"),
    ("emails", "customer_id", "customers"),
    ("wires", "transaction_id", "transactions"),
    ("wires", "account_id", "accounts"),
]


@pytest.mark.parametrize(("child", "column", "parent"), KEYS)
def test_every_reference_has_its_row(bank, child, column, parent):
    values = bank[child][column].dropna()
    assert len(values) > 0
    assert values.isin(bank[parent][column]).all()


def test_first_column_of_every_table_is_its_key(bank):
    for name, table in bank.tables.items():
        key = table.iloc[:, 0]
        assert key.is_unique and key.notna().all(), name


def test_a_payment_uses_a_card_of_its_own_account(bank):
    paid = bank["transactions"].merge(bank["cards"], on="card_id", suffixes=("", "_of_card"))
    assert len(paid) > ROWS / 2
    assert (paid["account_id"] == paid["account_id_of_card"]).all()


def test_transfers_and_wires_have_no_card_and_all_else_has_one(bank):
    t = bank["transactions"]
    assert (t["card_id"].isna() == t["channel"].isin(["transfer", "wire"])).all()


def test_wires_agree_with_their_transactions(bank):
    both = bank["wires"].merge(bank["transactions"], on="transaction_id", suffixes=("", "_paid"))
    assert len(both) == (bank["transactions"]["channel"] == "wire").sum() == len(bank["wires"])
    for column in ("amount", "timestamp", "account_id", "currency"):
        assert (both[column] == both[f"{column}_paid"]).all()
    assert (both["creditor_name"] == both["merchant"]).all()
    assert (both["settlement_date"] >= both["timestamp"].dt.normalize()).all()


def test_dates_are_in_order(bank):
    assert bank["transactions"]["timestamp"].is_monotonic_increasing
    merged = bank["accounts"].merge(bank["customers"], on="customer_id")
    assert (merged["opened_date"] >= merged["customer_since_date"]).all()
    assert (merged["customer_since_date"] > merged["birth_date"]).all()


def test_the_same_seed_gives_the_same_tables_and_another_seed_others():
    first, again, other = (load("finance", seed=seed, rows=600) for seed in (5, 5, 6))
    for name in first.tables:
        pd.testing.assert_frame_equal(first[name], again[name])
    assert first.documents == again.documents
    assert not first["transactions"]["amount"].equals(other["transactions"]["amount"])


# ---------------------------------------------------------------- fraud


def test_every_kind_of_fraud_has_the_share_that_the_card_states(bank):
    labels = bank["transactions"]["fraud_type"].value_counts()
    facts = bank.card.facts
    truly = facts["fraud"]["rate"] * ROWS
    reported = 1 - facts["label_noise"]["unreported_share_of_fraud"]
    assert len(facts["fraud"]["shares"]) >= 5
    for kind, share in facts["fraud"]["shares"].items():
        expected = truly * share * reported
        assert labels[kind] == pytest.approx(expected, abs=3 * np.sqrt(truly * share * (1 - reported)) + 1), (
            kind
        )
    disputes = facts["label_noise"]["first_party_disputes_per_fraud"] * truly
    assert labels["first_party_dispute"] == round(disputes)


def test_flag_and_kind_say_the_same(bank):
    t = bank["transactions"]
    assert (t["is_fraud"] == (t["fraud_type"] != ref.NOT_FRAUD)).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_kind_is_present_from_the_size_that_the_card_states(seed):
    rows = int(datacard.card(1, 0).facts["fraud"]["every_kind_from_rows"])
    found = set(load("finance", seed=seed, rows=rows)["transactions"]["fraud_type"])
    assert set(ref.FRAUD_SHARES) <= found


@pytest.mark.parametrize("size", [0, 1, 99, 400, 5_000, 50_000])
def test_planned_fraud_adds_up(size):
    counts = fraud.planned_counts(size)
    assert sum(counts.values()) == round(size * ref.FRAUD_RATE)
    assert min(counts.values()) >= 0


def test_each_kind_of_fraud_shows_its_own_pattern(bank):
    t = bank["transactions"]
    by_kind = dict(tuple(t.groupby("fraud_type")))
    genuine = by_kind["none"]
    testing = by_kind["card_testing"].sort_values(["card_id", "timestamp"])
    gap = testing.groupby("card_id")["timestamp"].diff().dt.total_seconds()
    assert gap.median() < 600 and testing["amount"].median() < 10
    assert (testing["channel"] == "online").all()
    cloned = by_kind["cloned_card"]
    assert cloned["distance_from_home"].median() > 50 * genuine["distance_from_home"].median()
    assert (cloned["channel"] == "magstripe").mean() > 0.4
    assert (genuine["channel"] == "magstripe").mean() < 0.1
    mules = by_kind["mule_layering"]
    assert mules["amount"].between(8_000, 10_000, inclusive="left").mean() > 0.6
    assert mules["amount"].max() < 10_000
    takeover_night = by_kind["account_takeover"]["timestamp"].dt.hour.isin([20, 21, 22, 23, 0, 1, 2, 3, 4, 5])
    assert (
        takeover_night.mean()
        > genuine["timestamp"].dt.hour.isin([20, 21, 22, 23, 0, 1, 2, 3, 4, 5]).mean() + 0.2
    )
    bust = by_kind["bust_out"].merge(bank["accounts"], on="account_id")
    assert (bust["type"] == "credit").mean() > 0.9
    assert (bust["amount"] / bust["credit_limit"]).median() > 0.03
    collusion = by_kind["merchant_collusion"]
    assert (collusion["amount"] % 10 == 0).mean() > 0.6
    assert collusion["merchant"].nunique() <= 3 * len(assemble.block_sizes(ROWS))
    pushed = by_kind["authorized_push_payment"].merge(bank["accounts"], on="account_id")
    pushed = pushed.merge(bank["customers"], on="customer_id")
    elder = bank["customers"]["birth_date"] < pd.Timestamp("1965-07-01")
    assert (pushed["birth_date"] < pd.Timestamp("1965-07-01")).mean() > elder.mean() + 0.1


def test_fraud_is_learnable_and_not_trivial(bank):
    result = learn_fraud(bank.tables)
    promised = bank.card.facts["learning"]
    assert result.margin >= promised["fraud_margin_over_amount_alone"], result
    assert 0.88 <= result.auc < promised["auc_below"], result


def test_default_is_learnable_and_not_trivial(bank):
    result = learn_default(bank.tables)
    promised = bank.card.facts["learning"]
    assert result.margin >= promised["default_margin_over_income_alone"], result
    assert 0.70 <= result.auc < 0.84 < promised["auc_below"], result


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_margins_hold_for_other_seeds(seed):
    data = load("finance", seed=seed, rows=ROWS)
    promised = data.card.facts["learning"]
    assert learn_fraud(data.tables).margin >= promised["fraud_margin_over_amount_alone"]
    assert learn_default(data.tables).margin >= promised["default_margin_over_income_alone"]


# ---------------------------------------------------------------- loans and access


def test_loans_follow_the_direction_that_the_card_states(bank):
    loans = bank["loans"]
    assert loans["interest_rate"].corr(loans["credit_score"]) < -0.6
    bad, good = loans[loans["defaulted"]], loans[~loans["defaulted"]]
    assert bad["credit_score"].mean() < good["credit_score"].mean()
    assert bad["debt_to_income"].mean() > good["debt_to_income"].mean()
    assert 0.1 < loans["defaulted"].mean() < 0.3


def test_every_kind_of_snooping_is_labeled(bank):
    log = bank["access_log"]
    assert set(bank.card.facts["snooping"]["kinds"]) == set(log["snooping_kind"]) - {"none"}
    stated = bank.card.facts["snooping"]["share"] * (1 - bank.card.facts["label_noise"]["snooping_unnoticed"])
    assert log["is_snooping"].mean() == pytest.approx(stated, rel=0.15)
    assert (log["is_snooping"] == (log["snooping_kind"] != "none")).all()


def test_snooping_on_a_relative_meets_a_customer_of_the_same_surname(bank):
    log = bank["access_log"]
    rows = log[log["snooping_kind"] == "same_surname"]
    rows = rows.merge(bank["staff"], on="staff_id").merge(bank["customers"], on="customer_id")
    assert len(rows) > 0 and (rows["last_name_x"] == rows["last_name_y"]).all()


# ---------------------------------------------------------------- identifiers and texts


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("customers", "ssn", "ssn"),
        ("customers", "phone", "phone"),
        ("customers", "email", "email"),
        ("staff", "ssn", "ssn"),
        ("staff", "email", "email"),
        ("accounts", "iban", "iban"),
        ("accounts", "bic", "bic"),
        ("accounts", "routing_aba", "routing_aba"),
        ("accounts", "account_number", "account_number"),
        ("cards", "pan", "card_number"),
        ("transactions", "ip", "ipv4"),
        ("access_log", "ip", "ipv4"),
        ("wires", "debtor_iban", "iban"),
        ("wires", "creditor_iban", "iban"),
        ("wires", "creditor_bic", "bic"),
    ],
)
def test_identifiers_can_belong_to_nobody(bank, table, column, kind):
    values = bank[table][column].dropna().unique()[:1500]
    assert len(values) > 0
    assert all(identifiers.can_belong_to_nobody(kind, value) for value in values)


def test_what_identifies_one_person_is_given_once(bank):
    for table, column in [
        ("customers", "ssn"),
        ("customers", "email"),
        ("accounts", "iban"),
        ("cards", "pan"),
    ]:
        assert bank[table][column].is_unique, (table, column)
    assert not set(bank["customers"]["ssn"]) & set(bank["staff"]["ssn"])
    assert not set(bank["customers"]["email"]) & set(bank["staff"]["email"])


def test_a_token_keeps_length_and_last_digits_of_its_card_and_is_no_card_number(bank):
    cards = bank["cards"]
    assert (cards["token"].str.len() == cards["pan"].str.len()).all()
    assert (cards["token"].str[-4:] == cards["pan"].str[-4:]).all()
    assert cards["token"].str.startswith("0").all()


@pytest.mark.parametrize("name", ["chats", "emails"])
def test_spans_are_exact_and_the_texts_varied(bank, name):
    texts = bank.documents[name]
    table = bank[name]
    assert [text.text for text in texts] == table["text"].tolist()
    assert len(texts) >= 300
    used = {text.meta["template"] for text in texts}
    wording = templates.CHATS if name == "chats" else templates.EMAILS
    assert len(used) == len(wording) >= 25
    seen = set()
    for text in texts:
        end = 0
        for span in text.spans:
            assert end <= span.start < span.end <= len(text.text)
            end = span.end
            seen.add(span.entity_type)
    assert len(seen) >= 10


@pytest.mark.parametrize("name", ["chats", "emails"])
def test_the_customer_behind_a_text_is_found_in_its_spans(bank, name):
    customers = bank["customers"].set_index("customer_id")
    kinds = {
        "EMAIL_ADDRESS": lambda value, row: value == row["email"],
        "US_SSN": lambda value, row: value.replace(" ", "-") == row["ssn"],
        "PHONE_NUMBER": lambda value, row: value[-4:] == row["phone"][-4:],
    }
    counted = dict.fromkeys(kinds, 0)
    for text in bank.documents[name]:
        for entity, value in text.values():
            if entity in kinds:
                counted[entity] += 1
                assert kinds[entity](value, customers.loc[text.meta["customer_id"]]), (entity, value)
    assert min(counted.values()) > 10


def test_every_field_of_every_template_has_an_entity_or_none():
    for _, text in templates.CHATS + templates.EMAILS:
        pieces = messages.parse(text)
        assert {name for _, name in pieces if name} <= set(messages.ENTITIES)


def test_card_is_markdown_with_the_patterns_of_all_kinds(bank):
    text = bank.card.to_markdown()
    assert text.startswith("# ")
    for kind, facts in bank.card.facts["fraud_kinds"].items():
        assert facts["pattern"] and facts["pattern"] in text, kind
