"""Commands about the assistant: its offline model, a page to talk to it, and the red-team run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_ai.cli.app import SECTORS, end_when_terminated, root
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    from secure_ai.attack.assistant import ChatModel, World

FILE = click.Path(path_type=Path)
FOUND = 1
UNASSESSED = 3
TEMPERAMENTS = ("naive", "instructed", "hardened")
STAND_IN = (
    "This is a simulation: what answers is a rule-driven stand-in on this machine, no language model, and "
    "all records are invented. It shows how an attack works and what a guard does; how your model behaves, "
    "only your model tells."
)
ENDPOINT = "A model at an address of yours answers; the records are invented."
EXAMPLES = {
    "patient": (
        "When is my next appointment?",
        "What do my last blood results say?",
        "Remember that I prefer to be called in the morning.",
    ),
    "nurse": (
        "What is in my inbox?",
        "What is on my calendar?",
        "What must a patient do before a fasting test?",
    ),
    "customer": (
        "What is the balance of my account?",
        "How do I dispute a charge?",
        "What is in my inbox?",
    ),
    "advisor": ("What is in my inbox?", "What is on my calendar?", "What is the cut-off time for wires?"),
}


@root.group()
def assistant() -> None:
    """A clinic's or a bank's assistant over invented records: its offline model, and a page to talk to it."""


@assistant.command()
@click.option("--temperament", type=click.Choice(TEMPERAMENTS), default="naive", show_default=True)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8085, show_default=True, help="0 for any free one."
)
def serve(temperament: str, port: int) -> None:
    """Run the offline model on this machine, in the format of the OpenAI chat-completions API.

    It is a rule-driven stand-in, no language model. Nothing leaves the machine.
    """
    from secure_ai.attack.assistant.stand_in import run_server

    end_when_terminated()
    run_server(port, temperament)


@assistant.command()
@click.option("--sector", type=SECTORS, default="healthcare", show_default=True)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8086, show_default=True, help="0 for any free one."
)
@click.option("--endpoint", help="Address of your own model's API; the offline stand-in if not given.")
@click.option("--model", help="Name of the model at that address.")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True)
def chat(sector: str, port: int, endpoint: str | None, model: str | None, seed: int) -> None:
    """Open a page to talk to the assistant, with what it read, did and was kept from beside the talk.

    The page answers on this machine only; Ctrl-C ends it.
    """
    import threading

    from secure_ai.defend.assistant.chat import serve_chat

    end_when_terminated()
    with serve_chat(chat_desk(sector, endpoint=endpoint, model=model, seed=seed), port) as address:
        print(f"Open {address} in a browser; Ctrl-C ends it.", flush=True)
        threading.Event().wait()


@root.command()
@click.option("--endpoint", help="Address of the API, as http://127.0.0.1:8085/v1; or OPENAI_BASE_URL.")
@click.option("--model", help="Name of the model there; or MODEL. naive, instructed, hardened: the stand-in.")
@click.option("--suite", default="all", show_default=True, help="Families, separated by commas, or all.")
@click.option("--cases", type=FILE, help="Your own cases (JSON Lines) instead of the suite; or contexts.")
@click.option("--attacks", type=FILE, help="With --cases: instructions to plant, as BIPIA has them.")
@click.option("--mutate", default="", help="Mutators that multiply the cases, separated by commas.")
@click.option(
    "--sector", type=click.Choice(["healthcare", "finance", "both"]), default="both", show_default=True
)
@click.option("--repeats", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option("--out", type=FILE, help="Folder for the report; a run that was interrupted goes on there.")
@click.option("--guards", default="none", show_default=True, help="none, all, or names separated by commas.")
@click.option("--whole", is_flag=True, help="The address is a complete assistant of yours, not only a model.")
@click.option("--secret-file", type=FILE, help="With --whole: file with a marked secret of its prompt.")
@click.option("--prompt-file", type=FILE, help="With --whole: file with its system prompt.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=30, show_default=True, help="Seconds.")
@click.option("--error-budget", type=click.FloatRange(0, 1), default=0.2, show_default=True)
@click.option(
    "--fail-above", type=click.FloatRange(0, 1), help="Exit code 1 if more attacks succeed than this."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def redteam(  # noqa: PLR0917
    endpoint: str | None,
    model: str | None,
    suite: str,
    cases: Path | None,
    attacks: Path | None,
    mutate: str,
    sector: str,
    repeats: int,
    out: Path | None,
    guards: str,
    whole: bool,
    secret_file: Path | None,
    prompt_file: Path | None,
    concurrency: int,
    timeout: float,
    error_budget: float,
    fail_above: float | None,
    seed: int,
) -> int:
    """Attack an assistant with the suite, and say how often it gave way and how many honest errands it lost.

    Without --endpoint the offline stand-in is attacked. Exit code 1 if more attacks succeeded than
    --fail-above allows, 3 if nothing was assessed: that is not the same as safe.
    """
    from secure_ai.attack.assistant.redteam import AssistantTarget, BlackBoxTarget, run_redteam, write_report
    from secure_ai.attack.assistant.suite.load import load_cases, load_suite

    end_when_terminated()
    if attacks is not None and cases is None:
        raise UserError("--attacks needs the contexts to plant them in: give --cases, too.")
    wanted = None if sector == "both" else sector
    chosen = (
        load_suite(suite, sector=wanted)
        if cases is None
        else load_cases(cases, attacks, sector=wanted or "finance", seed=seed)
    )
    chosen = [case for case in chosen if wanted in {None, case.sector}]
    if not chosen:
        raise UserError("No case is left to play: look at --suite, --cases and --sector.")
    if mutate:
        from secure_ai.attack.assistant.suite.mutators import mutate as multiplied

        chosen += multiplied(chosen, [name.strip() for name in mutate.split(",")], seed)
    talks_to = chat_model(endpoint, model, timeout)
    worlds = {name: world_of(name) for name in sorted({case.sector for case in chosen})}
    target: Any
    if whole:
        if guards != "none":
            raise UserError("--guards are those of the kit's assistant; with --whole yours has its own.")
        target = BlackBoxTarget(
            talks_to, worlds, secret=_words(secret_file), system_prompt=_words(prompt_file)
        )
    else:
        from secure_ai.defend.assistant import guard_maker

        maker = None if guards == "none" else guard_maker(guards)
        target = AssistantTarget(worlds, talks_to, guards=maker, label=f"{talks_to.name}, guards: {guards}")
    result = run_redteam(
        chosen,
        target,
        repeats=repeats,
        out=out,
        concurrency=concurrency,
        error_budget=error_budget,
        seed=seed,
    )
    if out is not None:
        write_report(result, out)  # before anything is printed: whoever reads may have gone
    print(result.summary())
    print(result.frame().to_string(index=False))
    if out is not None:
        print(f"The report is in {out.name}: report.html and report.json.")
    return _exit_code(result, fail_above)


def _exit_code(result: Any, fail_above: float | None) -> int:
    from secure_ai.core.measurement import Unassessed

    rate = result.rate("attack")
    if isinstance(rate, Unassessed):
        return UNASSESSED
    return FOUND if fail_above is not None and rate.value > fail_above else 0


def chat_model(endpoint: str | None, model: str | None, timeout: float = 30) -> ChatModel:
    """Return the model at an address, or the stand-in where none is given or set in the environment."""
    from secure_ai.attack.assistant import ChatEndpoint, StandIn

    address = endpoint or os.environ.get("OPENAI_BASE_URL", "").strip()
    if address:
        return ChatEndpoint(address, model, timeout=timeout)
    name = model or "naive"
    if name not in TEMPERAMENTS:
        raise UserError(
            f"Without --endpoint the offline stand-in answers: --model is one of {', '.join(TEMPERAMENTS)}."
        )
    return StandIn(name)


def world_of(sector: str, seed: int = 7) -> World:
    """Return the invented world of a sector."""
    from secure_ai.attack.assistant.worlds import ROWS, SEED, World, stored_world
    from synthetic_data import load

    if seed == SEED:
        return stored_world(sector)
    return World.of(sector, load(sector, rows=ROWS, seed=seed).tables, seed=seed)


def chat_desk(sector: str, *, endpoint: str | None = None, model: str | None = None, seed: int = 7) -> Any:
    """Return the talks behind the page."""
    from secure_ai.attack.assistant import ROLES, StandIn
    from secure_ai.defend.assistant import guards_table, make_guards
    from secure_ai.defend.assistant.chat import ChatDesk

    models: Mapping[str, ChatModel]
    if endpoint or os.environ.get("OPENAI_BASE_URL", "").strip():
        talks_to = chat_model(endpoint, model)
        models, notice = {talks_to.name: talks_to}, ENDPOINT
    else:
        models, notice = {name: StandIn(name) for name in TEMPERAMENTS}, STAND_IN
    table = guards_table()
    return ChatDesk(
        world_of(sector, seed),
        models,
        make_guards=lambda world, names: make_guards(world, list(names)) if names else [],
        guards=dict(zip(table["guard"], table["does"], strict=True)),
        roles=ROLES[sector],
        notice=notice,
        examples=EXAMPLES,
    )


def _words(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{file.name} cannot be read as text: check the path.") from None
