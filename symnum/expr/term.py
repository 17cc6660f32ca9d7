"""Terms: ``Const``, ``Symbol`` and ``Call``, immutable and hash-consed, with canonical sums and products.

Equal terms are the same object, so ``==`` is identity and dictionaries keyed by terms are fast::

    add:  data = (c0, c1, ..., cn), args = (t1, ..., tn)   means   c0 + c1*t1 + ... + cn*tn
    mul:  data = (c,  e1, ..., en), args = (b1, ..., bn)   means   c * b1**e1 * ... * bn**en      (exponents are numbers)
    pow:  args = (base, exponent)                          means   base**exponent                 (the exponent is not a number)

Numbers are int, Fraction (exact) or float. Building a term collects coefficients and exponents, folds constants and drops
zeros and ones; it never multiplies out ``k*(a + b)``. Cancelling ``x/x`` may enlarge a domain, nothing shrinks one:
``(x**2)**(1/2)`` and ``(x*y)**(1/2)`` stay as written.

Argument order comes from a structural digest (BLAKE2b of name, numbers and the children's digests), so it is the same in every
process. The intern table is weak and locked; a pickled term is a flat program that interns again when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any

from symnum.errors import TermError
from symnum.expr.intern import found_term, keep_term, references
from symnum.expr.numbers import Number, exact_number, finite, fold_function, numeric_power, tidy, tidy_exponent, unit
from symnum.expr.ops import TABLE


class Term:
    """An immutable expression. Use Python operators and the functions of ``symnum`` to build one.

    Attributes: ``op`` (key of the operator table; "const", "symbol"), ``args`` (tuple of terms), ``data`` (tuple of numbers), ``digest`` (16 bytes).
    ``<``, ``<=``, ``>``, ``>=`` build terms; ``==`` is identity; ``bool(term)`` raises TermError.
    """

    __slots__ = ("op", "args", "data", "digest", "__weakref__")
    op: str
    args: tuple[Term, ...]
    data: tuple[Any, ...]
    digest: bytes

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("terms are immutable")

    def __add__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: add((a, b)))

    def __radd__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: add((b, a)))

    def __sub__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: add((a, scale(b, -1))))

    def __rsub__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: add((b, scale(a, -1))))

    def __mul__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: mul((a, b)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: mul((a, power(b, MINUS_ONE))))

    def __rtruediv__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: mul((b, power(a, MINUS_ONE))))

    def __pow__(self, other: Any) -> Term:
        return _binary(self, other, power)

    def __rpow__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: power(b, a))

    def __xor__(self, other: Any) -> Term:
        raise TermError("'^' is no power in Python; write u**2")

    def __neg__(self) -> Term:
        return scale(self, -1)

    def __pos__(self) -> Term:
        return self

    def __abs__(self) -> Term:
        return call("abs", self)

    def __lt__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: call("lt", a, b))

    def __le__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: call("le", a, b))

    def __gt__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: call("gt", a, b))

    def __ge__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: call("ge", a, b))

    def __and__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: call("and", a, b))

    def __or__(self, other: Any) -> Term:
        return _binary(self, other, lambda a, b: call("or", a, b))

    def __invert__(self) -> Term:
        return call("not", self)

    def __bool__(self) -> bool:
        raise TermError(
            f"the truth value of the term {self} is not known when the model is written. "
            "Write sn.where(condition, a, b) instead of Python's if, and (0 < x) & (x < 1) instead of 0 < x < 1."
        )

    def __iter__(self) -> Iterator[Term]:
        raise TypeError(f"the term {self} is not a sequence")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy functions of terms (``np.sin(u)``, ``np.float64(2)*u``) build terms; arrays of terms stay NumPy's."""
        from symnum.expr.edge import apply_ufunc

        return apply_ufunc(ufunc, method, inputs, options)

    def __reduce__(self) -> tuple[Any, ...]:
        from symnum.expr.walk import flatten

        return _rebuild, (flatten(self),)

    __copy__ = __pos__

    def __deepcopy__(self, memo: object) -> Term:
        return self

    def __repr__(self) -> str:
        from symnum.expr.show import plain

        return plain(self, limit=2000)

    def _repr_latex_(self) -> str:
        from symnum.expr.show import latex

        return f"${latex(self, limit=20_000)}$"

    def to_sympy(self) -> Any:
        """This term as a SymPy expression (fields become applied functions)."""
        from symnum.expr.sympy import to_sympy

        return to_sympy(self)


class Const(Term):
    """A number: exact (int, Fraction), float, or a truth value."""

    __slots__ = ("value",)
    value: Any

    def __new__(cls, value: Any) -> Const:
        value = exact_number(value)
        key = (type(value), repr(value) if isinstance(value, float) else value)
        found = found_term(key)
        return found if found is not None else _leaf(cls, key, "const", (value,), {"value": value})  # type: ignore[return-value]


class Symbol(Term):
    """A name. ``kind``: symbol, coordinate, field, parameter, load, index, temporary; ``info``: a frozen value that belongs to its identity."""

    __slots__ = ("name", "kind", "info")
    name: str
    kind: str
    info: Any

    def __new__(cls, name: str, kind: str = "symbol", info: Any = None) -> Symbol:
        shown = info if info is None else repr(_identity(info))  # by repr: defaults 1 and 1.0 are two parameters
        key = (name, kind, info, shown)
        found = found_term(key)
        if found is not None:
            return found
        return _leaf(cls, key, "symbol", (), {"name": name, "kind": kind, "info": info})  # type: ignore[return-value]


class Call(Term):
    """An operator of the table applied to terms. Made by ``add``, ``mul``, ``power`` and ``call``, never directly."""

    __slots__ = ()


def _leaf(cls: type[Term], key: Any, op: str, data: tuple[Any, ...], extra: dict[str, Any]) -> Term:
    """A number or a symbol is born."""
    head = head_of(op, data)  # first: it refuses numbers that are too long to be written
    rest = f"{[_identity(extra[k]) for k in sorted(extra)]!r}|"
    term = born(cls, op, (), data, head + rest.encode())
    for name, value in extra.items():
        object.__setattr__(term, name, value)
    return keep_term(key, term)


def head_of(op: str, data: tuple[Any, ...]) -> bytes:
    """What a digest begins with."""
    try:
        return f"{op}|{data!r}|".encode()
    except ValueError:  # Python refuses to write integers of more than 4300 digits
        raise TermError("an exact number of more than 4300 digits; write it as a float") from None


_put_op, _put_args, _put_data, _put_digest = (
    getattr(Term, name).__set__ for name in ("op", "args", "data", "digest")
)  # past __setattr__, which refuses


_digest = attrgetter("digest")
_WHOLE = {int}


def born(cls: type[Term], op: str, args: tuple[Term, ...], data: tuple[Any, ...], text: bytes) -> Term:
    """A new term, not in the intern table yet; ``text`` is what its digest is made of."""
    term = object.__new__(cls)
    _put_op(term, op)
    _put_args(term, args)
    _put_data(term, data)
    _put_digest(term, blake2b(text, digest_size=16).digest())
    return term


def _identity(value: Any) -> Any:
    """What the digest of a symbol sees of its info: terms by their digest (two coordinates may share a name), the rest by repr."""
    if isinstance(value, Term):
        return value.digest
    if is_dataclass(value):
        return type(value).__name__, [_identity(getattr(value, f.name)) for f in fields(value)]
    return [_identity(v) for v in value] if isinstance(value, tuple) else value


def make_call(op: str, args: tuple[Term, ...], data: tuple[Any, ...] = ()) -> Term:
    """Intern a call exactly as given (for constructors that have already brought it to canonical form)."""
    return _interned((op, args, data, tuple(map(type, data))))


def _interned(key: tuple[Any, ...], head: bytes = b"") -> Term:
    """The call of a key (op, args, data, types of data); ``head``: what its digest begins with, where that is at hand."""
    reference = references.get(key)
    if reference is not None and (found := reference()) is not None:
        return found
    op, args, data, _ = key
    parts = [head or head_of(op, data), *map(_digest, args)]
    return keep_term(key, born(Call, op, args, data, b"".join(parts)))


def as_term(value: Any) -> Term:
    """Convert once, at the edge: a term, a number, or a SymPy expression. Anything else raises TermError."""
    if isinstance(value, Term):
        return value
    if isinstance(value, (int, float, Fraction)):
        return Const(value)
    from symnum.expr.edge import convert

    return convert(value)


def _binary(left: Term, right: Any, build: Any) -> Any:
    if not isinstance(right, Term):
        if getattr(right, "ndim", None) and hasattr(right, "__array__"):
            return NotImplemented
        try:
            right = as_term(right)
        except TermError:
            if isinstance(right, (float, int, complex)) or getattr(right, "ndim", None) == 0:
                raise
            return NotImplemented
    try:
        return build(left, right)
    except OverflowError:
        raise TermError(
            "an exact whole number too large for a float meets a float; write it as a float or a fraction"
        ) from None


# --- sums -------------------------------------------------------------------------------------------------------------


def split_coefficient(term: Term) -> tuple[Number, Term]:
    """3*x*y -> (3, x*y); x -> (1, x)."""
    if term.op == "mul" and term.data[0] != 1:
        return term.data[0], sorted_product(1, term.args, term.data[1:])
    return 1, term


def add(terms: Iterable[Term]) -> Term:
    """The sum of terms; like terms are collected, nested sums with coefficient 1 are merged."""
    constant: Number = 0
    bag: dict[Term, Number] = {}
    for term in terms:
        if term.op == "const":
            constant = constant + term.data[0]
        else:
            coefficient, rest = split_coefficient(term)
            bag[rest] = bag.get(rest, 0) + coefficient
    return linear_combination(bag, constant)


def linear_combination(bag: dict[Term, Number], constant: Number = 0) -> Term:
    """``constant + sum(coefficient*term)``. The terms carry no coefficient of their own (see ``split_coefficient``)."""
    while nested := [t for t, c in bag.items() if t.op == "add" and c == 1]:
        bag = dict(bag)
        for term in nested:
            del bag[term]
        for term in nested:
            constant = constant + term.data[0]
            for inner, c in zip(term.args, term.data[1:], strict=True):
                bag[inner] = bag.get(inner, 0) + c
    constant = finite(tidy(constant))
    if set(map(type, bag.values())) == _WHOLE and type(constant) is int:
        terms = sorted([t for t, c in bag.items() if c], key=_digest)
        if len(terms) > 1 or (terms and constant != 0):
            return make_call("add", tuple(terms), (constant, *[bag[t] for t in terms]))
    items = [(t, tidy(c)) for t, c in bag.items() if c != 0]
    if not items:
        return Const(constant)
    if constant == 0:
        constant = 0
        if len(items) == 1:
            return scale(items[0][0], items[0][1])
    items.sort(key=lambda item: item[0].digest)
    coefficients = tuple(unit(finite(c)) for _, c in items)
    return make_call("add", tuple(t for t, _ in items), (constant, *coefficients))


# --- products ---------------------------------------------------------------------------------------------------------


def scale(term: Term, factor: Number) -> Term:
    """factor*term."""
    if factor == 1:
        return term
    if factor == 0:
        return ZERO
    if term.op == "const":
        return Const(finite(tidy(term.data[0] * factor)))
    if term.op == "mul":
        return sorted_product(term.data[0] * factor, term.args, term.data[1:])
    return make_call("mul", (term,), (unit(finite(tidy(factor))), 1))


def sorted_product(coefficient: Number, bases: tuple[Term, ...], exponents: tuple[Number, ...]) -> Term:
    """A product whose bases are already distinct, sorted and canonical."""
    if type(coefficient) is int and coefficient == 1 and bases and _WHOLE.issuperset(map(type, exponents)):
        if len(bases) == 1 and exponents[0] == 1:
            return bases[0]
        data = (1, *exponents)
        head, types = whole_head(data)
        return _interned(("mul", bases, data, types), head)
    coefficient = finite(tidy(coefficient))
    if coefficient == 0:
        return ZERO
    if not bases:
        return Const(coefficient)
    coefficient = unit(coefficient)
    if coefficient == 1 and len(bases) == 1 and exponents[0] == 1:
        return bases[0]
    return make_call("mul", bases, (coefficient, *exponents))


@lru_cache(1024)  # of whole numbers only: 1 and 1.0 would be one key
def whole_head(data: tuple[Any, ...]) -> tuple[bytes, tuple[type, ...]]:
    """What the digest of such a product begins with, and the types of its data."""
    return head_of("mul", data), tuple(map(type, data))


def mul(terms: Iterable[Term]) -> Term:
    """The product of terms; equal bases are collected, nested products merged."""
    coefficient: Number = 1
    bag: dict[Term, Number] = {}
    for term in terms:
        if term.op == "const":
            coefficient = coefficient * term.data[0]
        elif term.op == "mul":
            coefficient = coefficient * term.data[0]
            for base, exponent in zip(term.args, term.data[1:], strict=True):
                bag[base] = bag.get(base, 0) + exponent
        else:
            bag[term] = bag.get(term, 0) + 1
    return power_product(bag, coefficient)


def power_product(bag: dict[Term, Number], coefficient: Number = 1) -> Term:
    """``coefficient * prod(base**exponent)`` with numeric exponents; bases that turn out to be products or numbers are merged."""
    if coefficient == 0:
        return ZERO
    for base, exponent in bag.items():
        if type(exponent) is not int or exponent == 0 or base.op != "symbol":
            break
    else:  # the product of every reaction rate, so it is made in as few steps as can be
        bases = tuple(sorted(bag, key=_digest))
        return sorted_product(coefficient, bases, tuple([bag[b] for b in bases]))
    items: list[tuple[Term, Number]] = []
    merged: list[Term] = []
    for base, exponent in bag.items():
        exponent = tidy_exponent(exponent)
        if exponent == 0:
            continue
        if base.op == "const" or (base.op == "mul" and type(exponent) is int):
            merged.append(power(base, Const(exponent)))
        else:
            items.append((base, exponent))
    if any(not _is_root_of_number(term) for term in merged):
        rest = mul(make_call("mul", (base,), (1, exponent)) if exponent != 1 else base for base, exponent in items)
        return mul((Const(coefficient), rest, *merged))
    items.extend((term.args[0], term.data[1]) for term in merged)
    items.sort(key=lambda item: item[0].digest)
    return sorted_product(coefficient, tuple(b for b, _ in items), tuple(e for _, e in items))


def _is_root_of_number(term: Term) -> bool:
    return term.op == "mul" and term.data[0] == 1 and len(term.args) == 1 and term.args[0].op == "const"


def power(base: Term, exponent: Term) -> Term:
    """base**exponent. Integer powers of products are distributed; other powers are kept as written (domain)."""
    if exponent.op != "const":
        return ONE if base is ONE else make_call("pow", (base, exponent))
    n = tidy_exponent(exponent.data[0])
    if n == 0:
        return ONE
    if n == 1:
        return base
    if base.op == "const":
        value = numeric_power(base.data[0], n)
        return Const(value) if value is not None else make_call("mul", (base,), (1, n))
    if base.op == "mul" and type(n) is int:
        coefficient = numeric_power(base.data[0], n)
        assert coefficient is not None
        return mul(
            (Const(coefficient), power_product({b: e * n for b, e in zip(base.args, base.data[1:], strict=True)}))
        )
    return make_call("mul", (base,), (1, n))


# --- functions --------------------------------------------------------------------------------------------------------


def call(op: str, *args: Term) -> Term:
    """A table operator applied to terms; numbers are folded where the result is exact or the argument a float."""
    row = TABLE[op]
    if row.arity != len(args):
        raise TermError(f"{op} takes {row.arity} argument{'s' if row.arity != 1 else ''}, {len(args)} given")
    if op == "pow":
        return power(*args)
    if all(a.op == "const" for a in args):
        folded = fold_function(op, [a.data[0] for a in args])
        if folded is not None:
            return Const(folded)
    if op == "where" and args[0].op == "const":
        return args[1] if args[0].data[0] else args[2]
    if op == "where" and args[1] is args[2]:
        return args[1]
    return make_call(op, args)


_AS_THEY_STAND = frozenset({"derivative", "integral", "table", "weights", "network", "network_gradient"})


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """The same operator with other arguments, brought to canonical form again."""
    if term.op == "add":
        bag: dict[Term, Number] = {}
        constant = term.data[0]
        for new, c in zip(args, term.data[1:], strict=True):
            if new.op == "const":
                constant = constant + c * new.data[0]
            else:
                inner, rest = split_coefficient(new)
                bag[rest] = bag.get(rest, 0) + c * inner
        return linear_combination(bag, constant)
    if term.op == "mul":
        powers = [power(new, Const(e)) if e != 1 else new for new, e in zip(args, term.data[1:], strict=True)]
        return mul((Const(term.data[0]), *powers))
    if term.op in _AS_THEY_STAND:
        return make_call(term.op, args, term.data)
    return call(term.op, *args)


def _rebuild(program: tuple[tuple[Any, ...], ...]) -> Term:
    """Intern a flat program (see ``walk.flatten``) again: the way back from a pickle."""
    made: list[Term] = []
    for kind, head, children, data in program:
        if kind == "const":
            made.append(Const(data[0]))
        elif kind == "symbol":
            made.append(Symbol(*head))
        else:
            made.append(make_call(head, tuple(made[i] for i in children), data))
    return made[-1]


ZERO = Const(0)
ONE = Const(1)
MINUS_ONE = Const(-1)
TRUE = Const(True)
FALSE = Const(False)
