"""Planted misuse of access: curiosity about people one knows of, bulk reading, overrides, old accounts."""

from __future__ import annotations

import numpy as np

from synthetic_data.activity.plant import Scene
from synthetic_data.activity.work import resources
from synthetic_data.activity.world import HISTORY_DAYS, HOUR, MONTH_START


def _look(scene: Scene, who: int, subject: np.ndarray, time: np.ndarray, **columns) -> None:
    """Accesses of one member of staff; a relation stands there only where it was invented."""
    rng, office, n = scene.rng, scene.office, len(subject)
    role = scene.world.sector.roles[scene.world.role[who]]
    book = office.book
    claimed = rng.random(n) < scene.invented
    given = {
        "action": book.codes("action", ["view", "print"])[(rng.random(n) < 0.06).astype(int)],
        "resource": resources(office, rng, role, n, scene.quiet(0.3, 0.04)),
        "purpose": np.where(
            rng.random(n) < scene.quiet(0.25, 0.05), 0, book.code("purpose", role.purposes[0])
        ),
        "relation": np.where(claimed, book.code("relation", "cover"), 0),
    } | columns
    office.add(np.full(n, who), time, target=office.target[subject], incident=scene.number, **given)


def _curious(scene: Scene, who: int, subject: int, first_day: int) -> str:
    """The same record several times, over one shift or a few."""
    rng = scene.rng
    for visit in range(scene.count(3, 1)):
        day, begins = scene.shift_of(who, first_day) if visit else (first_day, scene.begins(who, first_day))
        late = rng.random() < scene.quiet(0.4, 0.0)
        hour = begins + (rng.uniform(8.0, 9.5) if late else rng.uniform(0.3, 7.5))
        n = scene.count(4, 1.4, least=2 if scene.stealth <= 0.5 else 1)
        _look(scene, who, np.full(n, subject), scene.moments(day, hour, n, 1.5))
    return scene.staff_name(who)


def _elsewhere(scene: Scene, wanted: np.ndarray) -> tuple[int, int, int]:
    """Somebody of a unit, a subject of another unit who is or lately was there, and the day of it."""
    world, rng = scene.world, scene.rng
    reach = np.array([role.reach == "unit" for role in world.sector.roles])[world.role]
    who = scene.pick(scene.active(reach))
    subjects = np.array([], dtype=np.int64)
    for _ in range(12):
        day, _ = scene.shift_of(who)
        came = world.come(day, 12)
        fit = wanted[came] & (world.subject_unit[came] != world.place[who, day])
        subjects = came[fit & (world.subject_staff[came] != who)]
        subjects = subjects[world.subject_household[subjects] != world.staff_household[who]]
        if len(subjects):
            break
    else:
        subjects = np.flatnonzero(
            wanted & (world.subject_unit != world.unit[who]) & (world.subject_staff != who)
        )
    return who, int(rng.choice(subjects)), day


def snooping_colleague(scene: Scene) -> str:
    """Opens the record of an employee without any relation."""
    return _curious(scene, *_elsewhere(scene, scene.world.subject_staff >= 0))


def snooping_prominent(scene: Scene) -> str:
    """Opens the record of a prominent subject without any relation."""
    return _curious(scene, *_elsewhere(scene, scene.world.prominent))


def snooping_household(scene: Scene) -> str:
    """Opens the record of somebody of the own household, of another unit, without any relation."""
    world, rng = scene.world, scene.rng
    relative = np.flatnonzero(np.isin(world.subject_household, world.staff_household))
    home = world.subject_household[relative]
    able = np.zeros(len(world.role), dtype=bool)
    for who in scene.active():
        other = (home == world.staff_household[who]) & (world.subject_staff[relative] != who)
        able[who] = (other & (world.subject_unit[relative] != world.unit[who])).any()
    if not able.any():
        return ""
    who = scene.pick(scene.active(able))
    other = (home == world.staff_household[who]) & (world.subject_staff[relative] != who)
    mine = relative[other & (world.subject_unit[relative] != world.unit[who])]
    subject = int(rng.choice(mine if len(mine) else relative))
    return _curious(scene, who, subject, scene.shift_of(who)[0])


def bulk_night_reading(scene: Scene) -> str:
    """Reads many records of all units in a night, for none of which there is a relation."""
    world, rng, office = scene.world, scene.rng, scene.office
    who = scene.pick(scene.active())
    day, _ = scene.shift_of(who)
    came = world.come(day, 15)
    n = min(scene.count(120, 20), len(came) // 2)
    subject = rng.choice(came, n, replace=False)
    hour = 24 + rng.uniform(0.5, 3.0) if scene.stealth < 0.9 else rng.uniform(18, 21)
    hour -= 24 if day + 1 >= world.total_days else 0
    time = scene.moments(day, hour, n, scene.quiet(0.5, 4.0))
    office.add(np.array([who]), np.maximum(time[:1] - 25_000, scene.begin), action="sign_in",
               target="workplace", record_count=0, incident=scene.number)  # fmt: skip
    _look(scene, who, subject, time)
    return scene.staff_name(who)


def break_glass_abuse(scene: Scene) -> str:
    """Overrides the lock of records for which there is no emergency, and no team takes over afterwards."""
    world, rng = scene.world, scene.rng
    who = scene.pick(scene.active(world.with_role(*world.sector.override_roles)))
    for _ in range(scene.count(3, 1)):
        day, begins = scene.shift_of(who)
        came = world.come(day, 8)
        away = came[(world.subject_unit[came] != world.place[who, day]) & (world.subject_staff[came] != who)]
        n = scene.count(3, 1)
        time = scene.moments(day, begins + rng.uniform(0.5, 7), n, 1.5)
        alone = away[~np.isin(away, _busy(scene, int(time[0])))]
        subject = rng.choice(alone if len(alone) and rng.random() < scene.quiet(1.0, 0.0) + 0.3 else away)
        _look(scene, who, np.full(n, subject), time, break_glass=True, relation="", purpose="emergency")
        if rng.random() < scene.quiet(0.0, 0.8):  # looks like care
            later = np.minimum(time[-1:] + 20 * 60_000, scene.end - 1_000)
            _look(scene, who, np.array([subject]), later, action="update")
    return scene.staff_name(who)


def _busy(scene: Scene, time: int) -> np.ndarray:
    """Subjects whose records somebody opens within three hours: a team that would look like care."""
    times, targets = scene.office.book.column("time"), scene.office.book.column("target")
    soon = targets[(times > time) & (times < time + 3 * HOUR)]
    return np.flatnonzero(np.isin(scene.office.target, soon))


def dormant_account(scene: Scene) -> str:
    """Signs in with the account of somebody who has left or is on long leave, and reads."""
    world, rng, office = scene.world, scene.rng, scene.office
    gone = world.left_on <= MONTH_START - 45
    away = (world.leave_from <= MONTH_START - 45) & (world.leave_until >= MONTH_START + world.days)
    who = scene.pick(np.flatnonzero(gone | (away & ~world.portal)))
    for _ in range(scene.count(2, 1)):
        day = int(rng.integers(HISTORY_DAYS, world.total_days))
        hour = rng.uniform(17, 22) if rng.random() < scene.quiet(0.8, 0.0) else rng.uniform(8, 16)
        n = scene.count(22, 4)
        time = scene.moments(day, hour, n, 1.0)
        seat = office.seats(np.array([int(rng.integers(0, len(world.units)))]), rng.integers(0, 99, 1))
        source = office.seat[who] if rng.random() < scene.stealth else seat[0]
        office.add(np.array([who]), np.maximum(time[:1] - 30_000, scene.begin), action="sign_in",
                   target="workplace", record_count=0, incident=scene.number, source=source)  # fmt: skip
        came = world.come(day, 8)
        came = came[world.subject_unit[came] == world.unit[who]] if world.unit[who] < world.care else came
        _look(scene, who, rng.choice(came, n), time, source=source)
    return scene.staff_name(who)
