"""Who is asking? The functions in the database that verify a signed session, and their key table.

The application signs (login, user, purpose, expiry, backend, nonce) with HMAC-SHA256 and stores the token
in a setting of the session. A setting can be overwritten by anybody who can run SQL, so it is never
believed: every row rule calls ``context()``, which verifies the tag with a key that no login can read.
The backend is named by its process number and its start to the microsecond, and the nonce is drawn anew
each time that a pooled connection is handed out: a token is worth nothing in another session, nor in the
same connection once it serves somebody else. The expiry is judged by the database's clock alone.

HMAC is built from ``sha256`` of the core (RFC 2104, section 2), so that no extension is needed.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from secure_ai.access.database.declaration import Declaration
from secure_ai.access.database.refusals import (
    EXPIRED_CONTEXT,
    FORGED_CONTEXT,
    NO_CONTEXT,
    NOT_ELIGIBLE,
    OTHER_PURPOSE,
)

if TYPE_CHECKING:
    import psycopg

BLOCK_BYTES = 64
VERSION = "v1"
MAX_SECONDS = 3600
# Nothing is looked up where a session could put an object of its own: temporary objects come last.
SAFE_PATH = "SET search_path = pg_catalog, pg_temp"


def quoted(name: str) -> str:
    """Return an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def array(values: tuple[str, ...]) -> str:
    """Return an SQL array of strings."""
    return f"ARRAY[{', '.join(literal(value) for value in values)}]::text[]"


def setting_name(prefix: str) -> str:
    """Return the name of the session setting that carries the token."""
    return f"{prefix}.context"


def scram_verifier(connection: psycopg.Connection, role: str, password: str) -> str:
    """Return the verifier of a password, so that the password itself never travels and is in no log."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


def padded_keys(key: bytes) -> tuple[bytes, bytes]:
    """Return HMAC's inner and outer key blocks, which is what the key table stores."""
    block = key if len(key) <= BLOCK_BYTES else hashlib.sha256(key).digest()
    block = block.ljust(BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def sign(
    key: bytes, *, login: str, staff_id: str, purpose: str, expires: int, pid: int, started: str, nonce: str
) -> str:
    """Return the token of a session: user, purpose and expiry in the open, and the tag over all of it.

    Args:
        expires: milliseconds since 1970, by the database's clock.
        started: the start of the backend, in microseconds since 1970.
    """
    open_part = "|".join((staff_id.encode().hex(), purpose.encode().hex(), str(expires)))
    message = "|".join((VERSION, login, open_part, str(pid), started, nonce))
    return f"{open_part}|{hmac.new(key, message.encode(), hashlib.sha256).hexdigest()}"


def guard_sql(declaration: Declaration, prefix: str) -> str:
    """Return the statements that make the guard's tables and functions, run as the guard."""
    guard, setting = quoted(f"{prefix}_guard"), literal(setting_name(prefix))
    staff = "".join(f", {quoted(name)} text" for name in declaration.staff_columns)
    backend = (
        "SELECT (extract(epoch FROM a.backend_start) * 1000000)::bigint::text "
        "FROM pg_stat_get_activity(pg_backend_pid()) a"
    )
    return f"""
CREATE TABLE {guard}.keys (inner_key bytea NOT NULL, outer_key bytea NOT NULL);
CREATE TABLE {guard}.staff (staff_id text PRIMARY KEY, role text NOT NULL{staff});
CREATE TABLE {guard}.purposes (purpose text, role text, login name, PRIMARY KEY (purpose, role));
CREATE UNLOGGED TABLE {guard}.sessions (
    pid int, started text, nonce text NOT NULL, PRIMARY KEY (pid, started));
CREATE TABLE {guard}.writes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    staff_id text NOT NULL, purpose text NOT NULL, login name NOT NULL, action text NOT NULL,
    relation name NOT NULL, key text);

CREATE FUNCTION {guard}.challenge(OUT nonce text, OUT pid int, OUT started text, OUT clock float8)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER {SAFE_PATH} AS $body$
BEGIN
    nonce := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
    pid := pg_backend_pid();
    started := ({backend});
    clock := extract(epoch FROM clock_timestamp());
    -- Rows of backends that are gone; SKIP LOCKED, so that no session can make another one wait.
    DELETE FROM {guard}.sessions s WHERE s.ctid = ANY (ARRAY(
        SELECT o.ctid FROM {guard}.sessions o
        WHERE o.pid = challenge.pid
            OR NOT EXISTS (SELECT FROM pg_stat_get_activity(NULL) a WHERE a.pid = o.pid)
        FOR UPDATE SKIP LOCKED));
    INSERT INTO {guard}.sessions VALUES (challenge.pid, challenge.started, challenge.nonce);
END $body$;

CREATE FUNCTION {guard}.context(OUT staff_id text, OUT purpose text)
LANGUAGE plpgsql STABLE SECURITY DEFINER {SAFE_PATH} AS $body$
DECLARE
    token text := current_setting({setting}, true);
    part text[];
    message bytea;
    k record;
BEGIN
    IF coalesce(token, '') = '' THEN
        RAISE EXCEPTION 'the session names no user' USING ERRCODE = '{NO_CONTEXT}';
    END IF;
    IF token !~ '^([0-9a-f]{{2}})+[|]([0-9a-f]{{2}})+[|][0-9]{{1,14}}[|][0-9a-f]{{64}}$' THEN
        RAISE EXCEPTION 'the session is not signed' USING ERRCODE = '{FORGED_CONTEXT}';
    END IF;
    part := string_to_array(token, '|');
    SELECT convert_to(concat_ws('|', '{VERSION}', session_user, part[1], part[2], part[3], s.pid, s.started,
        s.nonce), 'UTF8') INTO message
    FROM {guard}.sessions s WHERE s.pid = pg_backend_pid() AND s.started = ({backend});
    SELECT keys.inner_key, keys.outer_key INTO STRICT k FROM {guard}.keys;
    -- Both tags are hashed under the key before they are compared: how long it takes says nothing.
    IF message IS NULL OR
        sha256(k.outer_key || sha256(k.outer_key || sha256(k.inner_key || message)))
        IS DISTINCT FROM sha256(k.outer_key || decode(part[4], 'hex'))
    THEN
        RAISE EXCEPTION 'the session is not signed' USING ERRCODE = '{FORGED_CONTEXT}';
    END IF;
    IF extract(epoch FROM clock_timestamp()) * 1000 >= part[3]::bigint THEN
        RAISE EXCEPTION 'the session is over' USING ERRCODE = '{EXPIRED_CONTEXT}';
    END IF;
    staff_id := convert_from(decode(part[1], 'hex'), 'UTF8');
    purpose := convert_from(decode(part[2], 'hex'), 'UTF8');
    IF NOT EXISTS (
        SELECT FROM {guard}.staff s JOIN {guard}.purposes p ON p.role = s.role
        WHERE s.staff_id = context.staff_id AND p.purpose = context.purpose AND p.login = session_user)
    THEN
        RAISE EXCEPTION 'the user may not act for this purpose' USING ERRCODE = '{NOT_ELIGIBLE}';
    END IF;
END $body$;

CREATE FUNCTION {guard}.acts_for(required text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER {SAFE_PATH} AS $body$
BEGIN
    IF (SELECT c.purpose FROM {guard}.context() c) IS DISTINCT FROM required THEN
        RAISE EXCEPTION 'the session acts for another purpose' USING ERRCODE = '{OTHER_PURPOSE}';
    END IF;
    RETURN true;
END $body$;

CREATE FUNCTION {guard}.in_charge_of(required text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER {SAFE_PATH} AS $body$
DECLARE
    who text := (SELECT c.staff_id FROM {guard}.context() c WHERE {guard}.acts_for(required));
BEGIN
    RETURN QUERY {_relations(declaration, prefix)};
END $body$;

CREATE FUNCTION {guard}.record_write() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER {SAFE_PATH} AS $body$
BEGIN
    INSERT INTO {guard}.writes (staff_id, purpose, login, action, relation, key)
    SELECT c.staff_id, c.purpose, session_user, TG_OP, TG_TABLE_NAME, to_jsonb(NEW) ->> TG_ARGV[0]
    FROM {guard}.context() c;
    RETURN NULL;
END $body$;

CREATE FUNCTION {guard}.release() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER {SAFE_PATH} AS $body$
    DELETE FROM {guard}.sessions s WHERE s.pid = pg_backend_pid();
$body$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {guard} FROM PUBLIC;
"""


def _relations(declaration: Declaration, prefix: str) -> str:
    data, guard = quoted(f"{prefix}_data"), quoted(f"{prefix}_guard")
    parts = []
    for relation in declaration.relations:
        subject = quoted(declaration.table(relation.table).subject)
        parts.append(
            f"SELECT t.{subject} FROM {data}.{quoted(relation.table)} t "
            f"JOIN {guard}.staff s ON s.{quoted(relation.staff_column)} = t.{quoted(relation.column)} "
            f"WHERE s.staff_id = who AND s.role = ANY ({array(relation.roles)})"
        )
    return "\n    UNION ".join(parts) or "SELECT NULL::text WHERE false"
