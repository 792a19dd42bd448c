"""Access review: which accesses of a log the policy would have denied, and how well that finds snooping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.sectors import Sector, log_requests, sector
from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import wilson
from secure_ai.core.sources import shown

UNDECIDED = "could not be judged"


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval (Wilson)."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        """The share; not a number where there was nothing to count."""
        return self.hits / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Its interval at 95 %."""
        return wilson(self.hits, self.n)

    def __str__(self) -> str:
        if not self.n:
            return "none to count"
        low, high = self.interval
        interval = f"95 % interval {percent(low)} to {percent(high)}"
        return f"{percent(self.value)} ({self.hits:,} of {self.n:,}; {interval})"


@dataclass(frozen=True)
class AccessReview:
    """A log beside a policy.

    Attributes:
        denied: one row for each access that the policy would deny: row (its place in the log, from 0), role,
            action, kind, purpose, why (the prohibition, or what the nearest permission lacks), label.
        accesses: how many there were.
        labeled: how many are labeled as misuse; None where the log has no label.
    """

    denied: pd.DataFrame
    accesses: int
    labeled: int | None = None

    @property
    def precision(self) -> Share | None:
        """Of the accesses that the policy denies, the share labeled as misuse."""
        return None if self.labeled is None else Share(int(self.denied["label"].sum()), len(self.denied))

    @property
    def recall(self) -> Share | None:
        """Of the accesses labeled as misuse, the share that the policy denies."""
        return None if self.labeled is None else Share(int(self.denied["label"].sum()), self.labeled)

    @property
    def base_rate(self) -> Share | None:
        """Of all accesses, the share labeled as misuse: the precision of picking at random."""
        return None if self.labeled is None else Share(self.labeled, self.accesses)

    def by_reason(self) -> pd.DataFrame:
        """Return one row for each case: role, action, kind, why, denied, and labeled where it is known.

        ``denied`` counts the accesses of the case, ``labeled`` those of them that were misuse; the commonest
        case comes first, of equals the one with more misuse.
        """
        grouped = self.denied.groupby(["role", "action", "kind", "why"], sort=False)
        table = grouped.size().rename("denied").to_frame()
        if self.labeled is not None:
            table["labeled"] = grouped["label"].sum().astype(int)
        return table.sort_values(list(table.columns), ascending=False, kind="stable").reset_index()

    def to_frame(self) -> pd.DataFrame:
        """Return the accesses that the policy would deny."""
        return self.denied

    def sentence(self) -> str:
        """Say how much of the log the policy would deny, and how that compares with the labels."""
        text = f"The policy would deny {len(self.denied):,} of {self.accesses:,} logged accesses."
        if self.labeled is not None:
            text += (
                f" It finds {self.recall} of what is labeled as misuse; of what it denies {self.precision} "
                f"is labeled, against {self.base_rate} at random."
            )
        return text


def compare_ways(review: AccessReview, flagged: Mapping[str, pd.Series], label: pd.Series) -> pd.DataFrame:
    """Put a review beside simpler ways to look for misuse in the same log.

    Args:
        review: of a log with a label.
        flagged: name of a way → yes or no for each access: would this way ask about it?
        label: yes or no for each access: was it misuse?

    Returns:
        way, accesses (that it asks about), precision (of these misuse), recall (of the misuse found); the
        shares in percent, the policy first.

    Raises:
        UserError: if the review has no label, or a column has another length than the log.
    """
    if review.labeled is None or review.precision is None or review.recall is None:
        raise UserError("Ways are compared on a log that says what was misuse: review it with label=...")
    misuse = label.astype(bool).to_numpy()
    shares = {"the policy": (review.precision, review.recall)}
    for way, asked in flagged.items():
        if not len(asked) == len(misuse) == review.accesses:
            raise UserError(
                f"The way '{shown(way)}' needs a yes or no for each of {review.accesses:,} accesses."
            )
        hits = int((asked.astype(bool).to_numpy() & misuse).sum())
        shares[way] = Share(hits, int(asked.sum())), Share(hits, review.labeled)
    rows = [(way, found.n, _percent(found), _percent(part)) for way, (found, part) in shares.items()]
    return pd.DataFrame(rows, columns=["way", "accesses", "precision", "recall"])


def _percent(share: Share) -> str:
    return percent(share.value) if share.n else "none to count"


def review_log(
    policy: AccessPolicy,
    of: str | Sector,
    log: pd.DataFrame,
    staff: pd.DataFrame | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
    assume: Mapping[str, Any] | None = None,
    label: str | None = None,
) -> AccessReview:
    """Ask the policy about every access of a log.

    What a log does not hold (consent, devices, second persons) is taken as ordinary, which permits less;
    ``facts`` and ``assume`` say more. A denial is a question to ask, not a verdict.

    Args:
        policy: decides.
        of: the sector whose words the log speaks.
        log, staff, columns, facts, assume: see :func:`secure_ai.access.policy.sectors.log_requests`.
        label: column that says which accesses were misuse, where that is known.

    Raises:
        UserError: if a column is missing.
    """
    known = sector(of) if isinstance(of, str) else of
    if label is not None and label not in log.columns:
        raise UserError(f"The access log has no column '{shown(label)}'.")
    labels = log[label].astype(bool).tolist() if label is not None else [False] * len(log)
    rows = []
    told: dict[Any, str] = {}
    requests = log_requests(known, log, staff, columns=columns, facts=facts, assume=assume)
    for row, (request, misuse) in enumerate(zip(requests, labels, strict=True)):
        decision = policy.decide(request)
        if decision.allowed:
            continue
        role = ", ".join(request.principal.roles)
        asked = (role, request.action, request.resource.kind, request.purpose)
        # What is missing depends on the facts, too; equal facts are explained once.
        facts_of = tuple(sorted((name, value) for name, value in request.context.items()))
        key = (asked, decision.rules, decision.errors, facts_of, tuple(request.resource.attributes.items()))
        if key not in told:
            told[key] = _why(policy, request, decision)
        rows.append((row, *asked, told[key], misuse))
    names = ["row", "role", "action", "kind", "purpose", "why", "label"]
    denied = pd.DataFrame(rows, columns=names)
    if label is None:
        denied = denied.drop(columns="label")
    return AccessReview(denied, len(log), None if label is None else sum(labels))


def _why(policy: AccessPolicy, request: Any, decision: Any) -> str:
    if decision.errors:
        return f"{UNDECIDED}: {decision.errors[0]}"
    if decision.rules:
        return f"forbidden by {', '.join(decision.rules)}"
    nearest = policy.explain(request).nearest
    return "missing: " + "; ".join(nearest.missing) if nearest else "no rule permits this action"
