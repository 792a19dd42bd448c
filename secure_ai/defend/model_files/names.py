"""In the contained process: which functions and classes a pickle asks for, without giving it any of them.

A pickle is a program. It is run here with inert stand-ins for everything it asks for, so that its whole
course is seen, arrays of joblib included, and nothing of it happens.
"""

from __future__ import annotations

import inspect
import io
import pickle
from collections.abc import Mapping
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from secure_ai.attack.supply_chain.channel import receive, send
from secure_ai.attack.supply_chain.child import FROM_PARENT

MOST_NAMES = 2000
# What puts numbers and containers back together, and nothing else.
DATA = {
    *(
        f"builtins.{name}"
        for name in ["set", "frozenset", "list", "dict", "tuple", "int", "float", "complex", "bool", "str"]
    ),
    *("builtins.object", "builtins.bytearray", "builtins.slice", "builtins.range"),
    *("collections.OrderedDict", "collections.defaultdict", "copyreg._reconstructor", "_codecs.encode"),
    *("copy_reg._reconstructor", "__builtin__.object", "__builtin__.set"),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *("numpy.dtype", "numpy.ndarray", "numpy._core.numeric._frombuffer", "numpy.core.numeric._frombuffer"),
    *(f"numpy.random._pickle.__{name}_ctor" for name in ("randomstate", "generator", "bit_generator")),
    *(f"numpy.random._{name.lower()}.{name}" for name in ("MT19937", "PCG64", "Philox", "SFC64")),
    *(
        "numpy.random.bit_generator.SeedSequence",
        "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
        "joblib.numpy_pickle.NumpyArrayWrapper",
    ),
    *(f"scipy.sparse._{name}.{name}_{kind}" for name in ("csr", "csc") for kind in ("matrix", "array")),
}
# Parts of fitted scikit-learn models that are no estimators themselves.
PARTS = (
    *("sklearn.tree._tree", "sklearn.tree._classes", "sklearn._loss.", "sklearn.linear_model._sgd_fast"),
    *("sklearn.ensemble._hist_gradient_boosting.", "sklearn.neighbors._", "sklearn.metrics._dist_metrics"),
    *("sklearn.utils._bunch", "sklearn.calibration", "sklearn.gaussian_process.kernels"),
)


class Inert:
    """Takes any call and any state, and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __new__(cls, *_: Any, **__: Any) -> Inert:
        return object.__new__(cls)

    def __call__(self, *_: Any, **__: Any) -> Inert:
        return Inert()

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def append(self, _: Any) -> None:
        """Take an element of a list."""

    def extend(self, _: Any) -> None:
        """Take elements of a list."""

    def add(self, _: Any) -> None:
        """Take an element of a set."""


class _SkippedArray(NumpyArrayWrapper):
    """An array of joblib, whose numbers are passed over."""

    def read(self, unpickler: Any, *_: Any) -> Inert:
        if self.dtype.hasobject:
            inner = pickle._Unpickler(unpickler.file_handle)
            inner.find_class, inner.persistent_load = unpickler.find_class, unpickler.persistent_load
            inner.load()
            return Inert()
        if self.safe_get_numpy_array_alignment_bytes() is not None:
            unpickler.file_handle.read(unpickler.file_handle.read(1)[0])
        left = int(np.prod([int(side) for side in self.shape], dtype=object)) * self.dtype.itemsize
        while left > 0:
            part = len(unpickler.file_handle.read(min(left, 1 << 20)))
            if not part:
                raise EOFError
            left -= part
        return Inert()


class NameReader(NumpyUnpickler):
    """Runs a pickle with stand-ins and keeps the names that it asks for, in their order."""

    def __init__(self, stream: Any) -> None:
        super().__init__("", stream, ensure_native_byte_order=False)
        self.names: dict[tuple[str, str], None] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Note the name; give nothing real but what tells the size of an array."""
        if len(self.names) < MOST_NAMES:
            self.names[str(module), str(name)] = None
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _SkippedArray
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        return type("Inert", (Inert,), {})

    def persistent_load(self, _: Any) -> Inert:
        """Stand in for what lies outside the file."""
        return Inert()

    def get_extension(self, code: int) -> None:
        """Stand in for a registered name."""
        self.names["copyreg", f"extension {code}"] = None
        self.append(Inert)


def read_names(questions: BinaryIO, answers: BinaryIO, arguments: Mapping[str, Any], content: bytes) -> None:
    """Answer each pickle with the names it asks for, their kinds, and why it was not read to its end."""
    while True:
        _, content = receive(questions, most=FROM_PARENT)
        problem, names = "", []
        try:
            reader = NameReader(opened(content))
            names = reader.names
            reader.load()
        except (Exception, SystemExit) as error:
            problem = type(error).__name__
        send(answers, {"names": [[*name, kind_of(*name)] for name in names], "problem": problem})


def kind_of(module: str, name: str) -> str:
    """Return ``data``, ``estimator`` (of scikit-learn) or ``other``: what could do anything."""
    if f"{module}.{name}" in DATA:
        return "data"
    top = module.partition(".")[0]
    if top not in ("sklearn", "numpy", "scipy") or "." in name:
        return "other"
    try:
        found = getattr(import_module(module), name)
    except Exception:
        return "other"
    if isinstance(found, np.ufunc) or (
        top == "numpy" and inspect.isclass(found) and issubclass(found, np.generic)
    ):
        return "data"
    if top != "sklearn":
        return "other"
    if module.startswith(PARTS) and (
        name.startswith("__pyx_unpickle_") or (inspect.isclass(found) and found.__module__ == module)
    ):
        return "estimator"
    from sklearn.base import BaseEstimator

    own = inspect.isclass(found) and issubclass(found, BaseEstimator) and found.__module__ == module
    return "estimator" if own else "other"


def opened(content: bytes) -> Any:
    """Return the stream of a pickle, unpacked where joblib compressed it."""
    import bz2
    import gzip
    import lzma

    from joblib.compressor import BinaryZlibFile

    from secure_ai.defend.model_files.formats import COMPRESSED

    stream = io.BytesIO(content)
    readers = {"gzip": gzip.GzipFile, "bz2": bz2.BZ2File, "xz": lzma.LZMAFile, "lzma": lzma.LZMAFile}
    for magic, name in COMPRESSED.items():
        if content.startswith(magic):
            if name == "zlib":
                return BinaryZlibFile(stream, "rb")
            return io.BufferedReader(
                readers[name](fileobj=stream) if name == "gzip" else readers[name](stream)
            )
    return stream
