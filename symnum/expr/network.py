"""A small neural network as one operator of terms, so that expressions do not grow with its width.

    h_0 = x,     h_(l+1) = g(W_l h_l + b_l),     f(x; w) = (W_n h_n + b_n)_output

    network             args = (x_1, ..., x_n, weights)                data = (g, output, layers, sizes..., places...)
    weights             args = (W_0 row by row, b_0, W_1, ...)         all weights side by side: no number, only read by the two others
    network_gradient    args = (s, x_1, ..., x_n, weights, k)          s times the derivative by weight number k, for k < 0 by input number -1 - k

``places`` say by what the output is differentiated: i < n means x_i, n + k weight number k, twice means twice. So every derivative of a network is
the same operator with other data, and weights are arguments like any other: found, validated, put in.

Derivatives come from the chain rule of higher order (Faa di Bruno) carried through the layers. With z_B the derivative of z by the variables in B,

    z_B = W h_B  (+ the weight's own share),     h_B = D_p h_(B - p),     D_p z_C = z_(C + p),     D_p g(z) = g'(z) z_(p)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations, pairwise
from typing import Any

from symnum.errors import TermError
from symnum.expr.term import ONE, ZERO, Symbol, Term, add, as_term, call, make_call, mul, power

ACTIVATIONS = ("tanh", "relu", "sigmoid", "softplus", "gelu", "silu", "elu", "leaky_relu")
X, V = Symbol("x"), Symbol("v")  # the argument of an activation, and its value
S = Symbol(
    "s"
)  # the logistic function of the argument: its own derivative is S(1 - S), that of the formula infinity over infinity for large x
OPERATORS = frozenset({"network", "weights", "network_gradient"})
MOST_PLACES = 4

Places = tuple[int, ...]


@dataclass(frozen=True)
class Shape:
    """What a network is, without weights and inputs. ``sizes``: units from inputs to outputs; ``output``, ``places``: see above."""

    activation: str
    sizes: tuple[int, ...]
    output: int = 0
    places: Places = ()

    @property
    def data(self) -> tuple[int, ...]:
        return ACTIVATIONS.index(self.activation), self.output, len(self.sizes), *self.sizes, *self.places

    @property
    def inputs(self) -> int:
        return self.sizes[0]

    @property
    def count(self) -> int:
        """Number of weights."""
        return sum((a + 1) * b for a, b in pairwise(self.sizes))

    def starts(self) -> list[tuple[int, int]]:
        """Where W and b of each layer begin among the weights."""
        found, at = [], 0
        for inputs, outputs in pairwise(self.sizes):
            found.append((at, at + inputs * outputs))
            at += (inputs + 1) * outputs
        return found

    def place(self, layer: int, row: int, column: int | None) -> int:
        """The number of a weight; ``column`` None: of a bias."""
        matrix, bias = self.starts()[layer]
        return bias + row if column is None else matrix + row * self.sizes[layer] + column

    def subsets(self) -> list[Places]:
        """All B, the empty one first, smaller ones before larger ones."""
        found = {c: None for n in range(len(self.places) + 1) for c in combinations(self.places, n)}
        return list(found)


@cache
def shape_of(data: tuple[int, ...]) -> Shape:
    """The shape that a network's data stand for."""
    activation, output, layers = data[:3]
    return Shape(ACTIVATIONS[activation], data[3 : 3 + layers], output, data[3 + layers :])


def network(shape: Shape, inputs: Sequence[Term], weights: Term) -> Term:
    """The operator. ``weights``: a term of ``weights``."""
    assert len(inputs) == shape.inputs and len(weights.args) == shape.count
    if len(shape.places) > MOST_PLACES:
        raise TermError(f"a network is differentiated {len(shape.places)} times; {MOST_PLACES} is the most")
    return make_call("network", (*inputs, weights), shape.data)


def weights(parts: Sequence[Term]) -> Term:
    """All weights side by side."""
    return make_call("weights", tuple(parts))


def derived(node: Term, place: int) -> Term:
    """The derivative of a network by one more variable."""
    if node.op != "network":
        raise TermError("the gradient of a network by all its weights is the last derivative that is taken of it")
    shape = shape_of(node.data)
    places = tuple(sorted((*shape.places, place)))
    return network(Shape(shape.activation, shape.sizes, shape.output, places), node.args[:-1], node.args[-1])


def chained(node: Term, argument: int, tangent: Term) -> list[Term]:
    """What the derivative ``tangent`` of an argument adds to that of a network; of the weights it is a term of ``weights`` itself."""
    if node.args[argument].op != "weights":
        return [mul((derived(node, argument), tangent))]
    inputs = len(node.args) - 1
    return [mul((derived(node, inputs + k), t)) for k, t in enumerate(tangent.args) if t is not ZERO]


def tangents(parts: Sequence[Term]) -> Term:
    """The derivative of ``weights`` from those of its parts."""
    return ZERO if all(p is ZERO for p in parts) else weights(parts)


def place_of(number: int, inputs: int) -> int:
    """The place of a variable from its number in ``network_gradient``."""
    return inputs + number if number >= 0 else -1 - number


def gradient_at(node: Term, seed: Term, number: Term) -> Term:
    """seed times the derivative of a network by weight number k, a grid index or a number; for k < 0 by input number -1 - k."""
    return make_call("network_gradient", (seed, *node.args, number), node.data)


# --- activations ------------------------------------------------------------------------------------------------------


@cache
def activation(name: str, slope: float | None = None) -> tuple[Term, Term]:
    """g(X) as torch defines it, and g' as a term of X, V = g(X) and S. ``slope``: of leaky_relu below 0 (0.01); elu's alpha (1)."""
    x, slope = X, slope if slope is not None else 1.0 if name == "elu" else 0.01
    half = call("erf", x / _root(2)) / 2 + as_term(0.5)
    smooth = call("maximum", x, ZERO) + call("log", 1 + call("exp", -abs(x)))
    negative = slope * (call("exp", x) - 1)
    density = call("exp", -(x**2) / 2) / _root(2 * call("pi"))
    logistic = 1 / (1 + call("exp", -x))
    table: dict[str, tuple[Any, Any]] = {
        "tanh": (call("tanh", x), 1 - V**2),
        "relu": (call("maximum", x, ZERO), _where(x > 0, 1, 0)),
        "sigmoid": (logistic, V * (1 - V)),
        "softplus": (_where(x > 20, x, smooth), _where(x > 20, 1, S)),
        "gelu": (x * half, half + x * density),
        "silu": (x * logistic, S * (1 + x * (1 - S))),  # not 1 + x - V, which cancels for large x
        "elu": (_where(x > 0, x, negative), _where(x > 0, 1, V + slope)),
        "leaky_relu": (_where(x > 0, x, slope * x), _where(x > 0, 1, slope)),
    }
    value, derivative = table[name]
    return as_term(value), as_term(derivative)


def _root(x: Any) -> Term:
    return power(as_term(x), as_term(0.5))


def _where(condition: Any, yes: Any, no: Any) -> Term:
    return call("where", as_term(condition), as_term(yes), as_term(no))


@dataclass(frozen=True)
class Jet:
    """What an activation makes of z and its derivatives.

    Attributes: ``arguments``: symbol of z_B for each B; ``slope``: g'; ``raw``: h_B as terms of those, of V, which stands for h_(), and of S.
    """

    arguments: dict[Places, Symbol]
    slope: Term
    raw: dict[Places, Term]

    @cached_property
    def values(self) -> dict[Places, Term]:
        """h_B without S."""
        return {b: self.opened(term) for b, term in self.raw.items()}

    def opened(self, term: Term) -> Term:
        """A term without S."""
        from symnum.expr.calculus import substitute

        return substitute(term, {S: 1 / (1 + call("exp", -self.arguments[()]))})

    def partial(self, term: Term, b: Places) -> Term:
        """The derivative of a raw term by z_B; V and S depend on z_()."""
        from symnum.expr.calculus import differentiate

        direct = differentiate(term, self.arguments[b])
        if b:
            return direct
        return add((direct, mul((differentiate(term, V), self.slope)), mul((differentiate(term, S), S * (1 - S)))))


@cache
def jet(name: str, places: Places) -> Jet:
    """The jet of an activation."""
    from symnum.expr.calculus import substitute

    subsets = Shape(name, (1, 1), 0, places).subsets()
    z = {b: Symbol(f"z{k}") for k, b in enumerate(subsets)}
    value, slope = (substitute(term, {X: z[()]}) for term in activation(name))
    made = Jet(z, slope, {(): value})
    for b in subsets[1:]:
        rest, p = b[:-1], b[-1]
        if not rest:
            made.raw[b] = mul((slope, z[b]))
            continue
        moved = {c: tuple(sorted((*c, p))) for c in subsets}
        made.raw[b] = add(mul((made.partial(made.raw[rest], c), z[m])) for c, m in moved.items() if m in z)
    return made


# --- written out ------------------------------------------------------------------------------------------------------


def written_out(node: Term) -> Term:
    """A network, or its gradient by a variable whose number is known, as a term of sums, products and functions."""
    from symnum.expr.calculus import substitute

    if node.op == "network_gradient":
        seed, *args, number = node.args
        if number.op != "const":
            raise TermError("the gradient of a network by all its weights is not written out; it is for machine code")
        whole = make_call("network", tuple(args), node.data)
        return mul((seed, written_out(derived(whole, place_of(number.data[0], len(args) - 1)))))
    shape = shape_of(node.data)
    numbers, inputs = node.args[-1].args, node.args[:-1]
    subsets = shape.subsets()
    values = {b: [_first(b, j, x) for j, x in enumerate(inputs)] for b in subsets}
    made = jet(shape.activation, shape.places)
    last = len(shape.sizes) - 2
    for layer in range(last + 1):
        rows = [shape.output] if layer == last else range(shape.sizes[layer + 1])
        sums = {b: [_row(shape, layer, o, b, values, numbers) for o in rows] for b in subsets}
        if layer == last:
            return sums[shape.places][0]
        values = {b: [] for b in subsets}
        for unit in range(len(rows)):
            known: dict[Any, Term] = {made.arguments[b]: sums[b][unit] for b in subsets}
            value = substitute(made.values[()], known)
            for b in subsets:
                values[b].append(substitute(made.values[b], {**known, V: value}) if b else value)
    raise AssertionError("a network has a last layer")


def _first(b: Places, j: int, x: Term) -> Term:
    """Input j, and its derivatives: by itself 1, else 0."""
    return x if b == () else ONE if b == (j,) else ZERO


def _row(shape: Shape, layer: int, row: int, b: Places, values: dict[Places, list[Term]], numbers: Any) -> Term:
    """z_B of one unit."""
    parts = [mul((numbers[shape.place(layer, row, j)], h)) for j, h in enumerate(values[b])]
    if b == ():
        parts.append(numbers[shape.place(layer, row, None)])
    for share, rest, column in own_shares(shape, layer, row, b):
        parts.append(share * (values[rest][column] if column is not None else ONE))
    return add(parts)


def own_shares(shape: Shape, layer: int, row: int, b: Places) -> list[tuple[int, Places, int | None]]:
    """What the derivative by weights of a row adds to z_B: (factor, B - p, column of h or None for 1)."""
    found: list[tuple[int, Places, int | None]] = []
    matrix, bias = shape.starts()[layer]
    columns = shape.sizes[layer]
    for p in sorted(set(b)):
        number, rest = p - shape.inputs, list(b)
        rest.remove(p)
        if number == bias + row and not rest:
            found.append((1, (), None))
        elif number >= 0 and matrix + row * columns <= number < matrix + (row + 1) * columns:
            found.append((b.count(p), tuple(rest), number - matrix - row * columns))
    return found


def without_networks(root: Term) -> Term:
    """The term with its networks written out; itself where it has none."""
    from symnum.expr.walk import contains, transform

    if not contains(root, lambda node: node.op in OPERATORS):
        return root
    return transform(root, lambda node: written_out(node) if node.op in ("network", "network_gradient") else None)
