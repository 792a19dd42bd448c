"""Commands of papers with texts of law and house: records clauses, policies, policy and responsibilities."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from secure_ai.cli.app import SECTORS, pairs
from secure_ai.cli.governance import (
    FILE,
    FOUND,
    formats_option,
    read_mapping,
    today_option,
    write_documents,
)
from secure_ai.cli.governance_records import OUT, records, say_open
from secure_ai.core.errors import UserError

ORGANIZATION = click.option("--organization", required=True, help="Name of your organization.")


@records.command()
@click.argument("contract", type=FILE)
@click.option("--regime", "regimes", multiple=True, help="A law; those of --sector if not given. Repeat.")
@click.option("--sector", type=SECTORS, help="Whose laws.")
@click.option("--organization", help="Whose contract it is.")
@click.option("--vendor", help="The other party.")
@click.option("--judged", type=FILE, help="What a person decided (YAML): id of a point: decision and name.")
@OUT
@formats_option
def clauses(
    *, contract: Path, regimes: tuple[str, ...], sector: str | None, organization: str | None,
    vendor: str | None, judged: Path | None, out: Path, formats: tuple[str, ...],
) -> int:  # fmt: skip
    """Look in a CONTRACT (.txt, .md, .docx) for the clauses that laws ask for; exit code 1 if one is missing.

    Found is not fulfilled: a person judges what a clause says.

    Example: secure-ai records clauses baa.txt --sector healthcare --organization Lakeside
    --vendor Acme --out clauses
    """
    from secure_ai.govern.records import (
        ToBeFilled,
        check_clauses,
        clause_regimes,
        clauses_record,
        read_contract,
    )

    known = clause_regimes()
    wanted = regimes or tuple(clause_regimes(sector) if sector else ())
    if not wanted:
        raise UserError(f"Say which laws: --sector, or --regime with one of {', '.join(known)}.")
    if unknown := [name for name in wanted if name not in known]:
        raise UserError(f"There is no regime '{unknown[0]}': choose from {', '.join(known)}.")
    decided = {} if judged is None else read_mapping(judged, "list of decisions")
    text = read_contract(contract)
    checks = [check_clauses(text, name) for name in wanted]
    record = clauses_record(
        checks,
        organization=organization or ToBeFilled("organization"),
        vendor=vendor or ToBeFilled("vendor"),
        contract=contract.name,
        judged={name: str(value) for name, value in decided.items()},
    )
    write_documents(out, [record], formats)
    for check in checks:
        for result in check.by_state("missing"):
            print(f"Missing: {result.provision}: {result.asks}")
        print(f"{check.name}: {check.sentence()}")
    return FOUND if any(check.by_state("missing") for check in checks) else 0


@records.command()
@click.argument("name", required=False)
def policies(name: str | None) -> None:
    """List the policy templates, or the fields of the one with this NAME.

    Example: secure-ai records policies acceptable_use
    """
    from secure_ai.govern.records import policy_fields, policy_names

    for key, words in (policy_names() if name is None else policy_fields(name)).items():
        print(f"{key:<24} {words}")


@records.command()
@click.argument("name")
@ORGANIZATION
@click.option("--sector", type=SECTORS, required=True)
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE",
    help="A name or place of yours, see 'records policies NAME'. Repeat for more.",
)  # fmt: skip
@OUT
@formats_option
@today_option
def policy(
    *, name: str, organization: str, sector: str, fields: tuple[str, ...], out: Path,
    formats: tuple[str, ...], today: date | None,
) -> None:  # fmt: skip
    """Write the policy NAME with your names in it; what you do not give stays 'to be filled'.

    Example: secure-ai records policy public_chatbots --organization Lakeside --sector healthcare
    --field policy_owner="security officer" --out policies
    """
    from secure_ai.govern.records.policy import policy as filled

    given = pairs(fields, "--field", "policy_owner=CISO")
    record = filled(name, organization, sector, given, dated=today)
    write_documents(out, [record], formats)
    say_open(record)


@records.command()
@ORGANIZATION
@click.option("--people", type=FILE, help="Who holds which role (YAML): role: name.")
@OUT
@formats_option
@today_option
def responsibilities(
    *, organization: str, people: Path | None, out: Path, formats: tuple[str, ...], today: date | None
) -> int:
    """Write the responsibility chart, with its gaps and conflicts; exit code 1 if there are any.

    Example: secure-ai records responsibilities --organization Lakeside --people people.yaml --out chart
    """
    from secure_ai.govern.records import responsibility_record
    from secure_ai.govern.responsibilities import check_people

    given = {} if people is None else read_mapping(people, "list of people")
    held = {role: str(name or "") for role, name in given.items()}
    gaps = check_people(held)
    record = responsibility_record(organization, held, dated=today)
    write_documents(out, [record], formats)
    for gap in gaps:
        print(f"{gap.activity}: {gap.problem}.")
    return FOUND if gaps else 0
