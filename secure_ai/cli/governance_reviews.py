"""Commands of the second person: rights review open, list, see, confirm and close."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secure_ai.cli.governance import FOUND, audit_option, open_audit, person_given, today_option
from secure_ai.cli.governance_answers import LETTERS
from secure_ai.cli.governance_rights import CASE, DESK, open_desk, open_register, read_settings, rights

if TYPE_CHECKING:
    from secure_ai.govern.rights import ReviewQueue


@rights.group()
def review() -> None:
    """Automated decisions that a person contests: a second person sees the case before judging it.

    The queue goes by the clock of the machine: who opened a case just now cannot confirm it.
    """


@review.command("open")
@DESK
@CASE
@click.option("--owner", required=True, help="Key of the person whom the decision is about; - reads it.")
@click.option("--outcome", required=True, help="What was decided, such as declined.")
@click.option("--reason", "reasons", multiple=True, required=True, help="A principal reason. Repeat.")
@click.option("--decided-by", required=True, help="Account or model version behind it, such as triage@v1.")
@today_option
@audit_option
def open_case(
    *, settings: Path, case: str, owner: str, outcome: str, reasons: tuple[str, ...], decided_by: str,
    today: date | None, audit: Path | None, actor: str | None,
) -> None:  # fmt: skip
    """Put the decision that CASE contests before a second person, with its reasons.

    Example: secure-ai rights review open desk.yaml RR-000006 --owner - --outcome declined
    --reason "Income is below the limit" --decided-by credit@v3
    """
    desk, who = open_desk(settings, today, audit, actor)
    desk.open_review(
        case, _queue(settings, audit, actor), owner=person_given(owner), outcome=outcome,
        reasons=list(reasons), decided_by=decided_by, actor=who,
    )  # fmt: skip
    print(f"{case} waits for a second person: neither {decided_by} nor {who}.")


@review.command("list")
@DESK
def list_reviews(settings: Path) -> int:
    """List the cases that wait for a second person; exit code 1 if there are any.

    Example: secure-ai rights review list desk.yaml
    """
    queue = _queue(settings, None, None)
    waiting = queue.waiting()
    for one in waiting:
        print(f"{one.case_id}: {one.decision}, decided by {one.decided_by}, seen by {len(one.seen)}.")
    share = queue.upheld_share()
    if share:
        print(f"Upheld: {share.value:.0%} of {share.n} reviews; near 100 % it may be a rubber stamp.")
    print(f"{len(waiting)} {'case waits' if len(waiting) == 1 else 'cases wait'}.")
    return FOUND if waiting else 0


@review.command()
@DESK
@CASE
@audit_option
def see(*, settings: Path, case: str, audit: Path | None, actor: str | None) -> None:
    """Open CASE as the second person: the decision and its reasons.

    Example: secure-ai rights review see desk.yaml RR-000006 --audit trail.jsonl
    """
    _, who = open_audit(None, actor)
    found = _queue(settings, audit, actor).see(case, who)
    print(f"{found.case_id}: {found.decision} was '{found.outcome}', decided by {found.decided_by}.")
    for reason in found.reasons:
        print(f"- {reason}")


@review.command()
@DESK
@CASE
@click.argument("verdict", type=click.Choice(["upheld", "changed"]))
@click.option("--note", required=True, help="Why, in a sentence of your own: the person reads it.")
@click.option("--new-outcome", default="", help="With changed.")
@audit_option
def confirm(
    *, settings: Path, case: str, verdict: str, note: str, new_outcome: str, audit: Path | None,
    actor: str | None,
) -> None:  # fmt: skip
    """Judge CASE as the second person, after having opened it.

    Example: secure-ai rights review confirm desk.yaml RR-000006 changed --new-outcome granted
    --note "The income of the second job was left out"
    """
    _, who = open_audit(None, actor)
    done = _queue(settings, audit, actor).confirm(case, who, verdict, note, new_outcome=new_outcome)
    print(f"{done.case_id} is {done.verdict}: 'rights review close' answers it.")


@review.command()
@DESK
@CASE
@LETTERS
@today_option
@audit_option
def close(
    *, settings: Path, case: str, out: Path, today: date | None, audit: Path | None, actor: str | None
) -> None:
    """Answer CASE with the reasons and the second person's judgment.

    Example: secure-ai rights review close desk.yaml RR-000006 --out answers
    """
    desk, who = open_desk(settings, today, audit, actor)
    found = desk.close_review(case, _queue(settings, audit, actor), out, actor=who)
    print(f"{found.outcome}: {found.reason} ({'; '.join(found.citations)})")


def _queue(settings: Path, audit: Path | None, actor: str | None) -> ReviewQueue:
    from secure_ai.govern.rights import ReviewQueue

    trail, _ = open_audit(audit, actor)
    return ReviewQueue(open_register(read_settings(settings)), audit=trail)
