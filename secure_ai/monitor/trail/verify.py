"""Examine a trail with nothing but the public key: is it whole, and if not, what happened where?"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from secure_ai.monitor.trail.chain import Chain
from secure_ai.monitor.trail.opening import DATABASE_ADDRESSES
from secure_ai.monitor.trail.signatures import Checkpoint, as_public_key
from secure_ai.monitor.trail.signed_state import SignedState
from secure_ai.monitor.trail.sqlite_evidence import SqliteEvidence
from secure_ai.monitor.trail.store import Evidence
from secure_ai.monitor.trail.verification import Findings, Problem, Verification
from secure_ai.monitor.trail.witness import witness_size

SHOWN_CHECKPOINTS = 400


def verify_trail(
    where: str | Path,
    public_key: str | Path | Ed25519PublicKey,
    witness: str | Path | None = None,
    *,
    log_id: str | None = None,
) -> Verification:
    """Examine a trail: every entry, checkpoint and signature, and the witness.

    What is found, and where:

    - an entry that was edited, deleted, inserted, exchanged or renumbered, also at the level of bytes: at its
      sequence number, up to the very last entry, because the end is signed at each commit;
    - entries edited by one who computed all later hashes anew: between two checkpoints (the signing key is
      needed to hide it, and nobody but the writers has it);
    - entries cut off at the end: how many, up to what head, checkpoints and witness speak of;
    - an older copy of the whole database put back: by the witness, up to its last checkpoint. What came
      after that checkpoint (at most ``checkpoint_every`` entries) can be lost so without a trace, and
      without a witness all of it;
    - checkpoints, head, header or witness changed or taken away; another key; another trail.

    Memory stays the same however long the trail is, apart from some 500 bytes for each checkpoint. Writers
    may go on meanwhile: one state is examined.

    Args:
        where: the SQLite file, the address of the PostgreSQL database, or a file of ``export_jsonl``.
        public_key: ``ed25519:...``, or a file that holds this line: from whoever set up the trail, never from
            the trail itself.
        witness: the witness's file.
        log_id: the identifier that the trail must have, where it is known.

    Raises:
        UserError: if there is no trail to examine, or a file cannot be read.
    """
    key = as_public_key(public_key)
    # Before the database: writers tell the witness after they commit.
    witness_file = None if witness is None else Path(witness)
    witness_end = None if witness_file is None else witness_size(witness_file)
    with open_evidence(where) as evidence:
        return examine(evidence, key, witness_file, witness_end, log_id)


def open_evidence(where: str | Path) -> AbstractContextManager[Evidence]:
    """Open a trail or an export of one for examination."""
    if isinstance(where, str) and where.startswith(DATABASE_ADDRESSES):
        from secure_ai.monitor.trail.postgresql_store import PostgresqlEvidence

        return PostgresqlEvidence(where)
    path = Path(where)
    if path.suffix in (".jsonl", ".ndjson"):
        from secure_ai.monitor.trail.json_lines import ExportEvidence

        return ExportEvidence(path)
    return SqliteEvidence(path)


def examine(
    evidence: Evidence,
    key: Ed25519PublicKey,
    witness: Path | None,
    witness_end: int | None,
    log_id: str | None,
) -> Verification:
    """Examine one state of a trail."""
    findings = Findings()
    state = SignedState(key, findings)
    state.examine(
        evidence.header(),
        evidence.head(),
        evidence.checkpoints(),
        witness=witness,
        witness_end=witness_end,
        log_id=log_id,
    )
    if not state.readable:
        return _result(evidence.name, state, None, findings)
    chain = Chain(iter(evidence.entries()), state.genesis, state.end, state.head, findings)
    signed = _Signed(chain, list(state.checkpoints.values()), findings)
    chain.follow(signed.reached)
    chain.finish()
    signed.finish(state)
    known = [problem for problem in findings.kept if problem.part == "entry"]
    for number, words in dict.fromkeys(evidence.oddities()):
        _add_oddity(findings, known, number, words)
    return _result(evidence.name, state, chain, findings)


class _Signed:
    """Compare the hashes of entries with what the checkpoints say."""

    def __init__(self, chain: Chain, checkpoints: list[Checkpoint], findings: Findings) -> None:
        self._chain, self._checkpoints, self._findings = chain, checkpoints, findings
        self._position, self._good, self._rewritten = 0, 0, False
        self._next = checkpoints[0].sequence if checkpoints else None

    def reached(self, number: int, own: bytes | None) -> None:
        """Compare, if a checkpoint is at this entry."""
        if self._next is None or number < self._next:
            return
        while self._position < len(self._checkpoints):
            checkpoint = self._checkpoints[self._position]
            if checkpoint.sequence > number:
                break
            if checkpoint.sequence == number:
                words = (
                    f"{{where}}: one or more were changed and all hashes after them computed anew; "
                    f"the signature of checkpoint {checkpoint.number:,} does not fit."
                )
                self._compare(number, own, checkpoint.hash, words)
            self._position += 1
        at_end = self._position == len(self._checkpoints)
        self._next = None if at_end else self._checkpoints[self._position].sequence

    def finish(self, state: SignedState) -> None:
        """Compare the last entry with the signed head."""
        head, chain = state.head, self._chain
        if head is not None and chain.number == head.sequence and chain.hash is not None and head.sequence:
            words = (
                "{where}: one or more were changed and all hashes after them computed anew; the signature of "
                "the end does not fit."
            )
            self._compare(chain.number, chain.hash, head.hash, words)

    def _compare(self, number: int, own: bytes | None, signed: bytes, words: str) -> None:
        if own == signed:
            self._good, self._rewritten = number, False
        elif own is not None and self._chain.last_doubt < number and not self._rewritten:
            self._findings.add("entry", "rewritten", self._good + 1, words, number)
            self._rewritten = True


def _add_oddity(findings: Findings, known: list[Problem], number: int, words: str) -> None:
    if not number:
        findings.add("database", "damaged", 0, f"The database was changed: {words}.")
    elif not any(problem.about(number) for problem in known):
        findings.add(
            "entry", "damaged", number, f"{{where}}: {words}, so queries may miss it.",
        )  # fmt: skip


def _result(name: str, state: SignedState, chain: Chain | None, findings: Findings) -> Verification:
    places = [checkpoint.sequence for checkpoint in state.checkpoints.values()]
    step = max(1, -(-len(places) // SHOWN_CHECKPOINTS))
    return Verification(
        name=name,
        entries=chain.rows if chain else 0,
        end=state.end or (chain.number if chain else 0),
        checkpoints=len(places),
        checked_at=tuple(places[::step]),
        witnessed=state.witnessed,
        problems=findings.result(),
        problem_count=findings.count,
        clock_back=chain.clock_back if chain else 0,
        first_clock_back=chain.first_clock_back if chain else None,
        log_id=state.log_id or "",
    )
