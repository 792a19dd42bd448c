"""The training record: what learners solved and when, as CSV and as xAPI statements; nothing is sent."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from secure_ai.core.errors import UserError
from secure_ai.govern.records.words import csv_cell
from secure_ai.learn.map import CHAPTERS
from secure_ai.learn.path_progress import lab_tasks, quiz_questions
from secure_ai.learn.progress_records import QUIZ, LearnerRecord, TaskRecord

DEFAULT_IRI = "https://example.org/secure-ai"
COLUMNS = (
    "learner", "name", "chapter", "title", "kind", "task", "status", "help", "attempts", "hints_used",
    "first_seen", "solved_at",
)  # fmt: skip
# Verbs and types of the vocabulary that ADL publishes at these addresses.
VERBS = "http://adlnet.gov/expapi/verbs/"
TYPES = "http://adlnet.gov/expapi/activities/"
_NUMBERS = {chapter.key: number for number, chapter in CHAPTERS.items()}
_QUIZZES = {f"{QUIZ}{chapter.key[3:]}": number for number, chapter in CHAPTERS.items()}


def record_rows(learners: Iterable[LearnerRecord], *, name: str = "") -> list[dict[str, Any]]:
    """Return one row a task and question (``COLUMNS``; times in UTC, to the second).

    Args:
        learners: as they were read.
        name: of the one learner, where it shall stand in the record.
    """
    rows = []
    for learner in learners:
        for task in learner.tasks:
            number, title, kind = _place(task.lab)
            rows.append(
                {
                    "learner": learner.code,
                    "name": name,
                    "chapter": number,
                    "title": title,
                    "kind": kind,
                    "task": task.task,
                    "status": task.status,
                    "help": task.help if task.solved else "",
                    "attempts": task.attempts,
                    "hints_used": task.hints_used,
                    "first_seen": _second(task.first_seen),
                    "solved_at": _second(task.solved_at),
                }
            )
    return rows


def record_csv(learners: Iterable[LearnerRecord], *, name: str = "") -> str:
    """Return the record as CSV (RFC 4180), in which no cell is a formula for a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writeheader()
    for row in record_rows(learners, name=name):
        writer.writerow({key: csv_cell(str(value)) for key, value in row.items()})
    return text.getvalue()


def xapi_statements(
    learners: Iterable[LearnerRecord], *, iri: str = DEFAULT_IRI, name: str = ""
) -> list[dict[str, Any]]:
    """Return the record as xAPI statements (valid in 1.0.3 and 2.0), in the order of their times.

    A task or lab that is solved was ``completed``, one that is not ``attempted``; a question ``answered``.
    Counts of solved tasks are extensions and no score, as the specification wants it (2.4.5.1); a quiz, of
    which all questions were answered, has one. The id of a statement is a UUID (version 5) of its content:
    the same progress gives the same statements, and a record store that has them takes none twice.

    Args:
        learners: as they were read.
        iri: an address that the organization may use for names; activities and accounts begin with it.
        name: of the one learner; without it the actor is an account with a code and nothing else.

    Raises:
        UserError: if ``iri`` is no such address.
    """
    base = checked_iri(iri)
    statements = [one for learner in learners for one in _Statements(base, learner, name).all()]
    return sorted(statements, key=lambda one: (one["timestamp"], one["id"]))


def xapi_json(learners: Iterable[LearnerRecord], *, iri: str = DEFAULT_IRI, name: str = "") -> str:
    """Return the statements as a JSON array, as a record store takes them."""
    return json.dumps(xapi_statements(learners, iri=iri, name=name), indent=1, ensure_ascii=False) + "\n"


def checked_iri(iri: str) -> str:
    """Return an address without its last slash.

    Raises:
        UserError: if it is no http(s) address, or carries a user, a query or a fragment.
    """
    try:
        parts = urlsplit(iri)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        good = False
    if (
        not good
        or parts.query
        or parts.fragment
        or len(iri) > 300
        or re.search(r"[\s<>\"{}|\\^`\x00-\x1f]", iri)
    ):
        raise UserError(
            "--iri is an address of your organization, such as https://training.example.org/secure-ai."
        )
    return iri.rstrip("/")


class _Statements:
    def __init__(self, base: str, learner: LearnerRecord, name: str) -> None:
        self.base, self.learner = base, learner
        self.actor: dict[str, Any] = {
            "objectType": "Agent",
            "account": {"homePage": base, "name": learner.code},
        }
        if name:
            self.actor["name"] = name
        self.labs: dict[str, list[TaskRecord]] = {}
        for task in learner.tasks:
            if task.attempts or task.solved:
                self.labs.setdefault(task.lab, []).append(task)

    def all(self) -> list[dict[str, Any]]:
        found = []
        for lab, tasks in self.labs.items():
            found += [self._task(lab, task) for task in tasks]
            whole = self._whole(lab, tasks)
            found += [whole] if whole else []
        return found

    def _task(self, lab: str, task: TaskRecord) -> dict[str, Any]:
        question = lab.startswith(QUIZ)
        verb = "answered" if question else "completed" if task.solved else "attempted"
        result: dict[str, Any] = {"success": task.solved, "completion": task.solved}
        result["extensions"] = {
            self._name("attempts"): task.attempts,
            self._name("hints-used"): task.hints_used,
        } | ({self._name("help"): task.help} if task.solved else {})
        kind = "question" if question else "assessment"
        activity = self._activity(lab, kind, f"{_label(lab)}: {task.task}", task.task)
        parent = self._activity(lab, "assessment" if question else "module", _label(lab))
        return self._statement(verb, activity, result, task.solved_at or task.first_seen, parent)

    def _whole(self, lab: str, tasks: list[TaskRecord]) -> dict[str, Any] | None:
        number, _, kind = _place(lab)
        if not number:
            return None
        key = CHAPTERS[number].key
        wanted = quiz_questions(key) if kind == "quiz question" else lab_tasks(key)
        solved = [task for task in tasks if task.solved and task.task in wanted]
        complete = bool(wanted) and len(solved) == len(wanted)
        result: dict[str, Any] = {"completion": complete}
        counts = {self._name("solved"): len(solved), self._name("of"): len(wanted)}
        if kind == "quiz question" and {task.task for task in tasks} >= set(wanted):
            result["success"] = complete
            result["score"] = {
                "scaled": round(len(solved) / len(wanted), 4),
                "raw": len(solved),
                "min": 0,
                "max": len(wanted),
            }
        result["extensions"] = counts
        when = max(task.touched_at for task in tasks)
        activity = self._activity(lab, "assessment" if kind == "quiz question" else "module", _label(lab))
        return self._statement("completed" if complete else "attempted", activity, result, when)

    def _statement(
        self,
        verb: str,
        activity: dict[str, Any],
        result: dict[str, Any],
        when: dt.datetime,
        parent: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        context: dict[str, Any] = {"platform": "secure-ai", "language": "en-US"}
        if parent is not None:
            context["contextActivities"] = {"parent": [parent]}
        body = {
            "actor": self.actor,
            "verb": {"id": f"{VERBS}{verb}", "display": {"en-US": verb}},
            "object": activity,
            "result": result,
            "context": context,
            "timestamp": when.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        content = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return {"id": str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, self.base), content))} | body

    def _activity(self, lab: str, kind: str, label: str, task: str = "") -> dict[str, Any]:
        part = f"quizzes/{quote(lab.removeprefix(QUIZ))}" if lab.startswith(QUIZ) else f"labs/{quote(lab)}"
        return {
            "objectType": "Activity",
            "id": f"{self.base}/{part}" + (f"/{quote(task)}" if task else ""),
            "definition": {"name": {"en-US": label}, "type": f"{TYPES}{kind}"},
        }

    def _name(self, extension: str) -> str:
        return f"{self.base}/extensions/{extension}"


def _place(lab: str) -> tuple[str, str, str]:
    """Return chapter, its title and the kind of what was solved; what the map does not know keeps its key."""
    if lab in _QUIZZES:
        return _QUIZZES[lab], CHAPTERS[_QUIZZES[lab]].title, "quiz question"
    if lab in _NUMBERS:
        return _NUMBERS[lab], CHAPTERS[_NUMBERS[lab]].title, "lab task"
    return "", lab, "other"


def _label(lab: str) -> str:
    number, title, kind = _place(lab)
    if not number:
        return title
    return f"{'Quiz' if kind == 'quiz question' else 'Lab'} {number}, {title}"


def _second(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
