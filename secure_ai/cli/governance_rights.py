"""Commands of the rights desk: rights init, laws, receive, identify, decide, extend, list, statistics."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_ai.cli.app import SECTORS, root
from secure_ai.cli.governance import (
    FILE,
    FOUND,
    audit_option,
    clock_of,
    day_of,
    open_audit,
    print_frame,
    read_mapping,
    today_option,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.govern.rights import Case, Register, RightsDesk

DESK = click.argument("settings", metavar="DESK", type=FILE)
CASE = click.argument("case")
SETTINGS = {"sector", "estate", "register", "schedule", "home_state", "holds", "witness", "staff"}
WORDS = {"sector", "home_state"}
NEEDED = ("sector", "estate", "register", "schedule")
LISTED = ["id", "right", "law", "received", "due", "status", "outcome", "extended", "in_time"]


@root.group()
def rights() -> None:
    """Requests of people about their data: access, correction, erasure, review; by law, and in time.

    DESK is the settings file that 'rights init' wrote. What a requester states is read from a file and not
    kept; nothing here prints it.
    """


@rights.command()
@DESK
@click.option("--sector", type=SECTORS, required=True)
@click.option("--estate", type=FILE, required=True, help="Description of the estate (YAML).")
@click.option("--register", type=FILE, required=True, help="Register of requests (SQLite); made if missing.")
@click.option("--schedule", help="Retention schedule (YAML); the sector's example if not given.")
@click.option("--home-state", help="State where the house is, such as US-NY; the schedule's if not given.")
@click.option("--holds", type=FILE, help="Ledger of legal holds.")
@click.option("--witness", type=FILE, help="The ledger's witness, kept elsewhere; with --holds.")
@click.option("--staff", type=FILE, help="Names of your staff, one a line: some laws let them stand.")
def init(
    *, settings: Path, sector: str, estate: Path, register: Path, schedule: str | None,
    home_state: str | None, holds: Path | None, witness: Path | None, staff: Path | None,
) -> None:  # fmt: skip
    """Write the settings file DESK that the other commands are given.

    Example: secure-ai rights init desk.yaml --sector healthcare --estate estate.yaml
    --register requests.sqlite --holds holds.sqlite
    """
    import yaml

    from secure_ai.cli.governance_consent import seen_from
    from secure_ai.cli.governance_retention import load_schedule
    from secure_ai.core.outputs import atomic_file
    from secure_ai.govern.rights import Register

    if settings.exists():
        raise UserError(f"{settings.name} is there already: choose another name.")
    rules = load_schedule(schedule or sector, home_state=home_state)
    if rules.sector != sector:
        raise UserError(f"The schedule is for {rules.sector}, not for {sector}: name the right one.")
    if witness is not None and holds is None:
        raise UserError("A witness belongs to a ledger of holds: name the ledger with --holds.")
    needed = {"estate": estate, "ledger of holds": holds, "witness": witness, "list of staff": staff}
    for what, path in needed.items():
        if path is not None and not path.is_file():
            raise UserError(f"The {what} {path.name} is not there: check its path.")
    own = schedule is not None and schedule != sector
    content = {
        "sector": sector,
        "estate": seen_from(settings, estate),
        "register": seen_from(settings, register),
        "schedule": seen_from(settings, Path(schedule)) if own else sector,
        "home_state": home_state or "",
        "holds": "" if holds is None else seen_from(settings, holds),
        "witness": "" if witness is None else seen_from(settings, witness),
        "staff": "" if staff is None else seen_from(settings, staff),
    }
    (Register if register.exists() else Register.create)(register).close()
    with atomic_file(settings) as draft:
        kept = {name: value for name, value in content.items() if value}
        draft.write_text(yaml.safe_dump(kept, sort_keys=False), encoding="utf-8")
    print(f"Wrote {settings}.")
    if holds is None:
        print("No ledger of holds: an erasure looks at the schedule alone.")


@rights.command()
@click.argument("sector", type=SECTORS, required=False)
@click.option("--residence", type=click.Choice(["us", "us-ca", "eu"]), default="us", show_default=True)
def laws(sector: str | None, residence: str) -> None:
    """List under which law a person of a residence has which right, and how long the answer may take.

    Of both sectors, if none is named.

    Example: secure-ai rights laws healthcare --residence eu
    """
    from itertools import product

    import pandas as pd

    from secure_ai.govern.rights import RIGHTS, binding_clock, rule

    rows = []
    for place, name in product([sector] if sector else ["healthcare", "finance"], RIGHTS):
        law, right = rule(name, place, residence)
        clock = binding_clock(name, place, residence, date.today()) if right.clock else None
        count, unit = (
            (0, "") if clock is None else (clock.months, "month") if clock.months else (clock.days, "day")
        )
        time = f"{count} {unit}{'' if count == 1 else 's'}" if count else ""
        if clock is not None and right.clock.citation != clock.citation:
            time += f" ({clock.citation})"  # another law answers too, and sooner
        rows.append(
            (place, name.replace("_", " "), "yes" if right.given else "no", law.name, right.citation, time)
        )
    print_frame(pd.DataFrame(rows, columns=["sector", "right", "given", "law", "citation", "time"]))


@rights.command()
@DESK
@click.argument("form", type=FILE)
@today_option
@audit_option
def receive(*, settings: Path, form: Path, today: date | None, audit: Path | None, actor: str | None) -> int:
    """Take a request from a FORM (YAML: right, residence, received, stated …) and start the clock.

    Exit code 1 if it is refused, or one more detail is needed.

    Example: secure-ai rights receive desk.yaml request.yaml --audit trail.jsonl
    """
    desk, who = open_desk(settings, today, audit, actor)
    return say_case(desk.receive(read_mapping(form, "request"), actor=who))


@rights.command()
@DESK
@CASE
@click.argument("form", type=FILE)
@today_option
@audit_option
def identify(
    *, settings: Path, case: str, form: Path, today: date | None, audit: Path | None, actor: str | None
) -> int:
    """Look again with all details stated anew in a FORM; the fourth attempt is refused.

    Example: secure-ai rights identify desk.yaml RR-000001 request.yaml
    """
    desk, who = open_desk(settings, today, audit, actor)
    return say_case(desk.identify(case, read_mapping(form, "request"), actor=who))


@rights.command()
@DESK
@CASE
@today_option
@audit_option
def decide(*, settings: Path, case: str, today: date | None, audit: Path | None, actor: str | None) -> int:
    """Say by law what of CASE is granted and what is not; nothing is carried out. Exit code 1 if refused.

    Example: secure-ai rights decide desk.yaml RR-000001
    """
    desk, who = open_desk(settings, today, audit, actor)
    found = desk.decide(case, actor=who)
    for part in found.parts:
        until = f" until {part.until}" if part.until else ""
        answer = "granted" if part.granted else "kept"
        print(f"{answer:<8} {part.store:<24} {part.records:>6,} {part.reason} ({part.citation}){until}")
    print(f"{found.outcome}: {found.reason} ({'; '.join(found.citations)})")
    return FOUND if found.outcome == "refused" else 0


@rights.command()
@DESK
@CASE
@click.option("--reason", required=True, help="Why it takes longer: the person is told.")
@click.option("--further-information", is_flag=True, help="The person sent more within the first period.")
@click.option("--out", type=FILE, required=True, help="Folder for the letter; what is in it stays.")
@today_option
@audit_option
def extend(
    *, settings: Path, case: str, reason: str, further_information: bool, out: Path, today: date | None,
    audit: Path | None, actor: str | None,
) -> None:  # fmt: skip
    """Take the extension that the law gives, with the letter that says why.

    Example: secure-ai rights extend desk.yaml RR-000001 --reason "The notes are on paper" --out letters
    """
    from secure_ai.govern.records import write_record

    desk, who = open_desk(settings, today, audit, actor)
    done = desk.extend(case, reason, further_information=further_information, actor=who)
    written = write_record(desk.letter(case, "extension", reason=reason), out, ("html",))
    print(f"{done.id} is due on {done.due}. {written.sentence()}")


@rights.command("list")
@DESK
@click.option("--all", "every", is_flag=True, help="Closed cases, too.")
@today_option
def list_cases(*, settings: Path, every: bool, today: date | None) -> int:
    """List the cases, by number; exit code 1 if one is overdue.

    Example: secure-ai rights list desk.yaml
    """
    register = open_register(read_settings(settings))
    open_cases = [one for one in register.cases() if one.status != "closed"]
    frame = register.to_frame()
    if len(frame) and not every:
        frame = frame[frame["status"] != "closed"]
    print_frame(frame[LISTED] if len(frame) else frame, "No case is open.")
    late = [one.id for one in open_cases if one.due < day_of(today)]
    if late:
        print(f"Overdue: {', '.join(late)}.")
    return FOUND if late else 0


@rights.command()
@DESK
@today_option
def statistics(*, settings: Path, today: date | None) -> None:
    """Count the cases by law and right: outcomes, time taken, and the share in time with its interval.

    Example: secure-ai rights statistics desk.yaml
    """
    register = open_register(read_settings(settings))
    print_frame(register.statistics(day_of(today)), "There is no case yet.")


def open_desk(
    settings: Path, today: date | None, audit: Path | None, actor: str | None
) -> tuple[RightsDesk, str]:
    """Open the desk that a settings file describes, with the schedule and the holds as blockers.

    Raises:
        UserError: if a part of it cannot be used.
    """
    from secure_ai.cli.governance_retention import load_schedule, open_holds
    from secure_ai.govern.estate import load_estate
    from secure_ai.govern.rights import RightsDesk

    given = read_settings(settings)
    clock = clock_of(today)
    trail, who = open_audit(audit, actor, clock)
    holds = [open_holds(given["holds"], trail, witness=given.get("witness"))] if "holds" in given else []
    schedule = load_schedule(str(given["schedule"]), home_state=given.get("home_state"))
    opened = load_estate(given["estate"], audit=trail)
    opened.actor = who
    desk = RightsDesk(
        opened, str(given["sector"]), blockers=(schedule, *holds), register=open_register(given), audit=trail,
        clock=clock, staff=_staff(given.get("staff")),
    )  # fmt: skip
    return desk, who


def say_case(case: Case) -> int:
    """Print where a case stands, and return the exit code: 1 if it is refused or waits for a detail."""
    words = {"identify": "waits for a detail", "closed": case.outcome}.get(case.status, case.status)
    cited = f" ({'; '.join(case.citations)})" if case.citations else ""
    reason = f" {case.reason}{cited}" if case.reason else ""
    print(f"{case.id}: {case.right.replace('_', ' ')} under {case.law}: {words}, due on {case.due}.{reason}")
    return FOUND if case.outcome == "refused" or case.status == "identify" else 0


def read_settings(path: Path) -> dict[str, Any]:
    """Return what a settings file of a desk names, its paths seen from here.

    Raises:
        UserError: if it is none.
    """
    given = read_mapping(path, "settings file")
    if (
        set(given) - SETTINGS
        or not all(given.get(name) for name in NEEDED)
        or not all(isinstance(value, str) for value in given.values())
    ):
        raise UserError(
            f"{path.name} is no settings file of a rights desk (sector, estate, register, schedule): name "
            "the one that 'secure-ai rights init' wrote."
        )
    folder = path.parent
    return {
        name: value if name in WORDS or value == given["sector"] else folder / value
        for name, value in given.items()
    }


def open_register(given: dict[str, Any]) -> Register:
    """Open the register of requests that a settings file names; ``rights init`` made it."""
    from secure_ai.govern.rights import Register

    return Register(given["register"])


def _staff(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The list of staff {path.name} cannot be read: check the path.") from None
    return tuple(line.strip() for line in lines if line.strip())
