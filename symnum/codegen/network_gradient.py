"""Sums over points of the gradient of a network by all its weights (see ``network_code``).

A block: the number of points that wait; s and x of each and where what its inputs receive shall go (rows of eight words); the sums, a vector of
eight a weight. Its second word takes what nobody wants.
"""

from __future__ import annotations

from symnum.codegen.llvm_code import FLAGS, Code, Metadata
from symnum.codegen.llvm_emit import Names, literal
from symnum.codegen.network_function import NetworkFunction, PointLoops
from symnum.expr.network import Places, V, shape_of
from symnum.expr.term import ZERO, Symbol, Term, add, mul

LANES = 8  # points that are reversed together


def gradient_functions(name: str, data: tuple[int, ...], names: Names, metadata: PointLoops) -> list[str]:
    """``NAME_reverse``, ``NAME_add`` and ``NAME_sum``."""
    return [_Reverse(name, data, names, metadata).text(), _add(name, data, metadata), _sum(name, data, metadata)]


def block_size(data: tuple[int, ...]) -> int:
    """Numbers of a block."""
    shape = shape_of(data)
    return LANES * (2 + 2 * shape.inputs + shape.count)


class _Reverse(NetworkFunction):
    """void NAME_reverse(ptr block, i64 weights): the eight points of a block, their shares added to the sums."""

    def __init__(self, name: str, data: tuple[int, ...], names: Names, metadata: PointLoops) -> None:
        super().__init__(
            data, LANES, names, metadata, f"{name}_reverse", "ptr block, i64 weights", "void"
        )  # fmt: skip
        assert all(p < self.shape.inputs for p in self.shape.places), "by inputs only"

    def text(self) -> str:
        c, shape = self.c, self.shape
        c.line("%w = inttoptr i64 %weights to ptr")
        seed = self.get("%block", 1)
        self.totals = self.at("%block", 2 + 2 * shape.inputs)
        h = [self.inputs([self.get("%block", 2 + j) for j in range(shape.inputs)])]
        z: list[dict[Places, str]] = [{}]
        last = len(shape.sizes) - 2
        for layer in range(last):
            made = self.hidden(layer, h[-1])
            z.append(made[0])
            h.append(made[1])
        back = self._last(seed, h[-1])
        for layer in reversed(range(last)):
            back = self._back(layer, z[layer + 1], h[layer + 1], h[layer], back)
        for j in range(shape.inputs):
            for point in range(LANES):
                to = c.op(f"inttoptr i64 {c.load('%block', LANES * (2 + shape.inputs + j) + point, 'i64')} to ptr")
                c.store(c.load(back[()], LANES * j + point) if () in back else literal(0.0), to)
        c.line("ret void")
        return c.text()

    def _gain(self, number: object, a: str, b: str) -> None:
        """Add a*b to the sum of a weight."""
        self.put(self.fused(a, b, self.get(self.totals, number)), self.totals, number)

    def _last(self, seed: str, h: dict[Places, str]) -> dict[Places, str]:
        """The last layer: what its weights and its inputs receive."""
        shape, c, b = self.shape, self.c, self.shape.places
        matrix, bias = shape.starts()[-1]
        units = shape.sizes[-2]
        start = matrix + shape.output * units
        if b == ():
            self._gain(bias + shape.output, seed, self.spread(literal(1.0)))
        back = {b: self.array(units)}
        with self.units(units) as j:
            place = c.iadd(j, start)
            if b in h:
                self._gain(place, seed, self.get(h[b], j))
            self.put(self.fused(self.weight(place), seed, self.zero()), back[b], j)
        return back

    def _back(
        self,
        layer: int,
        z: dict[Places, str],
        h: dict[Places, str],
        before: dict[Places, str],
        back: dict[Places, str],
    ) -> dict[Places, str]:
        """Through an activation and the layer before it."""
        shape, c = self.shape, self.c
        units, columns = shape.sizes[layer + 1], shape.sizes[layer]
        matrix, bias = shape.starts()[layer]
        symbols = {b: Symbol(f"g{k}") for k, b in enumerate(back)}
        terms = self._through(symbols)
        found = {b: self.array(columns) for b in terms if layer or b == ()}
        for array in found.values():
            with self.units(columns) as j:
                self.put(self.zero(), array, j)
        own = {b: self.array(1) for b in terms}
        with self.units(units) as unit:
            with self.each_point(list(terms.values())) as point:
                known = self.read(z, unit, point) | {V: c.load(self.number(h[()], unit, point))}
                known |= {s: c.load(self.number(back[b], unit, point)) for b, s in symbols.items()}
                for b, term in terms.items():
                    c.store(self.term(term, known), self.number(own[b], "0", point))
            slopes = {b: self.get(own[b], 0) for b in terms}
            if () in slopes:
                self._gain(c.iadd(unit, bias), slopes[()], self.spread(literal(1.0)))
            start = c.iadd(c.imul(unit, columns), matrix)
            with self.units(columns) as j:
                place = c.iadd(start, j)
                for b, slope in slopes.items():
                    if b in before:
                        self._gain(place, slope, self.get(before[b], j))
                    if b in found:
                        self.put(self.fused(self.weight(place), slope, self.get(found[b], j)), found[b], j)
        return found

    def _through(self, seeds: dict[Places, Symbol]) -> dict[Places, Term]:
        """What z_B receive from what h_B receive."""
        jet, made = self.jet, {}
        for b in jet.arguments:
            parts = []
            for above, seed in seeds.items():
                value = V if above == () else jet.raw[above]
                parts.append(mul((seed, jet.partial(value, b))))
            total = jet.opened(add(parts))
            if total is not ZERO:
                made[b] = total
        return made


def _add(name: str, data: tuple[int, ...], metadata: Metadata) -> str:
    """``NAME_add``."""
    shape = shape_of(data)
    inputs = range(shape.inputs)
    listed = ", ".join(
        ["ptr block", "double s", *(f"double x{j}" for j in inputs), *(f"ptr o{j}" for j in inputs), "i64 weights"]
    )
    c = Code(metadata, f"{name}_add", listed, internal=True)
    waiting = c.load("%block", 0, "i64")
    for k, value in enumerate(["%s", *(f"%x{j}" for j in range(shape.inputs))]):
        c.store(value, "%block", c.iadd(waiting, LANES * (k + 1)))
    for j in inputs:
        to = c.op(f"ptrtoint ptr %o{j} to i64")
        c.store(to, "%block", c.iadd(waiting, LANES * (2 + shape.inputs + j)), "i64")
    after = c.iadd(waiting, 1)
    full = c.test("eq", after, LANES)
    c.store(c.op(f"select i1 {full}, i64 0, i64 {after}"), "%block", 0, "i64")
    with c.when(full):
        c.line(f"call void @{name}_reverse(ptr %block, i64 %weights)")
    c.line("ret void")
    return c.text()


def _sum(name: str, data: tuple[int, ...], metadata: Metadata) -> str:
    """``NAME_sum``: the points that wait, and the sums of vectors."""
    shape = shape_of(data)
    c = Code(metadata, f"{name}_sum", "ptr block, i64 weights, ptr out, ptr order", internal=True, inline=False)
    waiting = c.load("%block", 0, "i64")
    with c.when(c.test("ne", waiting, 0)):
        with c.loop(LANES, start=waiting) as k:
            c.store(literal(0.0), "%block", c.iadd(k, LANES))
            nowhere = c.op(f"ptrtoint ptr {c.at('%block', 1)} to i64")
            for j in range(shape.inputs):
                c.store(nowhere, "%block", c.iadd(k, LANES * (2 + shape.inputs + j)), "i64")
        c.line(f"call void @{name}_reverse(ptr %block, i64 %weights)")
        c.store("0", "%block", 0, "i64")
    totals, kind = c.at("%block", LANES * (2 + 2 * shape.inputs)), f"<{LANES} x double>"
    plain = c.test("eq", "%order", "null", "ptr")
    with c.loop(shape.count) as k:
        number = c.variable("i64", k)
        with c.when(c.op(f"xor i1 {plain}, true")):
            c.store(whole(c, "%order", k), number, 0, "i64")
        place = c.at(totals, c.load(number, 0, "i64"), kind)
        vector = c.op(f"load {kind}, ptr {place}, align 8")
        c.line(f"store {kind} zeroinitializer, ptr {place}, align 8")
        added = c.op(
            f"call reassoc {FLAGS} double @llvm.vector.reduce.fadd.v{LANES}f64(double {literal(0.0)}, {kind} {vector})"
        )
        c.store(c.add(c.load("%out", k), added), "%out", k)
    c.line("ret void")
    return c.text()


def whole(c: Code, table: str, k: str) -> str:
    """A whole number from a table of doubles."""
    return c.op(f"fptosi double {c.load(table, k)} to i64")
