"""ONNX files that are damaged, ask for other files, or are no classifier."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

from tests.assess.malformed import CANARY, Case
from tests.assess.malformed.case import Ends
from tests.assess.malformed_models import ASKED, FILE, fitted, with_model

CUTS, FLIPS = 4, 6
NUMBER, TEXT, WHOLE = TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64


@cache
def exported(**options: Any) -> bytes:
    """Return the linear model as ONNX, its probabilities as a matrix."""
    return to_onnx(
        fitted(),
        initial_types=[("X", FloatTensorType([None, 4]))],
        options={id(fitted()): {"zipmap": False, **options}},
    ).SerializeToString()


def graph(
    nodes: list[onnx.NodeProto],
    *,
    inputs: tuple[tuple[str, int, list[Any]], ...] = (("X", NUMBER, [None, 4]),),
    outputs: tuple[tuple[str, int, list[Any]], ...] = (("probabilities", NUMBER, [None, 2]),),
    held: tuple[onnx.TensorProto, ...] = (),
    opset: int = 17,
) -> bytes:
    """Return a model made of these nodes."""
    values = [[helper.make_tensor_value_info(*one) for one in side] for side in (inputs, outputs)]
    made = helper.make_graph(nodes, CANARY, *values, initializer=list(held))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model.SerializeToString()


def weights(values: Any = 0.0, name: str = "W") -> onnx.TensorProto:
    """Return a matrix of four rows and two columns."""
    return numpy_helper.from_array(np.full((4, 2), values, dtype=np.float32), name)


def external(place: str, length: int = 32) -> bytes:
    """Return a model whose weights stand in another file."""
    tensor = weights()
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", "0"), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return graph([helper.make_node("MatMul", ["X", "W"], ["probabilities"])], held=(tensor,))


def onnx_cases() -> list[Case]:
    """Return every case of an ONNX file."""
    whole = exported()
    cases = []
    for number in range(CUTS):
        cut = whole[: np.random.default_rng([5, number]).integers(20, len(whole) - 1)]
        cases.append(_case(f"cut {number}", cut, "either", slow=number > 0))
    for number in range(FLIPS):
        rng = np.random.default_rng([6, number])
        changed = bytearray(whole)
        for place in rng.integers(20, len(changed), 6):
            changed[place] = rng.integers(0, 256)
        cases.append(_case(f"flipped {number}", bytes(changed), "either", slow=True))
    multiplied = helper.make_node("MatMul", ["X", "W"], ["scores"])
    softmax = helper.make_node("Softmax", ["scores"], ["probabilities"])
    many = tuple((f"x{i}", NUMBER, [None, 1]) for i in range(300))
    named = (("<script>alert(1)</script>", NUMBER, [None, 1]), ("=cmd|'/c calc'!A0", NUMBER, [None, 1]))
    copied = helper.make_node("Identity", ["X"], ["probabilities"])
    loop = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"])], "loop",
        [helper.make_tensor_value_info("i", WHOLE, []), helper.make_tensor_value_info("go", TensorProto.BOOL, [])],  # noqa: E501
        [helper.make_tensor_value_info("on", TensorProto.BOOL, [])],
    )  # fmt: skip
    true = numpy_helper.from_array(np.array(True), "true")
    forever = graph(
        [helper.make_node("Loop", ["", "true"], [], body=loop), multiplied, softmax], held=(weights(), true)
    )
    size = numpy_helper.from_array(np.array([1 << 20, 1 << 20], dtype=np.int64), "size")
    huge = helper.make_node("ConstantOfShape", ["size"], ["held"])
    spread = helper.make_node("ReduceSum", ["held"], ["sum"], keepdims=0)
    added = helper.make_node("Add", ["X", "sum"], ["more"])
    memory = graph(
        [huge, spread, added, helper.make_node("MatMul", ["more", "W"], ["scores"]), softmax],
        held=(weights(), size),
    )
    custom = helper.make_node("Evil", ["X"], ["probabilities"], domain="com.evil")
    rows: list[tuple[str, bytes, Ends]] = [
        ("without fault", whole, "report"),
        ("external data that climb", external("../../../../etc/passwd"), "sentence"),
        ("external data by a full path", external("/etc/passwd"), "sentence"),
        ("external data beside it", external("inside.csv"), "sentence"),
        ("external data of a device", external("/dev/zero", 1 << 40), "sentence"),
        ("operators of the future", graph([multiplied, softmax], held=(weights(),), opset=9999), "sentence"),
        ("operator of nobody", graph([custom]), "sentence"),
        ("no nodes", graph([]), "sentence"),
        ("300 inputs", graph([helper.make_node("Concat", [n for n, *_ in many], ["probabilities"], axis=1)],
                             inputs=many, outputs=(("probabilities", NUMBER, [None, 300]),)), "sentence"),
        ("names with markup", graph(
            [helper.make_node("Concat", [n for n, *_ in named], ["probabilities"], axis=1)], inputs=named),
         "sentence"),
        ("a loop of no variable", forever, "sentence"),
        ("asks for too much memory", memory, "open"),
        ("answers NaN", graph([multiplied, softmax], held=(weights(np.nan),)), "open"),
        ("answers no probabilities", graph([copied], outputs=(("probabilities", NUMBER, [None, 4]),)), "open"),  # noqa: E501
        ("answers one row for all", graph(
            [multiplied, softmax, helper.make_node("ReduceMean", ["probabilities"], ["one"], axes=[0])],
            outputs=(("one", NUMBER, [1, 2]),), held=(weights(),)), "open"),
        ("answers a text", graph([], inputs=(("X", TEXT, [None, 4]),), outputs=(("X", TEXT, [None, 4]),)),
         "sentence"),
        ("three columns", graph([multiplied, softmax], inputs=(("X", NUMBER, [None, 3]),), held=(weights(),)),
         "sentence"),
        ("an answer of a billion", graph(
            [helper.make_node("Expand", ["X", "wide"], ["probabilities"])],
            inputs=(("X", NUMBER, [None, 1]),), outputs=(("probabilities", NUMBER, [None, None]),),
            held=(numpy_helper.from_array(np.array([1, 1 << 28], dtype=np.int64), "wide"),)), "either"),
        ("2,000 classes", graph(
            [helper.make_node("MatMul", ["X", "W"], ["scores"]), softmax],
            outputs=(("probabilities", NUMBER, [None, 2000]),),
            held=(numpy_helper.from_array(np.zeros((4, 2000), np.float32), "W"),)), "either"),
        ("one class", graph(
            [helper.make_node("MatMul", ["X", "W"], ["scores"]), softmax],
            outputs=(("probabilities", NUMBER, [None, 1]),),
            held=(numpy_helper.from_array(np.zeros((4, 1), np.float32), "W"),)), "either"),
    ]  # fmt: skip
    quick = ("external data that climb", "answers NaN")
    cases += [_case(name, content, ends, slow=name not in quick) for name, content, ends in rows]
    cases += [
        Case("model, ONNX", f"classes named: {', '.join(names)}",
             with_model(whole, "model.onnx", classes=names), ends, FILE, slow=True)
        for names, ends in ((["a"], "sentence"), (["a", "b", "c"], "sentence"), (["a", "a"], "sentence"))
    ]  # fmt: skip
    return cases


def _case(name: str, content: bytes, ends: Ends, *, slow: bool) -> Case:
    return Case("model, ONNX", name, with_model(content, "model.onnx"), ends, ASKED, slow=slow)
