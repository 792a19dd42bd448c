"""Commands about who may do what: access ask, unused and grants; and what a TLS service offers: endpoint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from secure_ai.cli.app import SECTORS, pairs, reading_options, root
from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file

FILE = click.Path(path_type=Path)


@root.group()
def access() -> None:
    """Ask a policy, find what was granted and never used, and review the grants of a database."""


@access.command()
@click.argument("sector", type=SECTORS)
@click.argument("role")
@click.argument("action")
@click.argument("kind")
@click.argument("purpose")
@click.option(
    "--fact", "facts", multiple=True, metavar="NAME=VALUE",
    help="A circumstance that differs from the usual one, such as what_vip=true. Repeat for more.",
)  # fmt: skip
@click.option("--policy", type=FILE, help="A Cedar policy of your own, in the sector's words.")
@click.option("--schema", type=FILE, help="Its Cedar schema; needed with --policy.")
def ask(
    *,
    sector: str,
    role: str,
    action: str,
    kind: str,
    purpose: str,
    facts: tuple[str, ...],
    policy: Path | None,
    schema: Path | None,
) -> int:
    """Ask whether ROLE may do ACTION to a record of KIND for PURPOSE; exit code 1 if not.

    Example: secure-ai access ask healthcare nurse view Notes treatment --fact relationship=care_team
    """
    from secure_ai.access.policy import AccessExplorer, AccessPolicy

    if (policy is None) != (schema is None):
        raise UserError("A policy of your own needs both --policy and --schema.")
    own = None if policy is None else AccessPolicy.from_files(policy, schema)
    explorer = AccessExplorer(sector, own)
    answer = explorer.ask(role, action, kind, purpose, **_facts(facts, explorer.choices(kind)))
    print(answer.sentence)
    return 0 if answer.allowed else 1


@access.command()
@click.argument("log")
@click.option("--grants", required=True, help="Table of grants: role, action, kind, purpose.")
@click.option(
    "--column", "columns", multiple=True, metavar="WHAT=NAME",
    help="Where the log's columns have other names: who, role, action, kind, purpose, time. Repeat for more.",
)  # fmt: skip
@click.option(
    "--kind", "kinds", multiple=True, metavar="LOGGED=GRANTED",
    help="Where the log calls a kind of record something else, such as notes=Notes. Repeat for more.",
)  # fmt: skip
@click.option("--proposal", type=FILE, help="Write Cedar rules that take back what was never used.")
@reading_options
def unused(
    *,
    log: str,
    grants: str,
    columns: tuple[str, ...],
    kinds: tuple[str, ...],
    proposal: Path | None,
    **reading: str | None,
) -> None:
    """Compare the access log LOG with what was granted: what was never used is listed."""
    from secure_ai.access.policy import unused_grants
    from secure_ai.core.measurement import Unassessed
    from secure_ai.core.sources import open_source

    events = open_source(log, **reading)
    use = unused_grants(
        grants,
        events,
        columns=pairs(columns, "--column", "who=user_id"),
        kinds=pairs(kinds, "--kind", "notes=Notes"),
    )
    if isinstance(use, Unassessed):
        print(f"Unassessed: {use.reason}")
        return
    for row in use.by_role[use.by_role["status"].isin(["unused", "rare"])].itertuples():
        print(f"{row.status:<7} {row.role}: {row.action} {row.kind} for {row.purpose} ({row.uses} uses)")
    print(use.sentence())
    if proposal is not None:
        with atomic_file(proposal) as draft:
            draft.write_text(use.proposal(), encoding="utf-8")
        print(f"Wrote {proposal}: read it before you append it to a policy.")


@access.command()
@click.argument("expected", type=FILE)
@click.option("--schema", "schemas", multiple=True, required=True, help="Schema to review; repeat for more.")
def grants(expected: Path, schemas: tuple[str, ...]) -> int:
    """Compare the grants of the PostgreSQL at DATABASE_URL with those in the table EXPECTED.

    EXPECTED has one row a privilege: role, relation, column, privilege. Only the catalog is read. Exit code
    1 if something was granted that is not expected, or there is a way around row-level security.
    """
    from secure_ai.access.database.grants import review_grants
    from secure_ai.core.sources import open_source

    address = os.environ.get("DATABASE_URL")
    if not address:
        raise UserError("Set DATABASE_URL to the address of the database, such as postgresql://host/name.")
    review = review_grants(address, open_source(expected).to_pandas(), schemas)
    for row in review.drift.itertuples():
        print(" ".join(str(value) for value in row[1:]))
    for row in review.weaknesses.itertuples():
        print(" ".join(str(value) for value in row[1:]))
    print(review.sentence())
    return 1 if len(review.drift) or len(review.weaknesses) else 0


@root.command()
@click.argument("host")
@click.argument("port", type=click.IntRange(1, 65535))
@click.option(
    "--authority", type=FILE, help="PEM file of the authority; the machine's own list if not given."
)
@click.option("--certificate", type=FILE, help="Client certificate, for a service that asks for one.")
@click.option("--key", type=FILE, help="Its private key.")
@click.option("--name", help="Name to ask for and to check; HOST if not given.")
def endpoint(
    *,
    host: str,
    port: int,
    authority: Path | None,
    certificate: Path | None,
    key: Path | None,
    name: str | None,
) -> int:
    """Measure which TLS versions a service of your own accepts, and its certificate.

    Exit code 1 if an old version is accepted, or chain or name of the certificate are wrong. A few
    connections go to HOST, and to nowhere else.
    """
    from secure_ai.encrypt.transport import TlsFiles, inspect_endpoint

    given = [path is not None for path in (certificate, key, authority)]
    if any(given[:2]) and not all(given):
        raise UserError("A client certificate needs --certificate, --key and --authority.")
    tls = TlsFiles(certificate, key, authority) if certificate is not None else None
    found = inspect_endpoint(host, port, tls=tls, authority=authority, server_name=name)
    for row in found.to_frame().itertuples(index=False):
        print(f"{row.check:<36} {row.result:<24} {row.remark}".rstrip())
    print(found.sentence())
    return 1 if found.weaknesses else 0


def _facts(given: tuple[str, ...], choices: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, text in pairs(given, "--fact", "what_vip=true").items():
        allowed = {str(value).lower(): value for value in choices.get(name, ())}
        if name not in choices:
            raise UserError(f"There is no circumstance {name}: choose from {', '.join(choices)}.")
        if text.lower() not in allowed:
            raise UserError(f"{name} cannot be {text}: choose from {', '.join(allowed)}.")
        facts[name] = allowed[text.lower()]
    return facts
