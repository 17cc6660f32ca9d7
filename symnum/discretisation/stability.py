"""Closures without growing modes: the eigenvalues of the linearised equations along one axis, with their own conditions.

The equations are linearised (fields put to 1, coefficients along the middle of the domain), derivatives along other axes dropped, and put
on a line of 32 cells (fewer where the grid has fewer, at least 20) of the actual spacing between the actual conditions:

    dw/dt = A w,        growing: an eigenvalue with Re(lambda) > 1e-3*max |eigenvalue|

A growing mode that order 2 shows as well (an eigenvalue mu with |Im(lambda - mu)| <= |lambda|/2 and Re(mu) >= Re(lambda)/2) belongs to the
equations, to anti-diffusion or a Robin condition that feeds energy in, and not to the closure. A closure that is unstable in the sense of
Gustafsson, Kreiss and Sundström (Math. Comp. 26 (1972) 649-686) has modes that live on a few points next to the side, so a short line
shows them. What a scheme biases against the flow damps and is left out (its ``central_part``). The first closure of the scheme that
passes is taken for each pair of sides.

Where none passes, one whose growth is **bounded** is taken, waves in a varying medium for example: on a line of the same length with a quarter
of the spacing the largest Re(lambda) of a mode that order 2 does not show is the same within a tenth (unstable closures multiply it by 4^m,
layers that the grid does not resolve lose it). Stability allows a bounded rate a: errors are O(h^p) exp(a t) (H.-O. Kreiss, L. Wu, Appl. Numer.
Math. 12 (1993) 213-227). Where a*t reaches 1 there is a warning, beyond 10 the order is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from symnum.discretisation.closure import Closure
from symnum.discretisation.lower import holds_odd_derivative, inner_of, outermost_derivatives
from symnum.errors import DiscretisationError
from symnum.expr.calculus import differentiate
from symnum.expr.names import depends_on
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.ir.system import Axis
from symnum.model.numeric import evaluate
from symnum.model.warn import warn

CELLS, FEWEST = 32, 20
_RELATIVE = 1e-3
_FINER, _SAME, _WHOLE = 4, 0.1, 64
_TOLD, _MOST = 1, 10  # growth rate times the length of the time interval: from where on it is told, and refused
_SINGULAR = 1e-13
_FEW = 8  # fields up to which all rates without derivatives are kept
Pair = tuple[Closure | None, Closure | None]  # at the lower and at the upper side
Blocks = dict[Symbol, np.ndarray]


def stable_closures(assembly: Any) -> dict[tuple[int, str], Closure]:
    """The closure of each closed side, ``(axis, side) -> Closure``; empty where the scheme has none at this order.

    Raises DiscretisationError, with the conditions, where every closure of this order has growing modes.
    """
    candidates = getattr(assembly.scheme, "CLOSURES", {}).get(assembly.order, ())
    chosen: dict[tuple[int, str], Closure] = {}
    for k, axis in enumerate(assembly.grid.axes):
        if candidates and not axis.periodic:
            pair = _choose(Line(assembly, k), assembly.order, candidates) or _bounded(assembly, k, candidates)
            if pair is None:
                raise DiscretisationError(_refusal(assembly, k))
            chosen[(k, "lower")], chosen[(k, "upper")] = pair
    return chosen


def _choose(line: Line, order: int, candidates: tuple[Closure, ...]) -> tuple[Closure, Closure] | None:
    """The first pair of closures without growing modes; the same at both sides if possible."""
    return next((pair for pair in _pairs(line, candidates) if line.stable(order, pair)), None)


def _pairs(line: Line, candidates: tuple[Closure, ...]) -> list[tuple[Closure, Closure]]:
    pairs = sorted(product(candidates, candidates), key=lambda p: (p[0] is not p[1], p[0].even + p[1].even))
    return [
        pair
        for pair in pairs
        if all(c.even < 2 or line.prescribed(s) for c, s in zip(pair, ("lower", "upper"), strict=True))
    ]


def _bounded(assembly: Any, k: int, candidates: tuple[Closure, ...]) -> tuple[Closure, Closure] | None:
    """The first closure, at both sides, whose modes grow at a rate that is the same on finer grids and harmless in the given time."""
    axis, line = assembly.grid.axes[k], Line(assembly, k)
    finer = Line(assembly, k, refine=_FINER, cells=_FINER * line.cells)
    start, end = assembly.system.domain.bounds[assembly.system.time.name]
    for pair in (p for p in _pairs(line, candidates) if p[0] is p[1]):
        rate = line.growth(assembly.order, pair)
        if abs(finer.growth(assembly.order, pair) - rate) <= _SAME * rate:
            whole = Line(assembly, k, refine=_WHOLE / (axis.points - 1), cells=_WHOLE)
            rate = whole.growth(assembly.order, pair)
            if rate * (end - start) > _TOLD:
                if rate * (end - start) > _MOST:
                    return None
                warn(_growth(assembly, k, line, rate))
            return pair
    return None


def _growth(assembly: Any, k: int, line: Line, rate: float) -> str:
    return (
        f"with order={assembly.order} along {assembly.grid.axes[k].name} errors may grow like exp({rate:.2g}*{assembly.system.time}) for these "
        f"equations and conditions ({_listed(assembly, line)}). The rate does not rise on finer grids, so solutions converge with order "
        f"{assembly.order}; for times much beyond {1 / rate:.2g} write order=2"
    )


def _refusal(assembly: Any, k: int) -> str:
    axis, order, known = assembly.grid.axes[k], assembly.order, assembly.scheme.CLOSURES
    line = Line(assembly, k)
    lower = max((p for p in known if p < order and _choose(line, p, known[p])), default=2)
    carried = any(
        n.op == "derivative" and n.data == (1,) and f in symbols(n.args[0])
        for f, r in line.rates.items()
        for n in postorder((r,))
    )
    finer = _choose(Line(assembly, k, refine=4), order, known[order])
    return (
        f"with order={order} along {axis.name} the stencils at the sides have growing modes for these equations and conditions "
        f"({_listed(assembly, line)}); write order={lower}"
        + (" or scheme='upwind', order=3" if carried and assembly.name == "central" else "")
        + (f", or raise resolution along {axis.name} (4 times as many cells are enough)" if finer else "")
    )


def _listed(assembly: Any, line: Line) -> str:
    return (
        "; ".join(
            f"{residual} = 0 at the {side} side"
            for side in ("lower", "upper")
            for field, residual in line.conditions(side)
            if field in assembly.system.fields  # velocities have conditions that the user did not write
        )
        or "no condition"
    )


class Line:
    """The linearised equations along axis k of an assembly on a short line of cells, ``refine`` times as narrow as those of the grid."""

    def __init__(self, assembly: Any, k: int, refine: float = 1, cells: int | None = None) -> None:
        self.assembly, self.k = assembly, k
        self.axis: Axis = assembly.grid.axes[k]
        self.spacing = self.axis.spacing / refine
        self.cells = cells or min(CELLS, max(round(refine * (self.axis.points - 1)), FEWEST))
        space = assembly.system.space
        self.coordinate: Symbol = next(c for c in space if c.name == self.axis.name)
        rates = assembly.normal.rates
        if hasattr(assembly.scheme, "central_part"):
            rates = {f: assembly.scheme.central_part(r, f, assembly.axis_of) for f, r in rates.items()}
        everything = {**rates, **assembly.normal.algebraic}
        self.rates: dict[Symbol, Term] = {f: r for f, r in everything.items() if depends_on(f, self.coordinate)}
        self.algebraic = [f for f in self.rates if f in assembly.normal.algebraic]
        bounds = assembly.system.domain.bounds
        self.known: dict[Term, Any] = {
            **assembly.boundary.known,
            **{c: sum(bounds[c.name]) / 2 for c in space},
        }
        self._reference: np.ndarray | None = None
        self._coefficients: dict[tuple[Term, Term, bool], np.ndarray] = {}

    def conditions(self, side: str) -> tuple[tuple[Symbol, Term], ...]:
        return self.assembly.boundary.conditions.get((self.k, side), ())

    def prescribed(self, side: str) -> bool:
        """True if each field with conditions on the side has one without derivatives."""
        rows = self.conditions(side)
        plain = {f for f, r in rows if not any(n.op == "derivative" for n in postorder((r,)))}
        return all(f in plain for f, _ in rows)

    def stable(self, order: int, pair: Pair) -> bool:
        return self.growth(order, pair, _RELATIVE) == 0

    def growth(self, order: int, pair: Pair, relative: float = 0.0) -> float:
        """The largest Re(lambda) > relative*max |eigenvalue| of a mode that order 2 does not show; 0 if there is none."""
        values = self.spectrum(order, pair)
        growing = values[values.real > relative * np.abs(values).max(initial=0.0)]
        if not growing.size:
            return 0.0
        if self._reference is None:
            self._reference = self.spectrum(2, (None, None))
        mode, other = growing[:, None], self._reference[None, :]
        near = np.abs(mode.imag - other.imag) <= np.abs(mode) / 2
        shown = np.any(near & (other.real >= mode.real / 2), axis=1)
        return float(growing[~shown].real.max(initial=0.0))

    def spectrum(self, order: int, pair: Pair) -> np.ndarray:
        """The eigenvalues on the line; none for fields whose conditions are singular (the boundary solve will say so)."""
        rows = {f: self._row(rate, f, order, pair) for f, rate in self.rates.items()}
        matrices = [self._operator(fields, rows, order) for fields in self._components(rows)]
        return np.concatenate([np.linalg.eigvals(m) for m in matrices if m is not None and m.size] or [np.zeros(0)])

    def _row(self, rate: Term, field: Symbol, order: int, pair: Pair) -> Blocks:
        """The linearised rate of a field; reaction is left out of evolution equations with derivatives, it moves no boundary mode."""
        along = any(self.coordinate in n.args[1:] for n in outermost_derivatives(rate))
        velocity = isinstance(rate, Symbol) or len(self.rates) <= _FEW  # u' = v, v' = u_xx is a wave only with both
        reaction = field in self.algebraic or (velocity and not along)
        return self._linear(rate, False, order, pair, None if reaction else self.algebraic)

    def _linear(self, term: Term, mid: bool, order: int, pair: Pair, only: list[Symbol] | None = None) -> Blocks:
        """d(term)/d(fields) at the points (``mid``: midpoints) of the line. ``only``: the fields that count outside derivatives (None: all)."""
        total: Blocks = {}
        for atom in self._atoms(term):
            if isinstance(atom, Symbol):
                if not depends_on(atom, self.coordinate) or (only is not None and atom not in only):
                    continue
                inner = {atom: self._stencil(0, mid, False, order, pair)}
            elif len(set(atom.args[1:])) > 1 or atom.args[1] is not self.coordinate:
                continue
            else:
                inner = self._derivative(atom, mid, order, pair)
            factor = self._coefficient(term, atom, mid)
            if np.any(factor):
                for f, block in inner.items():
                    total[f] = total.get(f, 0.0) + factor[:, None] * block
        return total

    def _derivative(self, node: Term, mid: bool, order: int, pair: Pair) -> Blocks:
        m, inner = node.data[0], inner_of(node)
        flux = m % 2 == 1 and holds_odd_derivative(inner, self.coordinate)
        outer = self._stencil(m, mid, flux, order, pair) / self.spacing**m
        return {f: outer @ block for f, block in self._linear(inner, flux, order, pair).items()}

    def _stencil(self, m: int, mid: bool, inner_mid: bool, order: int, pair: Pair) -> np.ndarray:
        return stencil_matrix(self.assembly.scheme.stencil, self.cells, m, mid, inner_mid, order, pair)

    def _atoms(self, term: Term) -> list[Term]:
        """Derivatives and fields that the term is a function of."""
        nodes = outermost_derivatives(term)
        inside = set(nodes)
        found: list[Term] = list(nodes)
        stack, seen = [term], set()
        while stack:
            node = stack.pop()
            if node in seen or node in inside or node.op == "integral":
                continue
            seen.add(node)
            if isinstance(node, Symbol) and node.kind == "field":
                found.append(node)
            stack.extend(node.args)
        return found

    def _coefficient(self, term: Term, atom: Term, mid: bool) -> np.ndarray:
        """d(term)/d(atom) along the line, fields put to 1 and derivatives to 0."""
        key = (term, atom, mid)
        if key not in self._coefficients:
            slope = differentiate(term, atom)
            low, high = self.axis.start, self.axis.stop
            x = np.linspace(low, high, self.cells + 1)
            known = {**self.known, self.coordinate: (x[1:] + x[:-1]) / 2 if mid else x}
            for node in postorder((slope,)):
                if node.op in ("derivative", "integral"):
                    known[node] = 0.0
                elif isinstance(node, Symbol) and node.kind == "field":
                    known[node] = 1.0
            values = np.asarray(evaluate(slope, known), dtype=float)
            self._coefficients[key] = np.broadcast_to(np.where(np.isfinite(values), values, 0.0), self.cells + 1 - mid)
        return self._coefficients[key]

    def _components(self, rows: Mapping[Symbol, Blocks]) -> list[list[Symbol]]:
        """Fields that act on each other, through the equations or the conditions."""
        groups = [{f, *blocks} & set(rows) for f, blocks in rows.items()]
        for side in ("lower", "upper"):
            groups += [{f, *self._linear(r, False, 2, (None, None))} & set(rows) for f, r in self.conditions(side)]
        merged: list[set[Symbol]] = []
        for group in groups:
            touching = [g for g in merged if g & group]
            merged = [g for g in merged if not g & group] + [group.union(*touching)]
        return [[f for f in rows if f in group] for group in merged]

    def _operator(self, fields: list[Symbol], rows: Mapping[Symbol, Blocks], order: int) -> np.ndarray | None:
        """The matrix of the unknowns after the boundary points, and algebraic fields, are eliminated."""
        points = self.cells + 1
        zero = np.zeros((points, points))
        full = np.block([[rows[f].get(g, zero) for g in fields] for f in fields])
        out: list[int] = []
        conditions: list[np.ndarray] = []
        for side, edge in (("lower", 0), ("upper", self.cells)):
            for f, residual in self.conditions(side):
                if f in fields:
                    blocks = self._linear(residual, False, order, (None, None))
                    conditions.append(np.concatenate([blocks.get(g, zero)[edge] for g in fields]))
            for i, f in enumerate(fields):
                count = self.assembly.boundary.count(f, self.k, side)
                first = 0 if side == "lower" else points - count
                out += [points * i + first + j for j in range(count)]
        keep = [i for i in range(len(full)) if i not in set(out)]
        reduced = _eliminated(full, np.array(conditions), out, keep) if out else full
        hidden = [i for i, j in enumerate(keep) if fields[j // points] in self.algebraic]
        if reduced is None or not hidden:
            return reduced
        shown = [i for i in range(len(keep)) if i not in set(hidden)]
        return _eliminated(reduced[shown], reduced[hidden], hidden, shown)


def _eliminated(matrix: np.ndarray, equations: np.ndarray, out: list[int], keep: list[int]) -> np.ndarray | None:
    """The matrix for the kept unknowns where ``equations @ w = 0`` gives the others; None if it does not determine them."""
    rows = keep if len(matrix) == matrix.shape[1] else list(range(len(matrix)))
    equations = equations / np.maximum(np.abs(equations).max(axis=1, keepdims=True), 1e-300)
    if np.linalg.svd(equations[:, out], compute_uv=False)[-1] < _SINGULAR:
        return None
    solution = -np.linalg.solve(equations[:, out], equations[:, keep])
    return matrix[np.ix_(rows, keep)] + matrix[np.ix_(rows, out)] @ solution


@lru_cache(maxsize=256)
def stencil_matrix(stencil: Any, cells: int, m: int, mid: bool, inner_mid: bool, order: int, pair: Pair) -> np.ndarray:
    """The m-th derivative (unit spacing) from the points or midpoints of the line to its points (``mid``: midpoints)."""
    if m == 0 and mid == inner_mid:
        return np.eye(cells + 1 - mid)
    matrix = np.zeros((cells + 1 - mid, cells + 1 - inner_mid))
    half, inner_half = Fraction(int(mid), 2), Fraction(int(inner_mid), 2)
    interior = stencil(m, order, staggered=mid != inner_mid)
    for i in range(len(matrix)):
        here = i + half
        limits = (inner_half - here, cells - inner_half - here)
        row = interior
        if interior[0][0] < limits[0] or interior[-1][0] > limits[1]:
            closure = pair[0] if 2 * i < cells else pair[1]
            row = stencil(m, order, staggered=mid != inner_mid, limits=limits, closure=closure)
        for offset, weight in row:
            matrix[i, int(here + offset - inner_half)] += float(weight)
    matrix.setflags(write=False)
    return matrix
