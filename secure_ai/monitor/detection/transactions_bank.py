"""Signs of fraud in payments: how one departs from what its account and its peers usually do."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from river.stats import Var

from secure_ai.monitor.detection.transactions_accounts import (
    Account,
    number_of,
    standard_score,
    text_of,
    var_of,
    var_state,
)
from secure_ai.monitor.detection.transactions_evidence import Kind, Sign

HOUR, DAY = 3600.0, 86_400.0
PRESENT = frozenset({"card", "cash", "chip", "contactless", "magstripe", "atm"})
TRANSFERS = frozenset({"transfer", "wire"})
SETTLED = 5  # payments from which what is new to an account says something
REPORTED = 10_000.0  # amount from which a transfer must be reported (31 CFR 1010.311)
SHARED_DEVICE = 20  # a device that more accounts use is a terminal, not somebody's own

FAR = 300.0  # kilometers from home
TINY = -2.2  # standard deviations below what is usual for the category
TEXT = ("account", "counterparty", "category", "channel", "country", "device", "direction", "outcome")

AMOUNTS = ("amount_high", "amount_very_high", "dear_for_category")
KINDS = (
    Kind(
        "card_testing",
        ("tiny_for_category", "new_merchant", "run_of_tiny", "run_in_one_category", "new_device", "declined",
         "run_of_declined", "device_elsewhere"),
        ("tiny_for_category",),
        fade=6.0,
        toll=3.0,
    ),
    Kind(
        "account_takeover",
        ("new_device", "new_payee", "payee_unknown", "payees_in_a_row", *AMOUNTS, "new_country",
         "device_elsewhere", "far"),
        ("new_device", "device_is_new"),
        fade=24.0,
        toll=6.0,
        severity="critical",
    ),
    Kind(
        "mule_layering",
        ("in_from_unknown", "in_from_several", "passed_on", "payee_unknown", "payees_in_a_row", "just_below",
         *AMOUNTS[:2]),
        ("in_from_unknown", "passed_on", "just_below"),
        fade=24.0,
        toll=5.0,
    ),
    Kind(
        "cloned_card",
        ("country_change", "too_fast", "new_country", *AMOUNTS, "quick_abroad", "far", "home_and_abroad",
         "magstripe"),
        ("country_change", "quick_abroad", "too_fast", "home_and_abroad", "far"),
        fade=8.0,
        toll=5.0,
    ),
    Kind(
        "bust_out",
        ("amount_very_high", "dear_for_category", "run_of_large", "day_sum"),
        ("run_of_large", "day_sum"),
        fade=24.0,
        toll=4.0,
        severity="medium",
        strictness=1.6,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """One payment beside what is remembered of its account.

    Attributes:
        text: the cells with text, by column.
        account: what is remembered.
        time: seconds since 1970.
        amount: of the payment.
        recent: payments of the last day.
        hours: payments of the last three hours.
        z_own: standard score of the logarithm of the amount for this account, drawn toward its peers.
        z_category: the same within the category.
        usual_of_category: usual amount of the category; None where it is not known.
        party_new: this account never dealt with the counterparty.
        party_unknown: nobody here did.
        transfer: a transfer rather than a purchase.
        distance: kilometers from home; not a number where it is not said.
    """

    text: Mapping[str, str]
    account: Account
    time: float
    amount: float
    recent: list[dict[str, Any]]
    hours: list[dict[str, Any]]
    z_own: float
    z_category: float
    usual_of_category: float | None
    party_new: bool
    party_unknown: bool
    transfer: bool
    distance: float

    @property
    def settled(self) -> bool:
        """Whether enough is remembered for what is new to say something."""
        return self.account.count >= SETTLED

    @property
    def shown(self) -> float:
        """The amount in whole cents."""
        return round(self.amount, 2)


class BankSigns:
    """Finds the signs in payments, one at a time, and learns from each."""

    kinds = KINDS

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.categories: dict[str, Var] = {}
        self.parties: Counter[str] = Counter()
        self.devices: dict[str, int] = {}

    def signs(
        self, row: Mapping[str, Any], time: float, amount: float
    ) -> tuple[list[Sign], dict[str, float]]:
        """Return the signs and the figures behind them, before this payment teaches anything.

        Args:
            row: a payment; what is missing gives no sign.
            time: seconds since 1970.
            amount: of the payment, above 0.
        """
        seen = self._seen(row, time, amount)
        figures = {
            "z_own": seen.z_own,
            "z_category": seen.z_category,
            "count_3h": float(len(seen.hours)),
            "count_24h": float(len(seen.recent)),
            "seen": float(min(seen.account.count, 50)),
        }
        if seen.text["direction"] == "in":
            return list(_incoming(seen)), figures
        figures["log_amount"] = math.log(amount)
        figures["distance"] = math.log1p(max(seen.distance, 0.0)) if math.isfinite(seen.distance) else 0.0
        found = [
            *_amounts(seen),
            *self._device(seen),
            *_parties(seen),
            *_declined(seen),
            *_place(seen),
            *_sums(seen),
        ]
        return found, figures

    def _seen(self, row: Mapping[str, Any], time: float, amount: float) -> Seen:
        text = {name: text_of(row.get(name)) for name in TEXT}
        account = self.accounts.get(text["account"]) or Account()
        recent = [item for item in account.recent if time - item["time"] <= DAY]
        category = self.categories.get(f"{text['category']}|{text['channel'] in TRANSFERS}")
        party_new = text["counterparty"] not in account.seen["counterparty"]
        log_amount = math.log(amount)
        return Seen(
            text=text,
            account=account,
            time=time,
            amount=amount,
            recent=recent,
            hours=[item for item in recent if time - item["time"] <= 3 * HOUR],
            z_own=standard_score(account.amount, log_amount, 5.0, self.categories.get("*")),
            z_category=standard_score(category, log_amount, 0.0, None),
            usual_of_category=round(math.exp(category.mean.get()), 2) if category else None,
            party_new=party_new,
            party_unknown=party_new and not self.parties.get(text["counterparty"]),
            transfer=text["channel"] in TRANSFERS or text["category"] == "transfer",
            distance=number_of(row.get("distance_from_home")),
        )

    def _device(self, seen: Seen) -> Iterator[Sign]:
        device, account = seen.text["device"], seen.account
        if not device or self.devices.get(device, 0) > SHARED_DEVICE:
            return
        own = [name for name in account.seen["device"] if self.devices.get(name, 0) <= SHARED_DEVICE]
        if device not in account.seen["device"]:
            if own and seen.settled:
                yield Sign("new_device", "a device that this account never used")
            if self.devices.get(device, 0):
                yield Sign("device_elsewhere", "a device that other accounts use")
        elif seen.time - account.device_since.get(device, -math.inf) < DAY and len(own) > 1:
            yield Sign("device_is_new", "a device first used within a day")

    def learn(self, row: Mapping[str, Any], time: float, amount: float, figures: Mapping[str, float]) -> None:
        """Let one payment teach the baselines."""
        name = text_of(row.get("account"))
        account = self.accounts.get(name)
        if account is None:
            account = self.accounts[name] = Account()
        party, category = text_of(row.get("counterparty")), text_of(row.get("category"))
        channel, country, device = (text_of(row.get(key)) for key in ("channel", "country", "device"))
        incoming = text_of(row.get("direction")) == "in"
        transfer = channel in TRANSFERS or category == "transfer"
        z_category = figures.get("z_category", 0.0)
        account.recent.append(
            {
                "time": time, "amount": amount, "party": party, "category": category,
                "incoming": incoming, "transfer": transfer,
                "new": party not in account.seen["counterparty"], "unknown": not self.parties.get(party),
                "country": country, "present": channel in PRESENT and not incoming,
                "declined": text_of(row.get("outcome")) == "declined", "z": figures.get("z_own", 0.0),
                "tiny": z_category < TINY and not incoming,
            }
        )  # fmt: skip
        account.seen["counterparty"][party] += 1
        self.parties[party] += 1
        self.parties[name] += 1
        if incoming:
            return
        account.count += 1
        log_amount = math.log(amount)
        account.amount.update(log_amount)
        for key in ("*", f"{category}|{channel in TRANSFERS}"):
            self.categories.setdefault(key, Var()).update(log_amount)
        account.seen["category"][category] += 1
        if country:
            account.seen["country"][country] += 1
        if device:
            if device not in account.seen["device"]:
                self.devices[device] = self.devices.get(device, 0) + 1
                account.device_since[device] = time
            account.seen["device"][device] += 1
        if channel in PRESENT and country:
            account.last_present = (time, country)

    def state(self) -> dict[str, Any]:
        """Return all that was learned as JSON values."""
        return {
            "accounts": {name: account.state() for name, account in self.accounts.items()},
            "categories": {name: var_state(var) for name, var in self.categories.items()},
            "parties": dict(self.parties),
            "devices": self.devices,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self.accounts = {name: Account.of(value) for name, value in state["accounts"].items()}
        self.categories = {name: var_of(value) for name, value in state["categories"].items()}
        self.parties = Counter(state["parties"])
        self.devices = {str(k): int(v) for k, v in state["devices"].items()}


def _incoming(seen: Seen) -> Iterator[Sign]:
    if seen.transfer and seen.party_unknown:
        yield Sign("in_from_unknown", "money from a sender that nobody here had before")
        senders = len({item["party"] for item in seen.recent if item["unknown"] and item["incoming"]}) + 1
        if senders > 1:
            yield Sign("in_from_several", f"money from {senders} such senders within a day", float(senders))


def _amounts(seen: Seen) -> Iterator[Sign]:
    if seen.z_own > 2.0:
        account = seen.account
        usual = round(math.exp(account.amount.mean.get()), 2) if account.count else None
        name = "amount_very_high" if seen.z_own > 3.0 else "amount_high"
        yield Sign(name, "much more than this account usually pays", seen.shown, usual)
    usual = seen.usual_of_category
    if seen.z_category > 2.0:
        yield Sign("dear_for_category", "much more than is usual for this category", seen.shown, usual)
    elif seen.z_category < TINY and seen.text["channel"] not in PRESENT:
        yield Sign("tiny_for_category", "a tiny amount for this category", seen.shown, usual)
        tiny = [item["category"] for item in seen.hours if item["tiny"]]
        if len(tiny) >= 2:
            sorts = len({*tiny, seen.text["category"]})
            words = f"{len(tiny) + 1} tiny payments within three hours"
            # Games and songs are small, too, and come in a row: but all from shops of one category.
            if sorts > 1:
                yield Sign("run_of_tiny", f"{words} in {sorts} categories", len(tiny) + 1.0, 0.0)
            else:
                yield Sign("run_in_one_category", words, len(tiny) + 1.0, 0.0)


def _parties(seen: Seen) -> Iterator[Sign]:
    if not seen.transfer:
        if seen.party_new and seen.settled:
            yield Sign("new_merchant", "a merchant that this account never paid")
        return
    if seen.party_new and seen.settled:
        yield Sign("new_payee", "a payee that this account never paid")
    if seen.party_unknown:
        yield Sign("payee_unknown", "a payee that nobody here ever paid")
    earlier = {i["party"] for i in seen.recent if i["new"] and i["transfer"] and not i["incoming"]}
    payees = len(earlier - {seen.text["counterparty"]}) + 1
    if seen.party_new and payees > 1:
        yield Sign("payees_in_a_row", f"{payees} new payees within a day", float(payees), 0.0)
    came = sum(item["amount"] for item in seen.recent if item["incoming"] and item["unknown"])
    if seen.party_new and came and seen.amount >= 0.2 * came:
        yield Sign("passed_on", "passes on what came in within a day", seen.shown, round(came, 2))
    if 0.85 <= seen.amount / REPORTED < 1.0:
        yield Sign("just_below", "just below the amount that must be reported", seen.shown, REPORTED)


def _declined(seen: Seen) -> Iterator[Sign]:
    if seen.text["outcome"] == "declined":
        yield Sign("declined", "declined")
        declined = sum(1 for item in seen.hours if item["declined"]) + 1
        if declined > 1:
            yield Sign("run_of_declined", f"{declined} declined within three hours", float(declined), 0.0)


def _place(seen: Seen) -> Iterator[Sign]:
    present, account = seen.text["channel"] in PRESENT, seen.account
    if present and seen.distance > FAR:
        yield Sign("far", "far from home", round(seen.distance))
    if seen.text["channel"] == "magstripe":
        yield Sign("magstripe", "by magnetic stripe")
    country = seen.text["country"]
    if not country or not account.seen["country"]:
        return
    home = account.seen["country"].most_common(1)[0][0]
    if seen.settled and country not in account.seen["country"]:
        yield Sign("new_country", "a country where this account never paid")
    if not present:
        return
    if account.last_present is not None and account.last_present[1] != country:
        hours = (seen.time - account.last_present[0]) / HOUR
        yield Sign("country_change", "another country than the payment before")
        if hours < 6:
            words = f"another country {hours:.1f} hours after a payment in person"
            yield Sign("too_fast", words, round(hours, 2))
    abroad = [item for item in seen.hours if item["present"] and item["country"] == country]
    if country != home and abroad:
        words = f"{len(abroad) + 1} payments abroad within three hours"
        yield Sign("quick_abroad", words, len(abroad) + 1.0)
        if any(item["present"] and item["country"] == home for item in seen.hours):
            yield Sign("home_and_abroad", "paid in person at home and abroad within three hours")


def _sums(seen: Seen) -> Iterator[Sign]:
    large = sum(1 for item in seen.recent if item["z"] > 1.5) + 1
    if large > 2 and seen.z_own > 1.5:
        yield Sign("run_of_large", f"{large} large payments within a day", float(large), 0.0)
    out = seen.amount + sum(item["amount"] for item in seen.recent if not item["incoming"])
    usual_day = math.exp(seen.account.amount.mean.get()) * 8 if seen.settled else math.inf
    if out > 3 * usual_day:
        words = "the day's sum is far above the usual"
        yield Sign("day_sum", words, round(out, 2), round(usual_day, 2))
