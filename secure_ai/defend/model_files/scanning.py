"""In the contained process: one scanner, one file after the other."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from secure_ai.attack.supply_chain.channel import receive, send
from secure_ai.attack.supply_chain.child import FROM_PARENT


def scan(questions: BinaryIO, answers: BinaryIO, arguments: Mapping[str, Any], content: bytes) -> None:
    """Scan every file that is sent, under a name with its own ending; answer with a verdict."""
    logging.disable(logging.CRITICAL)
    scanner = {"fickling": by_fickling, "modelscan": by_modelscan}[arguments["scanner"]]
    while True:
        header, file = receive(questions, most=FROM_PARENT)
        # A name of our own: the file's could lead elsewhere. The ending is what modelscan goes by.
        ending = "".join(c for c in header["file"] if c.isalnum() or c == ".")
        path = Path.cwd() / f"scanned{ending}"
        path.write_bytes(file)
        try:
            verdict = scanner(path)
        except Exception:
            verdict = "not read"
        path.unlink()
        send(answers, {"verdict": verdict})


def by_fickling(path: Path) -> str:
    """Return fickling's verdict: any severity above *likely safe* is a flag."""
    from fickling.analysis import Severity
    from fickling.loader import scan_file, scan_zip_archive

    found = list(scan_zip_archive(str(path), graceful=True).values()) if zipfile.is_zipfile(path) else []
    found = found or [scan_file(str(path), graceful=True)]
    if any(part.results and part.severity > Severity.LIKELY_SAFE for part in found):
        return "flagged"
    return "not read" if any(part.errors or not part.results for part in found) else "passed"


def by_modelscan(path: Path) -> str:
    """Return modelscan's verdict: any issue is a flag; an error, or a file that it skips, is *not read*."""
    from modelscan.modelscan import ModelScan

    found = ModelScan().scan(path)
    if found["issues"]:
        return "flagged"
    scanned = found["summary"]["scanned"]["total_scanned"]
    return "passed" if scanned and not found["errors"] else "not read"
