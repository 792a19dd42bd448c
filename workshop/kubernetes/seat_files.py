"""Write what every seat gets into a folder, without solutions: used while the image is built."""

from __future__ import annotations

import sys
from pathlib import Path

from secure_ai.workshop.labs import shelf


def main(folder: str, sector: str = "healthcare") -> None:
    """Write labs, lessons and the glossary into ``folder``."""
    for name, data in shelf(sector).items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
