"""From tables and a declaration to a PostgreSQL schema that enforces who sees which rows and columns."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.access.database.declaration import SERVICE_ROLE, Declaration, Purpose, Table, View
from secure_ai.access.database.guard import array, guard_sql, literal, padded_keys, quoted, scram_verifier
from secure_ai.access.database.refusals import connection_error, statement_error
from secure_ai.access.database.sectors import declaration as sector_declaration
from secure_ai.access.database.server import Database
from secure_ai.access.database.sessions import ProtectedDatabase
from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.encrypt.secret_keys import Key, random_key

if TYPE_CHECKING:
    import psycopg

SIGNING_KEY = "database session"
REFERENCE_KEY = "database reference"
MAX_CONNECTIONS = 20
NULL = "\\N"
LOGIN_FUNCTIONS = ("challenge()", "context()", "acts_for(text)", "in_charge_of(text)", "release()")


def protect(
    database: Database,
    frames: Mapping[str, pd.DataFrame],
    declared: Declaration | str,
    *,
    audit: AuditLog | None = None,
    key: Key | None = None,
    small_zip3: Iterable[str] | None = None,
    reference_date: str | pd.Timestamp | None = None,
) -> ProtectedDatabase:
    """Build the protected schema in ``database`` from ``frames`` and return it, ready for questions.

    One transaction: after an error nothing of it is there. Row-level security is enabled and forced on
    every table, each purpose has a login role of its own that belongs to no other, and columns are granted
    one by one.

    Args:
        frames: the tables by name, ``staff`` among them; further tables and columns are left out.
        declared: what to enforce, or the name of a sector.
        audit: where sessions, questions and refusals are recorded; a log in memory if left out.
        key: the secret that signs sessions and makes references; a random one if left out.
        small_zip3: ZIP prefixes of areas with 20,000 people or fewer, shown as 000; without it every
            prefix is, because nothing is known.
        reference_date: the day at which the age of 90 is judged; the latest date of the other tables if
            left out.

    Raises:
        UserError: if tables or columns are missing, a key repeats, a value has the wrong type, or the
            account lacks a right.
    """
    import psycopg

    declared = sector_declaration(declared) if isinstance(declared, str) else declared
    key = key or random_key()
    tables = {table.name: _prepared(table, declared, frames, key) for table in declared.tables}
    staff = _staff(declared, frames)
    prefix = database.next_prefix()
    logins = {purpose.name: f"{prefix}_{purpose.name}" for purpose in declared.purposes}
    passwords = {purpose: secrets.token_urlsafe(32) for purpose in logins}
    day = _reference_date(reference_date, declared, tables)
    with database.connect() as connection:
        try:
            with connection.transaction():
                # Else a function of somebody else in a schema of the usual path could become part of a view.
                connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
                _create_roles(connection, declared, prefix, passwords)
                _create_guard(connection, declared, prefix, key, staff)
                _create_tables(connection, declared, prefix, tables)
                values = {
                    "schema": _data(prefix),
                    "reference_date": literal(day),
                    # A prefix is always one of itself: where the small areas are not known, all are hidden.
                    "small_zip3": "ARRAY[left(p.zip, 3)]" if small_zip3 is None else array(tuple(small_zip3)),
                }
                for view in declared.views:
                    _create_view(connection, declared, view, prefix, values)
        except psycopg.Error as error:
            raise (connection_error(error) if connection.broken else statement_error(error)) from None
        connection.execute(f"ANALYZE {', '.join(f'{_data(prefix)}.{quoted(name)}' for name in tables)}")
    return ProtectedDatabase(
        database=database,
        declaration=declared,
        prefix=prefix,
        audit=audit if audit is not None else AuditLog(),
        _logins=logins,
        _passwords=passwords,
        _key=key.subkey(SIGNING_KEY, 64),
    )


def _prepared(
    table: Table, declared: Declaration, frames: Mapping[str, pd.DataFrame], key: Key
) -> pd.DataFrame:
    """The declared columns of a frame; subject and reference are made where they are missing."""
    if table.name not in frames:
        raise UserError(f"The table {table.name} is missing: the {declared.sector} schema needs it.")
    frame = frames[table.name]
    made = {}
    if table.subject not in frame and table.subject_via is not None:
        other, shared = table.subject_via
        if other in frames and {shared, table.subject} <= set(frames[other]) and shared in frame:
            lookup = frames[other].drop_duplicates(shared).set_index(shared)[table.subject]
            made[table.subject] = frame[shared].map(lookup)
    if "reference" in table.columns and "reference" not in frame and table.key in frame:
        mac = key.mac(REFERENCE_KEY)
        made["reference"] = frame[table.key].map(lambda value: mac.digest(str(value)).hex()[:20])
    missing = [name for name in table.columns if name not in frame and name not in made]
    if missing:
        raise UserError(f"The table {table.name} has no column {', '.join(missing)}.")
    ready = frame.assign(**made)[list(table.columns)]
    if ready[table.subject].isna().any():
        rows = int(ready[table.subject].isna().sum())
        raise UserError(
            f"{rows} rows of {table.name} belong to nobody: fill {table.subject} or leave them out."
        )
    integers = [name for name, kind in table.columns.items() if kind == "integer"]
    try:
        return ready.astype(dict.fromkeys(integers, "Int64"))
    except (TypeError, ValueError):
        raise UserError(
            f"A column of {table.name} that should hold integers does not: {', '.join(integers)}."
        ) from None


def _staff(declared: Declaration, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    columns = ["staff_id", "role", *declared.staff_columns]
    if "staff" not in frames or not set(columns) <= set(frames["staff"]):
        raise UserError(f"The table staff is missing, or one of its columns {', '.join(columns)}.")
    service = pd.DataFrame([{"staff_id": declared.service, "role": SERVICE_ROLE}], columns=columns)
    return pd.concat([frames["staff"][columns].astype(object), service], ignore_index=True)


def _reference_date(
    given: str | pd.Timestamp | None, declared: Declaration, tables: Mapping[str, pd.DataFrame]
) -> str:
    if given is None:
        dates = [
            frame[name].max()
            for table, frame in tables.items()
            if table != declared.subject_table
            for name in frame.select_dtypes("datetime")
        ]
        given = max(dates) if dates else pd.Timestamp("1970-01-01")
    try:
        return pd.Timestamp(given).date().isoformat()
    except (ValueError, TypeError):
        raise UserError("The reference date is no date: write it as 2025-12-31.") from None


def _data(prefix: str) -> str:
    return quoted(f"{prefix}_data")


def _guard(prefix: str) -> str:
    return quoted(f"{prefix}_guard")


def _owner(prefix: str) -> str:
    return quoted(f"{prefix}_owner")


def view_owner(prefix: str, purpose: str) -> str:
    """Return the role that owns the views of a purpose; nobody logs in as it."""
    return f"{prefix}_view_{purpose}"


def _create_roles(
    connection: psycopg.Connection, declared: Declaration, prefix: str, passwords: Mapping[str, str]
) -> None:
    behind = [f"{prefix}_owner", f"{prefix}_guard"]
    behind += [view_owner(prefix, purpose.name) for purpose in declared.purposes if purpose.views]
    run = connection.execute
    for role in behind:
        run(f"CREATE ROLE {quoted(role)} NOLOGIN")
        run(f"GRANT {quoted(role)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
    for purpose, password in passwords.items():
        login = quoted(f"{prefix}_{purpose}")
        verifier = literal(scram_verifier(connection, f"{prefix}_{purpose}", password))
        run(f"CREATE ROLE {login} LOGIN NOINHERIT PASSWORD {verifier} CONNECTION LIMIT {MAX_CONNECTIONS}")
        # So that the guard may ask when this login's backend was started, and for nothing else.
        run(f"GRANT {login} TO {_guard(prefix)} WITH INHERIT TRUE, SET FALSE")
    run(f"CREATE SCHEMA {_guard(prefix)} AUTHORIZATION {_guard(prefix)}")
    run(f"CREATE SCHEMA {_data(prefix)} AUTHORIZATION {_owner(prefix)}")


def _create_guard(
    connection: psycopg.Connection, declared: Declaration, prefix: str, key: Key, staff: pd.DataFrame
) -> None:
    run, guard = connection.execute, _guard(prefix)
    logins = [f"{prefix}_{purpose.name}" for purpose in declared.purposes]
    run(f"SET LOCAL ROLE {guard}")
    run(guard_sql(declared, prefix))
    run(f"INSERT INTO {guard}.keys VALUES (%s, %s)", padded_keys(key.subkey(SIGNING_KEY, 64)))
    _copy(connection, f"{guard}.staff", staff)
    for purpose, login in zip(declared.purposes, logins, strict=True):
        for role in purpose.roles:
            run(f"INSERT INTO {guard}.purposes VALUES (%s, %s, %s)", (purpose.name, role, login))
    everyone = ", ".join(quoted(login) for login in logins)
    run(f"GRANT USAGE ON SCHEMA {guard} TO {everyone}, {_owner(prefix)}")
    for function in LOGIN_FUNCTIONS:
        run(f"GRANT EXECUTE ON FUNCTION {guard}.{function} TO {everyone}")
    run(f"GRANT EXECUTE ON FUNCTION {guard}.record_write() TO {_owner(prefix)}")
    run("RESET ROLE")


def _create_tables(
    connection: psycopg.Connection, declared: Declaration, prefix: str, tables: Mapping[str, pd.DataFrame]
) -> None:
    run, data = connection.execute, _data(prefix)
    run(f"SET LOCAL ROLE {_owner(prefix)}")
    readers = [quoted(f"{prefix}_{purpose.name}") for purpose in declared.purposes]
    readers += [quoted(view_owner(prefix, purpose.name)) for purpose in declared.purposes if purpose.views]
    run(f"GRANT USAGE ON SCHEMA {data} TO {', '.join([*readers, _guard(prefix)])}")
    for table in declared.tables:
        name = f"{data}.{quoted(table.name)}"
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in table.columns.items())
        run(f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({quoted(table.key)}))")
        _copy(connection, name, tables[table.name])
        indexed = [*table.indexes, *([table.subject] if table.subject != table.key else [])]
        for column in indexed:
            run(f"CREATE INDEX ON {name} ({quoted(column)})")
        if table.name != declared.subject_table:
            subject = declared.table(declared.subject_table)
            run(
                f"ALTER TABLE {name} ADD FOREIGN KEY ({quoted(table.subject)}) "
                f"REFERENCES {data}.{quoted(subject.name)} ({quoted(subject.key)})"
            )
    # Not before: COPY and the check of a new foreign key would see no rows, the owner's own included.
    for table in declared.tables:
        name = f"{data}.{quoted(table.name)}"
        run(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        for purpose in declared.purposes:
            _grant(connection, table, purpose, prefix)
        for view in declared.views:
            if table.name in view.reads:
                _grant_view_owner(connection, table, view, prefix)
        _grant_guard(connection, table, declared, prefix)
    run("RESET ROLE")


def row_rule(table: Table, purpose: Purpose, prefix: str) -> str:
    """Return the SQL condition that a row must meet; the guard is asked once a query, not once a row."""
    guard, name = _guard(prefix), literal(purpose.name)
    if purpose.rows == "in charge":
        return f"{quoted(table.subject)} = ANY (ARRAY(SELECT {guard}.in_charge_of({name})))"
    return f"(SELECT {guard}.acts_for({name}))"


def _grant(connection: psycopg.Connection, table: Table, purpose: Purpose, prefix: str) -> None:
    run, name = connection.execute, f"{_data(prefix)}.{quoted(table.name)}"
    login, rule = quoted(f"{prefix}_{purpose.name}"), row_rule(table, purpose, prefix)
    if columns := purpose.columns.get(table.name):
        run(f"GRANT SELECT ({_list(columns)}) ON {name} TO {login}")
        run(f"CREATE POLICY {quoted(f'{purpose.name}_read')} ON {name} FOR SELECT TO {login} USING ({rule})")
    if columns := purpose.inserts.get(table.name):
        run(f"GRANT INSERT ({_list(columns)}) ON {name} TO {login}")
        policy = quoted(f"{purpose.name}_add")
        run(f"CREATE POLICY {policy} ON {name} FOR INSERT TO {login} WITH CHECK ({rule})")
        run(
            f"CREATE TRIGGER {quoted(f'{purpose.name}_audit')} AFTER INSERT ON {name} FOR EACH ROW "
            f"EXECUTE FUNCTION {_guard(prefix)}.record_write({literal(table.key)})"
        )


def _grant_view_owner(connection: psycopg.Connection, table: Table, view: View, prefix: str) -> None:
    run, name = connection.execute, f"{_data(prefix)}.{quoted(table.name)}"
    owner = quoted(view_owner(prefix, view.purpose))
    run(f"GRANT SELECT ({_list(view.reads[table.name])}) ON {name} TO {owner}")
    run(
        f"CREATE POLICY {quoted(view.name)} ON {name} FOR SELECT TO {owner} "
        f"USING ((SELECT {_guard(prefix)}.acts_for({literal(view.purpose)})))"
    )


def _grant_guard(connection: psycopg.Connection, table: Table, declared: Declaration, prefix: str) -> None:
    """The guard reads who is in charge of whom from the tables themselves: no copy that could be stale."""
    run, name = connection.execute, f"{_data(prefix)}.{quoted(table.name)}"
    columns = tuple(relation.column for relation in declared.relations if relation.table == table.name)
    if columns:
        run(f"GRANT SELECT ({_list(dict.fromkeys((table.subject, *columns)))}) ON {name} TO {_guard(prefix)}")
        run(f"CREATE POLICY guard_read ON {name} FOR SELECT TO {_guard(prefix)} USING (true)")


def _create_view(
    connection: psycopg.Connection,
    declared: Declaration,
    view: View,
    prefix: str,
    values: Mapping[str, str],
) -> None:
    run, data = connection.execute, _data(prefix)
    owner = quoted(view_owner(prefix, view.purpose))
    columns = ", ".join(f"{sql.format(**values)} AS {quoted(name)}" for name, sql in view.columns.items())
    name = f"{data}.{quoted(view.name)}"
    run(f"GRANT CREATE ON SCHEMA {data} TO {owner}")
    run(f"SET LOCAL ROLE {owner}")
    run(f"CREATE VIEW {name} WITH (security_barrier) AS SELECT {columns} FROM {view.source.format(**values)}")
    for purpose in declared.purposes:
        if view.name in purpose.views:
            run(f"GRANT SELECT ON {name} TO {quoted(f'{prefix}_{purpose.name}')}")
    run("RESET ROLE")
    run(f"REVOKE CREATE ON SCHEMA {data} FROM {owner}")


def _list(columns: Iterable[str]) -> str:
    return ", ".join(quoted(column) for column in columns)


def _copy(connection: psycopg.Connection, name: str, frame: pd.DataFrame) -> None:
    text = frame.to_csv(index=False, header=False, na_rep=NULL)
    with connection.cursor().copy(
        f"COPY {name} ({_list(frame.columns)}) FROM STDIN (FORMAT csv, NULL {literal(NULL)})"
    ) as copy:
        copy.write(text)
