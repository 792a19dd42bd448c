"""The crosswalk as tables, turned by framework, threat, control, chapter or finding; what nothing touches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import FrameworkEntry, entries, entry, label
from secure_ai.core.frameworks.standing import Standing, standing
from secure_ai.govern.crosswalk.levels import level_of
from secure_ai.govern.crosswalk.links import KINDS, Crosswalk, Node, load_crosswalk

COLUMNS = {"threat": "threats", "control": "controls", "chapter": "chapters", "finding": "findings"}
TURNS = ("framework", *KINDS)


@dataclass(frozen=True, slots=True)
class Touched:
    """What touches one identifier, itself or a part of it.

    Attributes:
        identifier: as the kit cites it.
        label: identifier and name.
        standing: where it stands on the day asked about; None if no day was given.
        threats: keys of the threats that carry it.
        controls: keys of the controls that it asks for.
        chapters: numbers of the chapters that cite it, or that show a threat which carries it.
        findings: ids of the findings that carry it.
    """

    identifier: str
    label: str
    standing: Standing | None
    threats: tuple[str, ...]
    controls: tuple[str, ...]
    chapters: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def anything(self) -> bool:
        """Whether anything at all touches it."""
        return bool(self.threats or self.controls or self.chapters or self.findings)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a framework anything in the kit touches. What nothing touches is listed, not hidden.

    Touched is not fulfilled: it says that a lesson, a threat, a control or a finding bears on the entry.

    Attributes:
        framework: its name.
        release: the release that the entries are of.
        table: a row an entry: ``id``, ``name``, ``level``, ``standing``, ``touched``, and how many
            ``threats``, ``controls``, ``chapters`` and ``findings``.
        untouched: the identifiers that nothing touches, in the order of the framework.
        not_counted: proposals, what is superseded or not in force on the day asked about, and the tactics
            of MITRE ATLAS (which techniques serve a tactic is not in the pinned list); they are in the
            table, and in no count.
        complete: whether the kit lists every entry of the framework, or only those it uses.
    """

    framework: str
    release: str
    table: pd.DataFrame
    untouched: tuple[str, ...]
    not_counted: tuple[str, ...]
    complete: bool

    def counts(self) -> pd.DataFrame:
        """Return a row a level: ``level``, ``touched``, ``of``. Required and addressable stay apart."""
        counted = self.table[~self.table["id"].isin(self.not_counted)]
        grouped = counted.groupby("level", sort=False)["touched"].agg(["sum", "size"])
        return pd.DataFrame(
            {
                "level": grouped.index,
                "touched": grouped["sum"].to_numpy(dtype=int),
                "of": grouped["size"].to_numpy(dtype=int),
            }
        )

    def sentence(self) -> str:
        """Return the counts in words."""
        parts = [f"{row.touched} of {row.of} ({row.level})" for row in self.counts().itertuples()]
        listed = "" if self.complete else " The kit lists only the entries that it uses."
        left = f" Not counted: {len(self.not_counted)}, see not_counted." if self.not_counted else ""
        return f"{self.framework} {self.release}: touched are {'; '.join(parts) or 'none'}.{listed}{left}"


# Frameworks of which the kit lists every entry; of the others those that it uses.
COMPLETE = (
    "MITRE ATLAS",
    "OWASP Top 10 for LLM Applications",
    "NIST AI RMF",
    "NIST CSF",
    "HIPAA Security Rule",
    "HIPAA Safe Harbor",
)


ONLY_GROUPS = ("tactic",)


def crosswalk_frame(
    by: str = "framework", *, framework: str | None = None, crosswalk: Crosswalk | None = None
) -> pd.DataFrame:
    """Return the whole relation as a table, turned to one side.

    Args:
        by: ``"framework"`` (a row an identifier), ``"threat"``, ``"control"``, ``"chapter"`` or
            ``"finding"`` (a row each).
        framework: only the identifiers of this framework (``"NIST CSF"``).
        crosswalk: another than the kit's.

    Returns:
        Columns ``framework``, ``id``, ``name`` where turned by framework, else ``key``, ``name`` and
        ``ids``; and of ``threats``, ``controls``, ``chapters``, ``findings`` those that are not the side
        turned to. Cells are tuples of keys. A link between an identifier and a threat, control, chapter
        or finding means that the latter carries it itself; :func:`touches` also follows parts to their
        wholes and threats to the chapters that show them. Identifiers that nothing carries are not in
        it: see :func:`coverage`.

    Raises:
        UserError: if there is no such side or framework.
    """
    walk = crosswalk or load_crosswalk()
    if by not in TURNS:
        raise UserError(f"The crosswalk cannot be turned by '{by}': choose from {', '.join(TURNS)}.")
    if framework is not None:
        entries(framework)
    if by == "framework":
        carried = {identifier: entry(identifier) for node in walk.nodes for identifier in node.ids}
        place = {found.id: position for position, found in enumerate(entries())}
        rows = [
            {
                "framework": found.framework,
                "id": identifier,
                "name": found.detail or found.name,
                **_carriers(walk, identifier),
            }
            for identifier, found in sorted(
                carried.items(), key=lambda item: (place.get(item[0], place.get(item[1].part_of, 0)), item[0])
            )
            if framework in (None, found.framework)
        ]
        return pd.DataFrame(rows, columns=["framework", "id", "name", *COLUMNS.values()])
    others = [kind for kind in KINDS if kind != by]
    rows = [
        {
            "key": node.key,
            "name": node.name,
            "ids": _of(node, framework),
            **{COLUMNS[kind]: _keys(walk.neighbors(node, kind)) for kind in others},
        }
        for node in walk.of_kind(by)
    ]
    return pd.DataFrame(rows, columns=["key", "name", "ids", *(COLUMNS[kind] for kind in others)])


def touches(identifier: str, *, today: date | None = None, crosswalk: Crosswalk | None = None) -> Touched:
    """Return what touches ``identifier``: whatever carries it, or a part of it.

    Args:
        identifier: any form that :func:`secure_ai.core.frameworks.entry` accepts.
        today: the day for which its standing is asked; None for none.
        crosswalk: another than the kit's.

    Raises:
        UserError: if no framework has the identifier.
    """
    walk, found = crosswalk or load_crosswalk(), entry(identifier)
    nodes = walk.carriers.get(found.id, ())
    through = {
        chapter.key for node in nodes if node.kind == "threat" for chapter in walk.neighbors(node, "chapter")
    }
    cited = {node.key for node in nodes if node.kind == "chapter"}
    return Touched(
        found.id,
        label(found.id),
        standing(found.id, today) if today else None,
        _keys(node for node in nodes if node.kind == "threat"),
        _keys(node for node in nodes if node.kind == "control"),
        tuple(node.key for node in walk.of_kind("chapter") if node.key in through | cited),
        _keys(node for node in nodes if node.kind == "finding"),
    )


def coverage(framework: str, *, today: date | None = None, crosswalk: Crosswalk | None = None) -> Coverage:
    """Return which entries of ``framework`` anything touches, and which nothing does.

    Args:
        framework: its name (``"NIST CSF"``).
        today: what is not in force on this day is listed and not counted; None counts all but proposals.
        crosswalk: another than the kit's.

    Raises:
        UserError: if there is no such framework.
    """
    rows, out = [], []
    known = entries(framework)
    for found in known:
        touched = touches(found.id, today=today, crosswalk=crosswalk)
        state = touched.standing.state if touched.standing else found.status
        if state not in ("in force", "final") or level_of(found) in ONLY_GROUPS:
            out.append(found.id)
        rows.append(
            {
                "id": found.id,
                "name": found.detail or found.name,
                "level": level_of(found),
                "standing": state,
                "touched": touched.anything,
                **{column: len(getattr(touched, column)) for column in COLUMNS.values()},
            }
        )
    table = pd.DataFrame(rows)
    untouched = tuple(table.loc[~table["touched"], "id"])
    complete = framework in COMPLETE
    return Coverage(framework, known[0].release, table, untouched, tuple(out), complete)


def coverage_frame(*, today: date | None = None, crosswalk: Crosswalk | None = None) -> pd.DataFrame:
    """Return a row a framework and level: how much is touched, and how many names are verified.

    Columns: ``framework``, ``level``, ``touched``, ``of``, ``complete`` (of :class:`Coverage`), ``verified``.

    ``verified`` counts the entries of that level whose names were compared with their source.
    """
    rows = []
    for framework in dict.fromkeys(found.framework for found in entries()):
        result = coverage(framework, today=today, crosswalk=crosswalk)
        checked = _verified(framework, result.not_counted)
        for row in result.counts().itertuples():
            rows.append(
                (framework, row.level, row.touched, row.of, result.complete, checked.get(row.level, 0))
            )
    return pd.DataFrame(rows, columns=["framework", "level", "touched", "of", "complete", "verified"])


def framework_by_chapter(*, crosswalk: Crosswalk | None = None) -> pd.DataFrame:
    """Return how many identifiers of each framework (rows) each chapter (columns) touches.

    A chapter touches what it cites, and what the threats that it shows carry.
    """
    walk = crosswalk or load_crosswalk()
    chapters = walk.of_kind("chapter")
    frameworks = list(dict.fromkeys(found.framework for found in entries()))
    table = pd.DataFrame(0, index=frameworks, columns=[chapter.key for chapter in chapters])
    for chapter in chapters:
        threats = walk.neighbors(chapter, "threat")
        for identifier in {*chapter.ids, *(own for threat in threats for own in threat.ids)}:
            table.loc[entry(identifier).framework, chapter.key] += 1
    table.index.name, table.columns.name = "framework", "chapter"
    return table


def _verified(framework: str, out: tuple[str, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for found in entries(framework):
        if found.id not in out:
            counts[level_of(found)] = counts.get(level_of(found), 0) + found.verified
    return counts


def _carriers(walk: Crosswalk, identifier: str) -> dict[str, tuple[str, ...]]:
    return {
        COLUMNS[kind]: _keys(node for node in walk.of_kind(kind) if identifier in node.ids) for kind in KINDS
    }


def _of(node: Node, framework: str | None) -> tuple[str, ...]:
    return tuple(own for own in node.ids if framework in (None, _framework(own)))


def _framework(identifier: str) -> str:
    found: FrameworkEntry = entry(identifier)
    return found.framework


def _keys(nodes) -> tuple[str, ...]:
    return tuple(node.key for node in nodes)
