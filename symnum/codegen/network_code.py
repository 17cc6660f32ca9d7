"""Machine code of the operators ``network`` and ``network_gradient``: functions whose size does not depend on the widths of the layers.

    double NAME(double x_1, ..., double x_n, i64 weights)                      and for 4 and 8 points at once, NAME_4, NAME_8
    void NAME_add(ptr block, double s, double x_1, ..., ptr to_1, ..., i64 weights)    notes a point, and where what x_j receives shall go;
                                                                                       eight points are reversed together
    void NAME_sum(ptr block, i64 weights, ptr out, ptr order)       adds the sum of weight order[k] (or k) to out[k]
    void network_gather(ptr p, ptr order, i64 count, ptr out)       out[k] = p[order[k]]

A call is marked with its vector variants, so LLVM's loop vectoriser takes eight points of a row together. It refuses calls that are given
pointers; the weights, side by side in memory, are therefore named by their address as a number. Gradients by all weights are sums over points;
they are kept in vectors (eight points a weight) and added up at the end.
"""

from __future__ import annotations

from symnum.codegen.llvm_code import Code
from symnum.codegen.llvm_emit import Names
from symnum.codegen.network_function import VARIANTS, NetworkFunction, PointLoops
from symnum.codegen.network_gradient import LANES, gradient_functions, whole
from symnum.expr.network import ACTIVATIONS, shape_of

ATTRIBUTES = "nounwind willreturn memory(read)"


def name_of(data: tuple[int, ...]) -> str:
    """The function of a network's value."""
    shape = shape_of(data)
    sizes, places = "_".join(map(str, shape.sizes)), "_".join(map(str, shape.places))
    return f"network_{ACTIVATIONS[data[0]]}_{sizes}_o{shape.output}" + (f"_d{places}" if places else "")


def call_of(data: tuple[int, ...], inputs: list[str], weights: str) -> str:
    """The call of a network's value, with its variants."""
    name = name_of(data)
    listed = ", ".join([*(f"double {x}" for x in inputs), f"i64 {weights}"])
    letters = "v" * len(inputs) + "u"
    variants = ",".join(f"_ZGV_LLVM_N{n}{letters}_{name}({name}_{n})" for n in VARIANTS)
    return f'call double @{name}({listed}) {ATTRIBUTES} "vector-function-abi-variant"="{variants}"'


def definitions(names: Names) -> list[str]:
    """The functions that calls noted in ``names.networks`` and ``names.gradients`` need, and their metadata; what they use is noted in ``names``."""
    metadata = PointLoops()
    made = []
    for data in sorted(names.networks):
        made += [_Value(data, lanes, names, metadata).text() for lanes in (1, *VARIANTS)]
    for data in sorted(names.gradients):
        made += gradient_functions(name_of(data), data, names, metadata)
    if names.gathers:
        made.append(_gather(metadata))
    if not made:
        return []
    lanes = {*VARIANTS, LANES} if names.networks else {LANES}
    declared = [
        f"declare <{n} x double> @llvm.fmuladd.v{n}f64(<{n} x double>, <{n} x double>, <{n} x double>)" for n in lanes
    ]
    declared += [f"declare double @llvm.vector.reduce.fadd.v{LANES}f64(double, <{LANES} x double>)"]
    names.declared |= {*declared, "declare double @llvm.fmuladd.f64(double, double, double)"}
    names.declared |= {"declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)"}
    return [*made, *metadata.lines]


class _Value(NetworkFunction):
    """The value of a network at ``lanes`` points."""

    def __init__(self, data: tuple[int, ...], lanes: int, names: Names, metadata: PointLoops) -> None:
        kind = "double" if lanes == 1 else f"<{lanes} x double>"
        name = name_of(data) + ("" if lanes == 1 else f"_{lanes}")
        inputs = shape_of(data).inputs
        super().__init__(data, lanes, names, metadata, name, "i64 weights", kind)
        listed = ", ".join([*(f"{kind} %x{j}" for j in range(inputs)), "i64 %weights"])
        self.c.head = f"define {kind} @{name}({listed}) noinline {ATTRIBUTES} {{"

    def text(self) -> str:
        c, shape = self.c, self.shape
        c.line("%w = inttoptr i64 %weights to ptr")
        h = self.inputs([f"%x{j}" for j in range(shape.inputs)])
        last = len(shape.sizes) - 2
        for layer in range(last):
            _, h = self.hidden(layer, h)
        value = self.sums(last, [shape.output], h, [shape.places])[0][shape.places]
        c.line(f"ret {self.kind} {value}")
        return c.text()


def _gather(metadata: PointLoops) -> str:
    """``network_gather``."""
    c = Code(metadata, "network_gather", "ptr p, ptr order, i64 count, ptr out", inline=False)
    with c.loop("%count") as k:
        c.store(c.load("%p", whole(c, "%order", k)), "%out", k)
    c.line("ret void")
    return c.text()
