"""Names of rows: which row of which version of a data set, without any of its values."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError

ROW_OF = "row_of:"
# In a link: of every row of the output.
EVERY_ROW = -1
DIGEST_BYTES = 16
VERSION_CHARACTERS = 12
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _./-]{0,99}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ROW_ID = r"^(?P<dataset>[^@#]+@[^@#]+)#(?P<row>[0-9]{1,15})$"


def check_name(name: str) -> str:
    """Return ``name`` if it can name a data set, job or model.

    Raises:
        UserError: if it holds anything but letters, digits, spaces and ``_ . / -``.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            "A data set, job or model needs a name of letters, digits, spaces and _ . / - (at most 100), "
            "for instance 'training rows'."
        )
    return name


def check_version(version: str) -> str:
    """Return ``version`` if it can name the version of a model.

    Raises:
        UserError: if it holds anything but letters, digits and ``. _ -``.
    """
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise UserError(
            "The version of a model is made of letters, digits and . _ - (for instance '2026-03')."
        )
    return version


def row_ids(dataset: str, count: int) -> list[str]:
    """Return the names of all rows of ``dataset`` (``name@version``): ``claims@3f2a91c0b7d1#0`` and so on."""
    return [f"{dataset}#{row}" for row in range(count)]


def parse_row_ids(ids: Iterable[object], where: str) -> pd.DataFrame:
    """Take the names of rows apart: columns ``dataset`` (``name@version``) and ``row``.

    Raises:
        UserError: naming ``where`` and the place of the first that is no name of a row.
    """
    texts = pd.Series(list(ids), dtype="object").astype("str")
    parts = texts.str.extract(_ROW_ID)
    bad = parts["row"].isna().to_numpy()
    if bad.any():
        raise UserError(
            f"{where} does not name a row at place {int(bad.argmax())}: "
            "a row is named as in claims@3f2a91c0b7d1#17."
        )
    return pd.DataFrame({"dataset": parts["dataset"], "row": parts["row"].astype("int64")})


def row_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns of ``frame`` that say where its rows come from."""
    return [name for name in frame.columns if isinstance(name, str) and name.startswith(ROW_OF)]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return ``frame`` without the columns that say where its rows come from: what a model is fitted on."""
    return frame.drop(columns=row_columns(frame))


def row_digests(frame: pd.DataFrame, key: bytes) -> list[str]:
    """Return one keyed digest per row (BLAKE2b, 128 bits, hexadecimal) over its columns and values.

    The same values give the same digest whatever the order of the columns and the type that pandas
    chose (1 and 1.0 agree, as a column becomes decimal once a value is missing). Without the key, values
    that can be guessed could be tried; with it, only its holder can.

    Source: RFC 7693 (BLAKE2, keyed mode).
    """
    kept = plain(frame)
    order = sorted(range(kept.shape[1]), key=lambda place: str(kept.columns[place]))
    head = "\x1f".join(str(kept.columns[place]) for place in order)
    columns = [_texts(kept.iloc[:, place]) for place in order]
    start = hashlib.blake2b(head.encode("utf-8", "surrogatepass"), key=key, digest_size=DIGEST_BYTES)
    digests = []
    for values in zip(*columns, strict=True) if columns else iter([()] * len(kept)):
        one = start.copy()
        # Lengths in front: ('ab', 'c') and ('a', 'bc') are two rows.
        one.update("".join(f"\x1f{len(value)}:{value}" for value in values).encode("utf-8", "surrogatepass"))
        digests.append(one.hexdigest())
    return digests


def identifier_digests(values: pd.Series, key: bytes) -> list[str]:
    """Return one keyed digest per value of an identifier, ``""`` where it is missing; the name counts too."""
    return ["" if text == _MISSING else _identifier(str(values.name), text, key) for text in _texts(values)]


def identifier_digest(name: str, value: object, key: bytes) -> str:
    """Return the digest under which :func:`identifier_digests` keeps ``value`` of the column ``name``."""
    return _identifier(name, _texts(pd.Series([value], dtype="object"))[0], key)


def content_version(columns: Sequence[object], digests: Sequence[str]) -> str:
    """Return the version of a data set: a digest over its columns and the digests of its rows, in order."""
    whole = hashlib.sha256("\x1f".join(map(str, columns)).encode("utf-8", "surrogatepass"))
    whole.update("\n".join(digests).encode("ascii"))
    return whole.hexdigest()[:VERSION_CHARACTERS]


_MISSING = "\x00"


def _identifier(name: str, text: str, key: bytes) -> str:
    message = f"{len(name)}:{name}{text}".encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()[: 2 * DIGEST_BYTES]


def _texts(values: pd.Series) -> list[str]:
    if values.dtype.kind in "iu" and not values.hasnans:
        return [str(value) for value in values.tolist()]
    return [_text(value) for value in values.tolist()]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return _MISSING
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isnan(number):
            return _MISSING
        return str(int(number)) if number.is_integer() else repr(number)
    return str(value)
