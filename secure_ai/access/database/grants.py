"""What may each role really read? Asked of PostgreSQL's own catalog and compared with what was declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai.access.database.refusals import connection_error, import_psycopg, statement_error
from secure_ai.access.database.server import role_label
from secure_ai.access.database.sessions import ProtectedDatabase, without_prefix
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import psycopg

GRANT_COLUMNS = ["role", "relation", "column", "privilege"]
# A role reaches what it may itself, what PUBLIC may, and what any role may that it can become.
_GRANTED = """
SELECT DISTINCT n.nspname, c.relname, a.attname, p.privilege
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_roles r ON pg_has_role(%(role)s, r.oid, 'MEMBER')
CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE')) p(privilege)
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(schemas)s::text[] IS NULL OR n.nspname = ANY (%(schemas)s))
  AND has_schema_privilege(r.oid, n.oid, 'USAGE')
  AND has_column_privilege(r.oid, c.oid, a.attnum, p.privilege)
UNION
SELECT DISTINCT n.nspname, c.relname, '(rows)', p.privilege
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_roles r ON pg_has_role(%(role)s, r.oid, 'MEMBER')
CROSS JOIN (VALUES ('DELETE'), ('TRUNCATE')) p(privilege)
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (%(schemas)s::text[] IS NULL OR n.nspname = ANY (%(schemas)s))
  AND has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_table_privilege(r.oid, c.oid, p.privilege)
"""
# Each finds one kind of weakness in the schemas under review: (object, detail).
_CHECKS: dict[str, str] = {
    "role bypasses row-level security": """
        SELECT rolname, CASE WHEN rolsuper THEN 'superuser' ELSE 'BYPASSRLS' END FROM pg_roles
        WHERE rolcanlogin AND (rolsuper OR rolbypassrls) AND rolname = ANY (%(roles)s)""",
    "role can become another": """
        SELECT m.rolname, 'member of ' || g.rolname FROM pg_auth_members am
        JOIN pg_roles m ON m.oid = am.member JOIN pg_roles g ON g.oid = am.roleid
        WHERE m.rolname = ANY (%(roles)s)""",
    "login owns tables": """
        SELECT n.nspname || '.' || c.relname, 'owned by ' || r.rolname FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
        WHERE c.relkind IN ('r', 'p') AND r.rolcanlogin AND n.nspname = ANY (%(schemas)s)""",
    "granted to PUBLIC": """
        SELECT n.nspname || '.' || c.relname, x.privilege_type FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) x
        WHERE x.grantee = 0 AND c.relkind IN ('r', 'v', 'm', 'p') AND n.nspname = ANY (%(schemas)s)
        UNION
        SELECT n.nspname || '.' || c.relname || '.' || a.attname, x.privilege_type FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN aclexplode(a.attacl) x WHERE x.grantee = 0 AND n.nspname = ANY (%(schemas)s)""",
    "schema writable by a login": """
        SELECT n.nspname, 'CREATE for ' || r.rolname FROM pg_namespace n CROSS JOIN pg_roles r
        WHERE n.nspname = ANY (%(schemas)s) AND r.rolname = ANY (%(roles)s)
          AND has_schema_privilege(r.oid, n.oid, 'CREATE')""",
    "table without row-level security": """
        SELECT n.nspname || '.' || c.relname, 'every row is visible to whoever holds a grant' FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relrowsecurity AND n.nspname = ANY (%(schemas)s)
          AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = ANY (%(roles)s)
            AND has_any_column_privilege(r.oid, c.oid, 'SELECT'))""",
    "row-level security not forced on the owner": """
        SELECT n.nspname || '.' || c.relname, 'its owner sees every row' FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND NOT c.relforcerowsecurity
          AND n.nspname = ANY (%(schemas)s)""",
    "view without security barrier": """
        SELECT n.nspname || '.' || c.relname, 'a function in WHERE can see rows that the view hides'
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'v' AND n.nspname = ANY (%(schemas)s)
          AND NOT coalesce('security_barrier=true' = ANY (c.reloptions), false)
          AND NOT coalesce('security_barrier=1' = ANY (c.reloptions), false)
          AND NOT coalesce('security_barrier=on' = ANY (c.reloptions), false)
          AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
          AND NOT coalesce('security_invoker=1' = ANY (c.reloptions), false)
          AND NOT coalesce('security_invoker=on' = ANY (c.reloptions), false)""",
    "view bypasses row-level security": """
        SELECT DISTINCT n.nspname || '.' || v.relname,
            'its owner ' || o.rolname || ' sees every row of ' || t.relname
        FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace JOIN pg_roles o ON o.oid = v.relowner
        JOIN pg_rewrite w ON w.ev_class = v.oid
        JOIN pg_depend d ON d.objid = w.oid AND d.classid = 'pg_rewrite'::regclass
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid
        JOIN pg_class t ON t.oid = d.refobjid AND t.relrowsecurity
        WHERE v.relkind IN ('v', 'm') AND n.nspname = ANY (%(schemas)s)
          AND NOT coalesce(array_to_string(v.reloptions, ' ') ~ 'security_invoker=(true|1|on|yes)', false)
          AND (o.rolsuper OR o.rolbypassrls
            OR (NOT t.relforcerowsecurity AND pg_has_role(o.oid, t.relowner, 'USAGE')))""",
    "SECURITY DEFINER function with an open search_path": """
        SELECT n.nspname || '.' || p.proname, 'its caller can put objects of his own before those it means'
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname = ANY (%(schemas)s)
          AND NOT EXISTS (
            SELECT FROM unnest(p.proconfig) s
            WHERE s ~ '^search_path=' AND s !~ 'public' AND s !~ '\\$user'
              AND (s ~ '(,\\s*|=)"?pg_temp"?\\s*$' OR s ~ '^search_path=("")?$'))""",
    "SECURITY DEFINER function for everybody": """
        SELECT n.nspname || '.' || p.proname, 'EXECUTE is granted to PUBLIC'
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname = ANY (%(schemas)s) AND p.prorettype <> 'trigger'::regtype
          AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) x WHERE x.grantee = 0))""",
}


@dataclass(frozen=True, eq=False)
class GrantReview:
    """What roles may read beside what they should, and the weaknesses of the schema around it.

    Attributes:
        drift: role, relation, column, privilege, and ``difference`` (``"not declared"`` or ``"missing"``).
        weaknesses: kind, object, detail; one row each.
        checked: the number of granted privileges that were compared.
    """

    drift: pd.DataFrame
    weaknesses: pd.DataFrame
    checked: int

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return self.drift.empty and self.weaknesses.empty

    def sentence(self) -> str:
        """Say what was compared and found."""
        more = int((self.drift["difference"] == "not declared").sum())
        less = len(self.drift) - more
        if self.clean:
            return (
                f"The {self.checked} column privileges in the database are those declared; no weakness found."
            )
        return (
            f"Of {self.checked} column privileges in the database {more} {'was' if more == 1 else 'were'} "
            f"never declared; declared and missing: {less}; weaknesses around them: {len(self.weaknesses)}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return everything found, one row each: kind, object, detail."""
        rows = [
            (
                f"privilege {row.difference}",
                f"{row.relation}.{row.column}",
                f"{row.privilege} for {row.role}",
            )
            for row in self.drift.itertuples()
        ]
        drift = pd.DataFrame(rows, columns=["kind", "object", "detail"])
        return pd.concat([drift, self.weaknesses], ignore_index=True)


def granted_columns(
    connection: psycopg.Connection, role: str, schemas: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read back what a role really may read and write, PUBLIC and every role it can become included.

    Args:
        schemas: only these; all but the system's if left out.

    Returns:
        One row each: schema, relation, column (``(rows)`` for DELETE and TRUNCATE), privilege.

    Raises:
        UserError: if the role does not exist or the catalog cannot be read.
    """
    psycopg = import_psycopg()
    try:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
            raise UserError("The database has no such role: check its name in the expected privileges.")
        found = connection.execute(
            _GRANTED, {"role": role, "schemas": list(schemas) if schemas is not None else None}
        ).fetchall()
    except psycopg.Error as error:
        raise statement_error(error) from None
    frame = pd.DataFrame(found, columns=["schema", "relation", "column", "privilege"])
    return frame.sort_values(list(frame.columns), ignore_index=True)


def review_grants(dsn: str, expected: pd.DataFrame, schemas: Iterable[str]) -> GrantReview:
    """Compare a database's privileges with those expected, and look for ways around row-level security.

    Reads the catalog only, in a read-only transaction; nothing is changed.

    Args:
        dsn: the address of the database.
        expected: one row for each privilege: role, relation, column, privilege (SELECT, INSERT, UPDATE).
        schemas: the schemas that hold the relations.

    Raises:
        UserError: if the database cannot be reached, ``expected`` lacks a column, or a role is unknown.
    """
    psycopg = import_psycopg()
    try:
        connection = psycopg.connect(dsn, connect_timeout=10)
    except psycopg.Error as error:
        raise connection_error(error) from None
    with connection:
        connection.read_only = True
        return _review(connection, expected, tuple(schemas))


def drift(protected: ProtectedDatabase) -> GrantReview:
    """Compare a protected database with its declaration (names without the prefix of this run)."""
    expected = protected.declaration.expected()
    expected["role"] = protected.prefix + "_" + expected["role"]
    with protected.database.connect() as connection:
        review = _review(connection, expected, (protected.schema, protected.prefix + "_guard"))
    shown = review.drift.assign(role=[role_label(role, protected.prefix) for role in review.drift["role"]])
    weaknesses = review.weaknesses.map(lambda text: without_prefix(text, protected.prefix))
    return GrantReview(shown, weaknesses, review.checked)


def reach(protected: ProtectedDatabase) -> pd.DataFrame:
    """Return what every login of a protected database really may read or write.

    Returns:
        One row for each role, relation and privilege: role, relation, privilege, columns (their names).
    """
    frames = []
    with protected.database.connect() as connection:
        for purpose in protected.declaration.purposes:
            role, _ = protected.login(purpose.name)
            frames.append(granted_columns(connection, role, [protected.schema]).assign(role=purpose.name))
    grouped = pd.concat(frames).groupby(["role", "relation", "privilege"])["column"]
    return grouped.agg(", ".join).rename("columns").reset_index()


def _review(connection: psycopg.Connection, expected: pd.DataFrame, schemas: tuple[str, ...]) -> GrantReview:
    psycopg = import_psycopg()
    if missing := [name for name in GRANT_COLUMNS if name not in expected]:
        raise UserError(f"The expected privileges lack the column {', '.join(missing)}.")
    if isinstance(schemas, str) or not schemas:
        raise UserError("Name the schemas to be reviewed, such as ['clinic'].")
    roles = sorted(set(expected["role"]))
    wanted = set(expected[GRANT_COLUMNS].itertuples(index=False, name=None))
    found = set()
    for role in roles:
        granted = granted_columns(connection, role, schemas)
        found |= {(role, row.relation, row.column, row.privilege) for row in granted.itertuples()}
    rows = [(*row, "not declared") for row in sorted(found - wanted)]
    rows += [(*row, "missing") for row in sorted(wanted - found)]
    weaknesses = []
    try:
        for kind, sql in _CHECKS.items():
            results = connection.execute(sql, {"schemas": list(schemas), "roles": roles}).fetchall()
            weaknesses += [(kind, name, detail) for name, detail in sorted(results)]
    except psycopg.Error as error:
        raise statement_error(error) from None
    return GrantReview(
        pd.DataFrame(rows, columns=[*GRANT_COLUMNS, "difference"]),
        pd.DataFrame(weaknesses, columns=["kind", "object", "detail"]),
        len(found),
    )
