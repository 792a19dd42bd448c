"""What a correction may write: a value of the form that the column has, and nobody else's number."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.people import BIRTH_DATE, COMMON_KINDS
from secure_ai.govern.estate.subject import Subject

SHARED_KINDS = frozenset({*COMMON_KINDS, "email"})
"""Identifiers that people of one household have in common."""
LONGEST, OLDEST_YEARS, SAMPLE = 200, 130, 200
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T]00:00(:00)?)?")
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def checked_value(
    estate: Any, subject: Subject, wanted: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], today: date
) -> Any:
    """Return the value of a correction in the type of its column.

    What a column holds is read from the person's own records, and from those of others where the person's are
    empty: days, numbers, yes and no, or text. A number that identifies one person must have the form of the
    one that it takes the place of, and be nobody else's.

    Args:
        estate: where the data are.
        subject: whose records are changed.
        wanted: store, field and value of the request.
        rows: the person's records in that store.
        today: no birth lies after it.

    Raises:
        UserError: if the records have no such field, or the value does not fit; it is never quoted.
    """
    store, field, value = wanted["store"], wanted["field"], str(wanted["value"]).strip()
    if not any(field in row for row in rows):
        raise UserError(
            f"The person's records in {store} have no such field: look at the copy for the names."
        )
    if not value or not value.isprintable():
        raise UserError(f"A correction of {store}.{field} needs a value, in characters that can be printed.")
    held = [row[field] for row in rows if not _is_empty(row.get(field))] or _of_others(estate, store, field)
    fitting = _fitting(value, held, f"{store}.{field}")
    if _is_birth(estate, subject, field, held):
        _check_birth(str(fitting), f"{store}.{field}", today)
    _check_identifier(estate, subject, wanted, value, held)
    return fitting


def _fitting(value: str, held: Sequence[Any], place: str) -> Any:
    if held and all(isinstance(one, bool) for one in held):
        if value.lower() not in _YES | _NO:
            raise UserError(f"{place} holds yes or no: correct it to one of them.")
        return value.lower() in _YES
    if held and all(isinstance(one, (int, float)) for one in held):
        return _number(value, all(isinstance(one, int) for one in held), place)
    texts = [str(one) for one in held]
    if texts and all(_DATE.fullmatch(one) for one in texts):
        return _day(value, place) + texts[0][10:]
    if (
        texts
        and all(_is_number(one) for one in texts)
        and not re.fullmatch(r"[\d .,+()/-]*\d[\d .,+()/-]*", value)
    ):
        raise UserError(f"{place} holds numbers: correct it to a number.")
    if len(value) > max(LONGEST, 2 * max(map(len, texts), default=0)):
        raise UserError(
            f"The value for {place} is longer than anything that stands there: state the value alone."
        )
    return value


def _number(value: str, whole: bool, place: str) -> int | float:
    if not _is_number(value) or (whole and not float(value).is_integer()):
        raise UserError(f"{place} holds {'whole numbers' if whole else 'numbers'}: correct it to one.")
    return int(float(value)) if whole else float(value)


def _day(value: str, place: str) -> str:
    try:
        return date.fromisoformat(value[:10]).isoformat() if _DATE.fullmatch(value) else _no_day(place)
    except ValueError:
        return _no_day(place)


def _no_day(place: str) -> str:
    raise UserError(f"{place} holds days: state one as YYYY-MM-DD.")


def _check_birth(value: str, place: str, today: date) -> None:
    born = date.fromisoformat(_day(value, place))
    if born > today or today.year - born.year > OLDEST_YEARS:
        raise UserError(
            f"{place} is a day of birth: it lies in the past, and not more than {OLDEST_YEARS} years."
        )


def _is_birth(estate: Any, subject: Subject, field: str, held: Sequence[Any]) -> bool:
    return field == BIRTH_DATE or (
        bool(subject.birth_date)
        and "birth" in field.lower()
        and any(str(one)[:10] == subject.birth_date for one in held)
    )


def _check_identifier(
    estate: Any, subject: Subject, wanted: Mapping[str, Any], value: str, held: Sequence[Any]
) -> None:
    field, place = wanted["field"], f"{wanted['store']}.{wanted['field']}"
    standing = {str(one) for one in held}
    kinds = {kind for kind, values in subject.identifiers.items() if standing & set(values)}
    kinds |= {field} & set(subject.identifiers)
    for kind in sorted(kinds - SHARED_KINDS):
        shapes = {_shape(str(one)) for one in (*held, *subject.identifiers[kind])}
        if _shape(value) not in shapes:
            raise UserError(
                f"{place} has another form than what is stated: state it as it is on the document."
            )
        if any(found.key != subject.key for found in estate.people.find(**{kind: value})):
            raise UserError(
                f"What is stated for {place} stands in our records for somebody else: a person has to look "
                "at both before anything is changed."
            )


def _of_others(estate: Any, store: str, field: str) -> list[Any]:
    # The person's own records say nothing of the column's form.
    rows = getattr(getattr(estate, "store", lambda _: None)(store), "rows", None)
    if rows is None:
        return []
    found: list[Any] = []
    for (one,) in rows([field]):
        if not _is_empty(one):
            found.append(one)
        if len(found) >= SAMPLE:
            break
    return found


def _shape(value: str) -> str:
    plain = re.sub(r"\W", "", value).upper()
    return re.sub(r"[A-Z]", "A", re.sub(r"\d", "9", plain))


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value)) and "_" not in value
    except ValueError:
        return False
