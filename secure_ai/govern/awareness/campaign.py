"""Campaigns of simulated phishing: own results from a file, or an invented campaign that says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from secure_ai.attack.phishing.phish_scale import DIFFICULTIES
from secure_ai.core.errors import UserError
from secure_ai.core.sources import open_source

if TYPE_CHECKING:
    from pandas import DataFrame

LONGEST_NAME = 80
COLUMNS = ("campaign", "recipient", "unit", "difficulty", "sent", "clicked", "reported")
TIMES = ("sent", "clicked", "reported")
FIRST_DAY = pd.Timestamp("2026-01-12 09:00", tz="UTC")
UNITS = {
    "healthcare": ("emergency", "ward 4B", "pharmacy", "radiology", "billing", "admissions", "night porters"),
    "finance": (
        "harbor branch",
        "payments",
        "card center",
        "credit control",
        "call center",
        "treasury",
        "vault",
    ),
}
# Shares of staff; the last unit is too small to be shown alone, as such units are.
SIZES = (0.26, 0.24, 0.13, 0.12, 0.12, 0.11, 0.02)
CLICKS = {"least": 0.04, "moderately to least": 0.07, "moderately": 0.11, "very": 0.2}
REPORTS = {"least": 0.42, "moderately to least": 0.36, "moderately": 0.28, "very": 0.18}


@dataclass(frozen=True)
class Campaign:
    """Results of one or more campaigns.

    Attributes:
        frame: one row per delivered mail: ``campaign``, ``recipient`` (an opaque code), ``unit``,
            ``difficulty`` (of the Phish Scale), ``sent``, ``clicked``, ``reported`` (UTC, NaT where not).
        simulated: whether the results are invented.
        label: where they come from.
    """

    frame: DataFrame
    simulated: bool
    label: str

    def sentence(self) -> str:
        """Say first whether this is a simulation, then what it holds."""
        start = "This is a simulation, no real person answered: " if self.simulated else f"{self.label}: "
        return (
            f"{start}{self.frame['campaign'].nunique()} campaigns, {len(self.frame):,} mails to "
            f"{self.frame['recipient'].nunique():,} recipients in {self.frame['unit'].nunique()} units."
        )

    def to_frame(self) -> DataFrame:
        """Return counts per campaign: ``campaign``, ``difficulty``, ``mails``, ``clicks``, ``reports``."""
        return (
            self.frame.groupby(["campaign", "difficulty"], as_index=False)
            .agg(mails=("recipient", "size"), clicks=("clicked", "count"), reports=("reported", "count"))
        )  # fmt: skip


def simulate_campaign(
    sector: str = "healthcare",
    *,
    staff: int = 400,
    campaigns: int = 8,
    improvement: float = 0.25,
    seed: int = 0,
) -> Campaign:
    """Invent results of campaigns, a month apart: a simulation, for lessons and tests.

    Args:
        sector: ``healthcare`` or ``finance``.
        staff: recipients of each campaign, from 20 to 50,000.
        campaigns: how many, from 1 to 60.
        improvement: rise of the log-odds of a report per campaign (and half as much fall of a click).
        seed: of every choice.

    Raises:
        UserError: if an argument is out of its range.
    """
    if sector not in UNITS:
        raise UserError(f"The sector '{sector}' is unknown: choose healthcare or finance.")
    for name, value, low, high in (("staff", staff, 20, 50_000), ("campaigns", campaigns, 1, 60)):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UserError(f"The number of {name} must be a whole number from {low} to {high:,}.")
    if not isinstance(improvement, int | float) or not np.isfinite(improvement):
        raise UserError("The improvement must be a number, such as 0.25.")
    random = np.random.default_rng(seed)
    sizes = (np.cumsum(SIZES) / sum(SIZES) * staff).round().astype(int)
    unit = np.repeat(UNITS[sector], np.diff(sizes, prepend=0))
    # People and units differ, and that they do makes results depend on each other.
    alert = random.normal(0, 0.7, staff) + _by_unit(unit, random)
    frames = []
    for number in range(campaigns):
        difficulty = DIFFICULTIES[int(random.integers(len(DIFFICULTIES)))]
        click = _chance(CLICKS[difficulty], -alert - improvement / 2 * number)
        report = _chance(REPORTS[difficulty], alert + improvement * number)
        sent = FIRST_DAY + pd.Timedelta(days=30 * number)
        clicked = random.random(staff) < click
        # Whoever clicked may report all the same: that is worth a lot.
        reported = random.random(staff) < np.where(clicked, report * 0.5, report)
        minutes = {
            "clicked": np.where(clicked, random.lognormal(3.2, 1.2, staff), np.nan),
            "reported": np.where(reported, random.lognormal(3.6 - 0.06 * number, 1.1, staff), np.nan),
        }
        times = {
            name: (sent + pd.to_timedelta(values, unit="min")).round("s") for name, values in minutes.items()
        }
        frames.append(pd.DataFrame({
            "campaign": f"{sector}-{number + 1:02d}", "recipient": [f"r{n:05d}" for n in range(staff)],
            "unit": unit, "difficulty": difficulty, "sent": sent, **times,
        }))  # fmt: skip
    return Campaign(pd.concat(frames, ignore_index=True), True, "simulated campaign")


def read_campaign(path: str | Path) -> Campaign:
    """Read the results of your own campaigns from a CSV (or Parquet, Excel ...) file.

    Columns: those of ``COLUMNS``; times in ISO 8601 (without a zone taken as UTC), empty where somebody did
    not click or report; ``recipient`` a code that is no name and no address.

    Raises:
        UserError: if the file cannot be read or a column is missing or holds what it should not.
    """
    source = open_source(path)
    source.require(COLUMNS)
    return Campaign(check_campaign(source.to_pandas(list(COLUMNS))), False, source.label)


def check_campaign(frame: object) -> DataFrame:
    """Return the frame with clean types.

    Raises:
        UserError: if it is no table, empty, lacks a column, has an unknown difficulty, a time that is none or
            lies before the sending, a recipient twice in a campaign, or names and addresses for recipients.
    """
    if not isinstance(frame, pd.DataFrame):
        raise UserError("The campaign must be a table, as simulate_campaign() or read_campaign() gives.")
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise UserError(f"The campaign has no column '{missing[0]}': it needs {', '.join(COLUMNS)}.")
    if frame.empty:
        raise UserError("The campaign has no rows: export it again.")
    checked = frame.loc[:, list(COLUMNS)].reset_index(drop=True)
    for name in ("campaign", "recipient", "unit", "difficulty"):
        if checked[name].isna().any() or (checked[name].astype(str).str.strip() == "").any():
            raise UserError(
                f"The column '{name}' has an empty value in row {_first(checked[name])}: fill it."
            )
        checked[name] = checked[name].astype(str).str.strip()
        # What a spreadsheet would run as a formula, and what would break a line.
        strange = checked[name].str.contains(r"^[=+\-@]|[\x00-\x1f\x7f]", regex=True)
        if strange.any() or (checked[name].str.len() > LONGEST_NAME).any():
            raise UserError(
                f"The column '{name}' holds a value that starts like a formula, has a control character or "
                f"more than {LONGEST_NAME} characters: write plain names."
            )
    # A code has a digit, a name has none.
    if not checked["recipient"].str.fullmatch(r"(?=.*\d)[^@\s]+").all():
        raise UserError(
            "The column 'recipient' holds addresses or names: replace them by codes before the import; "
            "results are never shown per person."
        )
    strange = sorted(set(checked["difficulty"]) - set(DIFFICULTIES))
    if strange:
        raise UserError(f"A difficulty is not of the Phish Scale: use {', '.join(DIFFICULTIES)}.")
    if (checked.groupby("campaign")["difficulty"].nunique() > 1).any():
        raise UserError(
            "A campaign has more than one difficulty: split it, one name for each mail that was sent."
        )
    for name in TIMES:
        checked[name] = _times(checked[name], name)
    if checked["sent"].isna().any():
        raise UserError(
            f"The column 'sent' is empty in row {_first(checked['sent'])}: each mail was sent once."
        )
    for name in ("clicked", "reported"):
        early = checked[name] < checked["sent"]
        if early.any():
            raise UserError(
                f"The column '{name}' is before 'sent' in row {int(early.idxmax()) + 1}: check the clocks."
            )
    if checked.duplicated(["campaign", "recipient"]).any():
        raise UserError("A recipient stands twice in one campaign: keep one row for each mail delivered.")
    return checked


def _times(column: pd.Series, name: str) -> pd.Series:
    given = column.notna() & (column.astype(str).str.strip() != "")
    if pd.api.types.is_numeric_dtype(column) and given.any():
        raise UserError(f"The column '{name}' holds numbers, not times: write 2026-03-02T09:00:00Z.")
    try:
        times = pd.to_datetime(column.where(given), utc=True, errors="coerce", format="ISO8601")
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"The column '{name}' holds no times: write 2026-03-02T09:00:00Z.") from None
    wrong = given & times.isna()
    if wrong.any():
        raise UserError(
            f"The column '{name}' has no time in row {int(wrong.idxmax()) + 1}: write 2026-03-02T09:00:00Z, "
            "or nothing."
        )
    return times


def _first(column: pd.Series) -> int:
    empty = column.isna() | (column.astype(str).str.strip() == "")
    return int(empty.idxmax()) + 1


def _chance(share: float, shift: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.log(share / (1 - share)) + shift)))


def _by_unit(unit: np.ndarray, random: np.random.Generator) -> np.ndarray:
    names, places = np.unique(unit, return_inverse=True)
    return random.normal(0, 0.25, len(names))[places]
