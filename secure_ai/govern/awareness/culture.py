"""A reporting culture in figures of groups: who is never asked, how often and how soon is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.attack.phishing.phish_scale import DIFFICULTIES
from secure_ai.core.errors import UserError
from secure_ai.core.intervals import wilson
from secure_ai.core.measurement import Unassessed
from secure_ai.govern.awareness.campaign import Campaign, check_campaign

if TYPE_CHECKING:
    from pandas import DataFrame

SMALLEST_GROUP = 10
NO_BLAME = (
    "Results are shown for groups only, never for a person: a click that can be told without fear is "
    "reported, and a report is what ends an attack."
)
GROUPINGS = ("overall", "difficulty", "unit", "campaign")
FEWEST_CAMPAIGNS = 4
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Trend:
    """Change of the report rate from campaign to campaign, at the same difficulty.

    Attributes:
        odds_ratio: of a report, per 30 days; above 1 is rising.
        interval: at 95 %, by campaigns (which differ more than chance among people would have it).
        campaigns: how many it rests on.
    """

    odds_ratio: float
    interval: tuple[float, float]
    campaigns: int

    def sentence(self) -> str:
        """Say whether reporting rises."""
        low, high = self.interval
        way = "rises" if low > 1 else "falls" if high < 1 else "shows no clear trend"
        return (
            f"Reporting {way}: odds times {self.odds_ratio:.2f} per 30 days ({low:.2f} to {high:.2f}), "
            f"{self.campaigns} campaigns."
        )


@dataclass(frozen=True)
class ReportingCulture:
    """Figures of groups of at least ``smallest_group`` people.

    Attributes:
        frames: grouping → rows with ``group``, ``recipients``, ``mails``, ``report_rate``, ``report_low``,
            ``report_high``, ``click_rate``, ``click_low``, ``click_high``, ``reports_per_click``,
            ``first_report_minutes`` (median over campaigns), ``dwell_minutes`` (median time of a report after
            the sending), and by unit and campaign ``expected_click_rate`` (of the same difficulties, of all
            units together). A suppressed group has its name and nothing else.
        trend: of the report rate, or why there is none.
        smallest_group: fewest people of whom a figure is shown.
        simulated: whether the campaign was invented.
    """

    frames: dict[str, DataFrame]
    trend: Trend | Unassessed
    smallest_group: int
    simulated: bool

    def to_frame(self, by: str = "difficulty") -> DataFrame:
        """Return the rows of one grouping: ``overall``, ``difficulty``, ``unit`` or ``campaign``.

        Raises:
            UserError: for any other, and with the reason for one per person.
        """
        if by in {"recipient", "person", "employee", "user", "name", "staff"}:
            raise UserError(f"There is no table per person. {NO_BLAME}")
        if by not in GROUPINGS:
            raise UserError(f"The grouping '{by}' is unknown: choose from {', '.join(GROUPINGS)}.")
        return self.frames[by].copy()

    def sentence(self) -> str:
        """Say, first, whether it is a simulation; then how many report and click, and the trend."""
        row = self.frames["overall"].iloc[0]
        start = "Simulated, no real person answered. " if self.simulated else ""
        trend = self.trend.sentence() if isinstance(self.trend, Trend) else f"No trend: {self.trend.reason}."
        hidden = int(self.frames["unit"]["suppressed"].sum())
        small = (
            f" {hidden} {'unit is' if hidden == 1 else 'units are'} not shown, to shield their members."
            if hidden
            else ""
        )
        minutes = f"{row.first_report_minutes:.0f}"
        minutes += " minute" if minutes == "1" else " minutes"
        return (
            f"{start}{row.report_rate:.0%} report ({row.report_low:.0%} to {row.report_high:.0%}), "
            f"{row.click_rate:.0%} click ({row.click_low:.0%} to {row.click_high:.0%}): "
            f"{row.reports_per_click:.1f} reports for each click; the first report comes after "
            f"{minutes} (median of campaigns). {trend}{small} {NO_BLAME}"
        )


def reporting_culture(
    campaign: Campaign | DataFrame, smallest_group: int = SMALLEST_GROUP
) -> ReportingCulture:
    """Measure how often and how soon people report, by difficulty, unit and campaign.

    Groups with fewer people are suppressed, and so is one in which everybody clicked or nobody reported (each
    would be told). Further ones are suppressed where adding and subtracting what all tables show together
    (a campaign from its difficulty, a unit from a campaign that went nowhere else) would give one of those,
    or what so few people of one unit did in one campaign. Results of overlapping periods can still be
    subtracted from one another: publish each period once.

    Args:
        campaign: from ``simulate_campaign`` or ``read_campaign``, or a table with their columns.
        smallest_group: at least 10.

    Raises:
        UserError: if the table is not as it should be, fewer people than a group were mailed, or a smaller
            group is asked for.

    Source: Steves, Greene & Theofanos (2020): click rates mean little without the difficulty of the mail.
    """
    if (
        isinstance(smallest_group, bool)
        or not isinstance(smallest_group, int)
        or smallest_group < SMALLEST_GROUP
    ):
        raise UserError(f"The smallest group must be a whole number from {SMALLEST_GROUP}. {NO_BLAME}")
    simulated = isinstance(campaign, Campaign) and campaign.simulated
    frame = check_campaign(campaign.frame if isinstance(campaign, Campaign) else campaign)
    if frame["recipient"].nunique() < smallest_group:
        raise UserError(
            f"Fewer than {smallest_group} people were mailed: no figure can be shown without telling on them."
        )
    frame = frame.assign(
        clicks=frame["clicked"].notna(), reports=frame["reported"].notna(),
        minutes=(frame["reported"] - frame["sent"]).dt.total_seconds() / 60,
    )  # fmt: skip
    expected = frame.groupby("difficulty")["clicks"].mean()
    frame["expected"] = frame["difficulty"].map(expected)
    hidden = _hidden(frame, smallest_group)
    frames = {
        "overall": _rows(frame.assign(everybody="everybody"), "everybody", set()),
        **{by: _rows(frame, by, hidden[by]) for by in GROUPINGS[1:]},
    }
    order = {name: place for place, name in enumerate(DIFFICULTIES)}
    frames["difficulty"] = frames["difficulty"].sort_values("group", key=lambda names: names.map(order))
    frames["difficulty"] = frames["difficulty"].reset_index(drop=True)
    return ReportingCulture(frames, _trend(frame), smallest_group, simulated)


def _rows(frame: DataFrame, by: str, hidden: set[str]) -> DataFrame:
    table = []
    for group, rows in frame.groupby(by, sort=True):
        name = str(group)
        row = {"group": name, "suppressed": name in hidden}
        if name not in hidden:
            row |= _figures(rows, rows["recipient"].nunique())
        table.append(row)
    columns = [
        "group", "suppressed", "recipients", "mails", "report_rate", "report_low", "report_high",
        "click_rate", "click_low", "click_high", "reports_per_click", "first_report_minutes", "dwell_minutes",
        "expected_click_rate",
    ]  # fmt: skip
    return pd.DataFrame(table, columns=columns)


def _hidden(frame: DataFrame, smallest: int) -> dict[str, set[str]]:
    """Return which groups of each grouping are not shown, so that none can be computed from the others."""
    people = {
        by: frame.groupby(by)["recipient"].nunique().rename(index=str).to_dict() for by in GROUPINGS[1:]
    }
    told = {by: _told(frame, by, people[by], smallest) for by in people}
    hidden = {by: _suppressed(frame, by, people[by], told[by], smallest) for by in people}
    cells = frame.groupby(["unit", "campaign", "difficulty"], as_index=False)["recipient"].nunique()
    within = {by: {name: (cells[by] == name).to_numpy(float) for name in people[by]} for by in people}
    secret = [within[by][name] for by in people for name in sorted(told[by])]
    secret += list(np.eye(len(cells))[(cells["recipient"] < smallest).to_numpy()])
    while secret:
        shown = [(by, name) for by in people for name in sorted(people[by]) if name not in hidden[by]]
        table = np.array([np.ones(len(cells)), *(within[by][name] for by, name in shown)])
        wanted = np.array(secret)
        weights = np.linalg.pinv(table.T) @ wanted.T
        exact = np.abs(table.T @ weights - wanted.T).max(axis=0) < TOLERANCE
        used = [
            (people[by][name], by, name)
            for place, (by, name) in enumerate(shown, 1)
            if (np.abs(weights[place, exact]) > TOLERANCE).any()
        ]
        if not used:
            break
        _, by, name = min(used)
        hidden[by].add(name)
    return hidden


def _told(frame: DataFrame, by: str, people: dict[str, int], smallest: int) -> set[str]:
    """Return groups that are too small, or in which each would be told on."""
    small = {name for name, count in people.items() if count < smallest}
    if len(people) == 1:
        return small
    of_person = frame.groupby([by, "recipient"])[["clicks", "reports"]].max().groupby(level=0)
    alike = of_person["clicks"].all() | ~of_person["reports"].any()
    return small | {str(name) for name in alike.index[alike]}


def _suppressed(frame: DataFrame, by: str, people: dict[str, int], told: set[str], smallest: int) -> set[str]:
    """Return the groups that are told on, and so many more that together they are not."""
    hidden = set(told)
    rest = sorted(set(people) - hidden, key=lambda name: (people[name], name))
    # The whole is shown too: what is hidden must be two groups and enough people, not all alike.
    while hidden and rest and (len(hidden) < 2 or not _safe(frame[frame[by].isin(hidden)], smallest)):
        hidden.add(rest.pop(0))
    return hidden


def _safe(rows: DataFrame, smallest: int) -> bool:
    of_person = rows.groupby("recipient")[["clicks", "reports"]].max()
    return len(of_person) >= smallest and not of_person["clicks"].all() and bool(of_person["reports"].any())


def _figures(rows: DataFrame, people: int) -> dict[str, float]:
    mails = len(rows)
    found: dict[str, float] = {"recipients": people, "mails": mails}
    for name, column in (("report", "reports"), ("click", "clicks")):
        hits = int(rows[column].sum())
        effect = _design_effect(rows, column)
        low, high = wilson(hits / effect, mails / effect)
        found |= {f"{name}_rate": hits / mails, f"{name}_low": low, f"{name}_high": high}
    clicks = int(rows["clicks"].sum())
    first = rows.groupby("campaign")["minutes"].min()
    return found | {
        "reports_per_click": int(rows["reports"].sum()) / clicks if clicks else math.inf,
        "first_report_minutes": float(first.median()),
        "dwell_minutes": float(rows["minutes"].median()),
        "expected_click_rate": float(rows["expected"].mean()),
    }


def _design_effect(rows: DataFrame, column: str) -> float:
    # One person's answers are alike: their number counts for less (Kish's design effect, from clusters).
    share, n = rows[column].mean(), len(rows)
    groups = rows.groupby("recipient")[column]
    if share in (0, 1) or groups.ngroups < 2 or groups.ngroups == n:
        return 1.0
    residual = groups.sum() - share * groups.size()
    variance = groups.ngroups / (groups.ngroups - 1) * float((residual**2).sum()) / n**2
    return max(1.0, variance / (share * (1 - share) / n))


def _trend(frame: DataFrame) -> Trend | Unassessed:
    from scipy.stats import t

    by = frame.groupby("campaign").agg(
        sent=("sent", "min"),
        n=("reports", "size"),
        hits=("reports", "sum"),
        difficulty=("difficulty", "first"),
    )
    months = (by["sent"] - by["sent"].min()).dt.total_seconds().to_numpy() / (30 * 86_400)
    hard = by["difficulty"].map({name: place for place, name in enumerate(DIFFICULTIES)}).to_numpy(float)
    columns = [np.ones(len(by)), months] + ([hard] if len(set(hard)) > 1 else [])
    if len(by) < max(FEWEST_CAMPAIGNS, len(columns) + 2) or len(set(months)) < 2:
        return Unassessed(
            f"a trend needs at least {max(FEWEST_CAMPAIGNS, len(columns) + 2)} campaigns over time"
        )
    X, n, hits = np.column_stack(columns), by["n"].to_numpy(float), by["hits"].to_numpy(float)
    beta, information = np.zeros(X.shape[1]), np.eye(X.shape[1])
    for _ in range(50):
        p = np.clip(1 / (1 + np.exp(-(X @ beta))), 1e-9, 1 - 1e-9)
        information = X.T @ (X * (n * p * (1 - p))[:, None])
        try:
            step = np.linalg.solve(information, X.T @ (hits - n * p))
        except np.linalg.LinAlgError:
            return Unassessed("all campaigns ended alike, or time and difficulty changed together")
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    else:
        return Unassessed("the report rates leave no finite trend")
    freedom = len(by) - X.shape[1]
    spread = max(1.0, float(((hits - n * p) ** 2 / (n * p * (1 - p))).sum()) / freedom)
    half = float(t.ppf(0.975, freedom)) * math.sqrt(spread * np.linalg.inv(information)[1, 1])
    return Trend(
        float(np.exp(beta[1])), (float(np.exp(beta[1] - half)), float(np.exp(beta[1] + half))), len(by)
    )
