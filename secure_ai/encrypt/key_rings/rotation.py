"""Rotation: data keys are wrapped with the newest version of their key; the data are not even read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secure_ai.encrypt.key_rings.errors import ONE_KEY_ERRORS
from secure_ai.encrypt.key_rings.interface import KeyRing, WrappedKey

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RotationReport:
    """What re-wrapping did.

    Attributes:
        keys: the wrapped keys to store from now on, in the order given; one that failed is as it was.
        rewrapped: how many are wrapped with another version than before.
        unchanged: how many had the newest version already.
        failed: position (from 0) and reason of each that does not open.
        key_bytes: bytes of wrapped keys written.
        data_bytes: bytes of data read or written. Re-wrapping is given wrapped keys and nothing else, so
            that this is what it could touch of them: none.
        destroyable: key and version of those that wrapped some of these keys and wrap none of them now.
            They may be destroyed if the keys given were all there are.
    """

    keys: tuple[WrappedKey, ...]
    rewrapped: int
    unchanged: int
    failed: tuple[tuple[int, str], ...]
    key_bytes: int
    data_bytes: int
    destroyable: tuple[tuple[str, str], ...]

    def sentence(self) -> str:
        """Say it in words."""
        said = (
            f"{self.rewrapped:,} of {len(self.keys):,} data keys were wrapped anew ({self.key_bytes:,} bytes "
            f"of wrapped keys, {self.data_bytes} bytes of data)"
        )
        if self.unchanged:
            said += f"; {self.unchanged:,} had the newest version already"
        if self.failed:
            return said + f"; {len(self.failed):,} do not open and are as they were."
        if not self.destroyable:
            return said + "; no older version is free."
        free = ", ".join(f"version {version} of {name}" for name, version in self.destroyable)
        return said + f". If these are all there are, this can be destroyed now: {free}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per wrapped key: ``position``, ``key_name``, ``version``, ``problem``."""
        import pandas as pd

        problems = dict(self.failed)
        rows = [(n, key.key_name, key.version, problems.get(n, "")) for n, key in enumerate(self.keys)]
        return pd.DataFrame(rows, columns=["position", "key_name", "version", "problem"])


def rewrap_all(wrapped_keys: Iterable[tuple[WrappedKey, Mapping[str, str]]], ring: KeyRing) -> RotationReport:
    """Wrap data keys with the newest version of their key.

    One that does not open, or may not be opened, is reported and left as it was; the others are done.

    Args:
        wrapped_keys: each with its context.
        ring: the ring that wrapped them.

    Raises:
        UserError: what is not about one wrapped key, such as a service that cannot be reached.
    """
    before: list[WrappedKey] = []
    after: list[WrappedKey] = []
    failed: list[tuple[int, str]] = []
    for position, (wrapped, context) in enumerate(wrapped_keys):
        before.append(wrapped)
        try:
            after.append(ring.rewrap(wrapped, context))
        except ONE_KEY_ERRORS as error:
            after.append(wrapped)
            failed.append((position, error.reason))
    broken = {position for position, _ in failed}
    pairs = [(old, new) for n, (old, new) in enumerate(zip(before, after, strict=True)) if n not in broken]
    used = {(key.key_name, key.version) for key in after}
    once = {(key.key_name, key.version) for key in before}
    changed = [new for old, new in pairs if old.version != new.version]
    return RotationReport(
        keys=tuple(after),
        rewrapped=len(changed),
        unchanged=len(pairs) - len(changed),
        failed=tuple(failed),
        key_bytes=sum(len(key.to_bytes()) for _, key in pairs),
        data_bytes=0,
        destroyable=tuple(sorted(once - used)),
    )
