"""The step language: a driver written once as data, with an LLVM, a NumPy and a torch meaning (modules of these names).

A ``Program`` works on

    scalars   one struct of float64; the whole memory of a run between two calls (counters and flags too: whole numbers)
    vectors   n float64 each; ``Swap`` exchanges two names without moving data
    arrays    buffers that outlive a step: 1-d tables (``Fetch``, ``Put``) or rows of n (``Row``)
    linear    one linear solver: J = df/dy, M = diag(1 in differential rows, 0 in algebraic ones), W = shift*M - J

Scalar values are ordinary terms (``symnum.expr``) over ``scalar(name)``. Nothing here says where vectors live or how
large n is. A run ends at a ``Return`` and goes on from the top of the body at the next call, so a body must find its
place from its scalars alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
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
    NOT_CONVERGED = 6  # Newton's iteration or a linear solve failed, also with shorter steps
    PAUSED = 7  # t has reached t_pause
    STIFF = 8  # stability sets the step of an explicit method, and many steps are left


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
    """out = f(t, y), or for part "explicit" out = f(t, y) - L y with the linear solver's L (IMEX methods)."""

    out: str
    t: Term
    y: str
    part: str = "all"

    def __post_init__(self) -> None:
        assert self.part in ("all", "explicit"), self.part
        object.__setattr__(self, "t", as_term(self.t))


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
class Multiply:
    """out[i] = a[i]*b[i]; out may be a or b. Each of the three is a vector or a row of a buffer."""

    out: str | Row
    a: str | Row
    b: str | Row


@dataclass(frozen=True)
class Jacobian:
    """The linear solver evaluates J = df/dy at (t, y); ok = 1, or 0 where it is not finite."""

    ok: str
    t: Term
    y: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "t", as_term(self.t))


@dataclass(frozen=True)
class Factor:
    """The linear solver prepares W = (shift + i*imaginary)*M - J in a slot (0, 1, ...); ok = 1, or 0 where W is singular."""

    ok: str
    slot: int
    shift: Term
    imaginary: Term | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shift", as_term(self.shift))
        object.__setattr__(self, "imaginary", None if self.imaginary is None else as_term(self.imaginary))


@dataclass(frozen=True)
class Solve:
    """out = W^-1 b with the real W of a slot; ok = 1, or 0 where that failed; out may be b."""

    ok: str
    slot: int
    out: str
    b: str


@dataclass(frozen=True)
class SolveComplex:
    """out_re + i*out_im = W^-1 (b_re + i*b_im) with the complex W of a slot; each out may be its b."""

    ok: str
    slot: int
    out_re: str
    out_im: str
    b_re: str
    b_im: str


@dataclass(frozen=True)
class JacobianProduct:
    """out = J v with the J last evaluated (for IMEX methods L v); out is not v."""

    out: str
    v: str

    def __post_init__(self) -> None:
        assert self.out != self.v, "the product would overwrite what it reads"


@dataclass(frozen=True)
class Advance:
    """A whole step of an exponential method, done by the object in the place of the linear solver.

    out = the state at t + h, error = the estimate of its error (same sign convention as ``out``), from y; ok = 1, or 0 where a number is
    not finite. A pure function of (t, h, y), so that a run resumes exactly. y, out and error are three vectors.
    """

    ok: str
    t: Term
    h: Term
    y: str
    out: str
    error: str

    def __post_init__(self) -> None:
        assert len({self.y, self.out, self.error}) == 3, "y, out and error must be three vectors"
        object.__setattr__(self, "t", as_term(self.t))
        object.__setattr__(self, "h", as_term(self.h))


@dataclass(frozen=True)
class Increment:
    """The Wiener processes over the first ``share`` of a node (root, level, index) of their tree, whose root has ``length``.

    w = W(t + h) - W(t), a = 1/h int (W(s) - W(t)) ds, as vectors where these are named (``codegen.brownian_code``). What drives the equations
    stands in the place of the linear solver; so for the next two.
    """

    root: Term
    level: Term
    index: Term
    length: Term
    share: Term
    w: str = ""
    a: str = ""

    def __post_init__(self) -> None:
        for name in ("root", "level", "index", "length", "share"):
            object.__setattr__(self, name, as_term(getattr(self, name)))

    @property
    def place(self) -> tuple[Term, ...]:
        return self.root, self.level, self.index, self.length, self.share


@dataclass(frozen=True)
class NoiseValues:
    """out = B(t, y): the diagonal of B, or its only column."""

    out: str
    t: Term
    y: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "t", as_term(self.t))


@dataclass(frozen=True)
class NoiseApplied:
    """out = what the noise does over a step of length h from (t, y): B(t, y) w with the last increments w, and more where the method has it."""

    out: str
    t: Term
    h: Term
    y: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "t", as_term(self.t))
        object.__setattr__(self, "h", as_term(self.h))


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


Random = Increment | NoiseValues | NoiseApplied
Linear = Jacobian | Factor | Solve | SolveComplex | JacobianProduct | Advance | Random
Statement = Assign | Fetch | Put | Rhs | LinComb | Norm | Multiply | Linear | Swap | If | While | Return

#: The vector that Rhs of part "explicit" needs for L y; a program with such a statement has it without naming it.
SPLIT = "split_product"


@dataclass(frozen=True, eq=False)
class Program:
    """A driver, compared by identity. Every name a statement uses must be declared; checked when it is made."""

    name: str
    scalars: tuple[str, ...]
    vectors: tuple[str, ...]
    arrays: tuple[str, ...]
    body: tuple[Statement, ...]

    def __post_init__(self) -> None:
        if any(isinstance(s, Rhs) and s.part == "explicit" for s in every_statement(self.body)):
            object.__setattr__(self, "vectors", (*self.vectors, SPLIT))
        pointers, scalars = {*self.vectors, *self.arrays}, set(self.scalars)
        assert len(pointers) == len(self.vectors) + len(self.arrays), "a vector and an array share a name"
        for statement in every_statement(self.body):
            unknown = set(_pointers(statement)) - pointers | set(_scalars(statement)) - scalars
            assert not unknown, f"{self.name}: {statement} uses undeclared {sorted(unknown)}"

    @cached_property
    def linear(self) -> bool:
        """True if it needs a linear solver."""
        return any(
            isinstance(s, Linear) or (isinstance(s, Rhs) and s.part == "explicit") for s in every_statement(self.body)
        )


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


def _place(place: str | Row) -> str:
    return place.buffer if isinstance(place, Row) else place


def _pointers(statement: Statement) -> list[str]:
    match statement:
        case Fetch(_, array, _) | Put(array, _, _):
            return [array]
        case Rhs(out, _, y, part):
            return [out, y, *([SPLIT] if part == "explicit" else [])]
        case LinComb(out, terms):
            return [_place(out), *(v for _, v in terms)]
        case Norm(_, terms, scale, _, _):
            return [*(v for _, v in terms), *scale]
        case Multiply(out, a, b):
            return [_place(out), _place(a), _place(b)]
        case Swap(a, b) | JacobianProduct(a, b) | Solve(_, _, a, b):
            return [a, b]
        case SolveComplex():
            return [statement.out_re, statement.out_im, statement.b_re, statement.b_im]
        case Jacobian(_, _, y):
            return [y]
        case Advance(_, _, _, y, out, error):
            return [y, out, error]
        case Increment():
            return [name for name in (statement.w, statement.a) if name]
        case NoiseValues(out, _, y) | NoiseApplied(out, _, _, y):
            return [out, y]
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
            terms = [*(c for c, _ in combined), *_indices(out)]
        case Norm(name, combined, _, atol, rtol):
            own, terms = [name], [*(c for c, _ in combined), atol, rtol]
        case Multiply(out, a, b):
            terms = _indices(out, a, b)
        case Jacobian(ok, t, _):
            own, terms = [ok], [t]
        case Factor(ok, _, shift, imaginary):
            own, terms = [ok], [shift] if imaginary is None else [shift, imaginary]
        case Advance(ok, t, h):
            own, terms = [ok], [t, h]
        case Solve(ok) | SolveComplex(ok):
            own = [ok]
        case Increment():
            terms = [*statement.place]
        case NoiseValues(_, t):
            terms = [t]
        case NoiseApplied(_, t, h):
            terms = [t, h]
        case If(condition, _, _) | While(condition, _):
            terms = [condition]
        case _:
            pass
    return own + [s.name for s in symbols(terms)]


def _indices(*places: str | Row) -> list[Term]:
    return [place.index for place in places if isinstance(place, Row)]
