"""Commands about models: look into a file, sign and verify it, attack your own before somebody else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from secure_ai.cli.app import named, root
from secure_ai.core.errors import UserError

FILE = click.Path(path_type=Path)
FOUND = 1
UNASSESSED = 3
MOST_ROWS = 200
THIEF_SHARE = 0.5


@root.group()
def model() -> None:
    """Model files: what is in them, what they do when opened, and whose signature they carry."""


@model.command()
@click.argument("file", type=FILE)
def inspect(file: Path) -> int:
    """Say by its content what FILE is and which code it asks for; nothing of it is run.

    Exit code 1 if it asks for something that a model has no need of, or its ending belies it.
    """
    from secure_ai.defend.model_files import inspect_model_file

    found = inspect_model_file(file)
    print(found.sentence())
    return FOUND if found.suspicious() or not found.ending_fits() else 0


@model.command()
@click.argument("file", type=FILE)
def watch(file: Path) -> int:
    """Open FILE in a process that can reach neither network nor files, and say what it did.

    Exit code 1 if it ran code, 3 if it did not open. Quiet once is not safe: a file can wait, or notice that
    it is watched.
    """
    from secure_ai.attack.supply_chain import watch_load

    found = watch_load(file)
    print(found.sentence())
    acts = found.acts()
    if len(acts):
        print(acts.to_string(index=False))
    return FOUND if found.ran_code else (0 if found.outcome == "loaded" else UNASSESSED)


@model.command()
@click.argument("folder", type=FILE)
@click.option("--name", default="model-key", show_default=True, help="Of the two files.")
@click.option("--no-passphrase", is_flag=True, help="For a key that a machine uses alone.")
def key(folder: Path, name: str, no_passphrase: bool) -> None:
    """Make a key pair for signing models in FOLDER; keep the private one off the machine that serves.

    Its passphrase is asked for, or taken from SECURE_AI_PASSPHRASE.
    """
    from secure_ai.defend.model_files import generate_model_key

    files = generate_model_key(folder, name, passphrase=None if no_passphrase else _passphrase(confirm=True))
    print(f"Wrote {files.private} and {files.public}; its id is {files.key_id}.")


@model.command()
@click.argument("folder", type=FILE)
@click.argument("private_key", type=FILE)
@click.option("--no-passphrase", is_flag=True, help="If the key has none.")
def sign(folder: Path, private_key: Path, no_passphrase: bool) -> None:
    """Sign every file of FOLDER (a model, or a data set) with PRIVATE_KEY; the signature lies beside it."""
    from secure_ai.defend.model_files import sign_model_folder

    written = sign_model_folder(folder, private_key, passphrase=None if no_passphrase else _passphrase())
    print(f"Wrote {written}.")


@model.command()
@click.argument("folder", type=FILE)
@click.argument("trusted", type=FILE)
def verify(folder: Path, trusted: Path) -> int:
    """Check that FOLDER is as signed by a key in TRUSTED (made with 'trust'); exit code 1 if it is not."""
    from secure_ai.defend.model_files import TrustedKeys, UnverifiedModel, verify_model_folder

    keys = TrustedKeys.read(trusted)
    try:
        print(verify_model_folder(folder, keys).sentence())
    except UnverifiedModel as error:
        print(f"Not verified: {error}")
        return FOUND
    return 0


@model.command()
@click.argument("trusted", type=FILE)
@click.option("--add", type=FILE, help="A public key (PEM) to trust from now on.")
@click.option("--owner", default="", help="Whose it is.")
@click.option("--revoke", metavar="ID", help="Id of a key that was stolen: nothing that it signed counts.")
@click.option("--reason", default="", help="Why it is revoked.")
def trust(trusted: Path, add: Path | None, owner: str, revoke: str | None, reason: str) -> None:
    """Keep the list of keys whose signatures count in the file TRUSTED, and print it."""
    from secure_ai.defend.model_files import TrustedKeys

    keys = TrustedKeys.read(trusted) if trusted.exists() else TrustedKeys()
    if add is not None:
        if not owner:
            raise UserError("Say whose key it is: --owner 'model team'.")
        keys = keys.with_key(add, owner)
    if revoke is not None:
        if not reason:
            raise UserError("Say why the key is revoked: --reason 'laptop stolen'.")
        keys = keys.revoked(revoke, reason=reason)
    if add is not None or revoke is not None:
        keys.write(trusted)
    for one in keys.keys:
        print(f"{one.key_id}  {one.state:8}  {one.owner}")
    if not keys.keys:
        print("No key is trusted yet: --add PUBLIC_KEY --owner NAME.")


@root.group()
def attack() -> None:
    """Attack a model of your own: a skops file, a trusted pickle, or an endpoint by its address.

    An attack that cannot be judged is unassessed (exit code 3): that is not the same as safe.
    """


def _attack_options(command: Callable) -> Callable:
    for option in (
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("--threshold", type=float, default=0.5, show_default=True, help="Of class 1 of two."),
        click.option("--labels-only", is_flag=True, help="As if the model gave its class alone."),
        click.option(
            "--answers", default="predictions", show_default=True, help="Path in an endpoint's JSON."
        ),
        click.option("--classes", default="0,1", show_default=True, help="Of an endpoint, in its order."),
        click.option("--token-file", type=FILE, help="File with the token that an endpoint wants."),
        click.option("--trust-pickle", is_flag=True, help="Open a pickle, in a process of its own."),
        click.option("--drop", default="", help="Columns of DATA that the model does not take."),
    ):
        command = option(command)
    return command


@attack.command()
@click.argument("model")
@click.argument("data")
@click.option("--rules", type=FILE, help="YAML: what an attacker can change, and what it costs him.")
@click.option("--goal", help="The class that he wants; any other than the model's if not given.")
@click.option(
    "--rows", type=int, default=MOST_ROWS, show_default=True, help="Rows of DATA to attack at most."
)
@click.option("--budget", type=int, default=500, show_default=True, help="Questions for each row at most.")
@click.option("--most-cost", type=float, help="What he can pay for a row.")
@_attack_options
def evasion(  # noqa: PLR0917
    model: str,
    data: str,
    rules: Path | None,
    goal: str | None,
    rows: int,
    budget: int,
    most_cost: float | None,
    **options: Any,
) -> int:
    """Look for the cheapest allowed change of rows in DATA after which MODEL answers otherwise.

    The first half of DATA is what the attacker owns, rows of the second half are attacked. Exit code 1 if
    an attack succeeds more often than random changes and than asking again.
    """
    from secure_ai.attack.evasion import Constraints, measure_evasion

    constraints = None if rules is None else Constraints.from_yaml(rules)
    with _target(model, options) as target:
        own, others = _halves(data, options["drop"], target)
        found = measure_evasion(
            target,
            others.head(_positive("--rows", rows)),
            own,
            constraints,
            budget=budget,
            goal=None if goal is None else _class(goal, target),
            most_cost=most_cost,
            seed=options["seed"],
        )
    return _told(found, lambda: found.success)


@attack.command()
@click.argument("model")
@click.argument("data")
@click.option("--budget", type=int, default=5000, show_default=True, help="Questions at most.")
@click.option("--price", type=float, default=1.0, show_default=True, help="USD for 1,000 questions.")
@_attack_options
def extraction(model: str, data: str, budget: int, price: float, **options: Any) -> int:
    """Copy MODEL by its answers and say how well the copy agrees with it, for how much money.

    The first half of DATA (without classes) is what the thief owns, the second judges the copy. Exit code 1
    if the copy agrees more often than a guess of the commonest class.
    """
    from secure_ai.attack.extraction import measure_extraction

    with _target(model, options) as target:
        own, others = _halves(data, options["drop"], target)
        found = measure_extraction(
            target,
            own,
            others,
            budget=_positive("--budget", budget),
            answer="labels" if options["labels_only"] else None,
            price_per_thousand=price,
            seed=options["seed"],
        )
    return _told(found, lambda: found.fidelity)


def _told(found: Any, main: Callable[[], Any]) -> int:
    from secure_ai.core import Unassessed

    if isinstance(found, Unassessed):
        print(f"Unassessed: {found.reason}")
        return UNASSESSED
    print(found.sentence())
    figure = main()
    if isinstance(figure, Unassessed):
        return UNASSESSED
    return FOUND if figure.interval[0] > max(figure.baseline, figure.control or 0.0) else 0


@contextmanager
def _target(model: str, options: dict[str, Any]) -> Iterator[Any]:
    from secure_ai.attack.targets import HttpEndpoint, open_target
    from secure_ai.defend.model_files import load_model

    settings = {
        "threshold": options["threshold"],
        "answer": "labels" if options["labels_only"] else None,
    }
    if "://" in model:
        token = options["token_file"]
        endpoint = HttpEndpoint(
            model,
            classes=[_number(one) for one in named(options["classes"])],
            answer="labels" if options["labels_only"] else "probabilities",
            response=options["answers"],
            token=None if token is None else _line(token),
        )
        with endpoint:
            yield open_target(endpoint, **settings)
        return
    loaded = load_model(model, trust_pickle=options["trust_pickle"])
    if hasattr(loaded, "close"):
        with loaded:
            yield open_target(loaded, **settings)
    else:
        yield open_target(loaded, **settings)


def _halves(data: str, drop: str, target: Any) -> tuple[Any, Any]:
    from secure_ai.core.sources import open_source

    frame = open_source(data).to_pandas()
    unwanted = named(drop) if drop else []
    unknown = [name for name in unwanted if name not in frame.columns]
    if unknown:
        raise UserError(f"--drop names a column that the data do not have: {unknown[0]}.")
    frame = frame.drop(columns=list(unwanted))
    half = int(len(frame) * THIEF_SHARE)
    return frame.head(half), frame.tail(len(frame) - half)


def _class(text: str, target: Any) -> Any:
    for known in target.classes:
        if str(known) == text:
            return known
    raise UserError(f"--goal {text}: the model tells apart {', '.join(map(str, target.classes))}.")


def _number(text: str) -> Any:
    return int(text) if text.lstrip("-").isdigit() else text


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise UserError(f"{name} must be 1 or more.")
    return value


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise UserError(f"The token file {path.name} cannot be read: check its path.") from None


def _passphrase(*, confirm: bool = False) -> str:
    from secure_ai.encrypt.key_rings.passphrase import read_passphrase

    return read_passphrase(confirm=confirm, prompt="Passphrase of the key: ").decode("utf-8")
