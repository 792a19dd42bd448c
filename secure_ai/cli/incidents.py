"""Commands about incidents and people: incident (clocks, plan, tabletop, share, receive) and phishing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from secure_ai.cli.app import SECTORS, named, root
from secure_ai.core.errors import UserError

FILE = click.Path(path_type=Path)
FOUND = 1
MAILS = 120
IMITATES = ("lookalike", "suspicious")


@root.group()
def incident() -> None:
    """Legal clocks of an incident, the plan, a tabletop exercise, and indicators shared with others."""


@incident.command()
@click.argument("facts", type=FILE)
def clocks(facts: Path) -> int:
    """Say for the FACTS of an incident (a YAML file) which clocks run, until when, and which fact decides.

    Exit code 1 if a clock is undecided because a fact is missing: that is not the same as not applicable.
    """
    from secure_ai.govern.incidents import IncidentFacts, clocks_for

    states = clocks_for(IncidentFacts(**_facts(facts)))
    for state in states:
        print(state.sentence())
    return FOUND if any(state.status == "undecided" for state in states) else 0


@incident.command()
@click.argument("plan", type=FILE)
def plan(plan: Path) -> None:
    """Check an incident plan of your own (a YAML file)."""
    from secure_ai.govern.incidents import load_plan

    checked = load_plan(plan)
    print(f"{plan.name}: {len(checked.steps)} steps, {len(checked.roles)} roles, nothing missing.")


@incident.command()
@click.argument("sector", type=SECTORS)
@click.option("--scenario", default="exposed_store", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--plan", "own_plan", type=FILE, help="Score the decisions against a plan of your own.")
@click.option("--out", type=FILE, help="Folder for the after-action report.")
def tabletop(*, sector: str, scenario: str, seed: int, own_plan: Path | None, out: Path | None) -> None:
    """Play an incident in the terminal, minute by minute; 'quit' ends it."""
    from secure_ai.govern.incidents import Tabletop, write_after_action
    from secure_ai.learn.terminal import play_in_terminal

    game = Tabletop(scenario, sector, seed=seed, plan=own_plan)
    play_in_terminal(game)
    if out is not None:
        for path in write_after_action(game, out):
            print(f"Wrote {path}.")


@incident.command()
@click.argument("bundle", type=FILE)
@click.argument("events", type=FILE)
def receive(bundle: Path, events: Path) -> int:
    """Look in EVENTS (JSON lines of audit events) for the indicators of a partner's STIX BUNDLE.

    Exit code 1 if something matches.
    """
    from secure_ai.core.audit import read_events
    from secure_ai.govern.incidents import match_events, read_bundle

    shared = read_bundle(bundle)
    print(shared.sentence())
    found = match_events(shared, read_events(events))
    if len(found):
        print(found.to_string(index=False))
    print(f"{len(found)} events match.")
    return FOUND if len(found) else 0


@root.group()
def phishing() -> None:
    """Train the eye for phishing, inspect domains and links, and measure how mails are reported."""


@phishing.command()
@click.argument("sector", type=SECTORS)
@click.option("--seed", type=int, default=1, show_default=True)
def train(sector: str, seed: int) -> None:
    """Judge generated mails one by one, with feedback; nothing of it is stored. 'quit' ends it."""
    from secure_ai.attack.phishing import make_mails
    from secure_ai.govern.awareness import PhishingTrainer
    from secure_ai.learn.terminal import train_in_terminal

    train_in_terminal(PhishingTrainer(make_mails(sector, MAILS, seed=seed), seed=seed))


@phishing.command()
@click.argument("names", nargs=-1, required=True, metavar="DOMAIN...")
@click.option(
    "--known", required=True, help="Your own domains and your partners', separated by commas, or a file."
)
def domains(names: tuple[str, ...], known: str) -> int:
    """Say whether a DOMAIN, or the address of a link, imitates one that you know; exit code 1 if one does."""
    from secure_ai.attack.phishing import inspect_domain, inspect_url

    ours = _lines(Path(known)) if Path(known).is_file() else named(known)
    verdicts = [inspect_url(name, ours) if "://" in name else inspect_domain(name, ours) for name in names]
    for verdict in verdicts:
        print(verdict.sentence())
    return FOUND if any(verdict.verdict in IMITATES for verdict in verdicts) else 0


@phishing.command()
@click.argument("campaign", type=FILE)
@click.option("--by", default="difficulty", show_default=True, help="difficulty, unit or campaign.")
def culture(campaign: Path, by: str) -> None:
    """Measure how often and how soon the mails of a CAMPAIGN (CSV) were reported, never by person."""
    from secure_ai.govern.awareness import read_campaign, reporting_culture

    found = reporting_culture(read_campaign(campaign))
    print(found.to_frame(by).to_string(index=False))
    print(found.sentence())


def _facts(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The facts {path.name} cannot be read: check the path and its rights.") from None
    except yaml.YAMLError:
        raise UserError(f"{path.name} is not valid YAML: write one 'name: value' a line.") from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UserError(f"{path.name} holds no facts: write one 'name: value' a line.")
    return content


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The list {path.name} cannot be read: check the path and its rights.") from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
