"""Malformed and hostile models: files that are none, pickles that hang, lie or crash, damaged skops files."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import textwrap
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from tests.assess.malformed import CANARY, Case
from tests.assess.malformed.case import Ends, Make
from tests.assess.model_inputs import FEATURES, records

FILE, ASKED = ("model.file",), ("model.fairness",)
BOTH = (*FILE, *ASKED)
TRUSTED = {"trust_pickle": True}


@cache
def table(seed: int = 1) -> pd.DataFrame:
    """Return records that fit the models; ``note`` holds the canary."""
    frame = records(60, seed, noise=0.5)
    return frame.assign(note=[f"{CANARY}-{i}" for i in range(len(frame))])


def with_model(content: bytes, name: str = "model.skops", *, frame: Any = None, **options: Any) -> Make:
    """Return what writes a model and its records."""

    def make(folder: Path) -> dict[str, Any]:
        path = folder / name
        path.write_bytes(content)
        (table() if frame is None else frame).to_csv(folder / "inside.csv", index=False)
        given = {"training": str(folder / "inside.csv"), "target": "outcome", "groups": ["ward"]}
        return {"model": str(path), "drop": ["ward", "note"], **given, **options}

    return make


@cache
def fitted(kind: str = "linear") -> Any:
    """Return a small model without fault."""
    made = {
        "linear": LogisticRegression(max_iter=300), "forest": RandomForestClassifier(4, random_state=0),
        "boosting": HistGradientBoostingClassifier(max_iter=4, random_state=0), "svc": SVC(),
        "neighbors": KNeighborsClassifier(3), "ridge": RidgeClassifier(),
    }[kind]  # fmt: skip
    return made.fit(table()[FEATURES], table()["outcome"])


@cache
def good(kind: str = "linear") -> bytes:
    """Return it as a skops file."""
    return skops.io.dumps(fitted(kind))


class _Runs:
    """Becomes, when unpickled, what a source text makes: the pickle needs no code of its own elsewhere."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"(lambda names: (exec({self.source!r}, names), names['Model']())[1])({{}})",)


def hostile(
    does: str, *, loading: str = "", classes: str = "[0, 1]", method: str = "predict_proba", body: str = ""
) -> bytes:
    """Return a pickle of a model that does this when it is asked (``half`` is an honest answer), or loaded."""  # noqa: E501
    source = f"""import ctypes, os, signal, socket, sys, time
import numpy as np
{loading}
class Model:
    classes_ = {classes}
    calls = 0
{textwrap.indent(body, "    ")}
    def {method}(self, rows):
        n, half = len(rows), np.full((len(rows), 2), 0.5)
        self.calls += 1
{textwrap.indent(does, "        ")}
"""
    return pickle.dumps(_Runs(source), protocol=4)


def model_cases() -> list[Case]:
    """Return every case of a model, skops and ONNX files made by hand apart."""
    return [*_no_trust(), *_loaded(), *_asked(), *_files(), *_places(), *_estimators(), *_tables()]


def _no_trust() -> list[Case]:
    """What nobody trusted is inspected, never opened, and nothing is measured with it."""
    plain = pickle.dumps(fitted())
    acts = hostile("return half", loading=f"raise ValueError('{CANARY}')")
    packed, joined = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", plain)
    joblib.dump(fitted(), joined)
    whole: list[tuple[str, str, bytes]] = [
        ("of scikit-learn", "model.pkl", plain), ("that runs code", "model.pkl", acts),
        ("named skops", "model.skops", plain), ("named onnx", "model.onnx", acts),
        ("in gzip", "model.pkl.gz", gzip.compress(plain)), ("of joblib", "model.joblib", joined.getvalue()),
        ("cut", "model.pkl", plain[:200]), ("of protocol 0", "model.pkl", pickle.dumps(fitted(), 0)),
        ("with a tail", "model.pkl", plain + CANARY.encode() * 99),
        ("gzip without an end", "model.joblib", gzip.compress(acts)[:60]),
    ]  # fmt: skip
    # Without trust nothing is asked: the section on the file reports, the other is left open.
    cases = [
        Case("model, pickle without trust", name, with_model(content, file), "report", FILE, slow=number > 1)
        for number, (name, file, content) in enumerate(whole)
    ]
    asked = [
        Case("model, pickle without trust", f"{name}, asked", with_model(content, file), "open", ASKED)
        for name, file, content in whole
    ]
    torch = Case("model, pickle without trust", "of PyTorch", with_model(packed.getvalue()), "sentence", FILE)
    return [*cases, *asked, torch]


def _loaded() -> list[Case]:
    """Trusted pickles that do harm while they are opened: every one ends in a sentence, before any work."""
    loading = {
        "sleeps": "time.sleep(600)",
        "runs in a circle": "while True: pass",
        "ends the process": "os._exit(0)",
        "crashes": "ctypes.string_at(0)",
        "is killed": "os.kill(os.getpid(), signal.SIGKILL)",
        "takes all memory": "held = [bytearray(1 << 28) for _ in range(64)]",
        "asks for too much memory": "held = bytearray(1 << 45)",
        "raises a value": f"raise ValueError('{CANARY} in /srv/patients.csv')",
        "raises its own error": f"raise type('{CANARY}', (Exception,), {{}})()",
        "exits": f"sys.exit('{CANARY}')",
        "interrupts": "raise KeyboardInterrupt",
        "calls itself": "def f(): return f()\nf()",
        "connects": "socket.create_connection(('127.0.0.1', 9), 1)",
        "reads": "open('/etc/hostname').read()",
        "starts a program": "import subprocess; subprocess.run(['/bin/true'], check=True)",
        "forks": "os.fork() or time.sleep(600)",
        "shouts over the channel": "[os.write(f, b'x' * 4096) for f in range(1, 8) if os.path.exists(f'/dev/fd/{f}')]",  # noqa: E501
        "forges the channel": (
            "import json, struct\nhead = json.dumps({'classes': [0, 1] * 9**6}).encode()\n"
            "[os.write(f, struct.pack('<IQ', len(head), 1 << 60)) for f in range(1, 8)"
            " if os.path.exists(f'/proc/self/fd/{f}')]"
        ),
        "closes everything": "os.closerange(0, 200)",
    }  # fmt: skip
    cases = [
        Case(
            "model, pickle that acts when opened", name,
            with_model(hostile("return half", loading=code), "model.pkl", **TRUSTED), "sentence", FILE,
            slow=name not in ("crashes", "raises a value"),
        )
        for name, code in loading.items()
    ]  # fmt: skip
    classes = {
        "none": "None", "one": "[0]", "twice the same": "[1, 1]", "of texts without end": "['x' * 10**6, 'y']",  # noqa: E501
        "10,000": "list(range(10_000))", "not numbers": "[float('nan'), 1]", "lists": "[[0], [1]]",
        "a number": "5", "without end": "__import__('itertools').count()",
    }  # fmt: skip
    cases += [
        Case(
            "model, pickle with wrong classes", name,
            with_model(hostile("return half", classes=code), "model.pkl", **TRUSTED), "sentence", FILE,
            slow=name not in ("none", "twice the same"),
        )
        for name, code in classes.items()
    ]  # fmt: skip
    raises = f"@property\ndef classes_(self): raise OSError('{CANARY}')"
    content = hostile("return half", classes="None", body=raises)
    return [
        *cases,
        Case("model, pickle with wrong classes", "that fail", with_model(content, "m.pkl", **TRUSTED),
             "sentence", FILE, slow=True),
    ]  # fmt: skip


def _asked() -> list[Case]:
    """Trusted pickles that hang, lie or crash when asked: nothing is measured, and nothing is within."""
    open_ones = {
        "sleeps": "time.sleep(600)", "runs in a circle": "while True: pass", "ends": "os._exit(0)",
        "crashes": "ctypes.string_at(0)", "takes all memory": "return [bytearray(1 << 28) for _ in range(64)]",  # noqa: E501
        "NaN": "half[0] = np.nan; return half", "infinite": "half[0] = np.inf; return half",
        "sums of 1.4": "return half + 0.2", "negative": "return half + [1, -1]", "zeros": "return half * 0",
        "three columns": "return np.full((n, 3), 1 / 3)", "fewer rows": "return half[:-1]",
        "more rows": "return np.vstack([half, half])", "texts": "return half.astype(str)[:, :1] + 'x'",
        "nothing": "return None", "ragged": "return [[0.5, 0.5], [1.0]]", "a text": f"return '{CANARY}'",
        "three dimensions": "return half[None]", "a number": "return 0.5", "objects": "return [{}] * n",
        "complex": "return half * 1j", "generator": "return (r for r in half)",
        "raises a value": f"raise ValueError('{CANARY} in /srv/patients.csv', rows)",
        "raises its own error": f"raise type('{CANARY}'.replace('-', '_'), (Exception,), {{}})()",
        "raises the records": "raise type('v%s' % str(np.asarray(rows)[0, 0]).replace('.', '_'), (Exception,), {})()",  # noqa: E501
        "exits": "sys.exit(0)", "interrupts": "raise KeyboardInterrupt", "answer of a gigabyte":
        "return np.zeros((1 << 27, 1))", "empty": "return half[:0]",
        "calls itself": "return self.predict_proba(rows)",
    }  # fmt: skip
    labels = {
        "class of nobody": "return [7] * n", "class of text": f"return ['{CANARY}'] * n",
        "label of a megabyte": "return ['x' * 10**6] * n", "no label": "return [None] * n",
        "labels in columns": "return half",
    }  # fmt: skip
    fine = {"prints": f"print('{CANARY}' * 9999); sys.stderr.write('{CANARY}'); return half"}
    quick = ("crashes", "NaN", "fewer rows", "raises the records")
    rows: list[tuple[str, bytes, Ends]] = [
        *((name, hostile(code), "open") for name, code in open_ones.items()),
        *((name, hostile(code, method="predict"), "open") for name, code in labels.items()),
        *((name, hostile(code), "report") for name, code in fine.items()),
        ("changes its classes",
         hostile("self.classes_ = ['a', 'b', 'c']; return np.full((n, 3), 1 / 3)"), "open"),
        ("has no method", hostile("return half", method="score"), "open"),
        ("method is a number", hostile("return half", body="predict_proba = 5", method="other"), "open"),
    ]  # fmt: skip
    return [
        Case("model, pickle when asked", name, with_model(content, "model.pkl", **TRUSTED), ends, ASKED,
             slow=name not in quick)
        for name, content, ends in rows
    ]  # fmt: skip


def _files() -> list[Case]:
    """Files of other formats, whatever their name says."""
    noise = np.random.default_rng(5).bytes(4000)
    contents = {
        "empty": b"", "one byte": b"\x80", "noise": b"\x00" + noise, "text": CANARY.encode() * 99,
        "HDF5": b"\x89HDF\r\n\x1a\n" + noise, "GGUF": b"GGUF\x03\x00\x00\x00" + noise,
        "safetensors": (64).to_bytes(8, "little") + b'{"w":{}}'.ljust(64) + noise, "json": b'{"a": 1}',
        "deep json": b"[" * 200_000, "XML": b"<?xml version='1.0'?><PMML/>", "npy": _npy(np.arange(9)),
        "npy of objects": _npy(np.array([{}], object)), "npy without an end": b"\x93NUMPY\x01\x00",
        "npy of a lie": _npy_lie(), "zip of nothing": b"PK\x05\x06" + b"\0" * 18,
        "zip without an end": good()[:300], "7z": b"7z\xbc\xaf\x27\x1c" + noise, "table": b"a,b\n1,2\n",
        "png": b"\x89PNG\r\n\x1a\n" + noise, "ELF": b"\x7fELF" + noise,
    }  # fmt: skip
    return [
        Case("model, no model", f"{name} as {ending}", with_model(content, f"model.{ending}", **TRUSTED),
             "sentence", FILE)
        for number, (name, content) in enumerate(contents.items())
        for ending in (("skops", "pkl", "onnx")[number % 3],)
    ]  # fmt: skip


def _npy(array: np.ndarray) -> bytes:
    text = io.BytesIO()
    np.save(text, array, allow_pickle=True)
    return text.getvalue()


def _npy_lie() -> bytes:
    return _npy(np.zeros(10)).replace(b"(10,), }                ", b"(9999999999999999,), }  ")


def _places() -> list[Case]:
    """Places that are no file, or not to be read."""

    def circle(folder: Path) -> Path:
        (folder / "a").symlink_to(folder / "b")
        (folder / "b").symlink_to(folder / "a")
        return folder / "a"

    def pipe(folder: Path) -> Path:
        os.mkfifo(folder / "pipe.skops")
        return folder / "pipe.skops"

    def locked(folder: Path) -> Path:
        (folder / "locked.skops").write_bytes(good())
        (folder / "locked.skops").chmod(0)
        return folder / "locked.skops"

    def link(folder: Path) -> Path:
        (folder / "real").write_bytes(good())
        (folder / "link.pkl").symlink_to(folder / "real")
        return folder / "link.pkl"

    rows: list[tuple[str, Callable[[Path], Any], Ends]] = [
        ("a folder", lambda folder: folder, "sentence"), ("a device", lambda _: "/dev/zero", "sentence"),
        ("nothing's device", lambda _: "/dev/null", "sentence"), ("a pipe", pipe, "sentence"),
        ("memory", lambda _: "/proc/self/mem", "sentence"), ("links in a circle", circle, "sentence"),
        ("absent", lambda folder: folder / f"{CANARY}.skops", "sentence"),
        ("NUL in the name", lambda _: "a\0b.skops", "sentence"), ("a star", lambda f: f / "*", "sentence"),
        ("name too long", lambda _: "x" * 5000, "sentence"), ("a cloud", lambda _: "s3://b/m", "sentence"),
        ("a file's address", lambda f: f"file://{f}/m.skops", "sentence"),
        ("locked", locked, "either"), ("a link named otherwise", link, "report"),
        ("name of two lines", lambda folder: folder / "a\nb", "sentence"), ("no name", lambda _: "", "sentence"),  # noqa: E501
    ]  # fmt: skip
    return [
        Case("model, place", name, lambda folder, at=at: {"model": str(at(folder))}, ends, FILE)
        for name, at, ends in rows
    ]


def rezipped(content: bytes, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> bytes:
    """Return a skops file with its members changed, and right sums of them."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = change({name: archive.read(name) for name in archive.namelist()})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return packed.getvalue()


def _estimators() -> list[Case]:
    """Sound files of what is no classifier that fits, and of classifiers with names that nobody wants."""
    frame = table()

    def named(*classes: str) -> bytes:
        y = np.array(classes)[frame["outcome"]]
        return skops.io.dumps(LogisticRegression(max_iter=300).fit(frame[FEATURES], y))

    def renamed(columns: dict[str, str]) -> Make:
        other = frame.rename(columns=columns)
        model = LogisticRegression(max_iter=300).fit(
            other[[columns.get(c, c) for c in FEATURES]], frame.outcome
        )
        return with_model(skops.io.dumps(model), frame=other, drop=None)

    lacks = make_pipeline(
        make_column_transformer((StandardScaler(), ["age", "absent"])), LogisticRegression()
    ).fit(frame.assign(absent=1), frame["outcome"])
    many = LogisticRegression().fit(np.random.default_rng(0).normal(size=(6, 4)), [0, 1, 0, 1, 0, 1])
    many.classes_ = np.arange(10_000)
    three = LogisticRegression().fit(frame[FEATURES[:3]].to_numpy(), frame["outcome"])
    one = LogisticRegression().fit(frame[FEATURES], frame["outcome"])
    one.classes_ = np.array([0])
    lied = LogisticRegression().fit(frame[FEATURES], frame["outcome"])
    lied.classes_ = np.array([0, 1, 2])
    short = LogisticRegression().fit(frame[FEATURES], frame["outcome"])
    short.coef_ = short.coef_[:, :2]
    objects = {
        "a regressor": LinearRegression().fit(frame[FEATURES], frame["outcome"]), "unfitted": LogisticRegression(),  # noqa: E501
        "a scaler": StandardScaler().fit(frame[FEATURES]), "an array": np.arange(5), "a list": [1, 2],
        "a text": CANARY, "nothing": None, "10,000 classes": many, "one class": one, "three features": three,
        "columns that are not there": lacks, "a list of models": [fitted(), fitted()],
    }  # fmt: skip
    hostile_names = {
        "markup": ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>"),
        "formulas": ("=cmd|'/c calc'!A0", "+1+1"), "lines": ("a\nb", "c\r\nd"),
        "paths": ("../../etc/passwd", "{{ 7*7 }}"), "long": ("x" * 5000, "y"), "nothing": ("", " "),
    }  # fmt: skip
    cases = [
        Case("model, estimator", name, with_model(skops.io.dumps(model)), "sentence", BOTH)
        for name, model in objects.items()
    ]
    cases += [
        Case("model, estimator", f"{name} as classes",
             with_model(named(*classes), frame=frame.assign(outcome=np.array(classes)[frame["outcome"]])),
             "sentence" if name == "long" else "either" if name == "nothing" else "report", BOTH, slow=True)
        for name, classes in hostile_names.items()
    ]  # fmt: skip
    cases += [
        Case("model, estimator", f"{name} as columns", renamed({"age": pair[0], "dose": pair[1]}),
             "report" if name in ("markup", "formulas", "paths") else "either", BOTH, slow=True)
        for name, pair in hostile_names.items()
    ]  # fmt: skip
    return [
        *cases,
        Case("model, estimator", "more classes than it answers", with_model(skops.io.dumps(lied)), "open", ASKED,  # noqa: E501
             slow=True),
        Case("model, estimator", "fewer weights than columns", with_model(skops.io.dumps(short)), "open", ASKED),  # noqa: E501
    ]  # fmt: skip


def _tables() -> list[Case]:
    """Records that do not fit a sound model."""
    frame = table()
    words = frame.assign(age=[f"{CANARY}{i}" for i in range(len(frame))])
    rows: list[tuple[str, pd.DataFrame, Ends]] = [
        ("lacks a column", frame.drop(columns="dose"), "sentence"),
        ("lacks the target", frame.drop(columns="outcome"), "sentence"),
        ("lacks the group", frame.drop(columns="ward"), "sentence"),
        ("texts for numbers", words, "open"), ("nothing but gaps", frame.assign(dose=np.nan), "open"),
        ("infinite", frame.assign(dose=np.inf), "sentence"),
        ("half infinite", frame.assign(dose=[np.inf, 50.5] * 30), "open"), ("one class", frame.assign(outcome=1), "either"),  # noqa: E501
        ("classes of nobody", frame.assign(outcome=CANARY), "sentence"), ("one record", frame[:1], "open"),
        ("no record", frame[:0], "sentence"), ("the same record", frame.iloc[[0] * 60], "either"),
        ("gaps in the class", frame.assign(outcome=[1, None] * 30), "either"),
        ("numbers beyond bounds", frame.assign(dose=1e300), "either"),
        ("days for numbers", frame.assign(age=pd.Timestamp("2020-01-01")), "open"),
        ("yes for numbers", frame.assign(smoker="yes"), "open"),
        ("a column twice", frame.assign(Age=1), "either"),
    ]  # fmt: skip
    quick = ("lacks a column", "lacks the target", "nothing but gaps", "one record", "no record")
    return [
        Case("model, records", name, with_model(good(), frame=one), ends, ASKED, slow=name not in quick)
        for name, one, ends in rows
    ]
