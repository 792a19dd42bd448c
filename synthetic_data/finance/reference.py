"""What every block of the bank shares: the calendar, merchants by category, countries and fraud kinds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

START = np.datetime64("2025-07-01T00:00:00", "s")
DAYS = 180
DAY = 86_400

BANK_NAME = "Harbor Example Bank"
BANK_DOMAIN = "example.org"

CURRENCIES = ("USD", "EUR", "GBP")
CURRENCY_SHARES = (0.90, 0.06, 0.04)

# Countries of a payment; the first is home.
COUNTRIES = ("US", "CA", "MX", "GB", "FR", "DE", "ES", "IT", "NL", "BR", "JP", "AE")
IBAN_COUNTRIES = ("GB", "FR", "DE", "ES", "NL")

CHANNELS = ("chip", "contactless", "magstripe", "online", "atm", "transfer", "wire")
CHIP, CONTACTLESS, MAGSTRIPE, ONLINE, ATM, TRANSFER, WIRE = range(7)

NOT_FRAUD = "none"
FRAUD_KINDS = (
    NOT_FRAUD,
    "card_testing",
    "account_takeover",
    "cloned_card",
    "mule_layering",
    "bust_out",
    "merchant_collusion",
    "authorized_push_payment",
    "first_party_dispute",
)
# Shares of the truly fraudulent transactions (label noise, the last kind, is counted apart).
FRAUD_SHARES = {
    "card_testing": 0.22,
    "account_takeover": 0.14,
    "cloned_card": 0.16,
    "mule_layering": 0.10,
    "bust_out": 0.12,
    "merchant_collusion": 0.12,
    "authorized_push_payment": 0.14,
}
FRAUD_RATE = 0.02  # of all transactions; far above life, so that five thousand rows hold every kind
UNREPORTED_SHARE = 0.06  # of true fraud that the bank never learned of: labeled as genuine
DISPUTE_SHARE = 0.08  # first-party disputes, as a share of true fraud: genuine purchases labeled as fraud

REPORTING_LIMIT = 10_000.0  # 31 CFR 1010.311: currency transaction reports start above this amount


@dataclass(frozen=True)
class Category:
    """A merchant category: its code (ISO 18245), spending (natural log of dollars) and weight by place."""

    mcc: str
    label: str
    log_mean: float
    log_sd: float
    shop: float
    web: float


CATEGORIES = (
    Category("5411", "Market", 3.6, 0.65, 0.22, 0.05),
    Category("5814", "Burgers", 2.5, 0.45, 0.16, 0.06),
    Category("5812", "Kitchen", 3.6, 0.5, 0.10, 0.0),
    Category("5541", "Fuel", 3.6, 0.35, 0.10, 0.0),
    Category("5912", "Pharmacy", 3.1, 0.6, 0.06, 0.02),
    Category("4111", "Transit", 1.5, 0.5, 0.10, 0.02),
    Category("5311", "Department Store", 4.1, 0.7, 0.06, 0.08),
    Category("5651", "Clothing", 4.2, 0.6, 0.05, 0.12),
    Category("5732", "Electronics", 5.0, 0.8, 0.025, 0.08),
    Category("5944", "Jewelers", 5.4, 0.8, 0.008, 0.01),
    Category("7011", "Hotel", 5.2, 0.5, 0.015, 0.05),
    Category("4511", "Airways", 5.8, 0.5, 0.0, 0.04),
    Category("4121", "Rides", 2.8, 0.4, 0.0, 0.12),
    Category("5942", "Books", 3.0, 0.5, 0.012, 0.04),
    Category("5815", "Digital", 2.0, 0.6, 0.0, 0.16),
    Category("4899", "Streaming", 2.9, 0.4, 0.0, 0.08),
    Category("4900", "Utilities", 4.5, 0.4, 0.0, 0.05),
    Category("5999", "Goods", 3.5, 0.8, 0.05, 0.10),
    Category("8011", "Clinic", 4.4, 0.7, 0.02, 0.0),
    Category("7995", "Gaming", 3.6, 0.9, 0.0, 0.02),
    Category("6051", "Coin Exchange", 4.8, 0.9, 0.0, 0.02),
    Category("6011", "Cash Machine", 4.5, 0.5, 0.0, 0.0),
)
CASH_MACHINE = len(CATEGORIES) - 1
TRANSFER_MCC = "4829"
CATEGORY_OF = {category.mcc: number for number, category in enumerate(CATEGORIES)}

MERCHANTS_PER_CATEGORY = 48
_FIRST = ("Blue", "Cedar", "Copper", "Granite", "Juniper", "Lantern", "Maple", "Saffron")
_SECOND = ("Bridge", "Corner", "Field", "Harbor", "Hill", "Square")


@lru_cache(maxsize=1)
def merchant_names() -> tuple[str, ...]:
    """Names of all merchants, category by category, ``MERCHANTS_PER_CATEGORY`` each."""
    return tuple(
        f"{first} {second} {category.label}"
        for category in CATEGORIES
        for first in _FIRST
        for second in _SECOND
    )


def documentation_addresses() -> list[str]:
    """All host addresses of the IPv4 documentation ranges (RFC 5737): they route to nobody."""
    nets = ("192.0.2", "198.51.100", "203.0.113")
    return [f"{net}.{host}" for net in nets for host in range(1, 255)]
