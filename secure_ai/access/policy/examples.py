"""Telling requests of each sector, and an emergency drill: try a policy before it is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from secure_ai.access.policy.break_glass import BreakGlass
from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.request import AccessRequest
from secure_ai.access.policy.sectors import Sector, sector
from secure_ai.core.errors import UserError


@dataclass(frozen=True)
class _Words:
    """What the examples are called in a sector."""

    kind: str
    purpose: str
    no_purpose: str
    near: str
    near_in_words: str
    approver: str
    limit: dict[str, int]
    entered: str
    scoring: str
    features: tuple[str, ...]
    helper: str
    outsider: str
    reviewer: str
    told: str
    empty: str


_WORDS = {
    "healthcare": _Words(
        kind="Chart", purpose="treatment", no_purpose="none_given",
        near="care_team", near_in_words="in one's care",
        approver="physician", limit={}, entered="Prescription",
        scoring="model_scoring", features=("age", "sex"),
        helper="nurse", outsider="billing_specialist", reviewer="privacy office",
        told="Found unconscious on the stairs, allergies unknown",
        empty="urgent access needed for patient care",
    ),
    "finance": _Words(
        kind="Account", purpose="customer request", no_purpose="none given",
        near="present", near_in_words="at the counter",
        approver="personal banker", limit={"approval_limit": 1_000}, entered="Payment",
        scoring="model scoring", features=("amount", "credit_score"),
        helper="branch manager", outsider="teller", reviewer="compliance office",
        told="Systems down, stolen card in use",
        empty="urgent access needed for customer care",
    ),
}  # fmt: skip


def example_requests(of: str | Sector, roles: str | Sequence[str]) -> dict[str, AccessRequest]:
    """Return requests that differ in one circumstance each, under what they are in words.

    Four are by somebody who holds ``roles``: near the person concerned, elsewhere, without a purpose, and the
    own record. One approves what the same person entered; two are by a model's account: for its columns,
    and for one more.

    Raises:
        UserError: if there is no such sector.
    """
    known, words = _known(of)
    kind, purpose, near = words.kind, words.purpose, words.near
    model = {"kind": "ServiceAccount", "columns": words.features}
    more = (*words.features, "religion")

    def scored(columns: tuple[str, ...]) -> AccessRequest:
        return known.request(model, "read_columns", "Extract", words.scoring, columns=columns)

    return {
        f"somebody {words.near_in_words}": known.request(roles, "view", kind, purpose, relationship=near),
        "somebody elsewhere": known.request(roles, "view", kind, purpose, relationship="none"),
        f"{words.near_in_words}, without a purpose": known.request(
            roles, "view", kind, words.no_purpose, relationship=near
        ),
        "one's own record": known.request(roles, "view", kind, purpose, relationship="self"),
        f"a {words.approver} approves what the same person entered": known.request(
            {"roles": words.approver, "id": "me", **words.limit},
            "approve",
            {"kind": words.entered, "entered_by": "me"},
            purpose,
            relationship=near,
        ),
        "the model, its columns": scored(words.features),
        "the model, one column more": scored(more),
    }


def answers(policy: AccessPolicy, requests: Mapping[str, AccessRequest]) -> pd.DataFrame:
    """Ask a policy several things at once.

    Args:
        policy: decides.
        requests: what is asked, in words → the request.

    Returns:
        request, answer (the decision, its rule, and for a refusal what was missing); in the given order.
    """
    rows = [(asked, policy.explain(request).sentence()) for asked, request in requests.items()]
    return pd.DataFrame(rows, columns=["request", "answer"])


def emergency_drill(glass: BreakGlass, of: str | Sector) -> pd.DataFrame:
    """Break the glass once: a poor reason, a good one, another record, an outsider, the review.

    It is a real opening: it stands in the trail of ``glass`` and is reviewed there, so give the drill a
    glass of its own.

    Returns:
        step, answer.

    Raises:
        UserError: if there is no such sector, or nobody got in who could be reviewed.
    """
    known, words = _known(of)

    def ask(role: str, record: str) -> AccessRequest:
        what: dict[str, Any] = {"kind": words.kind, "id": record}
        return known.request({"roles": role, "id": role}, "view", what, "emergency")

    def opening(role: str, reason: str) -> str:
        try:
            opened = glass.open(ask(role, "record 1"), reason)
        except UserError as refused:
            return str(refused)
        return f"Open for {(opened.until - opened.opened).total_seconds() / 60:.0f} minutes."

    def looking(record: str) -> str:
        return glass.decide(ask(words.helper, record)).sentence()

    outsider = words.outsider.replace("_", " ")
    rows = [
        ("looks without opening", looking("record 1")),
        (f"opens: '{words.empty}'", opening(words.helper, words.empty)),
        (f"opens: '{words.told}'", opening(words.helper, words.told)),
        ("looks again", looking("record 1")),
        ("looks at another record", looking("record 2")),
        (f"a {outsider} opens, with the same reason", opening(words.outsider, words.told)),
    ]
    waiting = glass.pending()
    if not waiting:
        raise UserError("The drill opened nothing: see whether the policy foresees emergencies at all.")
    judged = glass.review(waiting[-1].number, words.reviewer, "justified")
    rows.append((f"the {words.reviewer} reviews", f"{judged.outcome.capitalize()}. {glass.sentence()}"))
    return pd.DataFrame(rows, columns=["step", "answer"])


def _known(of: str | Sector) -> tuple[Sector, _Words]:
    known = sector(of) if isinstance(of, str) else of
    if known.name not in _WORDS:
        raise UserError(f"There are no examples for a sector of your own: choose from {', '.join(_WORDS)}.")
    return known, _WORDS[known.name]
