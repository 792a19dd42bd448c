"""Legal clocks of an incident: which run, since when, until when, and on which fact that depends.

Not computed: the states' laws on breaches and their supervisors, the guidance of the banking agencies on
customer notice (12 CFR 30 App. B, Supplement A), credit unions, the FTC's rules, Part 2 and other special
laws, the later reports of DORA and NIS2, contracts, insurers and card schemes. A clock is evidence for
counsel, not legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.govern.incidents.clocks.american_finance import finance_clocks
from secure_ai.govern.incidents.clocks.deadlines import federal_holidays, form_8k_deadline, is_business_day
from secure_ai.govern.incidents.clocks.european import dora_nis2_clocks, gdpr_clocks
from secure_ai.govern.incidents.clocks.hipaa import hipaa_clocks
from secure_ai.govern.incidents.clocks.state import STATUS_WORDS, ClockState
from secure_ai.govern.incidents.facts import IncidentFacts

CLOCK_IDS = (
    "gdpr_authority", "gdpr_processor", "gdpr_persons",
    "hipaa_individuals", "hipaa_media", "hipaa_secretary", "hipaa_covered_entity",
    "bank_regulator", "bank_customers", "sec_8k",
    "dora_initial", "nis2_early_warning", "nis2_notification",
)  # fmt: skip

__all__ = [
    "CLOCK_IDS",
    "ClockState",
    "clocks_for",
    "clocks_frame",
    "federal_holidays",
    "form_8k_deadline",
    "is_business_day",
]


def clocks_for(facts: IncidentFacts) -> tuple[ClockState, ...]:
    """Return the state of every clock, in the order of ``CLOCK_IDS``.

    A clock whose facts are not all known is ``undecided`` and names what is missing; it never counts as not
    applicable for want of knowledge.

    Raises:
        UserError: if ``facts`` are none.
    """
    if not isinstance(facts, IncidentFacts):
        raise UserError("Give the facts of the incident as IncidentFacts(...).")
    found = [*gdpr_clocks(facts), *hipaa_clocks(facts), *finance_clocks(facts), *dora_nis2_clocks(facts)]
    return tuple(sorted(found, key=lambda clock: CLOCK_IDS.index(clock.id)))


def clocks_frame(clocks: Iterable[ClockState], now: datetime | None = None) -> pd.DataFrame:
    """Return clocks as a table.

    Returns:
        clock, reference, status, deadline (in words), hours left (where ``now`` is given), because.
    """
    rows = []
    for clock in clocks:
        left = None if now is None else clock.remaining_minutes(now)
        because = f"missing: {', '.join(clock.missing)}" if clock.missing else clock.why
        rows.append(
            {
                "clock": clock.name,
                "reference": clock.reference,
                "status": STATUS_WORDS[clock.status],
                "deadline": "" if clock.deadline is None else f"{clock.deadline:%Y-%m-%d %H:%M %Z}",
                **({} if now is None else {"hours left": None if left is None else round(left / 60, 1)}),
                "because": because,
            }
        )
    return pd.DataFrame(rows)
