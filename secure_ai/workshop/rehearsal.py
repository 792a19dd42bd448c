"""What every lab does first, done once in the warm process: its forks share the memory, and need not wait."""

from __future__ import annotations

from importlib import import_module

SECTORS = ("healthcare", "finance")
# Few enough to take a moment; the providers and tables of names that it loads are the same for any number.
ROWS = 60
# What the labs of a class import when they are opened or a cell needs it.
MODULES = (
    "duckdb",
    "scipy.stats",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "secure_ai.learn",
    "secure_ai.learn.frames",
    "secure_ai.anonymize",
)


def rehearse() -> None:
    """Import what labs import, draw a little data of both sectors, and build the engine that finds names.

    Nothing of it is kept but what the libraries keep themselves. No thread is left: they do not survive a
    fork.
    """
    for name in MODULES:
        import_module(name)
    import duckdb

    from secure_ai.discover.engine import analyzer
    from synthetic_data import load

    # The default connection, made on import, has threads of its own; with one processor it has none.
    duckdb.execute("SET threads=1")
    for sector in SECTORS:
        load(sector, seed=0, rows=ROWS)
    analyzer().analyze("Mary Jones was seen on 3 May 2024.", language="en")
