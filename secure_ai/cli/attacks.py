"""Commands that attack a model of one's own before somebody else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from secure_ai.cli.app import named, read_cases, root
from secure_ai.core.errors import UserError

FILE = click.Path(path_type=Path)
FOUND = 1
UNASSESSED = 3
MOST_ROWS = 200
THIEF_SHARE = 0.5
REFERENCES = 16


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
        own, others = _halves(data, options["drop"])
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
        own, others = _halves(data, options["drop"])
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


def _group_options(command: Callable) -> Callable:
    for option in (
        click.option(
            "--overlap",
            type=click.Choice(["refuse", "leave out"]),
            default="refuse",
            show_default=True,
            help="What happens to others that are members, too.",
        ),
        click.option("--label", default="", help="Column of the classes in both tables."),
        click.option("--others", help="Records of the same population that it was not trained on."),
        click.option("--members", help="Table of records that the model was trained on."),
    ):
        command = option(command)
    return command


@attack.command()
@click.argument("subject")
@_group_options
@click.option(
    "--references",
    type=int,
    default=REFERENCES,
    show_default=True,
    help="Models to train anew in the same way for comparison (2 or more); 0 for none.",
)
@_attack_options
def membership(  # noqa: PLR0917
    subject: str,
    members: str | None,
    others: str | None,
    label: str,
    overlap: str,
    references: int,
    **options: Any,
) -> int:
    """Tell who was in the training data. SUBJECT: a table of answers; or a model, with --members, --others.

    The table has a column p_CLASS for the probability of each class, and the columns label and member (0 or
    1). Of a skops file the attack trains reference models by the same recipe, and finds far more than
    without. Exit code 1 if members are found beyond chance and beyond the control.
    """
    from secure_ai.attack.membership import MembershipAttack, measure_membership, membership_from_table
    from secure_ai.core import Unassessed

    if members is None and others is None:
        found, known = membership_from_table(subject, seed=options["seed"]), None
    else:
        groups = _groups(members, others, label, options["drop"])
        with _opened(subject, options) as opened:
            recipe = _recipe(opened) if references else None
            found = measure_membership(
                _asked(opened, options),
                *groups,
                recipe=recipe,
                references=references if recipe is not None else REFERENCES,
                overlap=overlap,
                seed=options["seed"],
            )
        known = groups[0][0]
    code = _told(found, lambda: found.auc)
    if isinstance(found, MembershipAttack):
        for figure in found.figures():
            if isinstance(figure, Unassessed):
                print(figure.sentence())
        if known is not None and code == FOUND:
            print(found.records_at_risk(known, top=min(50, len(known))).sentence())
    return code


@attack.command()
@click.argument("model")
@_group_options
@click.option("--column", required=True, help="The column that nobody should be able to guess.")
@_attack_options
def attribute(  # noqa: PLR0917
    model: str,
    members: str | None,
    others: str | None,
    label: str,
    overlap: str,
    column: str,
    **options: Any,
) -> int:
    """Guess a column of people from their other columns and MODEL's answers, of members and of others.

    Half of the others is what the attacker owns. Exit code 1 if members are guessed better than others.
    """
    from secure_ai.attack.attribute_inference import measure_attribute_inference

    groups = _groups(members, others, label, options["drop"])
    with _target(model, options) as target:
        found = measure_attribute_inference(target, *groups, column, overlap=overlap, seed=options["seed"])
    return _told(found, lambda: found.advantage)


def _groups(members: str | None, others: str | None, label: str, drop: str) -> list[tuple[Any, Any]]:
    if members is None or others is None or not label:
        raise UserError("A model is attacked with --members, --others and --label; a table of answers alone.")
    return [read_cases(data, drop=drop, label=label) for data in (members, others)]


def _recipe(opened: Any) -> Any:
    """Return the model untrained, where it is one of scikit-learn in this process; None where it is not."""
    from sklearn.base import BaseEstimator, clone

    return clone(opened) if isinstance(opened, BaseEstimator) else None


def _told(found: Any, main: Callable[[], Any]) -> int:
    from secure_ai.core import Unassessed

    if isinstance(found, Unassessed):
        print(found.sentence())
        return UNASSESSED
    print(found.sentence())
    figure = main()
    if isinstance(figure, Unassessed):
        return UNASSESSED
    return FOUND if figure.interval[0] > max(figure.baseline, figure.control or 0.0) else 0


@contextmanager
def _target(model: str, options: dict[str, Any]) -> Iterator[Any]:
    with _opened(model, options) as opened:
        yield _asked(opened, options)


def _asked(opened: Any, options: dict[str, Any]) -> Any:
    from secure_ai.attack.targets import open_target

    return open_target(
        opened, threshold=options["threshold"], answer="labels" if options["labels_only"] else None
    )


@contextmanager
def _opened(model: str, options: dict[str, Any]) -> Iterator[Any]:
    """Give an endpoint or a loaded model, and close it."""
    from secure_ai.attack.targets import HttpEndpoint
    from secure_ai.defend.model_files import load_model

    if "://" in model:
        token = options["token_file"]
        opened: Any = HttpEndpoint(
            model,
            classes=[_number(one) for one in named(options["classes"])],
            answer="labels" if options["labels_only"] else "probabilities",
            response=options["answers"],
            token=None if token is None else _line(token),
        )
    else:
        opened = load_model(model, trust_pickle=options["trust_pickle"])
    try:
        yield opened
    finally:
        if hasattr(opened, "close"):
            opened.close()


def _halves(data: str, drop: str) -> tuple[Any, Any]:
    frame, _ = read_cases(data, drop=drop)
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
