"""Transactions that look like fraud: payments of a bank, claims of a hospital, or a table of one's own.

Signs (transactions_bank.py, transactions_claims.py) compare a transaction with the past of its account and of
its peers. Evidence (transactions_evidence.py) adds them up for each kind of fraud, weighed by how rare they
were in a quiet history. Labels that come late teach a further score (river, logistic regression).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from secure_ai.core.errors import UserError
from secure_ai.monitor.detection.result import Detection, Reason, Severity
from secure_ai.monitor.detection.stream import iso, rows_of
from secure_ai.monitor.detection.transactions_bank import BankSigns
from secure_ai.monitor.detection.transactions_claims import ClaimSigns
from secure_ai.monitor.detection.transactions_evidence import Evidence, Sign

if TYPE_CHECKING:
    from secure_ai.monitor.detection.context import Context
    from secure_ai.monitor.detection.stream import Row

STATE_VERSION = 1
NEEDED = ("event_id", "time", "account", "amount")
CLAIM_COLUMNS = ("encounter", "service_time", "minutes")
RENAMED = {
    "transaction_id": "event_id", "timestamp": "time", "account_id": "account", "merchant": "counterparty",
    "mcc": "category", "claim_id": "event_id", "provider": "account", "patient": "counterparty",
    "procedure": "category",
}  # fmt: skip


@dataclass(frozen=True)
class TransactionSettings:
    """Settings of the watch over transactions.

    Attributes:
        evidence: least evidence that makes a score of 0.5, in natural logarithms of a likelihood ratio.
        margin: how far above the highest evidence of the quiet history a limit lies, as a factor.
        budget: false alerts of one kind that are worth their work, a day and 1,000 staff (or accounts, where
            the context has no staff): as many of the highest accounts of the history are left out when its
            limit is set.
        seen: share of frauds assumed to show a sign, 0 to 1.
        remembered: transactions whose signs are kept for a label that comes late.
        labels_least: frauds that must be known before the learned score counts.
        learned_limit: learned probability of fraud that makes a score of 0.5.
        rate_of_learning: step of the learned score.
    """

    evidence: float = 8.0
    margin: float = 1.05
    budget: float = 0.3
    seen: float = 0.5
    remembered: int = 200_000
    labels_least: int = 20
    learned_limit: float = 0.5
    rate_of_learning: float = 0.02

    def __post_init__(self) -> None:
        for name in ("evidence", "margin", "rate_of_learning"):
            if not getattr(self, name) > 0:
                raise UserError(f"The setting '{name}' must be above 0: it is {getattr(self, name)!r}.")
        for name in ("seen", "learned_limit"):
            if not 0 < getattr(self, name) < 1:
                raise UserError(
                    f"The setting '{name}' must lie between 0 and 1: it is {getattr(self, name)!r}."
                )


class TransactionDetector:
    """Watches over transactions; see :class:`secure_ai.monitor.detection.stream.Detector`.

    Whether they are payments or claims is told by the columns of the history (or of the first row): claims
    have ``encounter``, ``service_time`` or ``minutes``.

    Args:
        context: the registers; not needed here, taken as all detectors take it.
        settings: limits and memories.

    Attributes:
        unusable: rows that were passed over, by reason: they are counted, never lost in silence.
    """

    family = "transaction"
    table = "transactions"

    def __init__(self, context: Context | None = None, settings: TransactionSettings | None = None) -> None:
        self.context, self.settings = context, settings or TransactionSettings()
        self.unusable: dict[str, int] = {}
        self.frauds_known = 0
        self._start(claims=False)
        self._settled = False
        self._waiting: dict[str, dict[str, float]] = {}
        self._scaler = StandardScaler()
        self._model = _model(self.settings)

    def _start(self, *, claims: bool) -> None:
        self.claims = claims
        self.signs: BankSigns | ClaimSigns = ClaimSigns() if claims else BankSigns()
        self.evidence = Evidence(self.signs.kinds, seen=self.settings.seen, least=self.settings.evidence)

    def learn(self, history: pd.DataFrame) -> None:
        """Take from a quiet history what is usual, how rare each sign is, and how high evidence rises.

        Args:
            history: event_id, time, account, amount and whatever else of counterparty, direction, category,
                channel, country, device, outcome (payments) or encounter, service_time, minutes (claims) is
                there; may be empty.

        Raises:
            UserError: if it is no table, or a column that is needed is missing.
        """
        check_transactions(history)
        self._start(claims=any(name in history.columns for name in CLAIM_COLUMNS))
        self._settled = True
        if not len(history):
            return
        kept: list[tuple[str, str, float, list[Sign]]] = []
        first = last = math.nan
        for row in rows_of(history):
            usable = self._usable(row)
            if usable is None:
                continue
            account, event_id, time, amount = usable
            signs, figures = self.signs.signs(row, time, amount)
            self.signs.learn(row, time, amount, figures)
            first = time if math.isnan(first) else first
            last = time
            kept.append((account, event_id, time, signs))
        # The first third fills the baselines: what is new then is new to us, not to the account.
        kept = kept[len(kept) // 3 :]
        for _, _, _, signs in kept:
            self.evidence.count(signs)
        highest: dict[str, dict[str, float]] = {kind.name: {} for kind in self.signs.kinds}
        for account, event_id, time, signs in kept:
            for kind, case, _ in self.evidence.weigh(account, event_id, time, signs):
                mine = highest[kind.name]
                mine[account] = max(case.total, mine.get(account, 0.0))
        days = max((last - first) / 86_400.0, 1.0) * 2 / 3
        size = len(self.context.people) if self.context is not None else 0
        size = size or len({account for account, *_ in kept})
        spare = round(self.settings.budget * days * size / 1000)
        for kind in self.signs.kinds:
            top = sorted(highest[kind.name].values(), reverse=True)
            reached = top[spare] if len(top) > spare else 0.0
            limit = max(self.settings.evidence, self.settings.margin * reached)
            self.evidence.limits[kind.name] = kind.strictness * limit
        self.evidence.cases = {}

    def observe(self, event: Row) -> Sequence[Detection]:
        """Judge one transaction, then learn from it.

        A row without a usable amount, time or account is counted in ``unusable`` and passed over.
        """
        if not self._settled:
            self._start(claims=any(name in event for name in CLAIM_COLUMNS))
            self._settled = True
        usable = self._usable(event)
        if usable is None:
            return ()
        account, event_id, time, amount = usable
        signs, figures = self.signs.signs(event, time, amount)
        found: list[Detection] = []
        for kind, case, present in self.evidence.weigh(account, event_id, time, signs):
            score = 1.0 - 0.5 ** (case.total / self.evidence.limit(kind.name))
            if score >= 0.1:
                found.append(self._detection(event, (kind.name, kind.severity), score, present, case.events))
        inputs = {**figures, **{sign.name: 1.0 for sign in signs}}
        if self.frauds_known >= self.settings.labels_least:
            score = self.learned_score(inputs)
            if score >= 0.1:
                kind = found[0].kind if found else "unusual_transaction"
                learned = Sign("learned", "resembles transactions that were fraud", round(score, 3), None)
                found.append(self._detection(event, (kind, "medium"), score, [learned, *signs], (event_id,)))
        if event_id:
            self._remember(event_id, inputs)
        if not event.get("late"):
            self.signs.learn(event, time, amount, figures)
        return found

    def learn_label(self, event_id: str, fraud: bool) -> bool:
        """Take up what became known of a transaction later; return whether it was still remembered."""
        inputs = self._waiting.pop(str(event_id), None)
        if inputs is None:
            return False
        self._scaler.learn_one(inputs)
        self._model.learn_one(self._scaler.transform_one(inputs), bool(fraud))
        self.frauds_known += bool(fraud)
        return True

    def learned_score(self, inputs: Mapping[str, float]) -> float:
        """Return the learned score of 0 to 1, of which ``learned_limit`` is put at 0.5."""
        chance = self._model.predict_proba_one(self._scaler.transform_one(dict(inputs))).get(True, 0.0)
        limit = self.settings.learned_limit
        return 0.5 * chance / limit if chance < limit else 0.5 + 0.5 * (chance - limit) / (1 - limit)

    def _usable(self, row: Mapping[str, Any]) -> tuple[str, str, float, float] | None:
        reason = ""
        time, amount = _float(row.get("time")), _float(row.get("amount"))
        account = row.get("account")
        if not math.isfinite(time):
            reason = "no time"
        elif not math.isfinite(amount):
            reason = "no amount"
        elif amount <= 0:
            reason = "an amount of zero or less (a refund or a correction)"
        elif account is None or account == "" or pd.isna(account):
            reason = "no account"
        if reason:
            self.unusable[reason] = self.unusable.get(reason, 0) + 1
            return None
        return str(account), str(row.get("event_id") or ""), time, amount

    def _remember(self, event_id: str, inputs: dict[str, float]) -> None:
        self._waiting[event_id] = inputs
        while len(self._waiting) > self.settings.remembered:
            del self._waiting[next(iter(self._waiting))]

    def _detection(
        self,
        event: Row,
        kind: tuple[str, str],
        score: float,
        signs: Sequence[Sign],
        events: tuple[str, ...],
    ) -> Detection:
        reasons = tuple(Reason(sign.name, sign.words, sign.value, sign.usual) for sign in signs[:5])
        level: Severity = kind[1] if score >= 0.5 else "low"  # type: ignore[assignment]
        return Detection(
            iso(float(event["time"])), self.family, kind[0], str(event["account"]),
            str(event.get("counterparty") or "unknown counterparty"), level,
            round(min(max(score, 0.0), 1.0), 4), reasons, events,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return all that was learned as JSON values; labels that are still waited for are not kept."""
        return {
            "version": STATE_VERSION,
            "claims": self.claims,
            "settled": self._settled,
            "signs": self.signs.state(),
            "evidence": self.evidence.state(),
            "unusable": self.unusable,
            "frauds_known": self.frauds_known,
            "model": {"weights": dict(self._model.weights), "intercept": float(self._model.intercept)},
            "scaler": {
                "counts": dict(self._scaler.counts),
                "means": {k: float(v) for k, v in self._scaler.means.items()},
                "vars": {k: float(v) for k, v in self._scaler.vars.items()},
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned.

        Raises:
            UserError: if it is of another version or damaged.
        """
        if state.get("version") != STATE_VERSION:
            raise UserError(
                f"The saved state of the watch over transactions has version {state.get('version')!r}, and "
                f"{STATE_VERSION} is read: learn from the history again."
            )
        try:
            self._start(claims=bool(state["claims"]))
            self._settled = bool(state["settled"])
            self.signs.restore(state["signs"])
            self.evidence.restore(state["evidence"])
            self.unusable = {str(k): int(v) for k, v in state["unusable"].items()}
            self.frauds_known = int(state["frauds_known"])
            self._model = _model(self.settings)
            for name, value in state["model"]["weights"].items():
                self._model._weights[name] = float(value)
            self._model.intercept = float(state["model"]["intercept"])
            self._scaler = StandardScaler()
            for name in ("counts", "means", "vars"):
                getattr(self._scaler, name).update(state["scaler"][name])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(
                "The saved state of the watch over transactions is damaged: learn from the history again."
            ) from None


def as_transactions(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of payments or claims with the column names that the detector reads.

    ``transaction_id``, ``timestamp``, ``account_id``, ``merchant`` and ``mcc`` are renamed (``claim_id``,
    ``provider``, ``patient`` and ``procedure`` likewise), where the other name is not there already; times
    without a zone are taken as UTC; rows are put in order of time.

    Raises:
        UserError: if it is no table, or a column that is needed is missing.
    """
    if not isinstance(table, pd.DataFrame):
        raise UserError(f"Transactions must be a DataFrame, not {type(table).__name__}: pass a table.")
    names = {old: new for old, new in RENAMED.items() if old in table.columns and new not in table.columns}
    made = table.rename(columns=names)
    check_transactions(made)
    try:
        made["time"] = pd.to_datetime(made["time"], utc=True)
    except (TypeError, ValueError):
        raise UserError(
            "The column 'time' of the transactions holds no times: write 2026-03-31T08:15:00Z."
        ) from None
    return made.sort_values("time", kind="stable").reset_index(drop=True)


def check_transactions(table: pd.DataFrame) -> None:
    """Check that a table has what the detector needs.

    Raises:
        UserError: if it is no table, or has rows but lacks event_id, time, account or amount.
    """
    if not isinstance(table, pd.DataFrame):
        raise UserError(f"Transactions must be a DataFrame, not {type(table).__name__}: pass a table.")
    for name in NEEDED:
        if len(table) and name not in table.columns:
            raise UserError(
                f"The transactions have no column '{name}': add or rename it (see as_transactions)."
            )


def transaction_features(transactions: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Return signs and figures of each transaction as numbers, for a comparison with other detectors.

    Args:
        transactions: as for :class:`TransactionDetector`.
        history: the same for a quiet past.

    Returns:
        event_id, one column a sign (1 where it is there) and one a figure; rows that are unusable left out.
    """
    detector = TransactionDetector()
    detector.learn(history)
    rows = []
    for row in rows_of(transactions):
        usable = detector._usable(row)
        if usable is None:
            continue
        _, event_id, time, amount = usable
        signs, figures = detector.signs.signs(row, time, amount)
        detector.signs.learn(row, time, amount, figures)
        rows.append({"event_id": event_id, **figures, **{sign.name: 1.0 for sign in signs}})
    names = sorted({sign for kind in detector.signs.kinds for sign in kind.signs})
    table = pd.DataFrame(rows, columns=None if rows else ["event_id"])
    others = [name for name in table.columns if name != "event_id" and name not in names]
    return table.reindex(columns=["event_id", *others, *names]).fillna(dict.fromkeys([*others, *names], 0.0))


def _model(settings: TransactionSettings) -> LogisticRegression:
    from river.optim import SGD

    return LogisticRegression(optimizer=SGD(settings.rate_of_learning), l2=1e-4)


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
