"""Commands about model files: look into one, sign and verify it, and ask whether it may leave the house."""

from __future__ import annotations

from pathlib import Path

import click

from secure_ai.cli.app import read_cases, root
from secure_ai.core.errors import UserError

FILE = click.Path(path_type=Path)
FOUND = 1
UNASSESSED = 3


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


@model.command()
@click.argument("file", type=FILE)
@click.option("--data", help="The table that it was trained on: without it, only its structure is looked at.")
@click.option("--label", default="", help="Column of the classes in the data.")
@click.option("--drop", default="", help="Columns of the data that the model does not take.")
@click.option("--rules", type=FILE, help="YAML with thresholds of your own, and where they come from.")
@click.option("--trust-pickle", is_flag=True, help="Open a pickle, in a process of its own.")
def release(  # noqa: PLR0917
    file: Path, data: str | None, label: str, drop: str, rules: Path | None, trust_pickle: bool
) -> int:
    """Ask the release rules of a disclosure officer: may FILE leave the house?

    Exit code 1 if a rule is not met, 3 if all that could be assessed are met and one could not be.
    """
    from secure_ai.core import Outcome
    from secure_ai.defend.release import check_release_file

    rows, labels = (None, None) if data is None else read_cases(data, drop=drop, label=label)
    found = check_release_file(file, rows, labels, rules=rules, trust_pickle=trust_pickle)
    print(found.sentence())
    for one in (*found.not_met(), *found.unassessed()):
        print(f"- {one.sentence()}")
    return {Outcome.WITHIN_THRESHOLD: 0, Outcome.UNASSESSED: UNASSESSED}.get(found.outcome, FOUND)


@model.command()
@click.argument("file", type=FILE)
@click.argument("data")
@click.option("--label", required=True, help="Column of the classes in DATA.")
@click.option("--drop", default="", help="Columns of DATA that the model does not take.")
@click.option("--models", type=int, default=8, show_default=True, help="To train for each answer.")
@click.option("--seed", type=int, default=0, show_default=True)
def leakage(file: Path, data: str, label: str, drop: str, models: int, seed: int) -> int:  # noqa: PLR0917
    """Train FILE's recipe anew on DATA, with each usual answer to membership attacks, and compare.

    A skops file is needed, of which only the settings are taken. Exit code 1 if members are found beyond
    chance without an answer.
    """
    from sklearn.base import BaseEstimator, clone

    from secure_ai.core import Unassessed
    from secure_ai.defend.leakage import compare_answers, usual_answers
    from secure_ai.defend.model_files import load_model

    loaded = load_model(file)
    if not isinstance(loaded, BaseEstimator):
        raise UserError(f"{file.name} holds no model of scikit-learn: its recipe cannot be read.")
    rows, labels = read_cases(data, drop=drop, label=label)
    recipe = clone(loaded)
    found = compare_answers(recipe, usual_answers(recipe), rows, labels, models=models, seed=seed)
    print(found.sentence())
    if isinstance(found, Unassessed):
        return UNASSESSED
    table = found.to_frame()[["answer", "tpr", "low", "high", "times", "attack", "accuracy", "cost"]]
    print(table.round(3).to_string(index=False))
    return FOUND if found.found["none"].interval[0] > found.found["none"].baseline else 0


def _passphrase(*, confirm: bool = False) -> str:
    from secure_ai.encrypt.key_rings.passphrase import read_passphrase

    return read_passphrase(confirm=confirm, prompt="Passphrase of the key: ").decode("utf-8")
