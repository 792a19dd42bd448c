"""The injections that are tried, as text for a search field, and how their gain is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Gain = Literal["others", "rows", "mentions"]


@dataclass(frozen=True)
class Attempt:
    """One injection.

    Attributes:
        name: what is tried, in a phrase.
        payload: the text for the search field; ``{...}`` are filled in per session.
        why: why a signed session gives nothing away.
        gain: what counts: ``"others"`` are patients or customers that the asker is not in charge of and
            whose identifier shows anywhere (rows, notices, error messages); ``"rows"`` are rows of the last
            statement; ``"mentions"`` are rows that name the other member of staff.
    """

    name: str
    payload: str
    why: str
    gain: Gain = "others"


_ALL = "SELECT {key}, city FROM {table}"

ATTEMPTS = (
    Attempt(
        "always true",
        "' OR '1' = '1",
        "The rows are chosen by the rule of the table, whatever the query's WHERE says.",
    ),
    Attempt("UNION over the table", f"' UNION {_ALL} --", "The rule holds for every mention of the table."),
    Attempt(
        "second statement sets another user",
        "'; SELECT set_config('{setting}', '{other}', false); " + _ALL + " --",
        "A setting without a valid signature is refused.",
    ),
    Attempt(
        "set_config inside WHERE",
        "' OR set_config('{setting}', '{other}', false) <> '' --",
        "The signature was verified before any condition of the query; a later setting is refused.",
    ),
    Attempt("RESET ROLE", "'; RESET ROLE; " + _ALL + " --", "The login itself is bound by the rule."),
    Attempt(
        "SET ROLE to another",
        "'; SET ROLE \"{other_role}\"; " + _ALL + " --",
        "The login is a member of no other role.",
    ),
    Attempt(
        "SET SESSION AUTHORIZATION",
        "'; SET SESSION AUTHORIZATION \"{superuser}\"; " + _ALL + " --",
        "Only a superuser may.",
    ),
    Attempt(
        "replay another session's token",
        "'; SELECT set_config('{setting}', '{stolen}', false); " + _ALL + " --",
        "The token names the backend that it was made for.",
    ),
    Attempt(
        "replay an earlier token of this connection",
        "'; SELECT set_config('{setting}', '{earlier}', false); " + _ALL + " --",
        "The nonce is new each time that a connection is handed out.",
    ),
    Attempt(
        "sign with a guessed key",
        "'; SELECT set_config('{setting}', '{forged}', false); " + _ALL + " --",
        "The key has 512 random bits.",
    ),
    Attempt(
        "read the signing key",
        "' UNION SELECT encode(inner_key, 'hex'), '' FROM \"{guard}\".keys --",
        "Only the guard, as which nobody logs in, may read its tables.",
        "rows",
    ),
    Attempt(
        "read the list of nonces",
        "' UNION SELECT nonce, '' FROM \"{guard}\".sessions --",
        "Only the guard, as which nobody logs in, may read its tables.",
        "rows",
    ),
    Attempt(
        "pg_stat_activity",
        "' UNION SELECT query, '' FROM pg_stat_activity WHERE pid <> pg_backend_pid() --",
        "User and token travel as parameters, which it does not show.",
        "mentions",
    ),
    Attempt(
        "temporary table in front of the helper's",
        "'; CREATE TEMP TABLE assignments AS SELECT '{me}'::text AS staff_id, "
        "'{letters}' || lpad(i::text, {digits}, '0') AS subject_id FROM generate_series(1, 2000) i; "
        "CREATE TEMP TABLE staff AS SELECT * FROM assignments; "
        "GRANT SELECT ON assignments, staff TO PUBLIC; " + _ALL + " --",
        "The guard's functions have a fixed search_path with the temporary schema last.",
    ),
    Attempt(
        "operator in front of the system's",
        "'; CREATE FUNCTION \"{writable}\".always(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; "
        'CREATE OPERATOR "{writable}".= (LEFTARG = text, RIGHTARG = text, FUNCTION = "{writable}".always); '
        'SET search_path = "{writable}", pg_catalog; ' + _ALL + " --",
        "No schema can be written, and the guard's functions have a fixed search_path.",
    ),
    Attempt(
        "function in WHERE that prints what it sees",
        "'; CREATE FUNCTION pg_temp.peek(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS "
        "$$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$; "
        "SELECT city FROM {table} WHERE pg_temp.peek({key}) --",
        "Rows are filtered by the rule before a function that is not leakproof sees them.",
    ),
    Attempt(
        "error message that quotes a value",
        "' OR CASE WHEN {key} = ANY (ARRAY[{own}]) THEN false ELSE CAST({key} AS integer) = 1 END --",
        "The cast meets only rows that the rule lets through.",
    ),
    Attempt(
        "switch row-level security off",
        "'; SET row_security = off; " + _ALL + " --",
        "PostgreSQL then refuses the query instead of leaving the rule out.",
    ),
    Attempt(
        "ALTER TABLE ... DISABLE ROW LEVEL SECURITY",
        '\'; ALTER TABLE "{data}".{table} DISABLE ROW LEVEL SECURITY; ' + _ALL + " --",
        "Only the owner may, as which nobody logs in.",
    ),
    Attempt(
        "one column more",
        "' UNION SELECT ssn, '' FROM \"{data}\".{table} --",
        "The column is not granted to this purpose.",
        "rows",
    ),
    Attempt(
        "change rows",
        "'; UPDATE \"{data}\".{table} SET city = city RETURNING {key} --",
        "Nothing is granted but reading and, where declared, new rows.",
        "rows",
    ),
    Attempt(
        "COPY ... TO PROGRAM",
        '\'; COPY (SELECT {key} FROM {table}) TO PROGRAM \'cat\'; SELECT 1 --',
        "Only a superuser or pg_execute_server_program may.",
        "rows",
    ),
    Attempt(
        "lo_import of a file",
        "'; SELECT lo_import('{file}') --",
        "Only a superuser may by default.",
        "rows",
    ),
    Attempt(
        "pg_read_file",
        "' UNION SELECT pg_read_file('{file}'), '' --",
        "Only a superuser may by default.",
        "rows",
    ),
)  # fmt: skip
