"""Participants as processes of this machine, with certificates and keys of their own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from secure_ai.defend.federated.participants import Participant
from secure_ai.defend.federated.transport.service import FederationService
from secure_ai.encrypt.transport.certificates import CertificateAuthority
from secure_ai.encrypt.transport.public_keys import generate_signing_key

MODULE = "secure_ai.defend.federated.transport"


@dataclass(frozen=True)
class LocalProcesses:
    """Participants that run.

    Attributes:
        names: of the participants.
    """

    names: tuple[str, ...]
    _running: dict[str, subprocess.Popen] = field(repr=False)

    def kill(self, name: str) -> None:
        """End a participant without a word, as when its machine loses power."""
        self._running[name].kill()
        self._running[name].wait()

    def said(self, seconds: float = 10.0) -> dict[str, str]:
        """Return what each participant printed, once it has ended; those that still run say nothing."""
        lines = {}
        for name, process in self._running.items():
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
                lines[name] = process.stdout.read().decode(errors="replace").strip()
        return lines


@contextmanager
def participant_processes(
    participants: Sequence[Participant],
    service: FederationService,
    authority: CertificateAuthority,
    *,
    masked: bool = True,
    signed: bool = True,
    seed: int = 0,
) -> Iterator[LocalProcesses]:
    """Start a process for each participant that joins ``service``, and end those left when the block ends.

    Rows go to each process through its standard input: none are written to a file.

    Args:
        participants: with their rows.
        service: from :func:`serve_federation`.
        authority: issues their certificates.
        masked: whether they let updates leave only under masks.
        signed: whether they know each other's signing keys.
        seed: of the order of rows, as :func:`~secure_ai.defend.federated.train_federated` gives it on.
    """
    running: dict[str, subprocess.Popen] = {}
    with tempfile.TemporaryDirectory(prefix="secure-ai-federation-") as folder:
        signing = {}
        if signed:
            keys = [
                generate_signing_key(Path(folder) / f"signing-{place}.pem")
                for place, _ in enumerate(participants)
            ]
            signing = {each.name: pair for each, pair in zip(participants, keys, strict=True)}
        known = Path(folder) / "known.json"
        known.write_text(json.dumps({name: pair.public for name, pair in signing.items()}))
        try:
            for place, each in enumerate(participants):
                files = authority.client(each.name)
                command = [sys.executable, "-m", MODULE, "--rows", "-", "--seed", str(seed + place)]
                command += ["--address", f"{service.address.host}:{service.address.port}"]
                command += ["--certificate", str(files.certificate), "--key", str(files.key)]
                command += ["--authority", str(files.authority)]
                command += [] if masked else ["--plain"]
                if signed:
                    command += ["--signing-key", str(signing[each.name].private), "--known", str(known)]
                running[each.name] = _started(command, each)
            yield LocalProcesses(tuple(running), running)
        finally:
            for process in running.values():
                _ended(process)


def _started(command: Sequence[str], participant: Participant) -> subprocess.Popen:
    content = io.BytesIO()
    np.savez(content, rows=participant.rows, labels=participant.labels)
    # One thread each: three processes that take all cores are slower than one.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    # The pipe holds less than the rows: whoever writes would wait until the process has started.
    threading.Thread(target=_fed, args=(process, content.getvalue()), daemon=True).start()
    return process


def _fed(process: subprocess.Popen, content: bytes) -> None:
    with suppress(OSError, ValueError), process.stdin as pipe:
        pipe.write(content)


def _ended(process: subprocess.Popen) -> None:
    """Give a process a moment to end by itself, then end it."""
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    process.stdout.close()
