"""Participants as processes of this machine, with certificates and keys of their own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.defend.federated.participants import Participant
from secure_ai.defend.federated.transport.separate_processes import SeparateProcesses
from secure_ai.defend.federated.transport.service import FederationService
from secure_ai.encrypt.transport.certificates import CertificateAuthority
from secure_ai.encrypt.transport.public_keys import generate_signing_key

LAUNCHER = "secure_ai.defend.federated.transport.launcher"


class LocalProcesses:
    """Participants that run; use :func:`participant_processes`.

    Attributes:
        names: of the participants.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], rows: Mapping[str, bytes]) -> None:
        self.names = tuple(commands)
        self._lines: dict[str, str] = {}
        self._ids: dict[str, int] | None = None
        jobs, given, kept = [], [], []
        for name in self.names:
            (rows_out, rows_in), (said_out, said_in) = os.pipe(), os.pipe()
            arguments = [*commands[name], "--rows", f"/dev/fd/{rows_out}"]
            jobs.append({"arguments": arguments, "rows": rows_out, "output": said_in})
            given += [rows_out, said_in]
            kept.append((name, rows_in, said_out))
        # One thread each: three processes that take all cores are slower than one.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._launcher = subprocess.Popen(
            [sys.executable, "-m", LAUNCHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            pass_fds=given,
        )
        for end in given:
            os.close(end)
        self._readers, self._writers = {}, []
        for name, rows_in, said_out in kept:
            # A pipe holds less than the rows: whoever writes would wait until the process has started.
            self._writers.append(threading.Thread(target=_fed, args=(rows_in, rows[name]), daemon=True))
            self._readers[name] = threading.Thread(target=self._read, args=(name, said_out), daemon=True)
        for thread in (*self._writers, *self._readers.values()):
            thread.start()
        with suppress(OSError), self._launcher.stdin as pipe:
            pipe.write(json.dumps(jobs).encode())

    def kill(self, name: str) -> None:
        """End a participant without a word, as when its machine loses power."""
        if self._ids is None:
            line = self._launcher.stdout.readline()
            self._ids = dict(zip(self.names, json.loads(line or "[]"), strict=False))
        with suppress(ProcessLookupError, KeyError):
            os.kill(self._ids[name], signal.SIGKILL)
        self._readers[name].join(5)

    def said(self, seconds: float = 10.0) -> dict[str, str]:
        """Return what each participant printed, once it has ended; those that still run say nothing."""
        for thread in self._readers.values():
            thread.join(seconds)
        return {name: self._lines[name] for name in self.names if name in self._lines}

    def end(self) -> None:
        """Give the processes a moment to end by themselves, then end them."""
        try:
            self._launcher.wait(0.5)
        except subprocess.TimeoutExpired:
            self._launcher.terminate()
            try:
                self._launcher.wait(3)
            except subprocess.TimeoutExpired:
                self._launcher.kill()
                self._launcher.wait()
        self._launcher.stdout.close()
        for thread in (*self._writers, *self._readers.values()):
            thread.join(2)

    def _read(self, name: str, said_out: int) -> None:
        with open(said_out, "rb") as pipe:
            self._lines[name] = pipe.read().decode(errors="replace").strip()


@contextmanager
def participant_processes(
    participants: Sequence[Participant],
    service: FederationService,
    authority: CertificateAuthority,
    *,
    masked: bool = True,
    signed: bool = True,
    seed: int = 0,
    forking: bool = hasattr(os, "fork"),
) -> Iterator[LocalProcesses | SeparateProcesses]:
    """Start a process for each participant that joins ``service``, and end those left when the block ends.

    Rows go to each process through a pipe: none are written to a file. In earnest each house starts its own:
    ``python -m secure_ai.defend.federated.transport --help``.

    Args:
        participants: with their rows.
        service: from :func:`serve_federation`.
        authority: issues their certificates.
        masked: whether they let updates leave only under masks.
        signed: whether they know each other's signing keys.
        seed: of the order of rows, as :func:`~secure_ai.defend.federated.train_federated` gives it on.
        forking: start them from one interpreter, which takes a third of the time; not on Windows.

    Raises:
        UserError: if two have the same name.
    """
    names = [each.name for each in participants]
    if not names or len(set(names)) < len(names):
        raise UserError("Give at least one participant, each with a name of its own.")
    with tempfile.TemporaryDirectory(prefix="secure-ai-federation-") as folder:
        known = Path(folder) / "known.json"
        keys = {}
        if signed:
            keys = {
                name: generate_signing_key(Path(folder) / f"signing-{place}.pem")
                for place, name in enumerate(names)
            }
            known.write_text(json.dumps({name: pair.public for name, pair in keys.items()}))
        commands = {}
        for place, name in enumerate(names):
            files = authority.client(name)
            command = ["--address", f"{service.address.host}:{service.address.port}"]
            command += ["--seed", str(seed + place), "--authority", str(files.authority)]
            command += ["--certificate", str(files.certificate), "--key", str(files.key)]
            command += [] if masked else ["--plain"]
            if signed:
                command += ["--signing-key", str(keys[name].private), "--known", str(known)]
            commands[name] = command
        rows = {each.name: _packed(each) for each in participants}
        running = LocalProcesses(commands, rows) if forking else SeparateProcesses(commands, rows)
        try:
            yield running
        finally:
            running.end()


def _packed(participant: Participant) -> bytes:
    content = io.BytesIO()
    np.savez(content, rows=participant.rows, labels=participant.labels)
    return content.getvalue()


def _fed(rows_in: int, rows: bytes) -> None:
    with suppress(OSError), open(rows_in, "wb") as pipe:
        pipe.write(rows)
