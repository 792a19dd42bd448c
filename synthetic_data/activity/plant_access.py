"""Planted misuse of access: curiosity about colleagues, the prominent and relatives, bulk reading, overrides."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.plant import Scene
from synthetic_data.activity.world import HISTORY_DAYS, MONTH_START


def _look(scene: Scene, who: int, subject: np.ndarray, time: np.ndarray, **columns) -> None:
    """Accesses of one member of staff; the relation stands there only where it was invented."""
    rng, office, n = scene.rng, scene.office, len(subject)
    role = scene.world.sector.roles[scene.world.role[who]]
    book = office.book
    claimed = rng.random(n) < max(0.0, scene.stealth - 0.3)
    given = {
        "action": book.codes("action", ["view", "print"])[(rng.random(n) < 0.06).astype(int)],
        "resource": book.codes("resource", scene.world.sector.resources)[
            rng.integers(0, len(scene.world.sector.resources), n)
        ],
        "purpose": np.where(rng.random(n) < 0.25, 0, book.code("purpose", role.purposes[0])),
        "relation": np.where(claimed, book.code("relation", "cover"), 0),
    } | columns
    office.add(np.full(n, who), time, target=office.target[subject], incident=scene.number, **given)


def _curious(scene: Scene, who: int, subject: int) -> str:
    """The same record several times, over one shift or a few."""
    rng = scene.rng
    own_unit = scene.world.place[who]
    visits = scene.count(3, 1)
    for _ in range(visits):
        day, begins = scene.shift_of(who)
        late = rng.random() < scene.quiet(0.5, 0.0)
        hour = begins + (rng.uniform(8.0, 9.5) if late else rng.uniform(0.3, 7.5))
        n = scene.count(4, 1.2)
        _look(scene, who, np.full(n, subject), scene.moments(day, hour, n, 1.5))
    del own_unit
    return scene.staff_name(who)


def _elsewhere(scene: Scene, subjects: np.ndarray) -> tuple[int, int]:
    """A member of staff and a subject of another unit who is there in the month, not one of their own."""
    world, rng = scene.world, scene.rng
    reach = np.array([role.reach == "unit" for role in world.sector.roles])[world.role]
    who = scene.pick(scene.active(reach))
    other = subjects[
        (world.subject_unit[subjects] != world.unit[who]) & (world.subject_staff[subjects] != who)
    ]
    other = other if len(other) else subjects[world.subject_staff[subjects] != who]
    return who, int(rng.choice(other))


def snooping_colleague(scene: Scene) -> str:
    """Opens the record of an employee without any relation."""
    return _curious(scene, *_elsewhere(scene, np.flatnonzero(scene.world.subject_staff >= 0)))


def snooping_prominent(scene: Scene) -> str:
    """Opens the record of a prominent subject without any relation."""
    return _curious(scene, *_elsewhere(scene, np.flatnonzero(scene.world.prominent)))


def snooping_household(scene: Scene) -> str:
    """Opens the record of somebody of the own household without any relation."""
    world = scene.world
    related = np.isin(world.staff_household, world.subject_household[world.subject_staff < 0])
    who = scene.pick(scene.active(related))
    mine = np.flatnonzero(
        (world.subject_household == world.staff_household[who]) & (world.subject_staff != who)
    )
    subject = (
        int(scene.rng.choice(mine)) if len(mine) else _elsewhere(scene, np.arange(len(world.prominent)))[1]
    )
    return _curious(scene, who, subject)


def bulk_night_reading(scene: Scene) -> str:
    """Reads many records of all units in a night, for none of which there is a relation."""
    world, rng = scene.world, scene.rng
    who = scene.pick(scene.active())
    day, _ = scene.shift_of(who)
    n = scene.count(140, 20)
    subject = rng.choice(len(world.subject_unit), n, replace=False)
    hour = 24 + rng.uniform(0.5, 3.0) if scene.stealth < 0.9 else rng.uniform(18, 21)
    hour -= 24 if day + 1 >= world.total_days else 0
    _look(scene, who, subject, scene.moments(day, hour, n, scene.quiet(0.5, 4.0)))
    return scene.staff_name(who)


def break_glass_abuse(scene: Scene) -> str:
    """Overrides the lock of records for which there is no emergency and no care afterwards."""
    world, rng = scene.world, scene.rng
    who = scene.pick(scene.active(world.with_role(*world.sector.override_roles)))
    home = world.units.index(world.sector.emergency_unit)
    away = np.flatnonzero(world.subject_unit != home)
    for _ in range(scene.count(4, 1)):
        day, begins = scene.shift_of(who)
        n = scene.count(3, 1)
        _look(
            scene, who, np.full(n, rng.choice(away)),
            scene.moments(day, begins + rng.uniform(0.5, 7), n, 1.5),
            break_glass=True, relation="", purpose="emergency",
        )  # fmt: skip
    return scene.staff_name(who)


def dormant_account(scene: Scene) -> str:
    """Signs in with the account of somebody who has left or is on long leave, and reads."""
    world, rng = scene.world, scene.rng
    gone = world.left_on <= MONTH_START - 45
    away = (world.leave_from <= MONTH_START - 45) & (world.leave_until >= MONTH_START + world.days)
    who = scene.pick(np.flatnonzero(gone | away))
    office = scene.office
    for _ in range(scene.count(2, 1)):
        day = int(rng.integers(HISTORY_DAYS, world.total_days))
        hour = rng.uniform(19, 23) if rng.random() > scene.stealth else rng.uniform(9, 16)
        n = scene.count(25, 4)
        time = scene.moments(day, hour, n, 1.0)
        seat = office.seats(np.array([int(rng.integers(0, len(world.units)))]), rng.integers(0, 99, 1))
        source = office.seat[who] if rng.random() < scene.stealth else seat[0]
        office.add(np.array([who]), np.maximum(time[:1] - 30_000, scene.begin), action="sign_in", target="workplace",
                   record_count=0, incident=scene.number, source=source)  # fmt: skip
        _look(scene, who, rng.choice(len(world.subject_unit), n, replace=False), time, source=source)
    return scene.staff_name(who)
