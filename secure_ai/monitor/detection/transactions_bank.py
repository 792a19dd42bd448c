"""Signs of fraud in payments: what an account and its peers usually do, and how one payment departs from it."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from river.stats import Mean, Var

from secure_ai.monitor.detection.transactions_evidence import Kind, Sign

HOUR, DAY = 3600.0, 86_400.0
PRESENT = frozenset({"card", "cash", "chip", "contactless", "magstripe", "atm"})
TRANSFERS = frozenset({"transfer", "wire"})
SHARED_DEVICE = 20  # a device that more accounts use is a terminal, not somebody's own

AMOUNTS = ("amount_high", "amount_very_high", "dear_for_category")
KINDS = (
    Kind(
        "card_testing",
        ("tiny_for_category", "new_merchant", "run_of_tiny", "run_in_one_category", "new_device", "declined", "run_of_declined", "device_elsewhere"),
        ("tiny_for_category",),
        fade=6.0,
        toll=3.0,
    ),
    Kind(
        "account_takeover",
        ("new_device", "new_payee", "payee_unknown", "payees_in_a_row", *AMOUNTS, "new_country", "device_elsewhere", "far"),
        ("new_device", "device_is_new"),
        fade=24.0,
        toll=6.0,
        severity="critical",
    ),
    Kind(
        "mule_layering",
        ("in_from_unknown", "in_from_several", "passed_on", "payee_unknown", "payees_in_a_row", "just_below", *AMOUNTS[:2]),
        ("in_from_unknown", "passed_on", "just_below"),
        fade=24.0,
        toll=5.0,
    ),
    Kind(
        "cloned_card",
        ("country_change", "too_fast", "new_country", *AMOUNTS, "quick_abroad", "far", "home_and_abroad", "magstripe"),
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


class Account:
    """One account: running mean and variance of the logarithm of amounts, what it used, its last payments."""

    def __init__(self) -> None:
        self.count = 0
        self.amount = Var()
        self.seen: dict[str, Counter[str]] = {
            name: Counter() for name in ("counterparty", "category", "country", "device")
        }
        self.recent: deque[dict[str, Any]] = deque(maxlen=60)
        self.last_present: tuple[float, str] | None = None
        self.device_since: dict[str, float] = {}

    def state(self) -> dict[str, Any]:
        """Return the account as JSON values."""
        return {
            "count": self.count,
            "amount": var_state(self.amount),
            "seen": {name: dict(counter) for name, counter in self.seen.items()},
            "recent": list(self.recent),
            "last_present": self.last_present,
            "device_since": self.device_since,
        }

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Account:
        """Return the account that :meth:`state` described."""
        account = cls()
        account.count, account.amount = int(state["count"]), var_of(state["amount"])
        account.seen = {name: Counter(state["seen"][name]) for name in account.seen}
        account.recent.extend(dict(item) for item in state["recent"])
        last = state["last_present"]
        account.last_present = None if last is None else (float(last[0]), str(last[1]))
        account.device_since = {str(k): float(v) for k, v in state["device_since"].items()}
        return account


def var_state(var: Var) -> list[float]:
    """Return a river variance as JSON values: number, mean, variance."""
    return [float(var.n), float(var.mean.get()), float(var.get())]


def var_of(state: list[float]) -> Var:
    """Return the river variance that :func:`var_state` described."""
    if state[0] < 2:
        var = Var()
        var.mean = Mean._from_state(state[0], state[1])
        return var
    return Var._from_state(state[0], state[1], state[2])


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
        text = {name: _text(row.get(name)) for name in
                ("account", "counterparty", "category", "channel", "country", "device", "direction", "outcome")}  # fmt: skip
        account = self.accounts.get(text["account"]) or Account()
        incoming = text["direction"] == "in"
        log_amount = math.log(amount)
        signs: list[Sign] = []
        add = signs.append
        settled = account.count >= 5
        recent = [item for item in account.recent if time - item["time"] <= DAY]
        last_hours = [item for item in recent if time - item["time"] <= 3 * HOUR]
        z_own = _z(account.amount, log_amount, 5.0, self.categories.get("*"))
        category = self.categories.get(f"{text['category']}|{text['channel'] in TRANSFERS}")
        z_category = _z(category, log_amount, 0.0, None)
        figures = {
            "z_own": z_own, "z_category": z_category, "count_3h": float(len(last_hours)), "count_24h": float(len(recent)),
            "seen": float(min(account.count, 50)),
        }  # fmt: skip
        party_new = text["counterparty"] not in account.seen["counterparty"]
        party_unknown = party_new and not self.parties.get(text["counterparty"])
        transfer = text["channel"] in TRANSFERS or text["category"] == "transfer"
        if incoming:
            if transfer and party_unknown:
                add(Sign("in_from_unknown", "money from a sender that nobody here had before"))
                senders = {i["party"] for i in recent if i["unknown"] and i["incoming"]}
                if len(senders) >= 1:
                    words = f"money from {len(senders) + 1} such senders within a day"
                    add(Sign("in_from_several", words, float(len(senders) + 1)))
            return signs, figures
        if z_own > 2.0:
            usual = round(math.exp(account.amount.mean.get()), 2) if account.count else None
            name = "amount_very_high" if z_own > 3.0 else "amount_high"
            add(Sign(name, "much more than this account usually pays", round(amount, 2), usual))
        if z_category > 2.0:
            usual = round(math.exp(category.mean.get()), 2) if category else None
            add(
                Sign(
                    "dear_for_category", "much more than is usual for this category", round(amount, 2), usual
                )
            )
        elif z_category < -2.2 and text["channel"] not in PRESENT:
            usual = round(math.exp(category.mean.get()), 2) if category else None
            add(Sign("tiny_for_category", "a tiny amount for this category", round(amount, 2), usual))
            tiny = [item["category"] for item in last_hours if item["tiny"]]
            if len(tiny) >= 2:
                sorts = len({*tiny, text["category"]})
                # Games and songs are small, too, and come in a row: but all from shops of one category.
                name, tail = (
                    ("run_of_tiny", f" in {sorts} categories") if sorts > 1 else ("run_in_one_category", "")
                )
                words = f"{len(tiny) + 1} tiny payments within three hours{tail}"
                add(Sign(name, words, len(tiny) + 1.0, 0.0))
        self._device(text, account, time, settled, add)
        if transfer:
            if party_new and settled:
                add(Sign("new_payee", "a payee that this account never paid"))
            if party_unknown:
                add(Sign("payee_unknown", "a payee that nobody here ever paid"))
            payees = {i["party"] for i in recent if i["new"] and i["transfer"] and not i["incoming"]} - {
                text["counterparty"]
            }
            if party_new and payees:
                words = f"{len(payees) + 1} new payees within a day"
                add(Sign("payees_in_a_row", words, len(payees) + 1.0, 0.0))
            came = sum(item["amount"] for item in recent if item["incoming"] and item["unknown"])
            if party_new and came and amount >= 0.2 * came:
                add(
                    Sign("passed_on", "passes on what came in within a day", round(amount, 2), round(came, 2))
                )
            if 0.85 <= amount / 10_000.0 < 1.0:
                add(
                    Sign(
                        "just_below",
                        "just below the amount that must be reported",
                        round(amount, 2),
                        10_000.0,
                    )
                )
        elif party_new and settled:
            add(Sign("new_merchant", "a merchant that this account never paid"))
        if text["outcome"] == "declined":
            add(Sign("declined", "declined"))
            declined = sum(1 for item in last_hours if item["declined"])
            if declined:
                add(
                    Sign(
                        "run_of_declined", f"{declined + 1} declined within three hours", declined + 1.0, 0.0
                    )
                )
        self._place(text, account, time, settled, last_hours, add)
        distance = _number(row.get("distance_from_home"))
        if distance > 300 and text["channel"] in PRESENT:
            add(Sign("far", "far from home", round(distance), None))
        if text["channel"] == "magstripe":
            add(Sign("magstripe", "by magnetic stripe"))
        large = sum(1 for item in recent if item["z"] > 1.5)
        if large >= 2 and z_own > 1.5:
            add(Sign("run_of_large", f"{large + 1} large payments within a day", large + 1.0, 0.0))
        out = amount + sum(item["amount"] for item in recent if not item["incoming"])
        usual_day = math.exp(account.amount.mean.get()) * 8 if account.count >= 5 else math.inf
        if out > 3 * usual_day:
            add(Sign("day_sum", "the day's sum is far above the usual", round(out, 2), round(usual_day, 2)))
        figures["log_amount"] = log_amount
        figures["distance"] = math.log1p(max(distance, 0.0)) if math.isfinite(distance) else 0.0
        return signs, figures

    def _device(
        self, text: Mapping[str, str], account: Account, time: float, settled: bool, add: Any
    ) -> None:
        device = text["device"]
        if not device or self.devices.get(device, 0) > SHARED_DEVICE:
            return
        own = [name for name in account.seen["device"] if self.devices.get(name, 0) <= SHARED_DEVICE]
        if device not in account.seen["device"]:
            if own and settled:
                add(Sign("new_device", "a device that this account never used"))
            if self.devices.get(device, 0):
                add(Sign("device_elsewhere", "a device that other accounts use"))
        elif time - account.device_since.get(device, -math.inf) < DAY and len(own) > 1:
            add(Sign("device_is_new", "a device first used within a day"))

    def _place(
        self,
        text: Mapping[str, str],
        account: Account,
        time: float,
        settled: bool,
        last_hours: list[dict[str, Any]],
        add: Any,
    ) -> None:
        country = text["country"]
        if not country or not account.seen["country"]:
            return
        home = account.seen["country"].most_common(1)[0][0]
        if settled and country not in account.seen["country"]:
            add(Sign("new_country", "a country where this account never paid"))
        if text["channel"] not in PRESENT:
            return
        if account.last_present is not None and account.last_present[1] != country:
            hours = (time - account.last_present[0]) / HOUR
            add(Sign("country_change", "another country than the payment before"))
            if hours < 6:
                words = f"another country {hours:.1f} hours after a payment in person"
                add(Sign("too_fast", words, round(hours, 2), None))
        abroad = [item for item in last_hours if item["present"] and item["country"] == country]
        if country != home and abroad:
            add(
                Sign(
                    "quick_abroad", f"{len(abroad) + 1} payments abroad within three hours", len(abroad) + 1.0
                )
            )
            if any(item["present"] and item["country"] == home for item in last_hours):
                add(Sign("home_and_abroad", "paid in person at home and abroad within three hours"))

    def learn(self, row: Mapping[str, Any], time: float, amount: float, figures: Mapping[str, float]) -> None:
        """Let one payment teach the baselines."""
        name = _text(row.get("account"))
        account = self.accounts.get(name)
        if account is None:
            account = self.accounts[name] = Account()
        party, category = _text(row.get("counterparty")), _text(row.get("category"))
        channel, country, device = (_text(row.get(key)) for key in ("channel", "country", "device"))
        incoming = _text(row.get("direction")) == "in"
        transfer = channel in TRANSFERS or category == "transfer"
        z_category = figures.get("z_category", 0.0)
        account.recent.append(
            {
                "time": time, "amount": amount, "party": party, "category": category, "incoming": incoming, "transfer": transfer,
                "new": party not in account.seen["counterparty"], "unknown": not self.parties.get(party),
                "country": country, "present": channel in PRESENT and not incoming,
                "declined": _text(row.get("outcome")) == "declined", "z": figures.get("z_own", 0.0),
                "tiny": z_category < -2.2 and not incoming,
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


def _z(var: Var | None, value: float, prior: float, peers: Var | None) -> float:
    """Standard score, drawn toward the peers by ``prior`` imagined values; 0 where nothing is known."""
    n = var.n if var is not None else 0.0
    if n + (prior if peers is not None and peers.n >= 30 else 0.0) < 5:
        return 0.0
    mean, spread = (var.mean.get(), var.get()) if var is not None and n else (0.0, 0.0)
    if peers is not None and prior:
        mean = (n * mean + prior * peers.mean.get()) / (n + prior)
        spread = (n * spread + prior * peers.get()) / (n + prior)
    return (value - mean) / math.sqrt(max(spread, 0.01))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
