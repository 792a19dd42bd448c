"""The commands with which a workshop is prepared and measured: agenda, slides, pre- and post-test."""

from __future__ import annotations

from pathlib import Path

import click

from secure_ai.cli.app import SECTORS
from secure_ai.cli.workshop import workshop


@workshop.command()
@click.argument("name", required=False)
@click.option("--path", help="Fit this path of the curriculum, such as security, into --minutes.")
@click.option("--minutes", type=int, help="Minutes that there are, breaks included.")
@click.option("--sector", type=SECTORS, default="healthcare", show_default=True)
def agenda(name: str | None, path: str | None, minutes: int | None, sector: str) -> None:
    """Show an agenda: NAME (half_day, one_day, three_days, executives, or a .yaml file), or a fitted path."""
    from secure_ai.workshop.agenda import agenda_names, for_path, read_agenda

    if path or minutes is not None:
        if name or not path or minutes is None:
            raise click.UsageError("give a name, or --path and --minutes together")
        fitted = for_path(path, minutes, sector=sector)
        _print_steps(fitted.steps)
        click.echo(fitted.sentence)
    elif name:
        chosen = read_agenda(name)
        click.echo(f"{chosen.title}. {chosen.for_whom}")
        for number, day in enumerate(chosen.days, start=1):
            click.echo(f"\n{day.title}, {day.minutes} minutes")
            _print_steps(chosen.steps(sector, number))
    else:
        click.echo("Agendas: " + ", ".join(agenda_names()))


def _print_steps(steps: tuple) -> None:
    from_start = 0
    for step in steps:
        clock = f"{from_start // 60}:{from_start % 60:02d}"
        click.echo(f"{clock:>6}  {step.minutes:>3} min  {step.title}{f'  [{step.lab}]' if step.lab else ''}")
        from_start += step.minutes


@workshop.command()
@click.argument("chapters", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), default=Path("slides"), show_default=True)
@click.option("--notebook", is_flag=True, help="Notebooks with Jupyter's slide types in place of HTML.")
@click.option("--sector", type=SECTORS, default="healthcare", show_default=True)
def slides(chapters: tuple[str, ...], out: Path, notebook: bool, sector: str) -> None:
    """Make slides of CHAPTERS (such as 07, all if none is named): HTML files that need no network.

    The hospital's figures are stored in the lessons; for the bank each lesson is run first.
    """
    from secure_ai.core.outputs import atomic_file
    from secure_ai.workshop.guide import load_guide
    from secure_ai.workshop.slides import chapters_with_slides, slide_notebook, write_slides

    keys = [load_guide(name).chapter.key for name in chapters] or chapters_with_slides()
    for key in keys:
        if notebook:
            text = slide_notebook(key, sector=sector)
            with atomic_file(out / f"{key}.ipynb") as draft:
                draft.write_text(text, encoding="utf-8")
            click.echo(f"{key}.ipynb: slide types and notes")
        else:
            deck = write_slides(key, out / f"{key}.html", sector=sector)
            rest = f", {len(deck.left_out)} questions of the lesson without one" if deck.left_out else ""
            click.echo(f"{key}.html: {len(deck.slides)} slides{rest}")


@workshop.group()
def test() -> None:
    """The pre- and post-test: two forms without a shared question, and what was learned between them."""


@test.command()
@click.option("--path", default="full", show_default=True, help="Path whose quizzes are drawn from.")
@click.option("--questions", type=int, default=10, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
def forms(path: str, questions: int, seed: int, out: Path) -> None:
    """Draw forms A and B: pages to print, keys, forms.yaml, and an empty sheet for the answers."""
    from secure_ai.workshop.knowledge_test import draw_forms, write_forms

    drawn = draw_forms(path, questions=questions, seed=seed)
    write_forms(drawn, out)
    click.echo(
        f"Two forms of {questions} questions each, and their keys. Let half of the class begin with A and "
        "half with B, and each take the other form afterwards."
    )


@test.command()
@click.argument("answers", type=click.Path(path_type=Path))
@click.option("--forms", "file", type=click.Path(path_type=Path), required=True, help="forms.yaml.")
@click.option("--seed", type=int, default=7, show_default=True)
def score(answers: Path, file: Path, seed: int) -> None:
    """Score ANSWERS (answers.csv, filled in) and say what each learner and the class gained."""
    from secure_ai.workshop.knowledge_test import read_forms
    from secure_ai.workshop.learning_gain import learning_gain, read_answers

    drawn = read_forms(file)
    gained = learning_gain(read_answers(answers, drawn), drawn, seed=seed)
    for one in gained.learners:
        gain = "all right before" if one.gain is None else f"gain {one.gain:+.2f}"
        click.echo(f"{one.seat}: {one.pre:.0%} before, {one.post:.0%} after, {gain}")
    click.echo(gained.sentence())
