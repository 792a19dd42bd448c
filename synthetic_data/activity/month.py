"""`make_month`: a quiet history and a month of activity of one institution, with planted incidents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from synthetic_data.activity import (
    plant_access,
    plant_claims,
    plant_payments,
    plant_queries,
    plant_systems,
)  # fmt: skip
from synthetic_data.activity.audit_rows import audit_rows
from synthetic_data.activity.book import Book, event_book
from synthetic_data.activity.card import month_card
from synthetic_data.activity.claims import Billing, add_claims
from synthetic_data.activity.exports import add_exports, add_feeds, add_services, feed_frame, service_frame
from synthetic_data.activity.honest import add_honest
from synthetic_data.activity.payments import Bank, add_payments
from synthetic_data.activity.plant import Scene
from synthetic_data.activity.queries import INPUTS, Models, add_queries
from synthetic_data.activity.sectors import family_of, kinds_of
from synthetic_data.activity.work import Office, add_work
from synthetic_data.activity.world import (
    DAY,
    HISTORY_DAYS,
    MONTH_START,
    World,
    make_world,
    staff_frame,
    subject_frame,
)  # fmt: skip
from synthetic_data.cards import DataCard
from synthetic_data.dataset import SECTORS, _whole
from synthetic_data.identifiers import pool

RATE = 35
"""Incidents in thirty days of five hundred staff."""

MOST_STAFF, MOST_DAYS = 9999, 366


@dataclass(frozen=True)
class Month:
    """A month of one institution's activity; everything is ordered by time and invented.

    Attributes:
        sector, days, seed, stealth: as asked for.
        staff: staff_id, role, unit, shift, household, hired_on, left_on, leave_from, leave_until.
        subjects: patients or customers: subject_id, prominent, staff_id (of an employee, else ""), household,
            unit.
        services: what each service was declared for: service, model, purpose, resources, fields,
            typical_records (per call), since. A new version of a model has a line of its own.
        feeds: exports that were announced: actor, destination, resource, typical_records, announced_on,
            starts_on.
        events: event_id, time (datetime64[ms, UTC]), actor, role, unit, action
            (view|update|print|export|read|sign_in|query), resource, target, record_count, purpose, outcome,
            break_glass, relation, destination, fields, model, data, source.
        queries: event_id (also in events), time, actor, model, x0 to x7 (standardized), score.
        transactions: of a bank, payments: event_id, time, account, counterparty, amount, category, channel
            (card|online|cash|transfer), country, device, direction (in|out), outcome (approved|declined).
            Of a hospital, claims: account is the provider (a staff_id), counterparty the patient, category
            the procedure, channel ward|clinic|group|telehealth|supervised, outcome paid|denied|void, and
            encounter ("" where none is known), service_time and minutes.
        history, history_queries, history_transactions: the 21 days before, in which nothing is planted.
        incidents: incident_id, family, kind, actor, start, end, events (a count).
        truth: event_id (in events or transactions), incident_id. Detectors see neither of these two.
        card: what was built in.
    """

    sector: str
    days: int
    seed: int
    stealth: float
    staff: pd.DataFrame
    subjects: pd.DataFrame
    services: pd.DataFrame
    feeds: pd.DataFrame
    events: pd.DataFrame
    queries: pd.DataFrame
    transactions: pd.DataFrame
    history: pd.DataFrame
    history_queries: pd.DataFrame
    history_transactions: pd.DataFrame
    incidents: pd.DataFrame
    truth: pd.DataFrame

    @property
    def begins(self) -> np.datetime64:
        """The first day of the month, a Monday."""
        return MONTH_START

    @cached_property
    def card(self) -> DataCard:
        """Volumes, kinds, counts, policy and the honest work that looks like misuse."""
        return month_card(self, {kind: _what(kind) for kind in kinds_of(self.sector)})

    def as_audit_rows(self, *, history: bool = False) -> Iterator[dict[str, Any]]:
        """The events of the month, or of the history, as entries of an audit trail, in order of time.

        Each is a dictionary of plain values with time (ISO 8601, milliseconds, UTC), actor, action, target,
        outcome, purpose, reason, alert, event_id, model, data and details (the other columns).
        """
        return audit_rows(self.history if history else self.events)

    def __repr__(self) -> str:
        return (
            f"Month({self.sector}, seed={self.seed}, days={self.days}, stealth={self.stealth:g}: staff "
            f"{len(self.staff)}, events {len(self.events)}, queries {len(self.queries)}, transactions "
            f"{len(self.transactions)}, incidents {len(self.incidents)})"
        )


def make_month(
    sector: str,
    *,
    staff: int = 500,
    days: int = 30,
    seed: int,
    stealth: float = 0.3,
    incidents: Iterable[str] | Mapping[str, int] | None = None,
) -> Month:
    """Make a month of activity, the same for the same arguments.

    Args:
        sector: "healthcare" or "finance".
        staff: members of staff, 20 to 9,999.
        days: of the month, 2 to 366; 21 days of history come before it.
        seed: a non-negative whole number.
        stealth: 0 (loud incidents) to 1 (as quiet as they get).
        incidents: None for a mix that grows with staff and days; kinds, each planted at least once; or how
            many of each kind. An empty one plants nothing. A kind for which a very small institution has
            no occasion (nobody has a relative there) is left out of ``incidents``.

    Raises:
        ValueError: one sentence that says which argument is wrong and what is allowed.
    """
    sector, staff, days, seed, stealth = _checked(sector, staff, days, seed, stealth)
    rngs = iter(np.random.default_rng([seed, 0xAC7, SECTORS.index(sector), i]) for i in range(12))
    plan = _plan(next(rngs), sector, staff, days, incidents)
    world = make_world(next(rngs), sector, staff, days)
    office = Office(world, event_book())
    add_work(office, next(rngs))
    add_honest(office, next(rngs))
    rng = next(rngs)
    add_exports(office, rng)
    add_feeds(office, rng)
    add_services(office, next(rngs))
    models = Models(office, next(rngs))
    add_queries(models, next(rngs))
    payments = Bank(world, next(rngs)) if sector == "finance" else Billing(office, next(rngs))
    (add_payments if sector == "finance" else add_claims)(payments, next(rngs))
    scene = Scene(office, models, payments, next(rngs), stealth)
    for number, kind in enumerate(plan):
        scene.number = number
        scene.actors.append(_planter(kind)(scene))
    return _assembled(scene, plan, seed)


def _planter(kind: str):
    for module in (plant_access, plant_systems, plant_queries, plant_payments, plant_claims):
        if hasattr(module, kind):
            return getattr(module, kind)
    raise KeyError(kind)


def _what(kind: str) -> str:
    return (_planter(kind).__doc__ or "").strip().splitlines()[0]


def _checked(sector, staff, days, seed, stealth) -> tuple[str, int, int, int, float]:
    if sector not in SECTORS:
        raise ValueError(f"Unknown sector {sector!r}; choose one of {', '.join(SECTORS)}.")
    staff, days = _whole("staff", staff, least=20), _whole("days", days, least=2)
    for name, value, most in (("staff", staff, MOST_STAFF), ("days", days, MOST_DAYS)):
        if value > most:
            raise ValueError(f"{name} must be at most {most}, not {value}.")
    seed = _whole("seed", seed, least=0)
    number = isinstance(stealth, int | float | np.number) and not isinstance(stealth, bool)
    if not number or math.isnan(stealth) or not 0 <= stealth <= 1:
        raise ValueError(f"stealth must be a number from 0 to 1, not {stealth!r}.")
    return str(sector), staff, days, seed, float(stealth)


def _plan(rng, sector: str, staff: int, days: int, incidents: Any) -> list[str]:
    """The kinds to plant, in order."""
    known = kinds_of(sector)
    total = max(6, round(RATE * staff / 500 * days / 30))
    if isinstance(incidents, str):
        incidents = (incidents,)
    if isinstance(incidents, Mapping):
        counts = {
            _kind(name, known): _whole(f"the number of {name}", n, least=0) for name, n in incidents.items()
        }
        return [kind for kind in known for _ in range(counts.get(kind, 0))]
    if incidents is None:
        chosen, least = list(known), staff >= 200
    else:
        try:
            asked = {_kind(name, known) for name in incidents}
            chosen, least = [kind for kind in known if kind in asked], True
        except TypeError:
            raise ValueError("incidents must be kinds, or a number for each kind.") from None
    if not chosen:
        return []
    order = [chosen[i] for i in rng.permutation(len(chosen))]
    total = max(total, len(order)) if least else total
    return (order * (total // len(order) + 1))[:total]


def _kind(name: Any, known: tuple[str, ...]) -> str:
    if name not in known:
        raise ValueError(f"Unknown kind of incident {name!r}; choose among {', '.join(known)}.")
    return str(name)


def _assembled(scene: Scene, plan: list[str], seed: int) -> Month:
    world, office = scene.world, scene.office
    event_rows = _within(office.book, world)
    events = office.book.frame(event_rows, world.start, "ev-").drop(columns="query")
    inputs, scores = scene.models.tables()
    asked = np.flatnonzero(event_rows["query"] >= 0)
    number = event_rows["query"][asked]
    queries = events.loc[asked, ["event_id", "time", "actor", "model"]].reset_index(drop=True)
    queries[[f"x{i}" for i in range(INPUTS)]] = inputs[number]
    queries["score"] = scores[number]
    paid_rows = _within(scene.payments.book, world)
    paid = _transaction_frame(scene, paid_rows)
    border = (world.start + HISTORY_DAYS).astype("datetime64[ms]")
    split = pd.Timestamp(border).tz_localize("UTC")
    truth, table = _truth(scene, plan, (events, event_rows["incident"]), (paid, paid_rows["incident"]))
    parts = {}
    for name, frame in (("events", events), ("queries", queries), ("transactions", paid)):
        old = int(frame["time"].searchsorted(split))
        before = "history" if name == "events" else f"history_{name}"
        parts[before] = frame.iloc[:old].reset_index(drop=True)
        parts[name] = frame.iloc[old:].reset_index(drop=True)
    return Month(
        sector=world.sector.name, days=world.days, seed=seed, stealth=scene.stealth,
        staff=staff_frame(world), subjects=subject_frame(world), services=service_frame(world),
        feeds=feed_frame(world), incidents=table, truth=truth, **parts,
    )  # fmt: skip


def _within(book: Book, world: World) -> dict[str, np.ndarray]:
    """The rows that fall in the history or the month."""
    rows = book.rows()
    low, high = np.searchsorted(rows["time"], [0, world.total_days * DAY])
    return {name: values[low:high] for name, values in rows.items()}


def _transaction_frame(scene: Scene, rows: dict[str, np.ndarray]) -> pd.DataFrame:
    frame = scene.payments.book.frame(rows, scene.world.start, "tx-")
    if "service" in frame:
        times = scene.world.start.astype("datetime64[ms]") + rows["service"].astype("timedelta64[ms]")
        frame["service"] = pd.DatetimeIndex(times).tz_localize("UTC")
        frame = frame.rename(columns={"service": "service_time"})
    return frame


def _truth(scene: Scene, plan: list[str], *tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = pool([f"inc-{i:03d}" for i in range(len(plan))] or [""])
    parts = []
    for frame, incident in tables:
        rows = np.flatnonzero(incident >= 0)
        parts.append(frame.loc[rows, ["event_id", "time"]].assign(number=incident[rows]))
    both = pd.concat(parts, ignore_index=True).sort_values(["number", "time"], kind="stable")
    both["incident_id"] = names.take(both["number"].to_numpy())
    kept = [i for i, actor in enumerate(scene.actors) if actor]
    spans = both.groupby("number")["time"].agg(["min", "max", "size"]).reindex(kept)
    table = pd.DataFrame(
        {
            "incident_id": names.take(np.array(kept, dtype=np.int64)),
            "family": pd.array([family_of(plan[i]) for i in kept], dtype="str"),
            "kind": pd.array([plan[i] for i in kept], dtype="str"),
            "actor": pd.array([scene.actors[i] for i in kept], dtype="str"),
            "start": spans["min"].array,
            "end": spans["max"].array,
            "events": spans["size"].to_numpy().astype(np.int64),
        }
    )
    return both[["event_id", "incident_id"]].reset_index(drop=True), table
