"""[Noise] -> kernels on the grid.

White noise in space and time W(t, x) has the values dW_i / sqrt(V) at grid points, V the volume of a cell and dW_i independent (E. J. Allen,
S. J. Novosel, Z. Zhang, Finite element and difference approximation of some linear stochastic partial differential equations, Stochastics
and Stochastics Reports 64 (1998)). Processes that fields share are the same number at every point.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from symnum.discretisation.integrals import Integrals
from symnum.errors import DiscretisationError
from symnum.expr.names import FieldInfo
from symnum.expr.term import ZERO, Symbol, Term, add
from symnum.expr.walk import contains
from symnum.ir.check import check
from symnum.ir.kernel import Array, Kernel, Loop, Statement, Store
from symnum.ir.noise import NoiseKernels
from symnum.model.noise import Noise

if TYPE_CHECKING:
    from symnum.discretisation.assemble import Assembly

Write = Callable[["_Writer"], dict[Symbol, Term]]


def noise_kernels(made: Assembly) -> NoiseKernels | None:
    """The kernels of a system's noise; None for a system without.

    Raises DiscretisationError where the scheme or the coefficients do not go with noise.
    """
    noise: Noise | None = getattr(made.system, "noise", None)
    if noise is None:
        return None
    if hasattr(made, "spectral"):
        raise DiscretisationError('scheme="fourier" takes no noise; write scheme="central"')
    if any(contains(b, lambda node: node.op == "integral") for row in noise.rows.values() for b in row.values()):
        raise DiscretisationError(
            "the noise holds an integral over space, which is not supported; make the integral a field of its own, or write the noise without it"
        )
    size = sum(a.size for a in made.state)
    # process i moves unknown i: every unknown has one, also those that it leaves alone
    columns = size if noise.diagonal else len(noise.processes)
    corrected = noise.commutative and noise.pointwise
    return NoiseKernels(
        columns,
        noise.diagonal,
        lambda: _values(made, noise),
        lambda: _applied(made, noise, "noise_euler", lambda writer: writer.euler()),
        (lambda: _applied(made, noise, "noise_milstein", lambda writer: writer.milstein())) if corrected else None,
        noise.commutative,
        noise.additive,
        () if noise.in_space else noise.processes,
        tuple((u.name, process, b) for u, row in noise.rows.items() for process, b in row.items()),
    )


def _values(made: Assembly, noise: Noise) -> Kernel:
    """B: its diagonal, or its columns one after another."""
    if noise.diagonal:
        writer = _Writer(made, noise, {}, ZERO)
        terms = {u: writer.own(u) for u in noise.fields}
        return _kernel(made, "noise", terms, (), "coefficients of the Wiener processes")
    body: list[Statement] = []
    outputs: list[Array] = []
    size = sum(a.size for a in made.state)
    for k, process in enumerate(noise.processes):
        column = _kernel(made, "column", {u: noise.coefficient(u, process) for u in noise.fields}, (), "")
        body += [_renamed(s, f".{process}") for s in column.body]
        outputs += [replace(a, name=f"{a.name}.{process}", offset=k * size + a.offset) for a in made.state]
    whole = _kernel(
        made, "noise", dict.fromkeys(noise.fields, ZERO), (), f"coefficients of {', '.join(noise.processes[:6])}"
    )
    return check(replace(whole, outputs=tuple(outputs), body=tuple(body)))


def _renamed(statement: Statement, suffix: str) -> Statement:
    if isinstance(statement, Loop):
        return replace(statement, body=tuple(_renamed(s, suffix) for s in statement.body))
    return replace(statement, array=statement.array + suffix) if isinstance(statement, Store) else statement


def _applied(made: Assembly, noise: Noise, name: str, write: Write) -> Kernel:
    """A kernel that also reads the increments of the processes and the step."""
    time, size = made.system.time, sum(a.size for a in made.state)
    taken = {a.name for a in made.state}
    increments: dict[str, Symbol] = {}
    arrays: dict[Symbol, Array] = {}
    if noise.diagonal:
        for field, a in zip(noise.fields, made.state, strict=True):
            symbol = Symbol(_free(f"d{_process(noise, field)}", taken), "field", field.info)
            increments[field.name] = symbol
            arrays[symbol] = replace(a, name=symbol.name, offset=size + a.offset, field=symbol.name)
    else:
        for k, process in enumerate(noise.processes):
            symbol = Symbol(_free(f"d{process}", taken), "field", FieldInfo((time,), "float64", ""))
            increments[process] = symbol
            arrays[symbol] = Array(symbol.name, (), size + k, (), (), symbol.name)
    step = Symbol(_free("h", taken), "field", FieldInfo((time,), "float64", ""))
    arrays[step] = Array(step.name, (), size + sum(a.size for a in arrays.values()), (), (), step.name)
    terms = write(_Writer(made, noise, increments, step))
    return _kernel(made, name, terms, tuple(arrays.items()), "what the Wiener processes do in a step")


def _process(noise: Noise, field: Symbol) -> str:
    return next(iter(noise.rows.get(field, {})), f"W_{field.name}")


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


@dataclass(frozen=True)
class _Writer:
    """Terms for each field from the symbols of increments (by field where the noise is diagonal, else by process) and of the step."""

    made: Assembly
    noise: Noise
    increments: Mapping[str, Symbol]
    step: Term

    def scale(self, field: Symbol) -> float:
        """1/sqrt(volume of a cell) for white noise in space."""
        axes = [self.made.axis_of[c.name] for c in field.info.coordinates if c.name in self.made.axis_of]
        return prod((self.made.grid.axes[k].spacing for k in axes), start=1.0) ** -0.5 if axes else 1.0

    def own(self, field: Symbol) -> Term:
        """The coefficient of a field's own process."""
        b = next(iter(self.noise.rows.get(field, {}).values()), ZERO)
        scale = self.scale(field)
        return b if scale == 1.0 else scale * b

    def euler(self) -> dict[Symbol, Term]:
        if self.noise.diagonal:
            return {u: self.own(u) * self.increments[u.name] for u in self.noise.fields}
        return {
            u: add([b * self.increments[k] for k, b in self.noise.rows.get(u, {}).items()]) for u in self.noise.fields
        }

    def milstein(self) -> dict[Symbol, Term]:
        return {u: term + self._second(u) for u, term in self.euler().items()}

    def _second(self, u: Symbol) -> Term:
        """1/2 sum_jk L_j b_k (w_j w_k - [j = k] h)."""
        parts = []
        for k in self.noise.rows.get(u, {}):
            for j in self.noise.processes:
                along = self.noise.along(j, u, k)
                if along is ZERO:
                    continue
                first, second = (u.name, u.name) if self.noise.diagonal else (j, k)
                product = self.increments[first] * self.increments[second]
                parts.append(along / 2 * self.scale_squared(u) * (product - self.step if j == k else product))
        return add(parts) if parts else ZERO

    def scale_squared(self, u: Symbol) -> float:
        return self.scale(u) ** 2 if self.noise.diagonal else 1.0


def _kernel(
    made: Assembly, name: str, terms: Mapping[Symbol, Term], driving: tuple[tuple[Symbol, Array], ...], comment: str
) -> Kernel:
    """One term a state field, stored where the state has an unknown of it."""
    from symnum.discretisation.assemble import Assembly as Pointwise

    own = made.system.normal_form
    clone = copy.copy(made)
    clone.normal = replace(
        own, fields=tuple(terms), rates={}, algebraic=dict(terms), origin={u: f"noise of {u.name}" for u in terms}
    )
    clone.integrals = Integrals()
    clone.arrays = dict(zip(own.fields, made.state, strict=True)) | dict(driving)
    clone.driving = tuple(array for _, array in driving)
    return replace(Pointwise._rhs(clone), name=name, comment=comment)
