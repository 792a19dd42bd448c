"""Skops files that are damaged at seeded places, or made to harm."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.assess.malformed import CANARY, Case
from tests.assess.malformed.case import Ends
from tests.assess.malformed_models import ASKED, BOTH, FILE, good, rezipped, with_model

CUTS, FLIPS, EDITS, NUMBERS = 8, 8, 16, 3
ASKED_KINDS = ("linear", "forest", "boosting", "svc", "neighbors")


def skops_cases() -> list[Case]:
    """Return every case of a skops file."""
    return [*_damaged(), *_edited(), *_numbers(), *_made()]


def _damaged() -> list[Case]:
    content = good("forest")
    cases = []
    for number in range(CUTS):
        rng = np.random.default_rng([1, number])
        cut = content[: rng.integers(5, len(content) - 1)]
        cases.append(Case("model, skops damaged", f"cut {number}", with_model(cut), "sentence", FILE))
    for number in range(FLIPS):
        rng = np.random.default_rng([2, number])
        changed = bytearray(content)
        for place in rng.integers(0, len(changed), 12):
            changed[place] = rng.integers(0, 256)
        cases.append(
            Case("model, skops damaged", f"flipped {number}", with_model(bytes(changed)), parts=FILE)
        )
    return cases


def _nodes(tree: Any) -> list[dict[str, Any]]:
    found = [tree] if isinstance(tree, dict) else []
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        found += _nodes(part)
    return found


def _edited() -> list[Case]:
    """The schema with one entry gone or of another type, its sums right."""
    values = (None, -1, 10**30, CANARY, [], {}, "../../x", "os", "system", "ObjectNode", "FunctionNode", [[]])
    cases = []
    for number in range(EDITS):
        rng = np.random.default_rng([3, number])

        def edit(members: dict[str, bytes], rng: np.random.Generator = rng) -> dict[str, bytes]:
            schema = json.loads(members["schema.json"])
            nodes = _nodes(schema)
            node = nodes[rng.integers(len(nodes))]
            while not node:
                node = nodes[rng.integers(len(nodes))]
            key = sorted(node)[rng.integers(len(node))]
            if rng.random() < 0.3:
                del node[key]
            else:
                node[key] = values[rng.integers(len(values))]
            return members | {"schema.json": json.dumps(schema).encode()}

        made = with_model(rezipped(good("forest"), edit))
        cases.append(Case("model, skops edited", f"entry {number}", made, parts=FILE))
    return cases


def _numbers() -> list[Case]:
    """Arrays with other numbers, which only an answer shows: what asks them is a process of its own."""
    cases = []
    for kind in ASKED_KINDS:
        for number in range(NUMBERS):
            rng = np.random.default_rng([4, number, len(kind)])

            def edit(members: dict[str, bytes], rng: np.random.Generator = rng) -> dict[str, bytes]:
                arrays = sorted(name for name in members if name.endswith(".npy"))
                for name in rng.choice(arrays, min(3, len(arrays)), replace=False):
                    changed = bytearray(members[name])
                    for place in rng.integers(min(128, len(changed) - 1), len(changed), 6):
                        changed[place] = rng.integers(0, 256)
                    members[name] = bytes(changed)
                return members

            made = with_model(rezipped(good(kind), edit))
            name = f"{kind} {number}"
            cases.append(
                Case("model, skops numbers", name, made, parts=ASKED, slow=bool(number) or kind != "svc")
            )
    return cases


def _made() -> list[Case]:
    def schema(change: Callable[[dict[str, Any]], Any]) -> bytes:
        def edit(members: dict[str, bytes]) -> dict[str, bytes]:
            return members | {"schema.json": json.dumps(change(json.loads(members["schema.json"]))).encode()}

        return rezipped(good(), edit)

    def raw(text: bytes) -> bytes:
        return rezipped(good(), lambda members: members | {"schema.json": text})

    def arrays(content: bytes) -> bytes:
        return rezipped(
            good(), lambda members: {n: content if n.endswith(".npy") else c for n, c in members.items()}
        )

    def more(extra: dict[str, bytes]) -> bytes:
        return rezipped(good(), lambda members: members | extra)

    deep = b'{"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": ['
    huge = io.BytesIO()
    np.save(huge, np.zeros(10))
    lie = huge.getvalue().replace(b"(10,), }            ", b"(99999999999,), }   ")
    nested = good()
    for depth in range(20):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(f"{depth}.skops", nested)
        nested = packed.getvalue()
    rows: list[tuple[str, bytes, Ends]] = [
        ("unknown type", schema(lambda s: s | {"__module__": "os", "__class__": "system"}), "open"),
        ("type of a path", schema(lambda s: s | {"__module__": f"../{CANARY}", "__class__": "x"}), "either"),
        ("type with markup", schema(lambda s: s | {"__module__": "<b>", "__class__": "=1"}), "open"),
        ("function as model", schema(lambda s: s | {"__loader__": "FunctionNode"}), "either"),
        ("loader of nobody", schema(lambda s: s | {"__loader__": "EvilNode"}), "sentence"),
        ("protocol of the future", schema(lambda s: s | {"protocol": 10**9}), "either"),
        ("protocol of no number", schema(lambda s: s | {"protocol": CANARY}), "sentence"),
        ("schema is a list", schema(lambda s: [s]), "sentence"),
        ("schema is no JSON", raw(b"\xff" + CANARY.encode()), "sentence"),
        ("schema is empty", raw(b""), "sentence"),
        ("schema without end", raw(deep * 90_000), "sentence"),
        ("schema of deep lists", raw(b"[" * 300_000 + b"]" * 300_000), "sentence"),
        ("arrays are pickles", arrays(b"\x80\x04cos\nsystem\n."), "sentence"),
        ("arrays are empty", arrays(b""), "sentence"),
        ("arrays lie of their length", arrays(lie), "sentence"),
        ("no arrays", rezipped(good(), lambda m: {"schema.json": m["schema.json"]}), "sentence"),
        ("entry that climbs", more({"../../x": b"1", "/etc/x": b"2", "C:\\x": b"3"}), "report"),
        ("entry with a pickle", more({"x.pkl": b"\x80\x04cos\nsystem\n."}), "report"),
        ("unpacks to 100 MB", more({"x.npy": b"\0" * 100_000_000}), "sentence"),
        ("archives in archives", nested, "sentence"),
        ("encrypted", _encrypted(), "sentence"),
        ("behind other bytes", b"MZ" + good(), "sentence"),
        ("with a tail", good() + CANARY.encode() * 999, "either"),
    ]  # fmt: skip
    parts = {"open": ASKED, "report": FILE}
    return [
        Case("model, skops made", name, with_model(content), ends, parts.get(ends, FILE))
        for name, content, ends in rows
    ] + [
        Case("model, skops made", "unknown type, its file", with_model(rows[0][1]), "report", FILE),
        Case("model, skops made", "labels only", with_model(good("ridge")), "report", BOTH, slow=True),
    ]


def _encrypted() -> bytes:
    """Return an archive that says of every entry that it is encrypted."""
    content = bytearray(good())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(sign)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(sign, at + 4)
    return bytes(content)
