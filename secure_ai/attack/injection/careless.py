"""Deliberately careless code, not to be copied: a query glued together, and sessions that it can forge.

The query is the usual one behind a search field. The sessions are three usual ways to tell a database
who is asking: a setting of the session, SET ROLE from a pooled login, and a login for each person.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secure_ai.access.database.declaration import Declaration
from secure_ai.access.database.guard import literal, quoted, scram_verifier
from secure_ai.access.database.looks import in_charge_of
from secure_ai.access.database.refusals import import_psycopg, statement_error
from secure_ai.access.database.sessions import ProtectedDatabase

if TYPE_CHECKING:
    import psycopg

SETTING = "app.staff"


def careless_search(connection: psycopg.Connection, table: str, key: str, city: str) -> list[list[tuple]]:
    """Deliberately careless: search by city with a query whose text is glued together from the input.

    Returns the rows of every statement that ran, since the input may bring further ones.
    """
    cursor = connection.execute(f"SELECT {key}, city FROM {table} WHERE city = '{city}'")
    results = []
    while True:
        results.append(cursor.fetchall() if cursor.description else [])
        if not cursor.nextset():
            return results


def parametrized_search(connection: psycopg.Connection, table: str, key: str, city: str) -> list[list[tuple]]:
    """Search by city, done right: the input travels beside the query and is never read as SQL."""
    from psycopg import sql

    query = sql.SQL("SELECT {}, city FROM {} WHERE city = %s").format(
        sql.Identifier(key), sql.Identifier(table)
    )
    return [connection.execute(query, (city,)).fetchall()]


@dataclass(frozen=True)
class CarelessSessions:
    """Roles, a view and rules that trust what a session says about itself; made for two people.

    Attributes:
        schema: where the careless view and its helper live.
        roles: the database role of each of the two.
    """

    protected: ProtectedDatabase
    purpose: str
    schema: str
    roles: dict[str, str]
    _application: str = field(repr=False)
    _password: str = field(repr=False)

    @contextmanager
    def by_setting(self, staff_id: str) -> Iterator[psycopg.Connection]:
        """A pooled login; a setting says who is asking, and a view filters by it."""
        with self._connect(self._application, self.schema) as connection:
            connection.execute(f"SET {SETTING} = {literal(staff_id)}")
            yield connection

    @contextmanager
    def by_role(self, staff_id: str) -> Iterator[psycopg.Connection]:
        """A pooled login that becomes the person's role by SET ROLE; row-level security names the role."""
        with self._connect(self._application, self.protected.schema) as connection:
            connection.execute(f"SET ROLE {quoted(self.roles[staff_id])}")
            yield connection

    @contextmanager
    def by_login(self, staff_id: str) -> Iterator[psycopg.Connection]:
        """A login for each person, without a pool: the role cannot be changed, but nothing says what for."""
        with self._connect(self.roles[staff_id], self.protected.schema) as connection:
            yield connection

    @contextmanager
    def _connect(self, role: str, path: str) -> Iterator[psycopg.Connection]:
        with self.protected.database.connect(role, self._password) as connection:
            connection.execute(f"SET search_path = {quoted(path)}")
            yield connection


@contextmanager
def careless_sessions(
    protected: ProtectedDatabase, purpose: str, people: tuple[str, str]
) -> Iterator[CarelessSessions]:
    """Add the careless sessions to a protected database for two people, and drop them at the end."""
    prefix = f"{protected.prefix}_careless"
    names = {person: f"{prefix}_user{number}" for number, person in enumerate(people, start=1)}
    made = CarelessSessions(protected, purpose, prefix, names, f"{prefix}_app", secrets.token_urlsafe(32))
    psycopg = import_psycopg()
    # Read first: the rules are made under a lock that would keep these sessions waiting.
    charges = {person: in_charge_of(protected, person, purpose) for person in people}
    with protected.database.connect() as administrator:
        try:
            try:
                with administrator.transaction():
                    _create_roles(administrator, made)
                    _create_view(administrator, made, charges)
                    _create_rules(administrator, made)
            except psycopg.Error as error:
                raise statement_error(error) from None
            yield made
        finally:
            _drop(administrator, made)


def _create_roles(administrator: psycopg.Connection, made: CarelessSessions) -> None:
    run = administrator.execute
    owner = quoted(f"{made.schema}_owner")
    run(f"CREATE ROLE {owner} NOLOGIN")
    run(f"GRANT {owner} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
    for role in (made._application, *made.roles.values()):
        verifier = literal(scram_verifier(administrator, role, made._password))
        run(f"CREATE ROLE {quoted(role)} LOGIN NOINHERIT PASSWORD {verifier}")
    for role in made.roles.values():
        run(f"GRANT {quoted(role)} TO {quoted(made._application)} WITH INHERIT FALSE, SET TRUE")
    run(f"CREATE SCHEMA {quoted(made.schema)} AUTHORIZATION {owner}")


def _create_view(
    administrator: psycopg.Connection, made: CarelessSessions, charges: dict[str, set[str]]
) -> None:
    """An ordinary view with an ordinary helper: no security barrier, no fixed search_path."""
    run, declared = administrator.execute, made.protected.declaration
    schema, data, app = quoted(made.schema), quoted(made.protected.schema), quoted(made._application)
    table, columns = declared.subject_table, _columns(declared, made.purpose)
    key = quoted(declared.table(table).key)
    users = ", ".join(quoted(role) for role in made.roles.values())
    run(f"SET LOCAL ROLE {quoted(made.protected.prefix + '_owner')}")
    run(f"GRANT USAGE ON SCHEMA {data} TO {quoted(f'{made.schema}_owner')}, {users}")
    run(f"GRANT SELECT ON {data}.{quoted(table)} TO {quoted(f'{made.schema}_owner')}")
    rule = f"CREATE POLICY {quoted(made.schema)} ON {data}.{quoted(table)} FOR SELECT"
    run(f"{rule} TO {quoted(f'{made.schema}_owner')} USING (true)")
    run(f"SET LOCAL ROLE {quoted(f'{made.schema}_owner')}")
    run(f"CREATE TABLE {schema}.assignments (staff_id text, subject_id text, role name)")
    run("RESET ROLE")
    rows = [
        (who, subject, made.roles[who]) for who, subjects in charges.items() for subject in sorted(subjects)
    ]
    with administrator.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {schema}.assignments VALUES (%s, %s, %s)", rows)
    run(f"SET LOCAL ROLE {quoted(f'{made.schema}_owner')}")
    run(
        f"CREATE FUNCTION {schema}.in_charge_of(who text) RETURNS SETOF text LANGUAGE plpgsql STABLE "
        "SECURITY DEFINER AS $$BEGIN "
        "RETURN QUERY SELECT subject_id FROM assignments WHERE staff_id = who; END$$"
    )
    run(
        f"CREATE VIEW {schema}.{quoted(table)} AS SELECT {columns} FROM {data}.{quoted(table)} "
        f"WHERE {key} IN (SELECT {schema}.in_charge_of(current_setting('{SETTING}', true)))"
    )
    # Until PostgreSQL 15 everybody could create in the schema public; many databases still allow it.
    run(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {app}")
    # The owner of the tables writes the rules, so it has to see what they name.
    run(f"GRANT USAGE ON SCHEMA {schema} TO {users}, {quoted(made.protected.prefix + '_owner')}")
    run(f"GRANT SELECT ON {schema}.{quoted(table)} TO {app}")
    run(f"GRANT SELECT ON {schema}.assignments TO {users}")
    run("RESET ROLE")


def _create_rules(administrator: psycopg.Connection, made: CarelessSessions) -> None:
    run, declared = administrator.execute, made.protected.declaration
    table, data = declared.subject_table, quoted(made.protected.schema)
    key = quoted(declared.table(table).key)
    run(f"SET LOCAL ROLE {quoted(made.protected.prefix + '_owner')}")
    for role in made.roles.values():
        run(f"GRANT SELECT ({_columns(declared, made.purpose)}) ON {data}.{quoted(table)} TO {quoted(role)}")
        run(
            f"CREATE POLICY {quoted(role)} ON {data}.{quoted(table)} FOR SELECT TO {quoted(role)} USING "
            f"({key} IN (SELECT a.subject_id FROM {quoted(made.schema)}.assignments a "
            "WHERE a.role = current_user))"
        )
    run("RESET ROLE")


def _drop(administrator: psycopg.Connection, made: CarelessSessions) -> None:
    roles = [f"{made.schema}_owner", made._application, *made.roles.values()]
    with administrator.transaction():
        administrator.execute(f"DROP SCHEMA IF EXISTS {quoted(made.schema)} CASCADE")
        found = administrator.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", (roles,)
        ).fetchall()
        for (name,) in found:
            administrator.execute(f"GRANT {quoted(name)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
            administrator.execute(f"DROP OWNED BY {quoted(name)} CASCADE")
        for (name,) in found:
            administrator.execute(f"DROP ROLE {quoted(name)}")


def _columns(declared: Declaration, purpose: str) -> str:
    return ", ".join(quoted(name) for name in declared.purpose(purpose).columns[declared.subject_table])
