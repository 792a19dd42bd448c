"""Honest exports, announced feeds, and the services that ask for records to score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from synthetic_data.activity.sectors import Service
from synthetic_data.activity.work import Office, at
from synthetic_data.activity.world import HISTORY_DAYS, HOUR, MONTH_START, World
from synthetic_data.identifiers import pool

ORDERED = ("usb", "usb", "vendor:external-auditor", "vendor:court-portal")
"""Where files go that somebody may demand: no feed, so nothing was announced, but there is a case."""


def add_exports(office: Office, rng: np.random.Generator) -> None:
    """Exports of people: habits, the turn of the month, and the odd large one with a case."""
    world, book = office.world, office.book
    who, day = np.nonzero(world.works)
    rate = np.array([role.exports for role in world.sector.roles])[world.role[who]] / 5 * world.habit[who]
    turn = month_turn(world, day)
    count = rng.poisson(np.where(turn, rate * 2.2, rate) + 0.002)
    who, day, turn = (np.repeat(a, count) for a in (who, day, turn))
    n = len(who)
    usual = usual_export(world)[who]
    large = rng.random(n) < 0.012
    factor = np.where(turn, rng.lognormal(1.4, 0.5, n), 1.0) * np.where(large, 9.0, 1.0)
    records = np.maximum(1, usual * rng.lognormal(0, 0.45, n) * factor).astype(np.int64)
    relation = np.where(turn, book.code("relation", "scheduled"), book.code("relation", "open_case"))
    relation[(rng.random(n) < 0.10) & ~large] = 0
    purposes = book.codes("purpose", [role.purposes[0] for role in world.sector.roles])
    time = at(day, world.begins[who, day] + 0.5 + 7 * rng.random(n))
    office.add(
        who, time, action="export", resource=export_resource(office)[who],
        target=f"{world.sector.dataset}-extract", record_count=records, relation=relation,
        purpose=purposes[world.role[who]], destination=usual_exit(office, rng, who),
    )  # fmt: skip
    _handed_out(office, rng)
    _ordered(office, rng)


def month_turn(world: World, day: np.ndarray) -> np.ndarray:
    """Whether a day is among the last and first two of a month."""
    date = pd.DatetimeIndex((world.start + day).astype("datetime64[s]"))
    return np.asarray((date.day <= 2) | (date.day >= date.days_in_month - 1))


def usual_export(world: World) -> np.ndarray:
    """Records in a usual export of each member of staff."""
    base = np.where(np.array([role.exports >= 1 for role in world.sector.roles])[world.role], 220.0, 25.0)
    return base * world.habit**2


def export_resource(office: Office) -> np.ndarray:
    """Code of what each member of staff exports."""
    return office.book.codes("resource", [role.resources[0] for role in office.world.sector.roles])[
        office.world.role
    ]


def usual_exit(office: Office, rng, who: np.ndarray) -> np.ndarray:
    """Code of a destination: mostly one's own usual one."""
    exits = office.book.codes("destination", office.world.sector.exits)
    own = (who * 3) % len(exits)
    return exits[np.where(rng.random(len(who)) < 0.85, own, rng.integers(0, len(exits), len(who)))]


def _handed_out(office: Office, rng) -> None:
    """One record on a stick or by mail for the person it is about: small, honest, outside."""
    world = office.world
    who, day = np.nonzero(
        world.works & ~np.array([r.office for r in world.sector.roles])[world.role][:, None]
    )
    some = rng.random(len(who)) < 0.006
    who, day = who[some], day[some]
    low, there = world.present(world.place[who, day] % world.care, day)
    subject = low + np.floor(rng.random(len(who)) * there).astype(np.int64)
    where = office.book.codes("destination", ["usb", "subject-mail"])
    relation = np.where(rng.random(len(who)) < 0.1, 0, office.book.code("relation", "appointment"))
    office.add(
        who, at(day, world.begins[who, day] + 1 + 6 * rng.random(len(who))), action="export",
        resource=export_resource(office)[who], target=office.target[subject], purpose="subject_request",
        relation=relation, destination=where[(rng.random(len(who)) < 0.4).astype(int)],
    )  # fmt: skip


def _ordered(office: Office, rng) -> None:
    """A court, a lawyer or the auditors ask for files: some tens of records, somewhere new, with a case."""
    world = office.world
    mask = world.with_role("quality_reviewer", "compliance_officer", "billing_coder", "fraud_analyst")
    shifts = np.argwhere(world.works & mask[:, None])
    if not len(shifts):
        return
    chosen = shifts[rng.integers(0, len(shifts), max(2, len(world.role) * world.total_days // 3000))]
    who, day = chosen[:, 0], chosen[:, 1]
    office.add(
        who, at(day, world.begins[who, day] + 1 + 6 * rng.random(len(who))), action="export",
        resource=export_resource(office)[who], target=f"{world.sector.dataset}-extract",
        record_count=rng.integers(8, 90, len(who)), relation="open_case", purpose="legal_request",
        destination=office.book.codes("destination", ORDERED)[rng.integers(0, len(ORDERED), len(who))],
    )  # fmt: skip


def feed_frame(world: World) -> pd.DataFrame:
    """The announced feeds: actor, destination, resource, typical records, since when they run."""
    rows = [(f"svc-feed-{i + 1}", *feed) for i, feed in enumerate(all_feeds(world))]
    frame = pd.DataFrame(rows, columns=["actor", "destination", "resource", "typical_records"])
    starts = np.full(len(rows), MONTH_START - 400)
    starts[-1] = MONTH_START + new_feed_day(world)
    frame["announced_on"] = (starts - 14).astype("datetime64[ms]")
    frame["starts_on"] = starts.astype("datetime64[ms]")
    for name in ("actor", "destination", "resource"):
        frame[name] = pool(frame[name].to_numpy())
    return frame


def all_feeds(world: World) -> tuple[tuple[str, str, int], ...]:
    """(destination, resource, typical records) of each feed; the last one begins within the month."""
    return (*world.sector.feeds, world.sector.new_feed)


def new_feed_day(world: World) -> int:
    return max(1, world.days // 3)


def add_feeds(office: Office, rng: np.random.Generator) -> None:
    """Nightly deliveries; after a night that failed, a double one or one that somebody sends by hand."""
    world, total, name = office.world, office.world.total_days, f"{office.world.sector.dataset}-extract"
    helpers = world.with_role("data_analyst", "system_administrator", "billing_coder")
    for number, (destination, resource, typical) in enumerate(all_feeds(world)):
        new = number == len(world.sector.feeds)
        days = np.arange(HISTORY_DAYS + new_feed_day(world) if new else 0, total)
        failed = rng.random(len(days)) < 0.05
        by_hand = failed & (rng.random(len(days)) < 0.5)
        late = np.concatenate([[False], (failed & ~by_hand)[:-1]])
        volume = typical * np.where(late, 2.0, 1.0) * np.where(month_turn(world, days), 1.6, 1.0)
        volume = (volume * rng.lognormal(0, 0.12, len(days))).astype(np.int64)
        sent = days[~failed]
        office.book.add(
            len(sent), time=at(sent, 1.5 + 0.3 * number + 0.05 * rng.random(len(sent))),
            actor=f"svc-feed-{number + 1}", role="service", unit="it", action="export", resource=resource,
            target=name, record_count=volume[~failed], purpose="operations", outcome="allowed",
            relation="scheduled", destination=destination, source="scheduler",
        )  # fmt: skip
        for day, records in zip(days[by_hand], volume[by_hand], strict=True):
            able = np.flatnonzero(helpers & world.works[:, day])
            if len(able):
                who = rng.choice(able, 1)
                office.add(who, at(day, world.begins[who, day] + rng.uniform(0.3, 3)), action="export",
                           resource=resource, target=name, record_count=records, purpose="operations",
                           relation="scheduled" if rng.random() < 0.9 else "",
                           destination=destination)  # fmt: skip


def service_frame(world: World) -> pd.DataFrame:
    """What each service was declared for; a new version of the first one has a line of its own."""
    rows = [
        (s.name, s.model, s.purpose, ",".join(s.resources), ",".join(s.fields), s.records)
        for s in services(world)
    ]
    names = ["service", "model", "purpose", "resources", "fields", "typical_records"]
    frame = pd.DataFrame(rows, columns=names)
    since = np.full(len(rows), MONTH_START - 300)
    since[-1] = world.start + upgrade_day(world)
    frame["since"] = since.astype("datetime64[ms]")
    for name in names[:-1]:
        frame[name] = pool(frame[name].to_numpy())
    return frame


def services(world: World) -> tuple[Service, ...]:
    """The declared services, and the next version of the first one, which asks for one field more."""
    scale = max(0.1, len(world.role) / 500)
    declared = tuple(
        replace(s, records=max(5, round(s.records * scale))) if s.calls == 1 else s
        for s in world.sector.services
    )
    first = declared[0]
    name, version = first.model.split("@")
    extra = world.sector.services[1].fields[-1]
    following = Service(
        first.name, f"{name}@{int(version) + 1}", first.purpose, first.resources,
        (*first.fields, extra), first.records, first.calls,
    )  # fmt: skip
    return (*declared, following)


def upgrade_day(world: World) -> int:
    """The day, from the first of the history, on which the new version takes over."""
    return HISTORY_DAYS + max(1, world.days // 2)


def call_times(rng, service: Service, from_day: int, until_day: int) -> np.ndarray:
    """When a service calls: a nightly job, or through the day with fewer calls at night."""
    days = np.arange(from_day, until_day)
    if service.calls == 1:
        return at(days, 2.2 + 0.1 * rng.random(len(days)))
    count = rng.poisson(service.calls, len(days))
    hour = np.where(
        rng.random(count.sum()) < 0.75, rng.normal(13, 3.5, count.sum()), 24 * rng.random(count.sum())
    )
    return at(np.repeat(days, count), hour % 24)


def add_services(office: Office, rng: np.random.Generator) -> None:
    """Calls of the services, each within what it was declared for, with outages and the catching up."""
    world = office.world
    for number, service in enumerate(services(world)):
        first, last = number == 0, number == len(world.sector.services)
        from_day = upgrade_day(world) if last else 0
        until = upgrade_day(world) if first else world.total_days
        time = np.sort(call_times(rng, service, from_day, until))
        records = service.records * rng.lognormal(0, 0.25, len(time))
        time, records = _catching_up(rng, time, records, service)
        again = rng.random(len(time)) < 0.01  # a call that timed out is sent again
        time = np.concatenate([time, time[again] + rng.integers(2_000, 60_000, again.sum())])
        records = np.concatenate([records, records[again]])
        add_calls(office, rng, service, time, np.maximum(1, records).astype(np.int64))


def _catching_up(rng, time, records, service: Service):
    """After some hours without calls, one call fetches what was missed."""
    if service.calls == 1 or len(time) < 50:
        return time, records
    for from_ in rng.choice(time[:-1], max(1, len(time) // 1500)):
        gone = (time >= from_) & (time < from_ + rng.uniform(2, 6) * HOUR)
        after = np.searchsorted(time, from_ + 6 * HOUR)
        if gone.any() and after < len(time):
            last = np.flatnonzero(gone)[-1]
            records[last] = records[gone].sum()
            gone[last] = False
            time[last] = from_ + 6 * HOUR
            time, records = time[~gone], records[~gone]
    return time, records


def add_calls(office: Office, rng, service: Service, time, records, **columns) -> None:
    """Calls of one service; what is not given is as declared."""
    book, n = office.book, len(time)
    some = [",".join(service.fields), ",".join(service.fields[:-1]), ",".join(service.fields[:2])]
    given = {
        "fields": book.codes("fields", some)[np.searchsorted([0.8, 0.95], rng.random(n))],
        "resource": book.codes("resource", service.resources)[rng.integers(0, len(service.resources), n)],
        "purpose": service.purpose,
    } | columns
    known = "scheduled" if service.calls == 1 else "open_case"
    book.add(
        n, time=time, actor=service.name, role="service", unit="it", action="read", outcome="allowed",
        target=f"{office.world.sector.dataset}-records", record_count=records, relation=known,
        model=service.model, data=f"{office.world.sector.dataset}@2026-02",
        source=f"host-{service.name}", **given,
    )  # fmt: skip
