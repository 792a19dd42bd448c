"""The file of wrapped keys beside an encrypted store: where it lies, how it is read and wrapped anew."""

from __future__ import annotations

from pathlib import Path

from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.interface import KeyRing
from secure_ai.encrypt.key_rings.rotation import RotationReport
from secure_ai.encrypt.stores.errors import StoreKeysMissing
from secure_ai.encrypt.wrapped_keys import WrappedKeys


def keys_path(store: Path) -> Path:
    """Return where the wrapped keys of ``store`` lie: the same name and ``.keys.json``."""
    return store.with_name(store.name + ".keys.json")


def load_keys(store: Path) -> WrappedKeys:
    """Read the wrapped keys of ``store``.

    Raises:
        StoreKeysMissing: if the file is not there.
        UserError: if it is damaged.
    """
    path = keys_path(store)
    if not path.exists():
        raise StoreKeysMissing(
            f"{shown(path.name)} is missing, and without it {shown(store.name)} does not open: "
            "fetch it from the backup, and move both files together."
        )
    return WrappedKeys.load(path)


def rewrap_store(store: str | Path, ring: KeyRing) -> RotationReport:
    """Wrap the keys of a database or Parquet file with the newest version; its data is not touched.

    Raises:
        UserError: if the file of keys is missing, damaged or cannot be written.
    """
    keys = load_keys(Path(store))
    report = keys.rewrap(ring)
    keys.save(keys_path(Path(store)))
    return report
