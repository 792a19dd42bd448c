"""The data card of a month of activity: what is in it, what is misuse, and what only looks like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from synthetic_data.activity import work
from synthetic_data.activity.sectors import family_of
from synthetic_data.cards import DataCard

if TYPE_CHECKING:
    from synthetic_data.activity.month import Month

INSTITUTION = {"healthcare": "hospital", "finance": "bank"}


def month_card(month: Month, policy: dict[str, str]) -> DataCard:
    """What is true of a month; ``policy`` says of each kind what was done."""
    return DataCard(
        f"A month of activity of an invented {INSTITUTION[month.sector]}",
        facts={
            "made from": {
                "sector": month.sector, "staff": len(month.staff), "days": month.days,
                "seed": month.seed, "stealth": month.stealth,
            },
            "volumes": _volumes(month),
            "planted incidents": _planted(month, policy),
            "honest work that looks like misuse": _look_alikes(month),
        },
        notes=(
            "A simulation: nobody in it exists. Staff, subjects, households, accounts, devices are numbers "
            "that belong to nobody, and there are no names. Times are the institution's own, written as UTC. "
            "In the three weeks before the month nothing is planted.",
            "The policy by which planted acts are misuse: records are opened for work only, and work leaves "
            "a relation, a cover, a case or a plan somewhere, if not always in the system; nobody works on "
            "their own record, and on a relative's only where they are assigned; a lock is overridden only "
            "in an emergency that a team takes over; who has left or is on leave opens no record; exports go "
            "where they were announced; a service asks for what it was declared for; models are asked for "
            "cases; what is billed was done, and what is paid was wanted by the owner of the account.",
            "At a stealth of 0.3 or less no planted access carries an invented relation, and each incident "
            "leaves a trace that these tables show. Near 1 some do not: nobody can find all of them. "
            "A share of honest accesses has no relation either, so its absence proves nothing.",
        ),
    )  # fmt: skip


def _volumes(month: Month) -> dict[str, Any]:
    names = ("staff", "subjects", "services", "feeds", "history", "history_queries", "history_transactions",
             "events", "queries", "transactions", "incidents", "truth")  # fmt: skip
    return {name: len(getattr(month, name)) for name in names}


def _planted(month: Month, policy: dict[str, str]) -> dict[str, Any]:
    table = month.incidents
    return {
        kind: {
            "family": family_of(kind),
            "what": policy[kind],
            "incidents": len(rows),
            "events": int(rows["events"].sum()),
        }
        for kind, rows in table.groupby("kind", sort=False)
    }


def _look_alikes(month: Month) -> dict[str, Any]:
    honest = month.events[~month.events["event_id"].isin(month.truth["event_id"])]
    opened = honest[honest["action"].isin(["view", "update", "print"])]
    exports = honest[(honest["action"] == "export") & (honest["role"] != "service")]
    special = month.subjects.set_index("subject_id")
    employees = special.index[special["staff_id"] != ""]
    prominent = special.index[special["prominent"]]
    begin = pd.Timestamp(month.begins)
    facts = {
        "share of accesses whose relation is not known": round(float((opened["relation"] == "").mean()), 3),
        "built in for any access": work.MISSING_RELATION,
        "built in for a pair of staff and subject for ever": work.MISSING_PAIRS,
        "accesses to employees": int(opened["target"].isin(employees).sum()),
        "accesses to prominent subjects": int(opened["target"].isin(prominent).sum()),
        "overrides in an emergency": int(opened["break_glass"].sum()),
        "accesses from ten in the evening to six": int((((opened["time"].dt.hour + 2) % 24) < 8).sum()),
        "days on which somebody opened more than sixty records": _busy_days(opened),
        "exports of more than five hundred records": int((exports["record_count"] > 500).sum()),
        "exports to a stick or by mail": int(exports["destination"].isin(["usb", "subject-mail"]).sum()),
        "new members of staff": int((month.staff["hired_on"] >= begin).sum()),
        "back from a leave of months": int(
            (
                (month.staff["leave_until"] >= begin)
                & (month.staff["leave_until"] - month.staff["leave_from"] > pd.Timedelta(days=45))
                & (month.staff["leave_until"] < begin + pd.Timedelta(days=month.days))
            ).sum()
        ),
        "new announced feed": str(month.feeds["destination"].iloc[-1]),
        "new version of a service": str(month.services["model"].iloc[-1]),
        "queries that repeat one of the same client": int(
            month.queries.duplicated(["actor", *[f"x{i}" for i in range(8)]]).sum()
        ),
    }
    return facts | (_bank(month) if month.sector == "finance" else _hospital(month))


def _busy_days(opened: pd.DataFrame) -> int:
    return int((opened.groupby(["actor", opened["time"].dt.date])["target"].nunique() > 60).sum())


def _bank(month: Month) -> dict[str, Any]:
    paid = month.transactions[~month.transactions["event_id"].isin(month.truth["event_id"])]
    out = paid[paid["direction"] == "out"]
    return {
        "accounts that paid in more than one country": int(
            (out.groupby("account")["country"].nunique() > 1).sum()
        ),
        "accounts that changed their device": int(
            (out[out["device"].str.startswith("dev-")].groupby("account")["device"].nunique() > 1).sum()
        ),
        "payments above a thousand": int((out["amount"] > 1000).sum()),
        "payments below three": int((out["amount"] < 3).sum()),
        "declined payments": int((out["outcome"] == "declined").sum()),
    }


def _hospital(month: Month) -> dict[str, Any]:
    paid = month.transactions[~month.transactions["event_id"].isin(month.truth["event_id"])]
    minutes = paid.groupby(["account", paid["service_time"].dt.date])["minutes"].sum()
    return {
        "claims without a known encounter": int((paid["encounter"] == "").sum()),
        "claims sent again or corrected": int(
            paid[paid["encounter"] != ""].duplicated(["account", "encounter"]).sum()
        ),
        "days of a provider with more than ten hours billed": int((minutes > 600).sum()),
        "claims of group sessions": int((paid["channel"] == "group").sum()),
        "claims by telehealth": int((paid["channel"] == "telehealth").sum()),
    }
