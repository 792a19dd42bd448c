"""Planted misuse by exports and by services that ask for more than they were declared for."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.exports import (
    add_calls,
    export_resource,
    month_turn,
    services,
    upgrade_day,
    usual_exit,
    usual_export,
)  # fmt: skip
from synthetic_data.activity.plant import Scene
from synthetic_data.activity.sectors import Service
from synthetic_data.activity.world import HISTORY_DAYS

STRANGE = ("usb", "personal-mail", "vendor:file-drop", "cloud:personal")


def _export(scene: Scene, who: int, records: np.ndarray, time: np.ndarray, **columns) -> None:
    office, rng, n = scene.office, scene.rng, len(records)
    role = scene.world.sector.roles[scene.world.role[who]]
    claimed = rng.random(n) < max(0.0, scene.stealth - 0.3)
    relation = np.where(claimed, office.book.code("relation", "open_case"), 0)
    office.add(
        np.full(n, who), time, action="export", resource=export_resource(office)[who],
        target=f"{scene.world.sector.dataset}-extract", record_count=np.maximum(1, records).astype(np.int64),
        relation=relation, purpose=role.purposes[0], incident=scene.number, **columns,
    )  # fmt: skip


def _usual_day(scene: Scene, who: int) -> tuple[int, float]:
    """A shift that is not at the turn of a month, where there is one."""
    for _ in range(20):
        day, begins = scene.shift_of(who)
        if not month_turn(scene.world, np.array([day]))[0]:
            break
    return day, begins


def export_volume(scene: Scene) -> str:
    """Takes out many times what this person ever takes out, to a usual destination."""
    world = scene.world
    exporting = np.array([role.exports > 0 for role in world.sector.roles])[world.role]
    who = scene.pick(scene.active(exporting))
    day, begins = _usual_day(scene, who)
    n = scene.count(2, 1)
    records = usual_export(world)[who] * scene.quiet(30, 3) * scene.rng.uniform(0.9, 1.3, n)
    time = scene.moments(day, begins + scene.rng.uniform(1, 9), n, 20)
    _export(scene, who, records, time, destination=usual_exit(scene.office, scene.rng, np.full(n, who)))
    return scene.staff_name(who)


def export_destination(scene: Scene) -> str:
    """Takes a list of records to a place that nobody announced."""
    who = scene.pick(scene.active())
    day, begins = scene.shift_of(who)
    n = scene.count(2, 1)
    time = scene.moments(day, begins + scene.rng.uniform(1, 8), n, 20)
    where = STRANGE[int(scene.rng.integers(0, len(STRANGE)))]
    records = scene.quiet(250, 12) * scene.rng.lognormal(0, 0.3, n)
    _export(scene, who, records, time, destination=where)
    return scene.staff_name(who)


def _service(scene: Scene) -> Service:
    return services(scene.world)[scene.pick(np.arange(len(scene.world.sector.services)), "service")]


def _calls(scene: Scene, service: Service, n: int, records, **columns) -> str:
    """Calls between the honest ones of a service, while its version runs."""
    until = scene.world.total_days
    if service.model == scene.world.sector.services[0].model:
        until = max(HISTORY_DAYS + 1, upgrade_day(scene.world))
    day = int(scene.rng.integers(HISTORY_DAYS, until))
    time = scene.moments(day, scene.rng.uniform(1, 20), n, scene.quiet(3, 25))
    add_calls(scene.office, scene.rng, service, time, np.maximum(1, records).astype(np.int64),
              incident=scene.number, **columns)  # fmt: skip
    return service.name


def purpose_fields(scene: Scene) -> str:
    """Asks for fields that the service was not declared for."""
    service, rng = _service(scene), scene.rng
    n = scene.count(14, 2)
    extra = [rng.choice(scene.world.sector.beyond_fields, scene.count(2, 1), replace=False) for _ in range(n)]
    fields = [",".join([*service.fields[:3], *one]) for one in extra]
    records = service.records * rng.lognormal(0, 0.25, n)
    return _calls(scene, service, n, records, fields=scene.office.book.codes("fields", fields))


def purpose_resource(scene: Scene) -> str:
    """Reads a resource that the service was not declared for."""
    service, rng = _service(scene), scene.rng
    others = [name for name in scene.world.sector.resources if name not in service.resources]
    n = scene.count(14, 2)
    return _calls(
        scene, service, n, service.records * rng.lognormal(0, 0.25, n), resource=str(rng.choice(others))
    )


def purpose_volume(scene: Scene) -> str:
    """Fetches many times the records that the service needs, with no gap before that it would catch up."""
    service, rng = _service(scene), scene.rng
    n = scene.count(8, 1)
    return _calls(scene, service, n, service.records * scene.quiet(25, 3) * rng.lognormal(0, 0.2, n))
