"""The data card of the bank: everything that the generator put in, read from the constants that it used."""

# ruff: noqa: E501

from __future__ import annotations

import inspect

from synthetic_data.cards import DataCard
from synthetic_data.finance import access, customers, fraud, lending, messages, templates, transactions
from synthetic_data.finance import reference as ref
from synthetic_data.finance.assemble import LEAST_CUSTOMERS, ROWS_PER_CUSTOMER, block_sizes

# What the learning tasks promise; the tests measure them with `synthetic_data.finance.learning`.
FRAUD_MARGIN = 0.15
DEFAULT_MARGIN = 0.05
HIGHEST_AUC = 0.99
LEARNING_ROWS = 20_000

_NOTES = (
    "Nobody in these tables is real. The data are made by a program from a seed: the same seed gives the same "
    "bytes. They serve lessons and tests; they are no sample of any bank and support no statement about real fraud.",
    "**What differs from life.** Fraud is far more frequent, so that a few thousand rows hold every kind. Every "
    "account has an IBAN and a routing number, though accounts in the United States have no IBAN. Amounts are in "
    "the currency of the account. Only payments out are recorded, no income. Transactions are in order of time "
    "within a block, not across blocks. Card verification codes are never stored.",
    "**Fraud and its innocent doubles.** Customers travel, borrow devices, buy through relays, shop at night, pay "
    "fares in bursts and send round sums, so no single sign proves fraud.",
)


def card(rows: int, seed: int) -> DataCard:
    """The card of a bank with ``rows`` transactions made from ``seed``."""
    kinds = {
        kind: {
            "share of fraud": share,
            "pattern": (inspect.getdoc(getattr(fraud, kind)) or "").replace("\n", " "),
        }
        for kind, share in ref.FRAUD_SHARES.items()
    }
    clients = max(LEAST_CUSTOMERS, rows // ROWS_PER_CUSTOMER)
    facts = {
        "size": {
            "transactions": rows,
            "customers": clients,
            "seed": seed,
            "blocks": len(block_sizes(rows)),
            "first_day": str(ref.START.astype("datetime64[D]")),
            "days": ref.DAYS,
        },
        "fraud": {
            "rate": ref.FRAUD_RATE,
            "shares": dict(ref.FRAUD_SHARES),
            "every_kind_from_rows": _rows_for_every_kind(),
        },
        "fraud_kinds": kinds,
        "label_noise": {
            "unreported_share_of_fraud": ref.UNREPORTED_SHARE,
            "first_party_disputes_per_fraud": ref.DISPUTE_SHARE,
            "loan_outcomes_wrong": lending.LABEL_NOISE,
            "snooping_unnoticed": access.UNNOTICED_SHARE,
        },
        "loan_default_log_odds": {
            **lending.COEFFICIENTS,
            "inputs": "score (less 690, by 75), debt to income (less 18, by 9.5), log of income over 60,000 (by 0.5), "
            "yearly payments over income (less 0.08, by 0.08), late payments (at most 4), indicators",
        },
        "correlations": {
            "income_is_highest_at_age": customers.BEST_PAID_AGE,
            "credit_score_points_per_log_income": customers.SCORE_PER_LOG_INCOME,
            "credit_score_points_per_year_of_age": customers.SCORE_PER_YEAR_OF_AGE,
            "amounts_grow_with_power_of_income": transactions.SPENDING_POWER,
            "interest_points_less_per_75_score_points": lending.RATE_PER_SCORE_STEP,
            "weight_of_elders_among_push_payment_victims": f"{fraud.ELDER_WEIGHT:g} from age {fraud.ELDER_AGE}",
            "mules_are_the_newest_customers_one_in": fraud.MULE_ONE_IN,
        },
        "snooping": {"share": access.SNOOPING_SHARE, "kinds": list(access.SNOOPING_KINDS[1:])},
        "documents": {
            "chat_templates": len(templates.CHATS),
            "email_templates": len(templates.EMAILS),
            "entities": sorted({entity for entity in messages.ENTITIES.values() if entity}),
        },
        "learning": {
            "measured_at_rows": LEARNING_ROWS,
            "fraud_margin_over_amount_alone": FRAUD_MARGIN,
            "default_margin_over_income_alone": DEFAULT_MARGIN,
            "auc_below": HIGHEST_AUC,
        },
        "identifiers": {
            "card_numbers": "ranges beside the networks' published test numbers, valid Luhn digit",
            "iban": "valid check digits, bank code that no bank has",
            "routing_numbers": "valid checksum, first pair 13 to 20, assigned to nobody",
            "telephone": "555-0100 to 555-0199",
            "e_mail": "example.org",
            "ip": "documentation ranges of RFC 5737",
            "ssn": "area 9xx with group 01 to 49, never issued",
        },
    }
    return DataCard(f"The invented bank: {rows:,} transactions, seed {seed}", facts, _NOTES)


def _rows_for_every_kind() -> int:
    """The least round number of transactions from which each kind of fraud is planned at least once."""
    return next(rows for rows in range(100, 10_000, 100) if min(fraud.planned_counts(rows).values()) > 0)
