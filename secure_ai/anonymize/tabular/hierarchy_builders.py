"""Hierarchies built from the values of a column: ranges, dates, prefixes, masks, taxonomies, frequency."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from secure_ai.anonymize.minimize.ladders import OLDEST, OTHER, RARE_SHARE, is_number, ladder
from secure_ai.anonymize.tabular.hierarchies import Hierarchy, number_text, value_texts
from secure_ai.anonymize.tabular.released import SUPPRESSED, value_text
from secure_ai.core import UserError
from secure_ai.core.sources import Source, shown

if TYPE_CHECKING:
    import pandas as pd

DATE_STEPS = ("day", "month", "quarter", "year", "decade")
AGE_WIDTHS = (5, 10, 20, 40)
ZIP_DIGITS = 5
# A code such as E11.9: its category has three characters, its chapter one.
ICD10 = re.compile(r"[A-TV-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?")
FINEST_RANGES = 20
"""A proposed hierarchy of ranges begins with about as many."""
MANY_CODES = 30
"""From this many different codes of one length on, their prefixes are proposed."""


def ranges(
    column: str,
    values: Iterable[Any],
    widths: Sequence[float],
    *,
    origin: float = 0,
    bottom: float | None = None,
    top: float | None = None,
) -> Hierarchy:
    """Return ranges of numbers, each level wider than the last: 37, ``[35, 39]``, ``[30, 39]``, ``*``.

    Ranges of whole numbers are written with both ends in them, others as ``[2.5, 5)``. At an end that
    ``bottom`` or ``top`` cuts off, the range is written as short as it is.

    Args:
        column: name of the column.
        values: its values; missing ones are left to the branch of their own.
        widths: width of the ranges of each level, each a multiple of the one before.
        origin: where a range begins.
        bottom: numbers below are one group at every level (bottom coding).
        top: numbers from here on are one group at every level (top coding).

    Raises:
        UserError: if a value is no finite number, or widths do not nest.
    """
    name = shown(column)
    texts = _distinct(column, values)
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        raise UserError(f"'{name}' has values that are no numbers: ranges need numbers only.") from None
    if not all(map(math.isfinite, numbers)):
        raise UserError(f"'{name}' holds infinite values: replace them before building ranges.")
    if not widths or any(not math.isfinite(width) or width <= 0 for width in widths):
        raise UserError(f"Give the widths of the ranges of '{name}' as numbers above 0, such as 5, 10, 20.")
    for narrow, wide in pairwise(widths):
        if wide <= narrow or abs(wide / narrow - round(wide / narrow)) > 1e-9:
            raise UserError(
                f"The widths of '{name}' do not nest: {wide:g} is no multiple of {narrow:g}, so a range "
                "would be cut by the next level. Choose such as 5, 10, 20."
            )
    if bottom is not None and top is not None and bottom >= top:
        raise UserError(f"The bottom {bottom:g} of '{name}' is not below its top {top:g}: exchange them.")
    ordered = sorted(zip(numbers, texts, strict=True))
    whole = all(number == int(number) for number in [*numbers, *widths, origin, bottom or 0, top or 0])
    # Ranges of a higher level are counted in those of the lowest, so that rounding never tears one apart.
    steps = [round(width / widths[0]) for width in widths]

    def at(number: float, step: int) -> str:
        if bottom is not None and number < bottom:
            return f"< {_plain(bottom)}"
        if top is not None and number >= top:
            return f"≥ {_plain(top)}"
        place = math.floor((number - origin) / widths[0]) // step
        low = origin + place * step * widths[0]
        high = low + step * widths[0]
        low = low if bottom is None else max(low, bottom)
        high = high if top is None else min(high, top)
        if whole:
            return _plain(low) if high - low == 1 else f"[{_plain(low)}, {_plain(high - 1)}]"
        return f"[{_plain(low)}, {_plain(high)})"

    levels = [tuple(text for _, text in ordered)]
    levels += [tuple(at(number, step) for number, _ in ordered) for step in steps]
    note = f"ranges of {', '.join(map(_plain, widths))}"
    note += f", below {_plain(bottom)} as one" if bottom is not None else ""
    note += f", from {_plain(top)} on as one" if top is not None else ""
    return _closed(column, levels, note)


def dates(
    column: str,
    values: Iterable[Any],
    steps: Sequence[str] = ("month", "quarter", "year"),
    *,
    bottom: int | None = None,
    top: int | None = None,
) -> Hierarchy:
    """Return dates that become coarser: 2024-03-09, ``2024-03``, ``2024-Q1``, ``2024``, ``*``.

    Args:
        column: name of the column.
        values: dates, or texts of ISO 8601.
        steps: ``day``, ``month``, ``quarter``, ``year`` and ``decade``, those wanted, in this order.
        bottom: dates before this year are one group at every level.
        top: dates from this year on are one group at every level.

    Raises:
        UserError: if a value is no date, or the steps are not known or not in order.
    """
    import pandas as pd

    name = shown(column)
    if not steps or list(steps) != [step for step in DATE_STEPS if step in steps]:
        raise UserError(f"The steps of '{name}' must be from {', '.join(DATE_STEPS)}, in this order.")
    if bottom is not None and top is not None and bottom >= top:
        raise UserError(f"The bottom {bottom} of '{name}' is not below its top {top}: exchange them.")
    texts = _distinct(column, values)
    read = pd.to_datetime(pd.Series(texts, dtype=object), errors="coerce", format="ISO8601", utc=True)
    wrong = int(read.isna().sum())
    if wrong:
        raise UserError(
            f"'{name}' has {wrong:,} different values that are no dates: write them as 2024-03-09."
        )
    ordered = sorted(zip(read, texts, strict=True))

    def at(date: pd.Timestamp, step: str) -> str:
        if bottom is not None and date.year < bottom:
            return f"before {bottom}"
        if top is not None and date.year >= top:
            return f"from {top} on"
        match step:
            case "day":
                return f"{date:%Y-%m-%d}"
            case "month":
                return f"{date:%Y-%m}"
            case "quarter":
                return f"{date:%Y}-Q{date.quarter}"
            case "year":
                return f"{date:%Y}"
        first = date.year // 10 * 10
        return f"{first}-{first + 9}"

    levels = [tuple(text for _, text in ordered)]
    levels += [tuple(at(date, step) for date, _ in ordered) for step in steps]
    return _closed(column, levels, f"dates by {', '.join(steps)}")


def prefixes(column: str, values: Iterable[Any], lengths: Sequence[int], *, width: int = 0) -> Hierarchy:
    """Return codes of which ever less is shown: 02139, ``021*``, ``0*``, ``*``.

    Args:
        column: name of the column.
        values: codes, such as those of ZIP or ICD.
        lengths: characters that stay at each level, ever fewer.
        width: digits that a code has; zeros that a spreadsheet dropped in front are put back.

    Raises:
        UserError: if the lengths do not fall.
    """
    if not lengths or min(lengths) < 1 or list(lengths) != sorted(set(lengths), reverse=True):
        raise UserError(
            f"The lengths of the prefixes of '{shown(column)}' must fall and end at 1 or more, such as 3, 1."
        )
    texts = _distinct(column, values)
    codes = [text.zfill(width) if text.isdigit() else text for text in texts]
    levels = [tuple(texts)]
    for length in lengths:
        levels.append(tuple(code[:length] + SUPPRESSED if len(code) >= length else code for code in codes))
    return _closed(column, levels, f"the first {', '.join(map(str, lengths))} characters")


def masks(
    column: str, values: Iterable[Any], *, side: str = "right", steps: Sequence[int] | None = None
) -> Hierarchy:
    """Return codes of which ever more is masked: 02139, ``0213*``, ``021**`` … ``*****``, ``*``.

    Args:
        column: name of the column.
        values: its values.
        side: the side from which characters are masked, ``right`` or ``left``.
        steps: characters masked at each level, ever more; one more at each level if not given.

    Raises:
        UserError: if the side is not known, or the steps do not grow.
    """
    if side not in {"right", "left"}:
        raise UserError(f"'{shown(side)}' is no side of '{shown(column)}': choose right or left.")
    texts = _distinct(column, values)
    steps = range(1, max(map(len, texts), default=1)) if steps is None else steps
    if list(steps) != sorted(set(steps)) or any(step < 1 for step in steps):
        raise UserError(f"The masks of '{shown(column)}' must grow and begin at 1 or more, such as 1, 2, 3.")

    def at(text: str, step: int) -> str:
        masked = min(step, len(text))
        left = len(text) - masked
        return text[:left] + "*" * masked if side == "right" else "*" * masked + text[masked:]

    levels = [tuple(texts), *(tuple(at(text, step) for text in texts) for step in steps)]
    return _closed(column, levels, f"masked from the {side}")


def taxonomy(column: str, tree: Mapping[str, Any], *, values: Iterable[Any] = ()) -> Hierarchy:
    """Return the hierarchy of a tree of terms.

    Branches may have different depths: terms at the same distance from the root are on one level, and a
    term without anything below it is on all levels under its own.

    Args:
        column: name of the column.
        tree: nested (``{"Europe": {"South": ["Italy", "Spain"]}, "Asia": ["Japan"]}``), or the parent of each
            term (``{"Italy": "South", "South": "Europe", "Europe": "*", "Japan": "Asia"}``).
        values: terms of the table that are not leaves of the tree, where there are any.

    Raises:
        UserError: if the tree is empty, runs in a circle, or a term has two parents.
    """
    name = shown(column)
    if not tree:
        raise UserError(f"The taxonomy of '{name}' is empty: give it at least one term.")
    nested = any(not isinstance(below, str) for below in tree.values())
    parents = dict(_nested_links(name, tree, SUPPRESSED)) if nested else _links(name, tree)
    above = set(parents.values())
    extra = (
        [text for text in _distinct(column, values) if text in above and text != SUPPRESSED] if values else []
    )
    terms = [*(term for term in parents if term not in above), *extra]
    if not terms:
        raise UserError(f"The taxonomy of '{name}' runs in a circle: let every branch end at '*'.")
    paths = []
    for term in terms:
        path = [term]
        while path[-1] in parents and path[-1] != SUPPRESSED:
            path.append(parents[path[-1]])
            if len(path) > len(parents) + 1:
                raise UserError(f"The taxonomy of '{name}' runs in a circle: let every branch end at '*'.")
        paths.append(path if path[-1] == SUPPRESSED else [*path, SUPPRESSED])
    height = max(map(len, paths))
    rows = [[path[0]] * (height - len(path)) + path for path in paths]
    return _closed(column, list(zip(*rows, strict=True)), "a taxonomy")


def frequent_values(column: str, counts: Mapping[str, int], *, share: float = RARE_SHARE) -> Hierarchy:
    """Return the frequent values as they are and the rare ones as one: the last resort.

    That two values are rare does not say that they are alike; a taxonomy keeps more meaning.

    Args:
        column: name of the column.
        counts: records with each value.
        share: values of fewer records than this share become "other".
    """
    total = sum(counts.values())
    ordered = sorted(counts)
    grouped = tuple(text if counts[text] >= share * total else OTHER for text in ordered)
    levels = [tuple(ordered)]
    if 1 < len(set(grouped)) < len(ordered):
        levels.append(grouped)
    how = f"values under {share:.0%} as '{OTHER}'" if len(levels) > 1 else "no level between value and '*'"
    return _closed(column, levels, f"by frequency alone, the last resort: {how}; a taxonomy would say more")


def suggest_hierarchies(
    source: Source | Any, columns: Sequence[str], *, entities: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Hierarchy]:
    """Propose a hierarchy for each column, from its type, its name and the form of its values.

    Ages become bands of five to forty years with those of 90 and over as one, ZIP codes three digits and one,
    dates months to decades, ICD-10 codes their category and chapter, other numbers ever wider ranges, long
    codes of one length their prefixes. Categories are grouped by frequency as a last resort, and the note
    says so. A level that would group nothing in this table is left out.

    Args:
        source: the table; a :class:`~secure_ai.core.sources.Source` or anything ``open_source`` opens.
        columns: names of the columns.
        entities: for each column what an inventory takes it for (``ZIP_CODE``, ``AGE`` …), where known.

    Raises:
        UserError: if a column is not there or holds infinite numbers.
    """
    from secure_ai.anonymize.tabular.mondrian import open_table
    from secure_ai.anonymize.tabular.summary import RECORDS, summarize

    names = list(dict.fromkeys([columns] if isinstance(columns, str) else columns))
    source = open_table(source, names)
    proposed = {}
    for name in names:
        summary = summarize(source, [name])
        values, records = summary[name], summary[RECORDS].to_numpy()
        found = _suggested(name, values, records, tuple((entities or {}).get(name, ())))
        proposed[name] = _without_idle_levels(found)
    return proposed


def _suggested(name: str, values: pd.Series, records: Sequence[int], entities: tuple[str, ...]) -> Hierarchy:
    import pandas as pd

    plain = _without_arrow(values)
    texts, places = value_texts(plain)
    counts: dict[str, int] = {}
    for place, count in zip(places, records, strict=True):
        if texts[place] is not None:
            counts[texts[place]] = counts.get(texts[place], 0) + int(count)
    present = list(counts)
    if not present:
        return Hierarchy(name, (("",), (SUPPRESSED,)), note="every value is missing")
    kinds = {level.kind for level in ladder(name, plain, entities)}
    if "zip3" in kinds:
        return prefixes(name, present, (3, 1), width=ZIP_DIGITS)
    if "month" in kinds:
        timed = any(len(text) > len("2024-03-09") for text in present)
        return dates(name, present, DATE_STEPS if timed else DATE_STEPS[1:])
    if "band" in kinds:
        return ranges(name, present, AGE_WIDTHS, top=OLDEST)
    if is_number(plain) and not pd.api.types.is_bool_dtype(plain.dtype):
        return _number_ranges(name, present)
    if sum(bool(ICD10.fullmatch(text)) for text in present) > 0.9 * len(present) and len(present) > 2:
        return prefixes(name, present, (3, 1))
    lengths = {len(text) for text in present}
    coded = all(any(character.isdigit() for character in text) for text in present)
    if len(present) > MANY_CODES and len(lengths) == 1 and coded and min(lengths) >= 3:
        width = min(lengths)
        return prefixes(name, present, [length for length in (width // 2, width // 4) if length] or [1])
    return frequent_values(name, counts)


def _number_ranges(name: str, texts: list[str]) -> Hierarchy:
    numbers = [float(text) for text in texts]
    span = max(numbers) - min(numbers)
    if not 0 < span < math.inf:
        return _closed(name, [tuple(sorted(texts))], "one number")
    power = 10.0 ** math.floor(math.log10(span / FINEST_RANGES))
    first = next(nice * power for nice in (1, 2, 5, 10) if nice * power >= span / FINEST_RANGES * (1 - 1e-9))
    if all(number == int(number) for number in numbers):
        first = max(round(first), 2)
    widths = [first]
    while 2 * widths[-1] < span:
        widths.append(2 * widths[-1])
    return ranges(name, texts, widths)


def _distinct(column: str, values: Iterable[Any]) -> list[str]:
    """Return the distinct values as text, numbers in their order and then texts in theirs, none missing."""
    import pandas as pd

    if isinstance(values, str | bytes):
        raise UserError(f"The values of '{shown(column)}' must be a list or a column, not one text.")
    series = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    texts, _ = value_texts(_without_arrow(series.rename(column)))
    present = {text for text in texts if text is not None}
    if not present:
        raise UserError(f"'{shown(column)}' has no value: there is nothing to build a hierarchy from.")
    numbers = {text: number_text(text) for text in present}
    return sorted(present, key=lambda text: (numbers[text] is None, float(numbers[text] or 0), text))


def _without_arrow(values: pd.Series) -> pd.Series:
    """Return a column of a summary in the types that the rest of pandas works on."""
    import pandas as pd

    if not isinstance(values.dtype, pd.ArrowDtype):
        return values
    if getattr(values.dtype.pyarrow_dtype, "tz", None) is not None:
        # In UTC, as Mondrian writes them: what a release shows does not depend on the zone of a machine.
        return values.astype(pd.DatetimeTZDtype("us", "UTC")).dt.tz_localize(None)
    kind = values.dtype.numpy_dtype.kind
    if kind in "iu":
        return values.astype("Int64" if kind == "i" else "UInt64")
    if kind in "fMb":
        return values.astype({"f": "float64", "M": values.dtype.numpy_dtype, "b": "boolean"}[kind])
    return values.astype(object).where(values.notna(), None)


def _closed(column: str, levels: list[tuple[str, ...]], note: str) -> Hierarchy:
    """Return the hierarchy of ``levels`` with one ``*`` above."""
    below = [level for level in levels[1:] if set(level) != {SUPPRESSED}]
    return Hierarchy(column, (levels[0], *below, (SUPPRESSED,) * len(levels[0])), note=note)


def _without_idle_levels(hierarchy: Hierarchy) -> Hierarchy:
    kept = [hierarchy.levels[0]]
    for level in hierarchy.levels[1:-1]:
        if 1 < len(set(level)) < len(set(kept[-1])):
            kept.append(level)
    return Hierarchy(hierarchy.column, (*kept, hierarchy.levels[-1]), note=hierarchy.note)


def _nested_links(name: str, tree: Any, parent: str) -> Iterable[tuple[str, str]]:
    seen: dict[str, str] = {}
    waiting = [(tree, parent)]
    while waiting:
        branch, above = waiting.pop()
        if isinstance(branch, str) or not isinstance(branch, Mapping | Iterable):
            branch = [branch]
        for term in branch:
            text = value_text(term)
            if text == above or seen.setdefault(text, above) != above:
                raise UserError(f"The taxonomy of '{name}' has a term under two parents: give it one.")
            if isinstance(branch, Mapping) and branch[term]:
                waiting.append((branch[term], text))
    return seen.items()


def _links(name: str, tree: Mapping[str, str]) -> dict[str, str]:
    if all(term == parent for term, parent in tree.items()):
        raise UserError(f"The taxonomy of '{name}' runs in a circle: let every branch end at '*'.")
    return {value_text(term): parent for term, parent in tree.items()}


def _plain(number: float) -> str:
    return value_text(round(float(number), 12))
