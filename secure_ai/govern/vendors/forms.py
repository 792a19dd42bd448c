"""The questionnaire as a file that a vendor fills in: Excel, CSV or YAML; read with suspicion."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import parse_form
from secure_ai.govern.vendors.answers import Answer, Answers, Evidence, check_answers
from secure_ai.govern.vendors.questionnaire import SECTORS, Questionnaire, load_questionnaire
from secure_ai.govern.vendors.workbook import read_workbook, write_workbook

ABOUT = ("sector", "release", "vendor", "service", "completed_on")
EVIDENCE = tuple(Evidence.model_fields)
COLUMNS = ("question", "asked", "answer_as", "documents_accepted", "answer", "comment", *EVIDENCE)
GUIDE = ("asked", "answer_as", "documents_accepted")
SUFFIXES = (".xlsx", ".csv", ".yaml", ".yml")
LARGEST = 20_000_000


def write_form(path: str | Path, sector: str, *, questionnaire: Questionnaire | None = None) -> Path:
    """Write an empty form for a vendor to fill in, and return its path.

    A further document for a question goes into a row of its own: the id again, the answer left empty.

    Args:
        path: ending in ``.xlsx``, ``.csv``, ``.yaml`` or ``.yml``.
        sector: ``"healthcare"`` or ``"finance"``.
        questionnaire: an organization's own; the kit's by default.

    Raises:
        UserError: if the ending or the sector is unknown, or the file cannot be written.
    """
    asked = questionnaire or load_questionnaire(sector)
    about = {"sector": asked.sector, "release": asked.release}
    return _write(_path(path), about, [Answer(question=question.id) for question in asked.questions], asked)


def write_answers(path: str | Path, answers: Answers, *, questionnaire: Questionnaire | None = None) -> Path:
    """Write a form with answers in it, and return its path; :func:`read_form` reads the same back.

    Raises:
        UserError: as :func:`write_form`; if the answers do not belong to the questionnaire.
    """
    asked = questionnaire or load_questionnaire(answers.sector)
    check_answers(answers, asked)
    given = answers.by_question()
    rows = [given.get(question.id, Answer(question=question.id)) for question in asked.questions]
    return _write(_path(path), {name: getattr(answers, name) for name in ABOUT}, rows, asked)


def read_form(path: str | Path, *, questionnaire: Questionnaire | None = None) -> Answers:
    """Read a filled form.

    Args:
        path: of a form that :func:`write_form` wrote and a vendor filled.
        questionnaire: an organization's own; the kit's by default.

    Raises:
        UserError: if the file is missing, of another ending, not UTF-8, or no form; if it has formulas,
            macros or several sheets; if it is of another release, empty, answers a question twice or one that
            does not exist, or does not say whose it is.
    """
    source = _path(path)
    label = f"The form {shown(source.name)}"
    _check_suffix(source)
    try:
        size = source.stat().st_size
        if not source.is_file():
            raise UserError(f"{label} is no file: name the filled form.")
        if size == 0:
            raise UserError(f"{label} is empty: ask the vendor to send it again.")
        if size > LARGEST:
            raise UserError(f"{label} is larger than {LARGEST // 10**6} MB, as no filled form is.")
        if source.suffix.lower() == ".xlsx":
            about, rows = _from_table(read_workbook(source, label), label)
        elif source.suffix.lower() == ".csv":
            about, rows = _from_table(_read_csv(source, label), label)
        else:
            about, rows = _from_yaml(source, label)
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise UserError(f"{label} is not UTF-8 text: save it as CSV UTF-8 or as Excel.") from None
        reason = system_reason(error) if isinstance(error, OSError) else "it is damaged"
        raise UserError(f"{label} cannot be read: {reason}.") from None
    answers = _answers(about, rows, label)
    if answers.sector not in SECTORS:
        raise UserError(f"{label} does not say for which sector it is: use a form that the kit wrote.")
    return check_answers(answers, questionnaire or load_questionnaire(answers.sector))


def _path(given: str | Path) -> Path:
    if not isinstance(given, str | os.PathLike):
        raise UserError(f"The path of a form is text, not {type(given).__name__}: name the file.")
    return Path(given)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"A form is {', '.join(SUFFIXES[:3])}, not '{shown(path.suffix)}': choose one.")


def _write(path: Path, about: Mapping[str, str], rows: Iterable[Answer], asked: Questionnaire) -> Path:
    _check_suffix(path)
    suffix = path.suffix.lower()
    with atomic_file(path) as draft:
        if suffix == ".xlsx":
            write_workbook(draft, COLUMNS, list(_cells(about, rows, asked)))
        elif suffix == ".csv":
            # With a byte order mark, or Excel reads umlauts as Latin-1.
            with draft.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                writer.writerows(_cells(about, rows, asked))
        else:
            draft.write_text(_yaml(about, rows, asked), encoding="utf-8")
    return path


def _cells(about: Mapping[str, str], rows: Iterable[Answer], asked: Questionnaire) -> Iterator[list[str]]:
    titles = {
        "sector": "Sector (leave as it is)",
        "release": "Release of the form (leave as it is)",
        "vendor": "Name of your company",
        "service": "Name of the service that these answers are about",
        "completed_on": "Day on which the form was filled in, as 2026-01-31",
    }
    for name in ABOUT:
        yield [f"form.{name}", titles[name], "", "", about.get(name, ""), "", *[""] * len(EVIDENCE)]
    for given in rows:
        question = asked[given.question]
        guide = [question.text, question.answer.in_words(), " / ".join(question.accepts)]
        answer = "" if given.answer is None else str(given.answer)
        first = [given.question, *guide, answer, given.comment]
        documents = [list(one.model_dump().values()) for one in given.evidence] or [[""] * len(EVIDENCE)]
        yield first + documents[0]
        for further in documents[1:]:
            yield [given.question, "further document", "", "", "", "", *further]


def _yaml(about: Mapping[str, str], rows: Iterable[Answer], asked: Questionnaire) -> str:
    blank = Evidence().model_dump()
    items = []
    for given in rows:
        question = asked[given.question]
        items.append(
            {
                "question": given.question,
                "asked": question.text,
                "answer_as": question.answer.in_words(),
                "documents_accepted": list(question.accepts),
                "answer": given.answer,
                "comment": given.comment,
                "evidence": [one.model_dump() for one in given.evidence] or [dict(blank)],
            }
        )
    kinds = "".join(f"#   {name}: {kind.title}\n" for name, kind in asked.kinds.items())
    head = (
        "# Fill in the vendor, the service, the answers and their evidence; dates as 2026-01-31.\n"
        f"# Kinds of document:\n{kinds}"
    )
    content = {"form": {name: about.get(name, "") for name in ABOUT}, "answers": items}
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _read_csv(path: Path, label: str) -> list[list[str]]:
    text = path.read_bytes().decode("utf-8-sig")
    if "\0" in text:
        raise UserError(f"{label} is not text: save it as CSV UTF-8 or as Excel.")
    head = text.splitlines()[0]
    # Excel writes semicolons where the comma divides decimals.
    delimiter = max(",;\t", key=head.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise UserError(f"{label} has a row whose quotation marks do not close: save it again.") from None


def _from_table(table: list[list[str]], label: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    head = [cell.strip().casefold() for cell in table[0]] if table else []
    while head and not head[-1]:
        head.pop()
    needed = [name for name in COLUMNS if name not in GUIDE]
    if missing := [name for name in needed if name not in head]:
        raise UserError(f"{label} has no column '{missing[0]}': use a form that the kit wrote.")
    if extra := [name for name in head if name not in COLUMNS]:
        raise UserError(f"{label} has the column '{shown(extra[0])}', which no form has: take it out.")
    if len(set(head)) < len(head):
        raise UserError(f"{label} has a column twice: use a form that the kit wrote.")
    about: dict[str, str] = {}
    rows: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(table[1:], start=2):
        cells = [cell.strip() for cell in line]
        if not any(cells):
            continue
        if any(cells[len(head) :]):
            raise UserError(f"{label}, row {number}: there is something beyond the last column.")
        row = dict(zip(head, [*cells, *[""] * len(head)], strict=False))
        name = row["question"]
        if name.startswith("form."):
            if name in about:
                raise UserError(f"{label}, row {number}: {shown(name)} is there twice.")
            about[name] = row["answer"]
            continue
        _add_row(rows, name, row, f"{label}, row {number}")
    return {name.removeprefix("form."): value for name, value in about.items()}, list(rows.values())


def _add_row(rows: dict[str, dict[str, Any]], name: str, row: dict[str, str], where: str) -> None:
    if not name:
        raise UserError(f"{where}: the id of the question is missing.")
    document = {field: row[field] for field in EVIDENCE}
    if name not in rows:
        rows[name] = {
            "question": name,
            "answer": row["answer"] or None,
            "comment": row["comment"],
            "evidence": [],
        }
    elif row["answer"] or not any(document.values()):
        raise UserError(f"{where}: {shown(name)} is there twice; ask the vendor which answer holds.")
    if any(document.values()):
        rows[name]["evidence"].append(document)


def _from_yaml(path: Path, label: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    text = path.read_bytes().decode("utf-8-sig")
    content = parse_form(text, label)
    if not isinstance(content, dict) or set(content) != {"form", "answers"}:
        raise UserError(f"{label} has not the parts 'form' and 'answers': use a form that the kit wrote.")
    about, answers = content["form"], content["answers"]
    if not isinstance(about, dict) or not isinstance(answers, list):
        raise UserError(f"{label} has another shape than a form: use one that the kit wrote.")
    rows = []
    for number, item in enumerate(answers, start=1):
        if not isinstance(item, dict) or not isinstance(item.get("question"), str):
            raise UserError(f"{label}: entry {number} of the answers has no question.")
        row = {name: value for name, value in item.items() if name not in GUIDE}
        named = row.get("evidence") or []
        if not isinstance(named, list):
            raise UserError(f"{label}: the evidence of {shown(item['question'])} is no list.")
        row["evidence"] = [one for one in named if one != Evidence().model_dump()]
        rows.append(row)
    return about, rows


def _answers(about: Mapping[str, Any], rows: list[dict[str, Any]], label: str) -> Answers:
    if unknown := set(about) - set(ABOUT):
        raise UserError(
            f"{label} states '{shown(str(min(unknown, key=str)))}', which no form has: take it out."
        )
    if not str(about.get("vendor") or "").strip():
        raise UserError(f"{label} does not say whose it is: fill in the vendor.")
    fields = {name: about.get(name) or "" for name in ABOUT}
    fields = {name: value.strip() if isinstance(value, str) else value for name, value in fields.items()}
    fields["release"] = str(fields["release"])
    try:
        return Answers.model_validate({**fields, "answers": rows})
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"]
        where = f" ({'.'.join(str(part) for part in place if not isinstance(part, int))})"
        if len(place) > 1 and place[0] == "answers" and isinstance(place[1], int):
            where = f" in {shown(str(rows[place[1]]['question']))}{where}"
        raise UserError(f"{label} has something that no form has{where}: {shown(first['msg'])}.") from None
