"""What the signatures say: header, head, checkpoints and witness, and what of them can be relied on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from secure_ai.core.errors import UserError
from secure_ai.monitor.trail.signatures import (
    NOTHING,
    VERSION,
    Checkpoint,
    Head,
    Header,
    as_public_key,
    is_signed,
    public_key_line,
    rebuilt,
)
from secure_ai.monitor.trail.verification import Findings
from secure_ai.monitor.trail.witness import parse_line, witness_lines


@dataclass
class SignedState:
    """What can be relied on.

    Attributes:
        key: the public key that the examiner was given.
        findings: where problems go.
        log_id: the trail's identifier; None where no signature says which it is.
        genesis: what the first entry is chained to; None where the header was changed.
        head: the signed head, None where it was changed.
        checkpoints: by number, those of the database and those that only the witness has.
        witnessed: the last entry that the witness has seen; None without a witness.
    """

    key: Ed25519PublicKey
    findings: Findings
    log_id: str | None = None
    genesis: bytes | None = None
    head: Head | None = None
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    witnessed: int | None = None
    readable: bool = True

    @property
    def end(self) -> int | None:
        """The last entry that something signed speaks of."""
        ends = [checkpoint.sequence for checkpoint in self.checkpoints.values()]
        if self.head is not None:
            ends.append(self.head.sequence)
        return max(ends, default=None)

    def examine(
        self,
        header: Sequence[Any] | None,
        head: Sequence[Any] | None,
        checkpoints: Iterator[Sequence[Any]],
        *,
        witness: Path | None,
        witness_end: int | None,
        log_id: str | None,
    ) -> None:
        """Examine everything that is signed."""
        seen = _witness_contents(witness, witness_end)
        wrong_key = self._examine_header(header, head, [name for _, name, _ in seen if name], log_id)
        if wrong_key or not self.readable:
            return
        self._examine_head(head)
        witnessed = self._examine_witness(seen, wanted=witness is not None)
        self._examine_checkpoints(checkpoints, witnessed)

    def _examine_header(
        self,
        row: Sequence[Any] | None,
        head: Sequence[Any] | None,
        witness_ids: list[str],
        wanted: str | None,
    ) -> bool:
        """Find out which trail this is; say whether it was signed with another key."""
        add, header = self.findings.add, rebuilt(Header, row)
        line = public_key_line(self.key)
        if header is not None and header.public_key == line and self._is_ours(header):
            if header.version != VERSION:
                words = f"The trail has version {header.version}, this program reads {VERSION}."
                add("header", "another version", 0, f"{words} Examine it with the release that wrote it.")
                self.readable = False
                return False
            self.log_id, self.genesis = header.log_id, header.genesis()
            expected = wanted or (witness_ids[-1] if witness_ids else self.log_id)
            if expected != self.log_id:
                whose = "that was asked for" if wanted else "that the witness belongs to"
                add("header", "another trail", 0, f"This is another trail than the one {whose}.")
            return False
        if header is not None and self._by_another_key(header, head):
            add("header", "wrong key", 0, "The trail was signed with another key than the one given.")
            return True
        candidates = [wanted] if wanted else []
        candidates += [header.log_id] if header is not None else []
        head_read = rebuilt(Head, head)
        for name in (*candidates, *witness_ids[-1:]):
            if head_read is not None and is_signed(self.key, head_read.message(name), head_read.signature):
                self.log_id = name
                break
        kind = "missing" if row is None else "edited"
        words = "The header is missing or there are several" if row is None else "The header was changed"
        rest = "" if self.log_id else ", so which trail the signatures belong to cannot be told"
        add("header", kind, 0, f"{words}{rest}.")
        if header is not None and self.log_id is not None:
            for original in _likely_originals(header, self.log_id, line):
                if self._is_ours(original):
                    self.genesis = original.genesis()
        return False

    def _is_ours(self, header: Header) -> bool:
        return is_signed(self.key, header.message(), header.signature)

    def _by_another_key(self, header: Header, head: Sequence[Any] | None) -> bool:
        try:
            other = as_public_key(header.public_key)
        except UserError:
            return False
        head_read = rebuilt(Head, head)
        if head_read is not None and is_signed(
            self.key, head_read.message(header.log_id), head_read.signature
        ):
            return False  # The key given is right: somebody wrote another into the header.
        return public_key_line(other) != public_key_line(self.key)

    def _examine_head(self, row: Sequence[Any] | None) -> None:
        head = rebuilt(Head, row)
        if row is None:
            self.findings.add("head", "missing", 0, "The signed end of the trail is missing.")
        elif head is None:
            self.findings.add("head", "forged", 0, "The signed end of the trail was changed.")
        elif self.log_id is not None:
            if is_signed(self.key, head.message(self.log_id), head.signature):
                self.head = head
            else:
                self.findings.add("head", "forged", 0, "The signed end of the trail was changed.")

    def _examine_witness(
        self, seen: list[tuple[int, str, Checkpoint | None]], *, wanted: bool
    ) -> dict[int, Checkpoint]:
        good: dict[int, Checkpoint] = {}
        self.witnessed = 0 if wanted else None
        if self.log_id is None:
            return good
        add = self.findings.add
        for line, log_id, checkpoint in seen:
            if checkpoint is None:
                add("witness", "forged", line, "{where} of the witness: no checkpoint.")
            elif not is_signed(self.key, checkpoint.message(log_id), checkpoint.signature):
                add("witness", "forged", line, "{where} of the witness: no writer signed this.")
            elif log_id != self.log_id:
                add("witness", "another trail", line, "{where} of the witness: of another trail.")
            else:
                before = good.get(checkpoint.number)
                if before is not None and before != checkpoint:
                    add("witness", "rewritten", line, "{where} of the witness: contradicts an earlier line.")
                good.setdefault(checkpoint.number, checkpoint)
        numbers = sorted(good)
        for number in range(1, numbers[-1] if numbers else 0):
            if number not in good:
                words = "{where} is missing in the witness."
                add("checkpoint", "not witnessed", number, words)
        if numbers:
            self.witnessed = good[numbers[-1]].sequence
        return good

    def _examine_checkpoints(self, rows: Iterator[Sequence[Any]], witnessed: dict[int, Checkpoint]) -> None:
        add, present, own = self.findings.add, set(), {}
        for row in rows:
            number = row[0]
            present.add(number)
            checkpoint = rebuilt(Checkpoint, row)
            if self.log_id is None:
                continue
            if checkpoint is None:
                add("checkpoint", "forged", number, "{where}: changed after it was written.")
            elif not is_signed(self.key, checkpoint.message(self.log_id), checkpoint.signature):
                add("checkpoint", "forged", number, "{where}: no writer signed this.")
            else:
                own[number] = checkpoint
        if self.log_id is None:
            return
        last = max(self.head.checkpoints if self.head else 0, max(witnessed, default=0), max(own, default=0))
        for number in range(1, last + 1):
            if number not in present:
                add("checkpoint", "missing", number, "{where}: missing.")
        if self.head is not None:
            for number in sorted(own):
                if number > self.head.checkpoints:
                    words = "{where}: made after the end that the trail has now; an older end was put back."
                    add("checkpoint", "inserted", number, words)
        for number, checkpoint in own.items():
            if number in witnessed and witnessed[number] != checkpoint:
                words = "{where}: not the one that the witness has seen; the trail was continued from a copy."
                add("checkpoint", "rewritten", number, words)
        self.checkpoints = dict(sorted({**witnessed, **own}.items()))
        self._examine_order(own)

    def _examine_order(self, own: dict[int, Checkpoint]) -> None:
        digest = {0: NOTHING} | {n: point.digest(self.log_id) for n, point in self.checkpoints.items()}
        for number, checkpoint in own.items():
            if digest.get(number - 1, checkpoint.previous) != checkpoint.previous:
                self.findings.add(
                    "checkpoint", "rewritten", number, "{where}: does not follow the one before."
                )
        head = self.head
        if head is not None and digest.get(head.checkpoints, head.checkpoint) != head.checkpoint:
            words = "The signed end of the trail names another last checkpoint."
            self.findings.add("head", "rewritten", 0, words)


def _witness_contents(path: Path | None, end: int | None) -> list[tuple[int, str, Checkpoint | None]]:
    if path is None:
        return []
    return [(number, *parse_line(line)) for number, line in witness_lines(path, end)]


def _likely_originals(header: Header, log_id: str, line: str) -> Iterator[Header]:
    """Return the header with one or more of its fields as they must have been."""
    for version in (header.version, VERSION):
        for name in (header.log_id, log_id):
            for key in (header.public_key, line):
                yield replace(header, version=version, log_id=name, public_key=key)
