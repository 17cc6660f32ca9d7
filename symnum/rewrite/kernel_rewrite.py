"""Kernels in a cheaper form of equal value: what the pipeline does to right-hand sides before they are compiled.

::

    1. functions of a grid index alone become tables                                     kernel_constants.py
    2. each innermost loop body: its terms collected, multiplied out, factored, shared   kernel_collect.py, share.py
       the cheapest form by the operations a point is kept, if it is markedly cheaper    kernel_cost.py
       and has the body's values at random points                                        check.py
    3. powers with an exponent of parameters get a version for its value now             kernel_constants.py

A body for which nothing better is found stays as it is, so its code is the same. Rounding changes; differences of values or fluxes are never
multiplied out with what else changes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from symnum.expr.replace import replaced
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import node_count, postorder, symbols
from symnum.ir.kernel import Accumulate, Kernel, Let, Loop, Statement, Store, fresh_names, values
from symnum.ir.passes import arrange
from symnum.ir.passes.tail import WIDTH
from symnum.rewrite.check import Check
from symnum.rewrite.cost import CYCLES
from symnum.rewrite.kernel_collect import Collector
from symnum.rewrite.kernel_constants import tabulate, versions_of_powers
from symnum.rewrite.kernel_cost import Fixed, fixed_along, loop_cost
from symnum.rewrite.share import share_products, share_sums
from symnum.rewrite.simplify import simplify

_MARKED = 0.95  # share of a body's cost below which another form is taken
_MARKED_ONCE = 0.7  # the same for bodies that run a few times a call, whose constants are part of their cost
_FEW = 4  # points
_BUDGET, _LARGEST = 1500, 400  # nodes that are looked at, nodes of one body
_COVERED = 0.98  # share of the work that the bodies that are looked at do
_CACHE = 4096  # values in the first-level cache
_BALANCE = 1.4  # operations a load or store below which loops beyond that cache wait for memory, whatever their form
_LATENT = 40.0  # cycles below which equations without space wait for results, so that sharing work only makes them wait longer
_DEAR = 8.0  # cycles of a function
_KEPT = "as it was"
_LISTED = 6  # outputs that a report names
_FORMS: dict[str, tuple[bool, bool]] = {  # name -> multiply out, factor
    "collected": (False, False),
    "collected, factored": (False, True),
    "multiplied out": (True, False),
    "multiplied out, factored": (True, True),
}

Engine = Callable[[list[Term]], list[Term]]


@dataclass(frozen=True)
class BodyReport:
    """One loop body. ``points``: how often it runs; ``before``, ``after``: cycles a point; ``form``: which form was kept."""

    points: int
    before: float
    after: float
    form: str
    outputs: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return self.form != _KEPT

    def __str__(self) -> str:
        more = ", ..." if len(self.outputs) > _LISTED else ""
        where = f"{', '.join(self.outputs[:_LISTED])}{more} at {self.points:,} point{'s' if self.points != 1 else ''}"
        return f"{where}: {self.before:g} cycles a point before, {self.after:g} after ({self.form})"


@dataclass(frozen=True)
class KernelReport:
    """What ``rewrite_kernel`` did: the bodies that it looked at, how many tables it made, exponents with a version of their own, CPU seconds."""

    bodies: tuple[BodyReport, ...] = ()
    tables: int = 0
    exponents: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """True where the kernel is another one than before."""
        return bool(self.tables or self.exponents or any(b.changed for b in self.bodies))

    def __str__(self) -> str:
        lines = [str(b) for b in self.bodies]
        if self.tables:
            lines.append(f"{self.tables} function{'s' if self.tables > 1 else ''} of a grid index became tables")
        lines += [f"the exponent {text} has a version of its own" for text in self.exponents]
        return "\n".join(lines) or "nothing to rewrite"


def rewrite_kernel(
    kernel: Kernel, parameters: Mapping[Symbol, float] | None = None, engine: Engine | None = None
) -> tuple[Kernel, KernelReport]:
    """The kernel in a cheaper form, and a report; the very same kernel where there is none.

    Args:
        parameters: the values that parameters have now; the result is right for all others too.
        engine: gives one more form of the terms of a body.
    """
    begin = time.process_time()
    if not any(isinstance(s, Loop) for s in kernel.body) and _is_large(values(kernel.body)):
        return kernel, KernelReport()  # such systems are factored when they are discretised
    before = len(_tables(kernel.body))
    memo: dict[Term, Term] = {}
    made = kernel.with_body(_mapped(arrange(kernel).body, lambda term: tabulate(term, kernel.periods, memo)))
    tables = len(_tables(made.body)) - before
    rewriting = _Bodies(made, engine)
    made = made.with_body(rewriting.all())
    exponents: list[str] = []
    powers: dict[Term, Term] = {}
    now = dict(parameters or {})
    made = made.with_body(_mapped(made.body, lambda term: versions_of_powers(term, now, powers, exponents)))
    report = KernelReport(tuple(rewriting.reports), tables, tuple(exponents), time.process_time() - begin)
    return (made if report.changed else kernel), report


def _is_large(terms: Sequence[Term]) -> bool:
    return sum(1 for _ in islice(postorder(terms), _LARGEST + 1)) > _LARGEST


def _tables(body: tuple[Statement, ...]) -> set[Term]:
    return {n for n in postorder(values(body)) if n.op == "table"}


def _mapped(body: tuple[Statement, ...], rule: Callable[[Term], Term]) -> tuple[Statement, ...]:
    return tuple(
        Loop(s.axis, s.start, s.stop, _mapped(s.body, rule)) if isinstance(s, Loop) else replace(s, value=rule(s.value))
        for s in body
    )


class _Bodies:
    """Rewrites the bodies of innermost loops, within a budget of nodes that goes to those that do most work first."""

    def __init__(self, kernel: Kernel, engine: Engine | None) -> None:
        self.kernel, self.engine = kernel, engine
        self.reports: list[BodyReport] = []
        self._fresh = fresh_names(kernel, "r")
        self._chosen = self._affordable()
        self._balance = _BALANCE if kernel.input_size + kernel.output_size > _CACHE else 0.0

    def all(self) -> tuple[Statement, ...]:
        """The statements of the kernel rewritten; those of equations without space are one body."""
        body = self.kernel.body
        if all(isinstance(s, Store) for s in body):
            return self._written(body, 1, _Way(_is_number, _is_number, _MARKED, _LATENT))
        return self._loops(body)

    def _loops(self, body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return tuple(self._loop(s) if isinstance(s, Loop) else s for s in body)

    def _loop(self, loop: Loop) -> Loop:
        if id(loop) not in self._chosen:
            return replace(loop, body=self._loops(loop.body))
        points = self._chosen[id(loop)]
        fixed = fixed_along(loop.axis, self.kernel.readable)
        loads = sum(not fixed(load) for load in symbols(values(loop.body), "load"))
        least = self._balance * (loads + len(loop.body))
        way = _Way(fixed, _is_number, _MARKED_ONCE) if points <= _FEW else _Way(fixed, fixed, _MARKED, least)
        return replace(loop, body=self._written(loop.body, points, way))

    def _written(self, body: tuple[Statement, ...], points: int, way: _Way) -> tuple[Statement, ...]:
        """Stores, or temporaries and stores of a cheaper form."""
        stores = [s for s in body if isinstance(s, (Store, Accumulate))]
        form, new, costs = _best([s.value for s in stores], way, self.engine)
        report = BodyReport(points, *costs, form, tuple(dict.fromkeys(s.array for s in stores)))
        self.reports.append(report)
        if not report.changed:
            return body
        lets, terms = _named(new, self._fresh)
        return (*lets, *(replace(s, value=v) for s, v in zip(stores, terms, strict=True)))

    def _affordable(self) -> dict[int, int]:
        """The identities of the loops to rewrite, with the number of their points; the others hardly matter, or are too large."""
        found = [(s, times, times * -(-(s.stop - s.start) // WIDTH)) for s, times in _innermost(self.kernel.body, 1)]
        chosen: dict[int, int] = {}
        left, work, total = _BUDGET, 0, sum(vectors for *_, vectors in found)
        for loop, times, vectors in sorted(found, key=lambda row: -row[2]):
            size = node_count(values(loop.body))
            plain = all(isinstance(s, (Store, Accumulate)) for s in loop.body)
            if plain and size <= min(left, _LARGEST) and work < _COVERED * total:
                left -= size
                chosen[id(loop)] = times * (loop.stop - loop.start)
            work += vectors
        return chosen


def _innermost(body: tuple[Statement, ...], times: int) -> Iterator[tuple[Loop, int]]:
    """Loops that hold no loop, and how often they run."""
    for s in body:
        if isinstance(s, Loop) and any(isinstance(inner, Loop) for inner in s.body):
            yield from _innermost(s.body, times * (s.stop - s.start))
        elif isinstance(s, Loop):
            yield s, times


class _Way(NamedTuple):
    """How a body is rewritten. ``fixed``: what does not change in it; ``free``: what of this costs nothing (all of it where the body runs many
    times, numbers where it runs a few times a call); ``marked``: share of the cost below which another form is taken; ``least``: cost below
    which nothing is to be gained."""

    fixed: Fixed
    free: Fixed
    marked: float
    least: float = 0.0


def _best(terms: Sequence[Term], way: _Way, engine: Engine | None) -> tuple[str, list[Term], tuple[float, float]]:
    """The name of the cheapest form, its terms, and the costs a point before and after."""
    tables = [n for n in postorder(terms) if n.op in ("table", "network", "network_gradient")]  # kept as they stand
    sealed = {n: Symbol(f"_table{k}", "temporary") for k, n in enumerate(tables)}
    moving = {s for n, s in sealed.items() if not way.fixed(n)}
    plain = replaced(terms, dict(sealed))

    def still(term: Term) -> bool:
        return way.fixed(term) and moving.isdisjoint(symbols(term, "temporary"))

    free = still if way.free is way.fixed else way.free
    before = loop_cost(plain, free)
    if before < way.least:
        return _KEPT, list(terms), (before, before)
    forms = {tuple(form): name for name, form in _forms(plain, still, engine)}
    rows = sorted(((loop_cost(form, free), name, list(form)) for form, name in forms.items()), key=lambda row: row[0])
    check: Check | None = None
    for cost, name, form in rows:
        if cost > way.marked * before:
            break
        check = check or Check(plain)
        if check.enough and not check.difference(form):
            opened: dict[Term, Term] = {s: n for n, s in sealed.items()}
            return name, replaced(form, opened), (before, cost)
    return _KEPT, list(terms), (before, before)


def _is_number(term: Term) -> bool:
    return not symbols(term)


def _forms(terms: list[Term], fixed: Fixed, engine: Engine | None) -> Iterator[tuple[str, list[Term]]]:
    """Forms of equal value, by name."""
    for name, (expand, factor) in _FORMS.items():
        collector = Collector(fixed, expand, factor)
        made = collector.collect(terms)
        yield name, replaced(made, dict(collector.sealed))
        yield name, replaced(share_products(share_sums(made)), dict(collector.sealed))
    if any(_dear(n, fixed) for n in postorder(terms)):
        yield "simplified", simplify(terms, engine="factor")
    if engine is not None:
        yield "engine", engine(terms)


def _dear(node: Term, fixed: Fixed) -> bool:
    """True for divisions and functions in the loop: about them there is more to know than how polynomials are collected."""
    if node.op == "mul":
        return any(e < 0 and not fixed(b) for b, e in zip(node.args, node.data[1:], strict=True))
    return CYCLES.get(node.op, 0.0) >= _DEAR and not fixed(node)


def _named(terms: Sequence[Term], fresh: Iterator[Symbol]) -> tuple[list[Let], list[Term]]:
    """What is used more than once as temporaries: passes that build terms anew would merge shared sums into those that hold them."""
    uses = Counter(a for n in postorder(terms) for a in set(n.args))
    names: dict[Term, Term] = {}
    lets: list[Let] = []
    for node in postorder(terms):
        if node.op in ("add", "mul") and uses[node] > 1:
            value = replaced([node], dict(names))[0]
            names[node] = symbol = next(fresh)
            lets.append(Let(symbol, value))
    return lets, replaced(terms, dict(names))


__all__ = ["BodyReport", "KernelReport", "rewrite_kernel"]
