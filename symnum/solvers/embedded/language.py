"""The step language: a driver written once as data, with an LLVM and a NumPy meaning (``llvm``, ``numpy``).

A ``Program`` works on

    scalars   one struct of float64; the whole memory of a run between two calls (counters and flags too: whole numbers)
    vectors   n float64 each; ``Swap`` exchanges two names without moving data
    arrays    buffers that outlive a step: 1-d tables (``Fetch``, ``Put``) or rows of n (``Row``)

Scalar values are ordinary terms (``symnum.expr``) over ``scalar(name)``. Nothing here says where vectors live or how
large n is. A run ends at a ``Return`` and goes on from the top of the body at the next call, so a body must find its
place from its scalars alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import symbols


class Status(IntEnum):
    """Why a driver returned."""

    DONE = 0  # t = t_end
    SAVE = 1  # the buffer of accepted steps is full
    STEP_LIMIT = 2  # the budget of attempted steps is spent
    NONFINITE = 3  # NaN or infinity, also after shortening the step
    TOO_SMALL = 4  # the step no longer changes t
    RADIUS = 5  # a stabilised method asks for the spectral radius at (t, y)


@dataclass(frozen=True)
class Row:
    """Row ``index`` of a buffer of rows of n."""

    buffer: str
    index: Term


@dataclass(frozen=True)
class Assign:
    """name = value."""

    name: str
    value: Term


@dataclass(frozen=True)
class Fetch:
    """name = array[index]."""

    name: str
    array: str
    index: Term


@dataclass(frozen=True)
class Put:
    """array[index] = value."""

    array: str
    index: Term
    value: Term


@dataclass(frozen=True)
class Rhs:
    """out = f(t, y)."""

    out: str
    t: Term
    y: str


@dataclass(frozen=True)
class LinComb:
    """out[i] = sum of coefficient*vector[i]: one pass over memory however many terms; out may be one of the vectors."""

    out: str | Row
    terms: tuple[tuple[Term, str], ...]


@dataclass(frozen=True)
class Norm:
    """name = sqrt(mean_i (e_i/w_i)^2), e = sum of coefficient*vector, w_i = atol + rtol*max_k |scale_k[i]|; one pass.

    Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, eq. (II.4.11).
    """

    name: str
    terms: tuple[tuple[Term, str], ...]
    scale: tuple[str, ...]
    atol: Term
    rtol: Term


@dataclass(frozen=True)
class Swap:
    """Exchange two vectors."""

    a: str
    b: str


@dataclass(frozen=True)
class If:
    """Run ``then`` or ``otherwise``."""

    condition: Term
    then: tuple[Any, ...]
    otherwise: tuple[Any, ...] = ()


@dataclass(frozen=True)
class While:
    """Run ``body`` as long as the condition holds."""

    condition: Term
    body: tuple[Any, ...]


@dataclass(frozen=True)
class Return:
    """End this call."""

    status: Status


Statement = Assign | Fetch | Put | Rhs | LinComb | Norm | Swap | If | While | Return


@dataclass(frozen=True, eq=False)
class Program:
    """A driver, compared by identity. Every name a statement uses must be declared; checked when it is made."""

    name: str
    scalars: tuple[str, ...]
    vectors: tuple[str, ...]
    arrays: tuple[str, ...]
    body: tuple[Statement, ...]

    def __post_init__(self) -> None:
        pointers, scalars = {*self.vectors, *self.arrays}, set(self.scalars)
        assert len(pointers) == len(self.vectors) + len(self.arrays), "a vector and an array share a name"
        for statement in every_statement(self.body):
            unknown = set(_pointers(statement)) - pointers | set(_scalars(statement)) - scalars
            assert not unknown, f"{self.name}: {statement} uses undeclared {sorted(unknown)}"


def scalar(name: str) -> Symbol:
    """A scalar of the program as a term."""
    return Symbol(name, "temporary")


def scalars(names: str) -> tuple[Symbol, ...]:
    """Several scalars: ``t, h = scalars("t h")``."""
    return tuple(scalar(name) for name in names.split())


def let(name: Symbol, value: Any) -> Assign:
    """Assignment to a scalar."""
    return Assign(name.name, as_term(value))


def increase(name: Symbol, by: Any = 1) -> Assign:
    """name += by."""
    return let(name, name + by)


def combination(out: str | Row, *terms: tuple[Any, str]) -> LinComb:
    """A linear combination; coefficients that are the number 0 are left out."""
    kept = tuple((as_term(c), v) for c, v in terms)
    return LinComb(out, tuple((c, v) for c, v in kept if c.op != "const" or c.data[0] != 0))


def every_statement(body: Iterable[Statement]) -> Iterator[Statement]:
    """All statements, nested ones included."""
    for statement in body:
        yield statement
        if isinstance(statement, If):
            yield from every_statement((*statement.then, *statement.otherwise))
        elif isinstance(statement, While):
            yield from every_statement(statement.body)


def _pointers(statement: Statement) -> list[str]:
    match statement:
        case Fetch(_, array, _) | Put(array, _, _):
            return [array]
        case Rhs(out, _, y):
            return [out, y]
        case LinComb(out, terms):
            return [out.buffer if isinstance(out, Row) else out, *(v for _, v in terms)]
        case Norm(_, terms, scale, _, _):
            return [*(v for _, v in terms), *scale]
        case Swap(a, b):
            return [a, b]
        case _:
            return []


def _scalars(statement: Statement) -> list[str]:
    own: list[str] = []
    terms: list[Term] = []
    match statement:
        case Assign(name, value):
            own, terms = [name], [value]
        case Fetch(name, _, index):
            own, terms = [name], [index]
        case Put(_, index, value):
            terms = [index, value]
        case Rhs(_, t, _):
            terms = [t]
        case LinComb(out, combined):
            terms = [c for c, _ in combined] + ([out.index] if isinstance(out, Row) else [])
        case Norm(name, combined, _, atol, rtol):
            own, terms = [name], [*(c for c, _ in combined), atol, rtol]
        case If(condition, _, _) | While(condition, _):
            terms = [condition]
        case _:
            pass
    return own + [s.name for s in symbols(terms)]
