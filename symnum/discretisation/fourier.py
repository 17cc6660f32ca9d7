"""[rates with derivatives] -> [SpectralRates]: the Fourier collocation method on periodic axes.

A rate is a sum. What each summand becomes (c: numbers and parameters only)::

    c * D^a u                        linear part L: exact on every wave, also for exponential methods
    c * D^a (expression)             the expression at the points, its derivative as a factor of its coefficients
    anything else                    an expression at the points

and derivatives inside expressions are taken of fields or, a stage earlier, of expressions. Products are taken at the
points (D. Gottlieb, S. A. Orszag, Numerical Analysis of Spectral Methods, SIAM 1977).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from symnum.discretisation.lower import outermost_derivatives
from symnum.errors import DiscretisationError
from symnum.expr.calculus import from_summands, summands
from symnum.expr.term import ONE, ZERO, Symbol, Term, add, linear_combination, mul, power_product, scale
from symnum.expr.walk import contains, fold, symbols
from symnum.ir.check import check
from symnum.ir.kernel import Array, Kernel, Store, index, load, nest
from symnum.ir.spectral import Derived, Orders, Part, SpectralRates, Stage
from symnum.ir.system import Axis
from symnum.model.expand import expand
from symnum.model.normal_form import NormalForm

Linear = dict[tuple[Symbol, Orders], Term]  # (field, orders) -> coefficient


class FourierLowering:
    """Puts one system in spectral form.

    Args:
        normal: the rates; axes: all periodic; parameters: symbols that may stand in coefficients; time: the time symbol.
        arrays: field -> its box of the state. dealiased: the 2/3 rule.
    """

    def __init__(
        self,
        normal: NormalForm,
        axes: tuple[Axis, ...],
        parameters: tuple[Symbol, ...],
        time: Symbol | None,
        state: tuple[Array, ...],
        dealiased: bool = False,
    ) -> None:
        self.normal, self.axes, self.parameters, self.time = normal, axes, parameters, time
        self.state, self.dealiased = state, dealiased
        self.axis_of = {a.name: k for k, a in enumerate(axes)}
        self.fields = list(normal.fields)
        self.derivatives: list[list[Term]] = []  # nodes of each level
        self.expressions: list[list[tuple[Term, str]]] = []  # of each stage, with their origin
        self.number: dict[tuple[Term, int], int] = {}

    def rates(self) -> SpectralRates:
        """The spectral form of all rates."""
        linear: list[Part] = []
        rest: list[tuple[int, Orders, Term]] = []
        for row, field in enumerate(self.fields):
            own, others = self.split(self.normal.rates[field])
            linear += [Part(row, self.fields.index(u), orders, c) for (u, orders), c in own.items() if c is not ZERO]
            rest += [(row, orders, term) for orders, term in others.items() if term is not ZERO]
        if not rest:
            shape, lengths = tuple(a.points for a in self.axes), tuple(a.stop - a.start for a in self.axes)
            return SpectralRates(shape, lengths, len(self.fields), self.parameters, tuple(linear), (), ())
        self._arrange([term for _, _, term in rest])
        last = max(len(self.derivatives) - 1, 0)
        outer = []
        for row, orders, term in rest:
            source = self._expression(term, last, self.normal.origin.get(self.fields[row], ""))
            outer.append((row, source, orders))
        stages, first = self._stages()
        parts = tuple(Part(row, first[last] + source, orders, ONE) for row, source, orders in outer)
        shape, lengths = tuple(a.points for a in self.axes), tuple(a.stop - a.start for a in self.axes)
        made = (tuple(linear), stages, parts, self.dealiased)
        return SpectralRates(shape, lengths, len(self.fields), self.parameters, *made)

    # --- linear part and the rest ---

    def split(self, rate: Term) -> tuple[Linear, dict[Orders, Term]]:
        """(linear part, orders -> expression whose derivative of these orders is a summand)."""
        linear: Linear = {}
        rest: dict[Orders, Term] = {}
        for summand in self._summands(rate):
            found = self.linear(summand)
            if found is not None:
                for key, c in found.items():
                    linear[key] = add([linear.get(key, ZERO), c])
                continue
            orders, expression = self._outer(summand)
            rest[orders] = add([rest.get(orders, ZERO), expression])
        return linear, rest

    def _summands(self, rate: Term) -> Iterator[Term]:
        """Summands; products are multiplied out where that frees a linear part."""
        for c, t in summands(rate):
            parts = [scale(p, d) for d, p in summands(expand(t))]
            if self.linear(t) is None and any(self.linear(p) is not None for p in parts):
                free = [p for p in parts if self.linear(p) is not None]
                yield from (scale(p, c) for p in free)
                yield scale(from_summands((1, p) for p in parts if self.linear(p) is None), c)
            else:
                yield scale(t, c)

    def linear(self, term: Term) -> Linear | None:
        """The coefficients of a term that is linear in fields and their derivatives with constant coefficients; else None."""
        nothing = (0,) * len(self.axes)
        if isinstance(term, Symbol):
            return {(term, nothing): ONE} if term in self.fields else None
        if term.op == "derivative":
            inner = self.linear(term.args[0])
            own = self.orders(term)
            return inner and {(u, _sum(a, own)): c for (u, a), c in inner.items()}
        if term.op == "add":
            total: Linear = {}
            for c, t in summands(term):
                found = self.linear(t)
                if found is None:
                    return None
                for key, value in found.items():
                    total[key] = add([total.get(key, ZERO), scale(value, c)])
            return total
        if term.op != "mul":
            return None
        holding = [(b, e) for b, e in zip(term.args, term.data[1:], strict=True) if not self.constant(b)]
        if len(holding) != 1 or holding[0][1] != 1:
            return None
        others = {b: e for b, e in zip(term.args, term.data[1:], strict=True) if self.constant(b)}
        factor, inner = power_product(others, term.data[0]), self.linear(holding[0][0])
        return inner and {key: mul((factor, c)) for key, c in inner.items()}

    def constant(self, term: Term) -> bool:
        """Nothing but numbers and parameters."""
        return all(s in self.parameters for s in symbols(term)) and not contains(
            term, lambda n: n.op in ("derivative", "integral")
        )

    def _outer(self, summand: Term) -> tuple[Orders, Term]:
        """c*D^a(f) as (a, c*f); anything else as (0, itself)."""
        nothing = (0,) * len(self.axes)
        if summand.op == "derivative":
            return self.orders(summand), summand.args[0]
        if summand.op == "mul":
            nodes = [b for b in summand.args if b.op == "derivative"]
            exponents = dict(zip(summand.args, summand.data[1:], strict=True))
            others = {b: e for b, e in exponents.items() if b is not (nodes[0] if nodes else None)}
            composite = len(nodes) == 1 and exponents[nodes[0]] == 1 and not isinstance(nodes[0].args[0], Symbol)
            if composite and all(self.constant(b) for b in others):
                return self.orders(nodes[0]), mul((power_product(others, summand.data[0]), nodes[0].args[0]))
        return nothing, summand

    def orders(self, node: Term) -> Orders:
        """The orders of a derivative node along all axes."""
        found = dict(zip((c.name for c in node.args[1:]), node.data, strict=True))  # type: ignore[attr-defined]
        return tuple(found.get(a.name, 0) for a in self.axes)

    # --- stages ---

    def _arrange(self, terms: list[Term]) -> None:
        """Sort the derivative nodes inside expressions by level: 0 of fields, 1 of expressions that hold level 0, ..."""
        levels: dict[Term, int] = {}

        def level(node: Term) -> int:
            if node not in levels:
                inner = node.args[0]
                below = [level(n) for n in outermost_derivatives(inner)]
                levels[node] = 0 if isinstance(inner, Symbol) else 1 + max(below, default=-1)
                if levels[node] == 0 and not isinstance(inner, Symbol):
                    levels[node] = 1
            return levels[node]

        for term in terms:
            for node in outermost_derivatives(term):
                level(node)
        deepest = max(levels.values(), default=0)
        self.derivatives = [[n for n, at in levels.items() if at == k] for k in range(deepest + 1)]
        self.expressions = [[] for _ in range(deepest + 1)]
        for at, nodes in enumerate(self.derivatives):
            for node in nodes:
                if at:
                    self._expression(node.args[0], at - 1, "")

    def _expression(self, term: Term, stage: int, origin: str) -> int:
        """The number of an expression within its stage."""
        if (term, stage) not in self.number:
            self.number[term, stage] = len(self.expressions[stage])
            self.expressions[stage].append((term, origin))
        return self.number[term, stage]

    def _stages(self) -> tuple[tuple[Stage, ...], list[int]]:
        """The stages, and the number of the first expression of each."""
        first = [0]
        for expressions in self.expressions:
            first.append(first[-1] + len(expressions))
        arrays, memo = list(self.state), dict[Term, Term]()
        offset = sum(a.size for a in arrays)
        taken = {a.name for a in arrays} | {p.name for p in self.parameters}
        stages = []
        for at, (nodes, expressions) in enumerate(zip(self.derivatives, self.expressions, strict=True)):
            derived = []
            for node in nodes:
                derived.append(Derived(self._source(node, at, first), self.orders(node)))
                made = self._array(_name(node, taken), offset, str(node))
                arrays.append(made)
                offset += made.size
                memo[node] = load(made.name, (0,) * len(self.axes))
            stages.append(Stage(tuple(derived), self._kernel(at, tuple(arrays), expressions, memo)))
        return tuple(stages), first

    def _source(self, node: Term, at: int, first: list[int]) -> int:
        inner = node.args[0]
        if isinstance(inner, Symbol):
            return self.fields.index(inner)
        return len(self.fields) + first[at - 1] + self.number[inner, at - 1]

    def _array(self, name: str, offset: int, label: str) -> Array:
        shape = tuple(a.points for a in self.axes)
        return Array(name, shape, offset, tuple(range(len(shape))), (0,) * len(shape), label)

    def _kernel(
        self, at: int, inputs: tuple[Array, ...], expressions: list[tuple[Term, str]], memo: dict[Term, Term]
    ) -> Kernel:
        outputs, stores, offset = [], [], 0
        for j, (term, origin) in enumerate(expressions):
            output = self._array(f"e{at}_{j}", offset, str(term)[:60])
            outputs.append(output)
            offset += output.size
            stores.append(Store(output.name, self.pointwise(term, memo), origin))
        ranges = tuple((k, 0, a.points) for k, a in enumerate(self.axes))
        body = (nest(ranges, tuple(stores)),) if stores else ()
        comment = f"values at the points, stage {at + 1}"
        periods = tuple(a.points for a in self.axes)
        return check(
            Kernel(f"pointwise{at + 1}", inputs, tuple(outputs), self.parameters, self.time, periods, body, comment)
        )

    def pointwise(self, term: Term, memo: dict[Term, Term]) -> Term:
        """The term at a grid point: fields and derivatives are loads."""

        def rule(node: Term, args: list[Any]) -> Term:
            if node.op != "symbol":
                from symnum.expr.term import rebuild

                changed = any(a is not b for a, b in zip(args, node.args, strict=True))
                return rebuild(node, tuple(args)) if changed else node
            assert isinstance(node, Symbol)
            if node.kind == "field":
                if node not in self.fields:
                    raise DiscretisationError(f"{node} has no equation that gives its values")
                return load(self.state[self.fields.index(node)].name, (0,) * len(self.axes))
            if node.name in self.axis_of and node.kind == "coordinate":
                axis = self.axes[self.axis_of[node.name]]
                return linear_combination({index(self.axis_of[node.name]): axis.spacing}, axis.first)
            return node

        return fold(term, rule, dict(memo))


def _sum(a: Orders, b: Orders) -> Orders:
    return tuple(m + n for m, n in zip(a, b, strict=True))


def _name(node: Term, taken: set[str]) -> str:
    """A readable name for a derivative: u_xx, or d1_x of an expression."""
    stem = node.args[0].name if isinstance(node.args[0], Symbol) else "d"
    letters = "".join(c.name * n for c, n in zip(node.args[1:], node.data, strict=True))  # type: ignore[attr-defined]
    made = f"{stem}_{letters}"
    while made in taken:
        made += "_"
    taken.add(made)
    return made
