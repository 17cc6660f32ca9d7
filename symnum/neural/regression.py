"""Formulas for a term that is known by its values: sparse regression over a library of terms.

    f(x_k) ~ sum_i c_i phi_i(x_k)         few c_i other than zero

All sums of up to five terms of the library are tried, for each length of which there are no more than some thousands. Others come from forward
selection (take the term that brings most, and again) and from sequentially thresholded least squares: fit, drop the terms whose share
c_i rms(phi_i) lies below a threshold, fit again, until none is dropped, for a ladder of thresholds (S. L. Brunton, J. L. Proctor, J. N. Kutz,
Proc. Nat. Acad. Sci. 113 (2016) 3932-3937). What is kept is the Pareto front: no other candidate is both simpler and closer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations, combinations_with_replacement
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum import display
from symnum.errors import ModelError, UnknownName, did_you_mean
from symnum.expr.build import cos, exp, log, sin, sqrt, tanh
from symnum.expr.term import ONE, Term, add, as_term, mul
from symnum.expr.walk import fold

Array = NDArray[np.float64]
FUNCTIONS = {"sin": sin, "cos": cos, "exp": exp, "log": log, "sqrt": sqrt, "tanh": tanh}
LARGEST, TRIED = 5, 6000  # all sums of up to so many terms, for each length of which there are no more than so many
SELECTED = 10  # terms of a forward selection
THRESHOLDS = np.geomspace(1e-3, 1.0, 25)  # of |c_i| rms(phi_i)/rms(f)
KEPT = 3  # sums of each number of terms that are looked at
BETTER = 0.99  # by how much a less simple candidate must be closer
ROUND_OFF = 1e-10  # errors that are nothing else


@dataclass(frozen=True)
class Candidate:
    """A formula.

    Attributes:
        term: the formula; it can stand wherever a term can. coefficients: term of the library -> c_i.
        error: rms difference from the values, relative to their rms. complexity: numbers, variables and operations when it is written out.
        loss: of the equations with it in place, after its coefficients were trained there; None where that was not done.
    """

    coefficients: Mapping[Term, float]
    error: float
    loss: float | None = None

    @property
    def term(self) -> Term:
        return add(mul((as_term(c), phi)) for phi, c in self.coefficients.items())

    @property
    def complexity(self) -> int:
        return complexity(self.coefficients)

    def __str__(self) -> str:
        parts = [f"{c:+.4g}" + ("" if phi is ONE else f"*{phi}") for phi, c in self.coefficients.items()]
        return " ".join(f"{p[0]} {p[1:]}" for p in parts).removeprefix("+ ") or "0"

    def __repr__(self) -> str:
        return f"Candidate({self}; error {self.error:.3g})"


@dataclass(frozen=True)
class Candidates(Sequence[Candidate]):
    """The Pareto front, simplest first.

    ``best``: with a loss, by the Bayesian information criterion N log(loss) + k log N (k coefficients, N = ``data`` numbers); without, at the elbow:
    where the logarithm of the error falls most per unit of complexity, from f = 0 on.
    """

    found: tuple[Candidate, ...]
    data: int = 0

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, k: Any) -> Any:
        return self.found[k]

    @property
    def best(self) -> Candidate:
        """The one to try first."""
        if self.data and all(c.loss is not None for c in self.found):
            return min(self.found, key=self._information)
        last, at, best, steepest = 0.0, 0, self.found[0], -np.inf
        for candidate in self.found:
            now = np.log(max(candidate.error, ROUND_OFF))
            slope = (last - now) / max(1, candidate.complexity - at)
            if slope > steepest:
                best, steepest = candidate, slope
            last, at = now, candidate.complexity
        return best

    def _information(self, candidate: Candidate) -> float:
        assert candidate.loss is not None
        return float(self.data * np.log(candidate.loss + 1e-300) + len(candidate.coefficients) * np.log(self.data))

    def _repr_html_(self) -> str:
        return display.card(f"{len(self)} formulas, simplest first; the best: {self.best}", (), f"<pre>{escape(self.table())}</pre>")

    def table(self) -> str:
        """Complexity, error, loss where it is known, and formula, a line each; the best is marked."""
        trained, best = any(c.loss is not None for c in self.found), self.best
        rows = ["   complexity   error" + ("       loss" if trained else "") + "   formula"]
        for c in self.found:
            loss = "" if not trained else f"{'' if c.loss is None else f'{c.loss:.4g}':>11}"
            rows.append(f"{'*' if c is best else ' '} {c.complexity:>11} {c.error:>7.2%}{loss}   {c}")
        return "\n".join(rows)

    def __str__(self) -> str:
        return self.table()


def library(
    variables: Any, degree: int = 3, functions: Iterable[str] = (), rational: bool = False, others: Iterable[Any] = ()
) -> list[Term]:
    """Terms to make formulas of.

    Args:
        variables: fields or other terms. degree: of the monomials, all of them from 1 on.
        functions: of each variable: "sin", "cos", "exp", "log", "sqrt", "tanh".
        rational: also 1/(1 + v), v/(1 + v), v^2/(1 + v^2) of each variable (saturation). others: further terms.

    Raises ModelError, UnknownName.
    """
    several = isinstance(variables, Sequence) and not isinstance(variables, Term)
    names = [as_term(v) for v in (variables if several else [variables])]
    if isinstance(degree, bool) or not isinstance(degree, int) or degree < 0:
        raise ModelError(f"degree={degree!r} is not a whole number >= 0; write for example degree=3")
    found: list[Term] = [ONE]
    for order in range(1, degree + 1):
        found += [mul(chosen) for chosen in combinations_with_replacement(names, order)]
    for name in [functions] if isinstance(functions, str) else functions:
        if name not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise UnknownName(
                f"the library has no function {name!r}.{did_you_mean(str(name), FUNCTIONS)} It has: {known}"
            )
        found += [FUNCTIONS[name](v) for v in names]
    if rational:
        found += [part for v in names for part in (1 / (1 + v), v / (1 + v), v**2 / (1 + v**2))]
    return list(dict.fromkeys([*found, *map(as_term, others)]))


def candidates(
    values: Any, samples: Mapping[Any, Any], terms: Iterable[Any] | None = None, degree: int = 3
) -> Candidates:
    """Formulas for a term from its values.

    Args:
        values: (k,) values of the term. samples: variable -> (k,) values of it, in the same order.
        terms: the library, see ``library``; None: monomials of the variables up to ``degree``.

    Raises ModelError: lengths that do not agree, numbers that are not finite, terms that hold something else than the variables.
    """
    return Candidates(front(closest(values, samples, terms, degree)))


def closest(
    values: Any, samples: Mapping[Any, Any], terms: Iterable[Any] | None = None, degree: int = 3
) -> list[Candidate]:
    """The few closest sums of each number of terms. Arguments and errors as in ``candidates``."""
    numbers, known = _checked(values, samples)
    made = library([*known], degree) if terms is None else list(dict.fromkeys(as_term(t) for t in terms))
    columns = _columns(made, known, len(numbers))
    size = float(np.sqrt(np.mean(numbers**2)))
    if not size:
        return [Candidate({}, 0.0)]
    scales = np.sqrt(np.mean(columns**2, axis=0))
    useful = scales > 0
    columns, made, scales = columns[:, useful], [t for t, u in zip(made, useful, strict=True) if u], scales[useful]
    q, r = np.linalg.qr(columns / scales)
    right, count = q.T @ (numbers / size), len(numbers)
    beyond = float(np.mean((numbers / size - q @ right) ** 2))  # what no sum of the library reaches

    def fit(support: tuple[int, ...]) -> tuple[float, Array]:
        c = np.linalg.lstsq(r[:, support], right, rcond=1e-12)[0]
        left = right - r[:, support] @ c
        return float(np.sqrt(beyond + left @ left / count)), c

    fits = {support: fit(support) for support in _supports(len(made), fit)}
    return [
        Candidate({made[i]: float(c * size / scales[i]) for i, c in zip(support, cs, strict=True)}, error)
        for support, (error, cs) in _closest(fits)
    ]


def front(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The Pareto front: by complexity, each closer (by loss where known, else by error) than all simpler ones."""
    kept: list[Candidate] = []
    for candidate in sorted(found, key=lambda c: (c.complexity, _measure(c))):
        last = _measure(kept[-1]) if kept else np.inf
        if last > ROUND_OFF and _measure(candidate) < BETTER * last:
            kept.append(candidate)
    return tuple(kept)


def _measure(candidate: Candidate) -> float:
    return candidate.error if candidate.loss is None else candidate.loss


def complexity(coefficients: Mapping[Term, float]) -> int:
    """Numbers, variables and operations of c_1 phi_1 + ... when it is written out."""

    def rule(node: Term, inner: list[int]) -> int:
        if node.op == "add":
            numbers = sum(1 for c in node.data[1:] if c != 1) * 2 + (1 if node.data[0] else 0)
            return sum(inner) + numbers + len(inner) - (0 if node.data[0] else 1)
        if node.op == "mul":
            powers = sum(2 for e in node.data[1:] if e != 1) + (2 if node.data[0] != 1 else 0)
            return sum(inner) + powers + len(inner) - 1
        return 1 + sum(inner)

    sizes = [1 if phi is ONE else 2 + fold(phi, rule) for phi in coefficients]
    return sum(sizes) + max(0, len(sizes) - 1)


def _supports(m: int, fit: Callable[[tuple[int, ...]], tuple[float, Array]]) -> Iterator[tuple[int, ...]]:
    """Which of m terms to try together."""
    for number in range(1, min(LARGEST, m) + 1):
        if comb(m, number) <= TRIED:
            yield from combinations(range(m), number)
    yield tuple(range(m))
    chosen: tuple[int, ...] = ()
    for _ in range(min(SELECTED, m)):
        more = [tuple(sorted((*chosen, i))) for i in range(m) if i not in chosen]
        yield from more
        chosen = min(more, key=lambda support: fit(support)[0])
    for threshold in THRESHOLDS:
        support = tuple(range(m))
        while support:
            large = np.abs(fit(support)[1]) >= threshold
            if large.all():
                yield support
                break
            support = tuple(i for i, keep in zip(support, large, strict=True) if keep)


def _closest(
    fits: Mapping[tuple[int, ...], tuple[float, Array]],
) -> Iterator[tuple[tuple[int, ...], tuple[float, Array]]]:
    """The closest of each number of terms."""
    by_number: dict[int, list[tuple[float, tuple[int, ...]]]] = {}
    for support, (error, _) in fits.items():
        by_number.setdefault(len(support), []).append((error, support))
    for rows in by_number.values():
        for _, support in sorted(rows)[:KEPT]:
            yield support, fits[support]


def _checked(values: Any, samples: Mapping[Any, Any]) -> tuple[Array, dict[Term, Array]]:
    if not isinstance(samples, Mapping) or not samples:
        raise ModelError(f"samples={samples!r} names no variables; write samples={{u: values_of_u}}")
    numbers = _real(values, "values")
    known = {as_term(v): _real(x, f"the samples of {v}") for v, x in samples.items()}
    for variable, x in known.items():
        if x.shape != numbers.shape:
            raise ModelError(
                f"there are {len(numbers)} values and {len(x)} of {variable}; give as many, in the same order"
            )
    if len(numbers) < 2 or not all(np.isfinite(x).all() for x in (numbers, *known.values())):
        raise ModelError(f"values and samples must be two or more finite numbers; there are {len(numbers)}")
    return numbers, known


def _real(given: Any, what: str) -> Array:
    """Arrays, lists and tensors as (k,) numbers. Raises ModelError for complex ones and for what is no number."""
    made = np.asarray(given.detach() if hasattr(given, "detach") else given)
    if made.dtype.kind not in "fiub":
        raise ModelError(f"{what} are of dtype {made.dtype}, not real numbers")
    return made.astype(np.float64).ravel()


def _columns(terms: Sequence[Term], known: Mapping[Term, Array], count: int) -> Array:
    """(k, terms) values of the library."""
    from symnum.model.numeric import evaluate

    made = np.empty((count, len(terms)))
    if not terms:
        raise ModelError("the library is empty; write terms=sn.neural.library(u, degree=3)")
    for i, term in enumerate(terms):
        made[:, i] = evaluate(term, known)
        if not np.isfinite(made[:, i]).all():
            raise ModelError(f"{term} is not finite at some of the samples; leave it out of the library")
    if len(terms) >= count:
        raise ModelError(f"{len(terms)} terms for {count} samples; give more samples or a smaller library")
    return made
