"""Commands of the estate: estate holdings, search and verify over an organization's own description."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.app import root
from secure_ai.cli.governance import (
    FILE,
    FOUND,
    audit_option,
    open_audit,
    person_given,
    print_frame,
    read_mapping,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.govern.estate import Estate, Subject

ESTATE = click.argument("estate", type=FILE)


@root.group()
def estate() -> None:
    """Where personal data are kept: what is held about a person, and a search of every byte for them.

    ESTATE is a YAML file that describes your tables, files, folders and logs.
    """


@estate.command()
@ESTATE
@click.argument("person")
@audit_option
def holdings(*, estate: Path, person: str, audit: Path | None, actor: str | None) -> int:
    """Count what each place holds about PERSON (a key; - reads it from standard input); 1 if nothing is.

    Example: secure-ai estate holdings estate.yaml -
    """
    import pandas as pd

    opened = open_estate(estate, audit, actor)
    held = opened.holdings(opened.subject(person_given(person)))
    rows = [(one.store, one.data_class, one.records, one.oldest, one.newest) for one in held]
    print_frame(
        pd.DataFrame(rows, columns=["store", "class", "records", "oldest", "newest"]),
        "Nothing is held about this person.",
    )
    return 0 if held else FOUND


@estate.command()
@ESTATE
@click.argument("person", required=False)
@click.option("--stated", type=FILE, help="What identified somebody who was erased (YAML): kind: value.")
@audit_option
def search(
    *, estate: Path, person: str | None, stated: Path | None, audit: Path | None, actor: str | None
) -> int:
    """Search every byte of every file of ESTATE for a person; exit code 1 if a trace is found.

    PERSON is a key of somebody who is on file. Of somebody who was erased nothing is left to look up: say in
    a file what identified them, taken before.

    Example: secure-ai estate search estate.yaml --stated before.yaml
    """
    from secure_ai.govern.estate import Subject

    if (person is None) == (stated is None):
        raise UserError("Name either the key of a person, or --stated with a file of what identified them.")
    opened = open_estate(estate, audit, actor)
    subject = opened.subject(person_given(person or "")) if stated is None else _stated(stated, Subject)
    traces = opened.search(subject)
    frame = traces.to_frame()
    print_frame(frame.assign(file=[_without(name, subject) for name in frame["file"]]))
    print(traces.sentence())
    return FOUND if traces else 0


@estate.command()
@ESTATE
@click.option("--sector", type=click.Choice(["healthcare", "finance"]), help="Whose classes of data.")
@audit_option
def verify(*, estate: Path, sector: str | None, audit: Path | None, actor: str | None) -> int:
    """Open every place of ESTATE, finish erasures that were interrupted, and look for people who came back.

    Exit code 1 if somebody who was erased is on file again, or a class of data is unknown.

    Example: secure-ai estate verify estate.yaml --sector healthcare
    """
    import pandas as pd

    opened = open_estate(estate, audit, actor)
    for receipt in opened.finished:
        print(f"Finished {receipt.reference}: {receipt.sentence()}")
    rows = [(one.name, one.kind, one.data_class, len(one.files)) for one in opened.stores]
    print_frame(pd.DataFrame(rows, columns=["store", "kind", "class", "files"]))
    unknown = []
    if sector is not None:
        from secure_ai.govern.retention import data_classes

        known = set(data_classes(sector))
        unknown = sorted({one.data_class for one in opened.stores} - known)
        if unknown:
            print(f"No class of {sector}: {', '.join(unknown)}.")
    keys = opened.people.keys()
    back = sum(_came_back(opened, key) for key in keys)
    print(f"{len(keys):,} people; {back:,} of them on file again although they were erased.")
    return FOUND if back or unknown else 0


def open_estate(path: Path, audit: Path | None = None, actor: str | None = None) -> Estate:
    """Open the estate that a YAML file describes, with its audit trail.

    Raises:
        UserError: if it cannot be read, or a part of it is not there.
    """
    from secure_ai.govern.estate import load_estate

    trail, who = open_audit(audit, actor)
    opened = load_estate(path, audit=trail)
    opened.actor = who
    return opened


def _without(name: str, subject: Subject) -> str:
    # A folder of texts is often named by the person's key.
    values = {subject.key, *(value for listed in subject.identifiers.values() for value in listed)}
    for value in sorted(filter(None, values), key=len, reverse=True):
        name = name.replace(value, "(person)")
    return name


def _came_back(opened: Estate, key: str) -> bool:
    subject = opened.people.subject(key)
    return opened.suppression.holds(subject.identifiers, subject.birth_date, key)


def _stated(path: Path, kind: type[Subject]) -> Subject:
    given = read_mapping(path, "list of identifiers")
    values = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
    born = str(values.pop("birth_date", [""])[0])
    key = str(values.pop("key", [""])[0])
    pseudonym = str(values.pop("pseudonym", [""])[0])
    identifiers = {name: tuple(map(str, listed)) for name, listed in values.items()}
    if not identifiers and not key:
        raise UserError(f"{path.name} states nothing that identifies somebody: write 'mrn: …' or 'name: …'.")
    return kind(key, pseudonym, identifiers, born)
