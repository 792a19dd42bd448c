"""The map of the kit: its chapters, the paths by role, and which chapters this copy holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.learn.display import Table
from secure_ai.project import find_root

LESSON_MINUTES = 25
LAB_MINUTES = 40
ASSESSMENT = "assessments/risk_assessment"


@dataclass(frozen=True)
class Chapter:
    """One chapter: ``key`` is the name of its notebooks, minutes are what a newcomer takes."""

    key: str
    title: str
    lesson_minutes: int = LESSON_MINUTES
    lab_minutes: int = LAB_MINUTES


CHAPTERS = {
    chapter.key[:2]: chapter
    for chapter in (
        Chapter("00_start_here", "Start here", 10, 5),
        Chapter("01_why_security", "Why security"),
        Chapter("02_synthetic_data", "Synthetic data", 30),
        Chapter("03_data_inventory", "Data inventory", 40, 45),
        Chapter("04_minimize_and_deidentify", "Minimize and de-identify", 30),
        Chapter("05_anonymize_tables", "Anonymize tables", 45),
        Chapter("06_differential_privacy", "Differential privacy", 40),
        Chapter("07_encryption", "Encryption", 35),
        Chapter("08_access_control", "Access control", 40, 45),
        Chapter("09_audit_and_monitoring", "Audit and monitoring", 40, 45),
        Chapter("10_adversarial_inputs", "Adversarial inputs", 35),
        Chapter("11_poisoning_and_supply_chain", "Poisoning and supply chain", 25, 45),
        Chapter("12_model_theft", "Model theft", 35, 45),
        Chapter("13_privacy_attacks", "Privacy attacks", 35, 45),
        Chapter("14_private_training", "Private training", 35),
        Chapter("15_chatbot_security", "Chatbot security", 35, 60),
        Chapter("16_vendors_and_compliance", "Vendors and compliance", 60, 50),
        Chapter("17_people_and_incidents", "People and incidents", 40, 45),
        Chapter("18_capstone_hospital", "Capstone: the hospital", 20, 70),
        Chapter("19_capstone_bank", "Capstone: the bank", 20, 70),
    )
} | {"RA": Chapter(ASSESSMENT, "Risk assessment", 25, 0)}


@dataclass(frozen=True)
class Role:
    """A path through the chapters.

    Attributes:
        name: name in code.
        title: name for people.
        chapters: numbers of chapters in order; ``RA`` is the risk assessment.
        labs: whether the path includes the labs.
        remark: what a reader should know before starting.
    """

    name: str
    title: str
    chapters: tuple[str, ...]
    labs: bool = True
    remark: str = ""


def _between(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"{number:02d}" for number in range(first, last + 1))


ROLES = {
    role.name: role
    for role in (
        Role(
            "executive",
            "Executive",
            ("00", "01", "RA"),
            labs=False,
            remark="No code: read the lessons and the board page of an assessment.",
        ),
        Role("analyst", "Analyst", (*_between(0, 6), "16")),
        Role(
            "ml_engineer",
            "Machine-learning engineer",
            ("00", "02", "05", "06", *_between(10, 15), "18", "19"),
            remark="Of the capstones 18 and 19 take the one of your sector.",
        ),
        Role("security", "Security", ("00", "03", *_between(7, 12), "15", "17")),
        Role("compliance", "Compliance", ("00", "01", *_between(3, 5), "16", "17", "RA")),
        Role("assessor", "Assessor", ("03", "05", "09", *_between(10, 13), "15", "16", "RA")),
        Role(
            "instructor",
            "Instructor",
            ("00",),
            remark="Then the facilitator guide, and the path of those whom you teach.",
        ),
        Role("full", "Everything", (*_between(0, 19), "RA")),
    )
}


def find_role(name: str) -> Role:
    """Return the role ``name``; UserError lists the roles if there is none of that name."""
    if not isinstance(name, str) or name not in ROLES:
        raise UserError(f"There is no such role: choose from {', '.join(ROLES)}.")
    return ROLES[name]


def path_minutes(role: str) -> int:
    """Return the minutes of a path; where two capstones are offered, one is counted."""
    chosen = find_role(role)
    keys = [key for key in chosen.chapters if not (key == "19" and role != "full")]
    return sum(CHAPTERS[key].lesson_minutes + CHAPTERS[key].lab_minutes * chosen.labs for key in keys)


def duration(minutes: int) -> str:
    """Return ``minutes`` as people say it: ``45 min``, ``2 h``, ``7 h 50 min``."""
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))


def show_map(role: str | None = None, *, root: Path | None = None) -> Table:
    """Show all paths, or the chapters of one, with links to what this copy holds.

    Args:
        role: one of ``ROLES``; all paths in overview if None.
        root: folder of the kit; found by itself if not given.

    Raises:
        UserError: if there is no such role.
    """
    root = root or kit_folder()
    if role is None:
        rows = []
        for item in ROLES.values():
            ready = sum(_exists(root, "notebooks", key) for key in item.chapters)
            rows.append(
                (
                    item.name,
                    " ".join(item.chapters),
                    duration(path_minutes(item.name)),
                    f"{ready} of {len(item.chapters)}",
                    item.remark,
                )
            )
        columns = ("Role", "Chapters", "Time", "Ready here", "Remark")
        after = 'RA is the risk assessment. For the chapters of one path: `show_map("analyst")`.'
        return Table("Paths by role", columns, rows, after)
    chosen = find_role(role)
    rows = [_row(root, key, chosen.labs) for key in chosen.chapters]
    columns = ("Chapter", "Lesson", "Time", *(("Lab", "Lab time") if chosen.labs else ()))
    return Table(f"Path: {chosen.title}, {duration(path_minutes(role))}", columns, rows, chosen.remark)


def next_steps(role: str, *, root: Path | None = None) -> Table:
    """Show the first three chapters of a path that this copy holds and whose lab is not yet solved.

    Raises:
        UserError: if there is no such role.
    """
    from secure_ai.learn import progress

    chosen = find_role(role)
    root = root or kit_folder()
    rows = []
    for key in chosen.chapters:
        seen = progress.statuses(CHAPTERS[key].key)
        solved = bool(seen) and all(status == "correct" for status in seen.values())
        if _exists(root, "notebooks", key) and not solved:
            rows.append(_row(root, key, chosen.labs))
    columns = ("Chapter", "Lesson", "Time", *(("Lab", "Lab time") if chosen.labs else ()))
    after = chosen.remark if rows else "Nothing is left on this path in this copy of the kit."
    return Table(f"Next steps: {chosen.title}", columns, rows[:3], after)


def _row(root: Path | None, key: str, labs: bool) -> tuple[str | tuple[str, str], ...]:
    chapter = CHAPTERS[key]
    lesson = _link(root, "notebooks", key)
    row: tuple[str | tuple[str, str], ...] = (
        f"{key} {chapter.title}",
        lesson,
        f"{chapter.lesson_minutes} min",
    )
    if labs:
        lab = _link(root, "labs", key) if chapter.lab_minutes else "no lab"
        row += (lab, f"{chapter.lab_minutes} min" if chapter.lab_minutes else "")
    return row


def _link(root: Path | None, folder: str, key: str) -> str | tuple[str, str]:
    if not _exists(root, folder, key):
        return "in preparation"
    # notebooks/, labs/ and solutions/ lie side by side, so this address is right from each of them.
    name = "lesson" if folder == "notebooks" else "lab"
    return (f"open {name} {key}", f"../{folder}/{CHAPTERS[key].key}.ipynb")


def _exists(root: Path | None, folder: str, key: str) -> bool:
    return root is not None and (root / folder / f"{CHAPTERS[key].key}.ipynb").is_file()


def kit_folder() -> Path | None:
    """Return the folder with notebooks and labs: of this checkout, else around the current one, or None."""
    checkout = Path(__file__).parents[2]
    return checkout if (checkout / "notebooks").is_dir() else find_root()
