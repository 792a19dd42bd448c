"""A whole estate on disk, made from tables: for tests, lessons and measurements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.key_rings import LocalKeyRing, PersonKeys, VersionedKeyRing
from secure_ai.govern.estate.backups import Backup
from secure_ai.govern.estate.build_bank import BANK
from secure_ai.govern.estate.build_hospital import HOSPITAL
from secure_ai.govern.estate.estate import Estate
from secure_ai.govern.estate.layout import Layout
from secure_ai.govern.estate.people import IdentitySource, People, new_pseudonym
from secure_ai.govern.estate.suppression import Suppression
from secure_ai.govern.estate.writing import (
    with_dates,
    write_access_log,
    write_cache,
    write_extract,
    write_indexes,
    write_messages,
    write_model,
    write_statistics,
    write_tables,
)

LAYOUTS: Mapping[str, Layout] = {"healthcare": HOSPITAL, "finance": BANK}
BACKUP_DAY = date(2026, 1, 1)


def build_estate(
    folder: str | Path,
    sector: str,
    tables: Mapping[str, pd.DataFrame],
    *,
    seed: int | None = None,
    audit: AuditLog | None = None,
    ring: VersionedKeyRing | None = None,
    backup: bool = True,
) -> Estate:
    """Make an organization's estate in an empty folder from its tables.

    Tables in SQLite and DuckDB, notes, messages, an extract in Parquet, training rows in CSV and a model, a
    full-text and a vector index, cached answers, statistics, an access log by pseudonym, and a backup that is
    sealed for each person. The same seed gives the same estate, keys excepted. The key of the list of people
    who were erased lies beside the folder, in ``<folder>.keys``.

    Args:
        folder: where; made if it is not there.
        sector: ``"healthcare"`` or ``"finance"``.
        tables: as ``synthetic_data.load(sector).tables`` gives them.
        seed: of the pseudonyms, for lessons and tests: it tells whose each is. Random if None.
        audit: the trail of the estate.
        ring: wraps the persons' keys; one in memory if None, and the backup is lost with this process.
        backup: whether to make a backup.

    Raises:
        UserError: if the sector is unknown, a table is missing, or the folder holds something.
    """
    place = Path(folder)
    if sector not in LAYOUTS:
        raise UserError(f"The sector {sector} is not known: choose {' or '.join(LAYOUTS)}.")
    layout = LAYOUTS[sector]
    if missing := [name for name in layout.needed if name not in tables]:
        raise UserError(f"The table {missing[0]} is missing: an estate of {sector} needs it.")
    if place.exists() and any(place.iterdir()):
        raise UserError(f"The folder {place.name} is not empty: name a new one.")
    place.mkdir(parents=True, exist_ok=True)

    tables = with_dates(layout, tables)
    stores = write_tables(place, layout, tables)
    people = _people(place, layout, stores)
    keys = people.keys()
    people.link(keys, None if seed is None else _seeded_pseudonyms(seed, len(keys)))
    whole = [
        *(store for name, store in stores.items() if name != "staff"),
        write_messages(place, layout, tables),
        write_extract(place, layout, tables),
        *write_model(place, layout, tables),
        *write_indexes(place, layout, stores),
        write_cache(place, layout, stores, BACKUP_DAY),
        write_access_log(place, layout, tables, people),
        write_statistics(place, layout, stores),
    ]
    if backup:
        whole.append(_backup(place, layout, people, stores, ring))
    return Estate(whole, people, audit, folder=place, suppression=Suppression(place / "suppression.txt"))


def _seeded_pseudonyms(seed: int, count: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [new_pseudonym(rng.bytes(8).hex()) for _ in range(count)]


def _people(place: Path, layout: Layout, stores: Mapping[str, object]) -> People:
    return People(
        place / "pseudonyms.sqlite",
        [IdentitySource(stores[table], layout.key, columns) for table, columns in layout.identities.items()],
        [IdentitySource(stores[table], key, columns) for table, key, columns in layout.bystanders],
    )


def _backup(
    place: Path, layout: Layout, people: People, stores: Mapping[str, object], ring: VersionedKeyRing | None
) -> Backup:
    ring = LocalKeyRing.in_memory() if ring is None else ring
    groups = max(1, round(len(people.keys()) ** 0.5))
    keys = PersonKeys.create(place / "person-keys.sqlite", ring, key_name="backup-of-persons", groups=groups)
    made = Backup(place / "backup.sqlite", keys, people, [stores[name] for name in layout.backed_up])
    made.make(BACKUP_DAY)
    return made
