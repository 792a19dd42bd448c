"""The agenda of a workshop: read from a YAML file, or made of a path and the minutes that there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from secure_ai.core.errors import UserError
from secure_ai.learn.map import ASSESSMENT, CHAPTERS, ROLES, Chapter, duration, find_role
from secure_ai.project import project_root
from secure_ai.workshop.hub.room import Step

FOLDER = Path("workshop") / "agendas"
SECTORS = ("healthcare", "finance")
LONGEST = 16 * 60  # of one day: whoever plans more has mistaken hours for minutes
LONG = 90  # minutes from which on a room is opened and closed, and has breaks
BREAK = 10
CLOSING = 10
OPEN_FROM = 15  # minutes that are left over from which on they are a part of their own, not a longer closing
WELCOME = 10
LUNCH = 45
LUNCH_FROM = 330  # nobody stays longer than that without a meal
OPEN = "Open time"
WHOLE_UP_TO = 15  # minutes of a lesson or a lab that is too short to be cut

_CAPSTONES = {"healthcare": "18_capstone_hospital", "finance": "19_capstone_bank"}
_LESSONS = {chapter.key for chapter in CHAPTERS.values()}
_LABS = {chapter.key for chapter in CHAPTERS.values() if chapter.lab_minutes}

BySector = str | dict[Literal["healthcare", "finance"], str]


class Part(BaseModel):
    """A line of an agenda file: a talk, a lesson, a lab, a break or a test; ``lab`` may differ by sector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1, max_length=120)
    minutes: int = Field(ge=1, le=LONGEST, strict=True)
    lesson: BySector = ""
    lab: BySector = ""
    rest: bool = False
    note: str = Field("", max_length=500)

    @model_validator(mode="after")
    def _known(self) -> Part:
        for kind, known in (("lesson", _LESSONS), ("lab", _LABS)):
            given = getattr(self, kind)
            if isinstance(given, dict) and set(given) != set(SECTORS):
                raise ValueError(f"{kind} by sector names both, {' and '.join(SECTORS)}")
            for name in given.values() if isinstance(given, dict) else [given]:
                if name and name not in known:
                    raise ValueError(f"there is no {kind} {name[:40]!r}: take a name such as '07_encryption'")
        if self.lesson and self.lab:
            raise ValueError("a part is a lesson or a lab: make two of it")
        if self.rest and (self.lesson or self.lab):
            raise ValueError("a break has no lesson and no lab")
        return self


class Day(BaseModel):
    """A day of an agenda; its parts must sum to its minutes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1, max_length=120)
    minutes: int = Field(ge=1, le=LONGEST, strict=True)
    parts: tuple[Part, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sums(self) -> Day:
        total = sum(part.minutes for part in self.parts)
        if total != self.minutes:
            raise ValueError(f"its parts sum to {total} minutes, and {self.minutes} are stated")
        return self


class Agenda(BaseModel):
    """An agenda file: title, for whom, the path of the curriculum that it follows, and days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1, max_length=120)
    for_whom: str = Field(min_length=1)
    path: str
    days: tuple[Day, ...] = Field(min_length=1, max_length=10)

    @model_validator(mode="after")
    def _path(self) -> Agenda:
        if self.path not in ROLES:
            raise ValueError(f"there is no path {self.path[:40]!r}: choose from {', '.join(ROLES)}")
        return self

    @property
    def minutes(self) -> int:
        """Of all days together, breaks included."""
        return sum(day.minutes for day in self.days)

    def steps(self, sector: str = "healthcare", day: int = 1) -> tuple[Step, ...]:
        """Return the steps of a day, as a room keeps them.

        Args:
            sector: whose capstone and lessons, ``healthcare`` or ``finance``.
            day: counts from 1.

        Raises:
            UserError: if there is no such sector or day.
        """
        _check_sector(sector)
        if type(day) is not int or not 1 <= day <= len(self.days):
            raise UserError(f"The agenda '{self.title}' has days 1 to {len(self.days)}: choose one of them.")
        parts = self.days[day - 1].parts
        return tuple(Step(part.title, part.minutes, _of(part.lab, sector)) for part in parts)


@dataclass(frozen=True)
class Fitted:
    """A path that was fitted into minutes.

    Attributes:
        steps: sum to the minutes that were given.
        shortened: titles of chapters that are cut to about half, as the facilitator guide says how.
        dropped: titles of chapters that have no place.
        sentence: says both.
    """

    steps: tuple[Step, ...]
    shortened: tuple[str, ...]
    dropped: tuple[str, ...]
    sentence: str


def agenda_names(root: Path | None = None) -> tuple[str, ...]:
    """Return the names of the agendas that come with the kit."""
    return tuple(sorted(file.stem for file in ((root or project_root()) / FOLDER).glob("*.yaml")))


def read_agenda(which: str | Path, *, root: Path | None = None) -> Agenda:
    """Read an agenda.

    Args:
        which: the name of one of the kit's, such as ``half_day``, or the path of a YAML file.
        root: folder of the kit; found by itself if not given.

    Raises:
        UserError: if there is none, or it is wrong: names the part and what is wrong with it.
    """
    import yaml

    file, called = Path(which), "The agenda file"
    if file.suffix not in (".yaml", ".yml"):
        names = agenda_names(root)
        if str(which) not in names:
            known = ", ".join(names) or "none here"
            raise UserError(f"There is no such agenda: choose from {known}, or name a .yaml file.")
        file, called = (root or project_root()) / FOLDER / f"{which}.yaml", f"The agenda '{which}'"
    try:
        content = yaml.safe_load(file.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{called} does not exist: check the name.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{called} cannot be read ({type(error).__name__}).") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        raise UserError(f"{called} is not valid YAML{line}: check quotes and indentation.") from None
    try:
        return Agenda.model_validate(content)
    except (ValidationError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "too deep"}
        message = str(first["msg"]).removeprefix("Value error, ")
        raise UserError(f"{called}, {_place(first['loc'])}: {message}.") from None


def _place(location: tuple[int | str, ...]) -> str:
    places, kind = [], "line"
    for part in location:
        if isinstance(part, int):
            places.append(f"{kind} {part + 1}")
        elif part in ("days", "parts"):
            kind = part[:-1]
            places += [str(part)] if part == location[-1] else []
        elif len(str(part)) <= 20 and str(part).isidentifier():
            places.append(str(part))
    return ", ".join(places) or "at the top"


def for_path(path: str, minutes: int, *, sector: str = "healthcare") -> Fitted:
    """Fit a path of the curriculum into ``minutes``.

    As many chapters as fit are taken in the order of the path, each at least cut to about half; what is
    left over makes the first ones whole again. From an hour and a half on a room is opened and closed and
    has breaks. What is left over then is open time. The steps sum to ``minutes``.

    Args:
        path: one of :data:`secure_ai.learn.map.ROLES`.
        minutes: from 15 to 960, a day at most.
        sector: decides which capstone is taken.

    Raises:
        UserError: if there is no such path or sector, or the minutes are too few or too many.
    """
    role = find_role(path)
    _check_sector(sector)
    if type(minutes) is not int or not 1 <= minutes <= LONGEST:
        raise UserError(f"An agenda of one day has 15 to {LONGEST} minutes: give a whole number of them.")
    other = next(key for name, key in _CAPSTONES.items() if name != sector)
    wanted = [CHAPTERS[number] for number in role.chapters]
    wanted = [one for one in wanted if one.key != other or path == "full"]
    taken = _choose(wanted, role.labs, minutes - _overhead(minutes))
    if not taken:
        least = sum(minutes_of(wanted[0], role.labs, whole=False))
        raise UserError(f"{minutes} minutes are too few for a chapter of '{path}': give {least} or more.")
    shortened = tuple(one.title for one, whole in taken if not whole and _can_be_cut(one, role.labs))
    dropped = tuple(one.title for one in wanted if one.key not in {chapter.key for chapter, _ in taken})
    steps = _with_breaks(taken, role.labs, minutes)
    sentence = _sentence(path, minutes, len(wanted), shortened, dropped)
    spare = sum(step.minutes for step in steps if step.title.startswith(OPEN))
    if spare and not dropped and not shortened:
        sentence += (
            f" {duration(spare)} are left as open time: fewer minutes are enough, or take another path."
        )
    return Fitted(steps, shortened, dropped, sentence)


def _check_sector(sector: str) -> None:
    if sector not in SECTORS:
        raise UserError(f"There is no such sector: choose {' or '.join(SECTORS)}.")


def _of(given: Any, sector: str) -> str:
    return given[sector] if isinstance(given, dict) else given


def _breaks(minutes: int) -> int:
    """The number of breaks: one after each hour and a half, and lunch is one of them."""
    return max(0, (minutes - 1) // LONG - (minutes >= LUNCH_FROM)) if minutes > LONG else 0


def _overhead(minutes: int) -> int:
    """Minutes of welcome, closing, breaks and lunch."""
    ends = WELCOME + CLOSING if minutes >= LONG else 0
    return ends + (LUNCH if minutes >= LUNCH_FROM else 0) + BREAK * _breaks(minutes)


def _open_time(spare: int, labs: bool) -> list[Step]:
    """Steps for minutes that no chapter fills, each short enough for a break to lie between two."""
    title = f"{OPEN}: finish the labs, and questions" if labs else f"{OPEN}: questions"
    steps = []
    while spare >= OPEN_FROM:
        minutes = min(spare, LONG) if spare < LONG + OPEN_FROM else LONG - LONG // 3
        steps.append(Step(title, minutes))
        spare -= minutes
    return steps


def minutes_of(chapter: Chapter, labs: bool, *, whole: bool) -> tuple[int, int]:
    """Return the minutes of a chapter's lesson and lab, whole or cut to about half."""
    return tuple(
        given if whole or given <= WHOLE_UP_TO else _half(given)
        for given in (chapter.lesson_minutes, chapter.lab_minutes * labs)
    )


def _half(minutes: int) -> int:
    """Half of the minutes, up to the next five."""
    return -(-minutes // 10) * 5


def _can_be_cut(chapter: Chapter, labs: bool) -> bool:
    return sum(minutes_of(chapter, labs, whole=True)) > sum(minutes_of(chapter, labs, whole=False))


def _choose(wanted: list[Chapter], labs: bool, free: int) -> list[tuple[Chapter, bool]]:
    taken: list[Chapter] = []
    for chapter in wanted:
        needs = sum(minutes_of(chapter, labs, whole=False))
        if needs > free:
            break  # what comes later on a path builds on what comes before
        taken.append(chapter)
        free -= needs
    whole = set()
    for chapter in taken:
        more = sum(minutes_of(chapter, labs, whole=True)) - sum(minutes_of(chapter, labs, whole=False))
        if more <= free:
            whole.add(chapter.key)
            free -= more
    return [(chapter, chapter.key in whole) for chapter in taken]


def _with_breaks(taken: list[tuple[Chapter, bool]], labs: bool, minutes: int) -> tuple[Step, ...]:
    """The steps: breaks lie between two parts, as near as can be to every hour and a half."""
    work = []
    for chapter, whole in taken:
        lesson, lab = minutes_of(chapter, labs, whole=whole)
        cut = ", cut short" if not whole and _can_be_cut(chapter, labs) else ""
        kind = "the notebook" if chapter.key == ASSESSMENT else "the lesson"
        work.append(Step(f"{chapter.title}: {kind}{cut}", lesson))
        if lab:
            work.append(Step(f"{chapter.title}: the lab{cut}", lab, chapter.key))
    work += _open_time(minutes - _overhead(minutes) - sum(step.minutes for step in work), labs)
    rests = [Step("Break", BREAK)] * _breaks(minutes)
    if minutes >= LUNCH_FROM:
        rests.insert((len(rests) + 1) // 2, Step("Lunch", LUNCH))
    steps = [Step("Welcome: sign in, and what today is for", WELCOME)] if minutes >= LONG else []
    share = (sum(step.minutes for step in work) + WELCOME) / (len(rests) + 1)
    done = float(sum(step.minutes for step in steps))
    for number, step in enumerate(work):
        steps.append(step)
        done += step.minutes
        following = work[number + 1].minutes if number + 1 < len(work) else 0
        if rests and following and done + following / 2 >= share:
            steps.append(rests.pop(0))
            done -= share
    left = minutes - sum(step.minutes for step in steps)
    if left:
        title = "Closing: what each of us does on Monday" if minutes >= LONG else "Questions"
        steps.append(Step(title, left))
    return tuple(steps)


def _sentence(path: str, minutes: int, of: int, shortened: tuple[str, ...], dropped: tuple[str, ...]) -> str:
    fits = f"The path '{path}' in {duration(minutes)}: {of - len(dropped)} of {of} chapters"
    cut = f", cut to about half: {', '.join(shortened)}" if shortened else ""
    rest = f"Dropped: {', '.join(dropped)}" if dropped else "Nothing is dropped"
    return f"{fits}{cut}. {rest}."
