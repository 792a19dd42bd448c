"""One participant in a process of its own: ``python -m secure_ai.defend.federated.transport --help``."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.federated.client import LocalClient
from secure_ai.defend.federated.secure_aggregation.identities import Identities
from secure_ai.defend.federated.transport.joining import join_federation
from secure_ai.encrypt.transport.tls import TlsFiles, read_certificates, service_name

MOST_KNOWN_BYTES = 1 << 20


def main(arguments: list[str] | None = None) -> int:
    """Take part in a federation, and say how many rounds were trained; 2 if something is wrong."""
    options = _parser().parse_args(arguments)
    try:
        host, port = _address(options.address)
        tls = TlsFiles(options.certificate, options.key, options.authority)
        name = service_name(read_certificates(options.certificate)[0])
        rows, labels = _read_rows(options.rows)
        rounds = join_federation(
            (host, port),
            tls,
            lambda model: LocalClient(name, rows, labels, model, options.seed),
            masked=not options.plain,
            identities=_identities(options.signing_key, options.known),
            server_name=options.server_name,
            idle_seconds=options.idle_seconds,
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(f"{name} trained {rounds} rounds.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m secure_ai.defend.federated.transport",
        description="Train with others: rows stay here, and changes of weights leave under masks.",
    )
    parser.add_argument("--address", required=True, help="host:port of the federation's server")
    parser.add_argument("--certificate", required=True, type=Path, help="PEM file; it names this participant")
    parser.add_argument("--key", required=True, type=Path, help="its private key, PEM file")
    parser.add_argument("--authority", required=True, type=Path, help="whose certificate the server shows")
    parser.add_argument("--rows", required=True, help=".npz with the arrays rows and labels; - for stdin")
    parser.add_argument("--signing-key", type=Path, help="Ed25519 key for masked rounds, PEM file")
    parser.add_argument("--known", type=Path, help="JSON: public key line of each participant by name")
    parser.add_argument("--plain", action="store_true", help="allow updates without masks")
    parser.add_argument("--server-name", default="localhost", help="the name in the server's certificate")
    parser.add_argument("--seed", type=int, default=None, help="of the order of rows; for lessons")
    parser.add_argument("--idle-seconds", type=float, default=600.0, help="longest wait for a message")
    return parser


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UserError("--address is host:port, such as localhost:8443.")
    return host, int(port)


def _read_rows(place: str) -> tuple[np.ndarray, np.ndarray]:
    name = "stdin" if place == "-" else shown(Path(place).name)
    try:
        content = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
        # Without pickle: a file of rows must not run code.
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return arrays["rows"], arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, AttributeError, TypeError):
        raise UserError(
            f"The rows in {name} cannot be read: give an .npz file with the numeric arrays 'rows' and "
            "'labels' (numpy.savez)."
        ) from None


def _identities(signing_key: Path | None, known: Path | None) -> Identities | None:
    if signing_key is None and known is None:
        return None
    if signing_key is None or known is None:
        raise UserError("Signing needs both --signing-key and --known.")
    try:
        if known.stat().st_size > MOST_KNOWN_BYTES:
            raise ValueError("too long")
        lines = json.loads(known.read_bytes())
        if not isinstance(lines, dict) or not all(isinstance(line, str) for line in lines.values()):
            raise ValueError("no names and lines")
    except (OSError, ValueError, RecursionError):
        raise UserError(
            f"{shown(known.name)} is no JSON object of names and public key lines ('ed25519:...')."
        ) from None
    return Identities.from_files(signing_key, lines)


if __name__ == "__main__":
    sys.exit(main())
