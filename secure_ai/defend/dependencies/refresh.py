"""Fetch all advisories of osv.dev where there is a network, so that nobody learns which of them we need."""

from __future__ import annotations

import ipaddress
import json
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.defend.dependencies.advisories import (
    AdvisoryFile,
    package_key,
    parse_advisory,
    read_advisories,
    zipped_records,
)
from secure_ai.defend.dependencies.bill_of_materials import Bill

OSV_ADDRESS = "https://osv-vulnerabilities.storage.googleapis.com"
_MOST_BYTES = 2 << 30


def refresh_advisories(
    out: str | Path,
    *,
    bill: Bill | None = None,
    ecosystems: Sequence[str] = ("PyPI",),
    address: str = OSV_ADDRESS,
    timeout: float = 30.0,
    most_seconds: float = 900.0,
) -> AdvisoryFile:
    """Download the advisories of ecosystems, keep those on the packages of ``bill``, write them as ``out``.

    The archive of an ecosystem is fetched as a whole: to ask about one's own packages would tell a third
    party which versions a hospital or bank runs. A refresh that fails leaves the old file as it is.

    Args:
        out: the JSON file to write.
        bill: whose packages to keep; all without it (the file is then large).
        ecosystems: as OSV names them.
        address: where ``<ecosystem>/all.zip`` lies; a mirror within the house does as well.
        timeout: seconds without an answer after which it is given up.
        most_seconds: for all of one download.

    Raises:
        UserError: if there is no network, the answer is no archive of advisories, or none is about ``bill``.
    """
    _check_address(address)
    out = Path(out)
    wanted = None
    if bill is not None:
        wanted = {package_key(one.ecosystem, one.name) for one in bill.components if one.ecosystem}
    kept: dict[str, object] = {}
    for ecosystem in ecosystems:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "all.zip"
            _download(f"{address.rstrip('/')}/{quote(ecosystem)}/all.zip", archive, timeout, most_seconds)
            try:
                with zipfile.ZipFile(archive) as opened:
                    for name, record in zipped_records(opened):
                        advisory = parse_advisory(name, record)
                        if wanted is None or advisory.packages & wanted:
                            kept[advisory.id] = record
            except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
                raise UserError(
                    f"What came from {_host(address)} is no zip archive: did a proxy answer in its place?"
                ) from None
    if not kept:
        raise UserError(
            "None of the advisories is about the packages of this bill: the old file stays as it is."
        )
    with atomic_file(out) as draft:
        content = json.dumps([kept[name] for name in sorted(kept)], ensure_ascii=False, indent=1)
        draft.write_text(content + "\n", encoding="utf-8")
    return read_advisories(out)


def _download(address: str, target: Path, timeout: float, most_seconds: float) -> None:
    import httpx

    deadline, size = time.monotonic() + most_seconds, 0
    try:
        with httpx.stream("GET", address, timeout=timeout) as answer, target.open("wb") as file:
            if answer.status_code != httpx.codes.OK:
                raise UserError(
                    f"{_host(address)} answered {answer.status_code}: is the ecosystem spelled as OSV does?"
                )
            for part in answer.iter_bytes():
                size += len(part)
                if size > _MOST_BYTES or time.monotonic() > deadline:
                    raise UserError(
                        f"The download from {_host(address)} takes too long or too much: try later."
                    )
                file.write(part)
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        raise UserError(
            f"{_host(address)} cannot be reached: fetch all.zip where there is a network, and read it here."
        ) from None


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _is_own(parts.hostname or ""):
        return
    raise UserError("Advisories are fetched over https:// only: unsigned, they could be changed on the way.")


def _is_own(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(address: str) -> str:
    return urlsplit(address).hostname or "the address"
