"""A mass-action network as tables of monomials: exact values to check against, plain C, and data for other tools to build their own terms from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import ModelError
from symnum.expr.term import Symbol, Term, rebuild
from symnum.expr.walk import fold
from symnum.ir.kernel import Kernel, Store, load

Row = tuple[float, list[tuple[str, int]]]
_TERMS = 2000  # summands a C function


class Monomials:
    """dy_i/dt = sum_k c_k prod_j v_j^e_j, where v are species and parameters.

    ``rows``: for each species its summands (c, [(name, e), ...]). Raises ModelError for rates that are not of this form.
    """

    def __init__(self, network: Any, parameters: Sequence[Symbol]) -> None:
        rates = network.normal_form.rates
        self.species = [f.name for f in rates]
        self.parameters = [p.name for p in parameters]
        self.rows: list[list[Row]] = [list(_summands(rate)) for rate in rates.values()]
        self.count = sum(map(len, self.rows))
        self._equation = np.repeat(np.arange(len(self.rows)), [len(r) for r in self.rows])
        self._coefficient = np.array([c for row in self.rows for c, _ in row])
        self._factors = self._table()

    def _table(self) -> NDArray[np.intp]:
        """Positions in (1, species, parameters, 1/parameters), padded with the 1."""
        n, m = len(self.species), len(self.parameters)
        above = {name: k + 1 for k, name in enumerate([*self.species, *self.parameters])}
        below = {name: 1 + n + m + k for k, name in enumerate(self.parameters)}
        listed = [
            [(above if e > 0 else below)[name] for name, e in factors for _ in range(abs(e))]
            for row in self.rows
            for _, factors in row
        ]
        width = max(map(len, listed), default=1)
        return np.array([[*f, *[0] * (width - len(f))] for f in listed], dtype=np.intp)

    def values(self, y: NDArray[Any], p: NDArray[Any], absolute: bool = False) -> NDArray[Any]:
        """The right-hand side (or the sums of the absolute values of its summands), in the precision of y: (n,)."""
        one = np.ones(1, dtype=y.dtype)
        with np.errstate(divide="ignore", invalid="ignore"):  # of parameters that are zero, which nothing is divided by
            v = np.concatenate([one, y, p.astype(y.dtype), 1 / p.astype(y.dtype)])
        terms = self._coefficient * np.prod(v[self._factors], axis=1)
        out = np.zeros(len(self.rows), dtype=terms.dtype)
        np.add.at(out, self._equation, np.abs(terms) if absolute else terms)
        return out

    def c_source(self) -> str:
        """The equations as they stand, in functions of about 2000 summands; ``void rhs(double t, y, p, out)`` calls them."""
        where = {s: f"y[{k}]" for k, s in enumerate(self.species)}
        where |= {s: f"p[{k}]" for k, s in enumerate(self.parameters)}
        parts: list[list[str]] = [[]]
        size = 0
        for k, row in enumerate(self.rows):
            if size > _TERMS:
                parts.append([])
                size = 0
            size += len(row)
            parts[-1].append(f"    out[{k}] = {' + '.join(_c(c, factors, where) for c, factors in row) or '0.0'};")
        arguments = "const double *restrict y, const double *restrict p, double *restrict out"
        text = [
            f"static __attribute__((noinline)) void part{k}({arguments})\n{{\n" + "\n".join(part) + "\n}"
            for k, part in enumerate(parts)
        ]
        calls = "\n".join(f"    part{k}(y, p, out);" for k in range(len(parts)))
        return "\n".join([*text, f"void rhs(double t, {arguments})\n{{\n{calls}\n}}\n"])


def _c(coefficient: float, factors: list[tuple[str, int]], where: dict[str, str]) -> str:
    above = [where[name] for name, e in factors if e > 0 for _ in range(e)]
    below = [where[name] for name, e in factors if e < 0 for _ in range(-e)]
    head = [] if coefficient in (1, -1) and above else [repr(float(abs(coefficient)))]
    text = "*".join([*head, *above]) + "".join(f"/{b}" for b in below)
    return f"(-{text})" if coefficient < 0 else text


def _summands(rate: Term) -> Iterator[Row]:
    if rate.op == "const" and rate.data[0] == 0:
        return
    if rate.op == "add" and rate.data[0] == 0:
        for c, part in zip(rate.data[1:], rate.args, strict=True):
            yield _monomial(part, c)
        return
    yield _monomial(rate, 1)


def _monomial(term: Term, c: Any) -> Row:
    if isinstance(term, Symbol):
        return float(c), [(term.name, 1)]
    whole = term.op == "mul" and all(isinstance(e, int) for e in term.data[1:])
    if not whole or not all(isinstance(b, Symbol) for b in term.args):
        raise ModelError(
            f"bench bcr takes mass-action networks, sums of products of species and parameters; this one holds {term}"
        )
    names = [b.name for b in term.args if isinstance(b, Symbol)]
    return float(c * term.data[0]), list(zip(names, term.data[1:], strict=True))


def unsimplified(network: Any, kernel: Kernel) -> Kernel:
    """The right-hand side as the network's equations say it: nothing factored, but equal sub-terms exist once."""
    memo: dict[Term, Term] = {f: load(f.name, ()) for f in network.normal_form.rates}
    return kernel.with_body(
        tuple(Store(f.name, _replaced(rate, memo)) for f, rate in network.normal_form.rates.items())
    )


def _replaced(term: Term, memo: dict[Term, Term]) -> Term:
    return fold(term, lambda node, args: rebuild(node, tuple(args)) if args else node, memo)
