"""Single values encrypted with AES-256-GCM, bound to their table, column and row."""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.fields.encoding import decode, encode, is_missing
from secure_ai.encrypt.fields.errors import ValueDoesNotOpen, ValueNotEncrypted
from secure_ai.encrypt.fields.xaes import NONCE_BYTES, TAG_BYTES, XaesKey
from secure_ai.encrypt.key_rings.errors import ONE_KEY_ERRORS
from secure_ai.encrypt.key_rings.interface import KeyRing
from secure_ai.encrypt.key_rings.rotation import RotationReport
from secure_ai.encrypt.wrapped_keys import ID_BYTES, WrappedKeys

MARK = "enc1."
"""Every encrypted value starts so; the digit is the version of the format."""
PAD_TO = 16
OPEN_KEYS = 50_000
_LEAST = ID_BYTES + NONCE_BYTES + TAG_BYTES
_ALONE = 0  # as a row's number: a value by itself, whose row nobody counted


class FieldCipher:
    """Encrypts single values of one table, with one data key for each column or for each person.

    An encrypted value is text: ``enc1.`` and, in base64url, the identifier of its data key (6 bytes),
    a nonce (24), the ciphertext and a tag (16). The associated data is table, column, row key and key
    identifier: a ciphertext that is copied to another place does not open there. What remains visible is
    that a value is there, and its length rounded up to ``pad_to`` bytes. Not noticed are a value that was
    removed, and an older value of the same place that was put back: a list of what was written tells that.

    The data keys are opened once and stay in memory until :meth:`forget`; :attr:`keys` must be saved.

    Args:
        ring: wraps and opens the data keys.
        key_name: the key-encryption key; with ``{person}`` in it, one for each person, so that destroying
            it shreds that person's values (``"{person}"`` with :class:`PersonKeys` as the ring).
        table: the name of the table, part of what a value is bound to.
        keys: the wrapped data keys of values that exist already.
        pad_to: content is padded to a multiple of so many bytes, so that 'no' is as long as 'yes'.
    """

    def __init__(
        self,
        ring: KeyRing,
        key_name: str,
        *,
        table: str,
        keys: WrappedKeys | None = None,
        pad_to: int = PAD_TO,
    ) -> None:
        if pad_to < 1:
            raise UserError(f"Values are padded to a multiple of 1 byte or more, not of {pad_to}.")
        self.keys = keys if keys is not None else WrappedKeys()
        self.table = table
        self._ring, self._key_name, self._pad_to = ring, key_name, pad_to
        self._open: OrderedDict[str, XaesKey] = OrderedDict()

    def encrypt(self, value: Any, *, column: str, row_key: object, person: str | None = None) -> str | None:
        """Return ``value`` encrypted for its place; a missing value stays missing.

        Args:
            value: text, bytes, a whole or decimal number, true or false, a date or a time.
            column: the column's name.
            row_key: what identifies the row: text or a whole number, not secret.
            person: an identifier (never a name: it is audited) of the person whose key is used; None for
                the column's key.

        Raises:
            UserError: for a value or row key of another type, or if the ring gives no key.
        """
        persons = None if person is None else [person]
        return self.encrypt_values([value], column, [row_key], persons, first_row=_ALONE)[0]

    def decrypt(self, text: str | None, *, column: str, row_key: object) -> Any:
        """Return the value in its type; missing stays missing.

        Raises:
            ValueNotEncrypted: if ``text`` is not an encrypted value.
            DataKeyMissing: if its data key is not in :attr:`keys`.
            ValueDoesNotOpen: if it was changed, or belongs to another place.
            UserError: if the ring does not open the data key.
        """
        return self.decrypt_values([text], column, [row_key], first_row=_ALONE)[0]

    def encrypt_values(
        self,
        values: Sequence[Any],
        column: str,
        row_keys: Sequence[object],
        persons: Sequence[str] | None = None,
        first_row: int = 1,
    ) -> list[str | None]:
        """Encrypt many values of one column, as :meth:`encrypt`; rows are counted from ``first_row``."""
        result: list[str | None] = [None] * len(values)
        groups: dict[str | None, list[int]] = {}
        plain: dict[int, bytes] = {}
        for i, value in enumerate(values):
            if is_missing(value):
                continue
            try:
                plain[i] = encode(value, self._pad_to)
            except TypeError as error:
                raise UserError(
                    f"{_where(column, first_row + i)} is of type {error}: encrypt text, bytes, numbers, "
                    "dates and times only."
                ) from None
            groups.setdefault(None if persons is None else _person(persons[i], first_row + i), []).append(i)
        for person, places in groups.items():
            name = self._key_for(column, person)
            start = self._place(column, name)
            bound = [start + _row_text(row_keys[i], first_row + i) for i in places]
            sealed = self._opened(name).encrypt([plain[i] for i in places], bound)
            mark = bytes.fromhex(name)
            for i, value in zip(places, sealed, strict=True):
                result[i] = MARK + base64.urlsafe_b64encode(mark + value).rstrip(b"=").decode()
        return result

    def decrypt_values(
        self,
        texts: Sequence[str | None],
        column: str,
        row_keys: Sequence[object],
        first_row: int = 1,
        unavailable: dict[int, str] | None = None,
    ) -> list[Any]:
        """Decrypt many values of one column, as :meth:`decrypt`.

        Args:
            texts: the encrypted values, None where one is missing.
            column: the column's name.
            row_keys: as they were given when encrypting.
            first_row: number of the first row, for messages.
            unavailable: if given, a value whose data key does not open becomes missing, and its position
                and the reason are added here; otherwise that is an error.
        """
        result: list[Any] = [None] * len(texts)
        groups: dict[str, list[tuple[int, bytes]]] = {}
        for i, text in enumerate(texts):
            if not is_missing(text):
                name, sealed = _parse(text, column, first_row + i)
                groups.setdefault(name, []).append((i, sealed))
        for name, values in groups.items():
            try:
                key = self._opened(name)
            except ONE_KEY_ERRORS as error:
                if unavailable is None:
                    raise
                unavailable.update({i: str(error) for i, _ in values})
                continue
            start = self._place(column, name)
            bound = [start + _row_text(row_keys[i], first_row + i) for i, _ in values]
            for (i, _), plain in zip(values, key.decrypt([v for _, v in values], bound), strict=True):
                if plain is None:
                    raise ValueDoesNotOpen(
                        f"{_where(column, first_row + i)} does not open: the value was changed, or moved "
                        "from another row, column or table; take the row from a backup."
                    )
                result[i] = decode(plain)
        return result

    def new_keys(self) -> None:
        """Give values that are encrypted from now on new data keys; older values still open."""
        self.keys.retire()

    def rewrap(self) -> RotationReport:
        """Wrap all data keys with the newest versions of their key-encryption keys."""
        return self.keys.rewrap(self._ring)

    def forget(self) -> None:
        """Drop the opened data keys; the ring is asked again, and says no if a key was destroyed."""
        self._open.clear()

    def _key_for(self, column: str, person: str | None) -> str:
        own = {"column": column} if person is None else {"person": person}
        context = {"use": "field", "table": self.table, **own}
        name = self.keys.newest(context)
        if name is not None:
            return name
        if "{person}" in self._key_name and person is None:
            raise UserError(
                f"The key name '{shown(self._key_name)}' asks for a person: name the column of persons."
            )
        data_key = self._ring.new_data_key(self._key_name.replace("{person}", person or ""), context)
        name = self.keys.add(data_key.wrapped, context)
        self._keep(name, XaesKey(data_key.secret))
        return name

    def _opened(self, name: str) -> XaesKey:
        if name in self._open:
            return self._open[name]
        stored = self.keys.get(name)
        return self._keep(name, XaesKey(self._ring.unwrap(stored.wrapped, stored.context)))

    def _keep(self, name: str, key: XaesKey) -> XaesKey:
        self._open[name] = key
        while len(self._open) > OPEN_KEYS:
            self._open.popitem(last=False)
        return key

    def _place(self, column: str, name: str) -> bytes:
        return b"".join(_with_length(part) for part in ("secure-ai field 1", self.table, column, name))


def is_encrypted(value: object) -> bool:
    """Tell whether ``value`` looks like an encrypted one."""
    return isinstance(value, str) and value.startswith(MARK)


def _with_length(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "big") + data


def _row_text(row_key: object, row: int) -> bytes:
    # As text, because a number in a data frame comes back as text from another file.
    kind = type(row_key)
    if kind is str:
        return row_key.encode("utf-8", "surrogatepass")  # type: ignore[attr-defined]
    if kind is int:
        return b"%d" % row_key
    if isinstance(row_key, bool) or is_missing(row_key):
        name = f"Row {row:,}" if row else "The row of this value"
        raise UserError(f"{name} has no row key: every row needs one, of text or a whole number.")
    if isinstance(row_key, str):
        return row_key.encode("utf-8", "surrogatepass")
    if isinstance(row_key, tuple):
        # No text starts with this byte, so a composed key is never taken for a text.
        parts = (_row_text(part, row).decode("utf-8", "surrogatepass") for part in row_key)
        return b"\xff" + b"".join(map(_with_length, parts))
    try:
        return b"%d" % row_key.__index__()  # type: ignore[attr-defined]
    except AttributeError:
        name = f"row key of row {row:,}" if row else "row key"
        raise UserError(
            f"The {name} is of type {type(row_key).__name__}: use text or a whole number."
        ) from None


def _person(person: object, row: int) -> str:
    if is_missing(person) or person == "":
        name = f"Row {row:,}" if row else "This value"
        raise UserError(f"{name} names no person, so there is no key for it: fill in the identifier.")
    return person if isinstance(person, str) else _row_text(person, row).decode()


def _where(column: str, row: int) -> str:
    name = f"column '{shown(column)}'"
    return f"Row {row:,} of {name}" if row else f"The value of {name}"


def _parse(text: object, column: str, row: int) -> tuple[str, bytes]:
    where = _where(column, row)
    if not is_encrypted(text):
        raise ValueNotEncrypted(
            f"{where} is not an encrypted value (these start with '{MARK}'): check the column."
        )
    body = str(text)[len(MARK) :]
    try:
        data = base64.b64decode((body + "=" * (-len(body) % 4)).encode("ascii"), b"-_", validate=True)
    except (ValueError, binascii.Error):
        data = b""
    # Only one spelling of each value: the last letter's unused bits must be zero.
    if len(data) < _LEAST or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != body:
        raise ValueDoesNotOpen(f"{where} is cut or damaged: take the row from a backup.")
    return data[:ID_BYTES].hex(), data[ID_BYTES:]


def describe(text: str) -> Mapping[str, object]:
    """Return what an encrypted value says openly: its version, data key and length of the padded content.

    Raises:
        UserError: if it is not an encrypted value.
    """
    name, sealed = _parse(text, "value", _ALONE)
    return {"version": 1, "data_key": name, "content_bytes": len(sealed) - NONCE_BYTES - TAG_BYTES}
