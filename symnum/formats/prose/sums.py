"""Sums in a canonical order: what the tokens of an equation look like does not depend on how it was typed.

A rate is written as    c_0 + c_1 m_1 + ... + c_n m_n,    m_k = product of powers of variables and functions, c_k a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from math import prod
from typing import NamedTuple

from symnum.expr.term import Term

MOST = 64  # summands up to which products of sums are multiplied out

Factors = tuple[tuple[Term, int | float], ...]  # (base, exponent)


class Summand(NamedTuple):
    """coefficient * product of base^exponent; no factors: a constant."""

    coefficient: float
    factors: Factors

    @property
    def degree(self) -> float:
        return sum(e for _, e in self.factors)


def expanded(term: Term, number: Callable[[Term], float | None]) -> list[Summand]:
    """A term as a sum: products and whole powers of sums are multiplied out, but for denominators and what grows beyond 64 summands.

    number: the value of terms without variables, None for others.
    """
    bag: dict[Factors, float] = {}
    for c, factors in _expanded(term, number):
        bag[factors] = bag.get(factors, 0.0) + c
    return [Summand(c, factors) for factors, c in bag.items() if c != 0]


def _product(term: Term, number: Callable[[Term], float | None]) -> Summand:
    if term.op != "mul":
        return Summand(1.0, ((term, 1),))
    coefficient = float(term.data[0])
    factors: list[tuple[Term, int | float]] = []
    for base, exponent in zip(term.args, term.data[1:], strict=True):
        if (value := number(base)) is None:
            factors.append((base, _whole(exponent)))
        else:
            coefficient *= value ** float(exponent)
    return Summand(coefficient, _sorted(factors))


def _expanded(term: Term, number: Callable[[Term], float | None]) -> list[Summand]:
    if (value := number(term)) is not None:
        return [Summand(value, ())]
    if term.op == "add":
        found = [Summand(float(term.data[0]), ())]
        for argument, c in zip(term.args, term.data[1:], strict=True):
            found += [Summand(float(c) * s.coefficient, s.factors) for s in _expanded(argument, number)]
        return found
    whole = _product(term, number)
    if any(b.op == "add" and (not isinstance(e, int) or e < 0) for b, e in whole.factors):
        return [whole]  # a fraction stays together: its denominator would stand below every summand
    sums = [_expanded(b, number) for b, e in whole.factors if b.op == "add" for _ in range(int(e))]
    if not sums or prod(map(len, sums)) > MOST:
        return [whole]
    rest = [(b, e) for b, e in whole.factors if b.op != "add"]
    return [_times(whole.coefficient, rest, chosen) for chosen in product(*sums)]


def _times(coefficient: float, rest: list[tuple[Term, int | float]], parts: Iterable[Summand]) -> Summand:
    powers: dict[Term, int | float] = dict(rest)
    for part in parts:
        coefficient *= part.coefficient
        for base, exponent in part.factors:
            powers[base] = powers.get(base, 0) + exponent
    return Summand(coefficient, _sorted((b, e) for b, e in powers.items() if e))


def _whole(exponent: float) -> int | float:
    return int(exponent) if exponent == int(exponent) else float(exponent)


def _sorted(factors: Iterable[tuple[Term, int | float]]) -> Factors:
    return tuple(sorted(factors, key=lambda f: f[0].digest))
