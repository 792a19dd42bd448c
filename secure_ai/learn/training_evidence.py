"""A summary of many learners as evidence for 45 CFR 164.308(a)(5), security awareness and training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from secure_ai import __version__
from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import FrameworkEntry, entry
from secure_ai.core.outputs import atomic_file
from secure_ai.learn.map import CHAPTERS
from secure_ai.learn.pages import render
from secure_ai.learn.path_progress import ChapterProgress, PathProgress, path_progress
from secure_ai.learn.progress_records import LearnerRecord

STANDARD = "164.308(a)(5)"


@dataclass(frozen=True)
class Teaching:
    """Which chapters teach what a provision asks for.

    Attributes:
        provision: its id in ``core.frameworks``.
        chapters: numbers of the chapters.
        what: what they teach of it.
        left: what a training record cannot show, and the organization has to.
    """

    provision: str
    chapters: tuple[str, ...]
    what: str
    left: str

    @property
    def entry(self) -> FrameworkEntry:
        """The provision as the frameworks have it."""
        return entry(self.provision)


# Which chapter answers to which provision is the kit's own, and meant to be argued with: the first column of
# each is what the lessons and labs do, the last what only the organization can show.
TEACHING = (
    Teaching(
        f"{STANDARD}(ii)(A)",
        ("01", "17"),
        "why security matters and who owns it; recognizing phishing, and what to do in an incident",
        "that reminders are repeated: compare the dates of this record with your schedule of reminders",
    ),
    Teaching(
        f"{STANDARD}(ii)(B)",
        ("11", "17"),
        "model files that run code, known vulnerabilities in dependencies and patching them; phishing mail",
        "the protection on your own machines, and how malicious software is reported there",
    ),
    Teaching(
        f"{STANDARD}(ii)(C)",
        ("08", "09"),
        "sign-in and second factors; a tamper-evident trail, and alerts on unusual access",
        "that attempts to log in to your own systems are monitored, and discrepancies reported",
    ),
    Teaching(
        f"{STANDARD}(ii)(D)",
        ("08",),
        "how passwords are stored, cracked, and complemented by second factors",
        "your own procedures for creating, changing and safeguarding passwords",
    ),
)


@dataclass(frozen=True)
class LearnerSummary:
    """One learner's chapters.

    Attributes:
        learner: as it was read.
        chapters: number → what is solved of it, for every chapter with a lab.
        on_path: whether all that counts on the path of the evidence is solved.
        remark: why nothing was read, or that the record is a copy of another's; empty for nothing to say.
    """

    learner: LearnerRecord
    chapters: dict[str, ChapterProgress]
    on_path: bool
    remark: str = ""

    @property
    def complete(self) -> int:
        """Number of chapters of which all tasks are solved."""
        return sum(chapter.complete for chapter in self.chapters.values())

    @property
    def last(self) -> str:
        """The day of the last solved task, in UTC; empty if there is none."""
        times = [task.solved_at for task in self.learner.tasks if task.solved_at]
        return max(times).date().isoformat() if times else ""


@dataclass(frozen=True)
class Evidence:
    """What many learners solved.

    Attributes:
        learners: in order of their codes; those whose record could not be read are among them.
        path: the path whose chapters are listed.
    """

    learners: tuple[LearnerSummary, ...]
    path: PathProgress

    @property
    def read(self) -> tuple[LearnerSummary, ...]:
        """Those whose record could be read."""
        return tuple(one for one in self.learners if not one.learner.problem)

    def completed(self, numbers: Sequence[str]) -> int:
        """Return how many learners have solved all tasks of all these chapters."""
        return sum(all(one.chapters[number].complete for number in numbers) for one in self.read)

    def summary(self) -> str:
        """Say in a sentence how many learners there are and how many could not be read."""
        whole = sum(one.on_path for one in self.read)
        unread = len(self.learners) - len(self.read)
        who = "1 learner was" if len(self.read) == 1 else f"{len(self.read)} learners were"
        text = f"{who} read; {whole} {'has' if whole == 1 else 'have'} solved all labs of the path."
        return text + (f" {unread} could not be read and are listed as such." if unread else "")


def training_evidence(learners: Sequence[LearnerRecord], *, path: str = "full") -> Evidence:
    """Summarize learners.

    Args:
        learners: as they were read.
        path: whose completion is counted.

    Raises:
        UserError: if there is no such path, it has no labs, or there are no learners.
    """
    if not learners:
        raise UserError("There are no learners here, so there is nothing to summarize: check the folder.")
    chosen = path_progress(path, LearnerRecord("none"))
    if not chosen.role.labs:
        raise UserError("This path has no labs: choose one that has, with --path.")
    seen: dict[tuple[object, ...], str] = {}
    summaries = []
    for learner in sorted(learners, key=lambda one: one.code):
        chapters = {one.number: one for one in path_progress("full", learner).counted}
        remark = learner.problem or _copied(learner, seen)
        whole = path_progress(path, learner).complete
        summaries.append(LearnerSummary(learner, chapters, whole, remark))
    return Evidence(tuple(summaries), chosen)


def render_evidence(evidence: Evidence) -> str:
    """Return the summary as an HTML page: provisions, chapters, learners by code, what it does not show."""
    return render(
        "evidence.html.j2",
        evidence=evidence,
        standard=entry(STANDARD),
        teaching=TEACHING,
        titles={number: chapter.title for number, chapter in CHAPTERS.items()},
        version=__version__,
    )


def write_evidence(evidence: Evidence, out: Path) -> Path:
    """Write the summary, in place of an earlier one.

    Raises:
        UserError: if it cannot be written.
    """
    with atomic_file(Path(out)) as draft:
        draft.write_text(render_evidence(evidence), encoding="utf-8")
    return Path(out)


def _copied(learner: LearnerRecord, seen: dict[tuple[object, ...], str]) -> str:
    # Two people do not solve a task in the same microsecond: such records are one that was copied.
    times = tuple((task.lab, task.task, task.solved_at) for task in learner.tasks if task.solved_at)
    if not times:
        return ""
    if times in seen:
        return f"the same times as {seen[times]}: one record was copied from the other"
    seen[times] = learner.code
    return ""
