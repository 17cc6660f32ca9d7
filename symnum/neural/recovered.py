"""A trained term as a function of its inputs: what it is where the data were, drawn against the truth, and offered as formulas."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.errors import ModelError, SolveWarning, did_you_mean
from symnum.expr.calculus import substitute
from symnum.expr.term import Symbol, Term, add, as_term, mul
from symnum.expr.walk import postorder, symbols
from symnum.neural.networks import networks_of
from symnum.neural.regression import Candidate, Candidates, candidates, closest, front
from symnum.neural.replacing import replaced
from symnum.neural.system import SystemODE
from symnum.neural.system_outcome import SystemOutcome

Array = NDArray[np.float64]
MOST, LARGEST = 2000, 5  # samples; terms of a formula that is trained in the equations
Loss = Callable[[SystemODE], Tensor]


@dataclass(frozen=True)
class Recovered:
    """A term with its trained parameters, and samples of it from a solve.

    Attributes:
        term, inputs: the term and what it is a function of. values: (k,); samples: input -> (k,): all grid points and times of the solve (2000 of
            them at most). out: the solve.

    ``recovered(0.5)`` or ``recovered(u_values, v_values)``: the term there, an array.
    """

    model: SystemODE
    term: Term
    inputs: tuple[Term, ...]
    samples: Mapping[Term, Array]
    out: SystemOutcome

    def __repr__(self) -> str:
        """The term, what it is a function of, and where the data were."""
        ranges = ", ".join(f"{v} in [{x.min():.4g}, {x.max():.4g}]" for v, x in self.samples.items())
        return f"Recovered({str(self.term)[:80]}, {len(self.values)} samples, {ranges})"

    @property
    def values(self) -> Array:
        return self(*self.samples.values())

    def __call__(self, *at: Any) -> Array:
        if len(at) != len(self.inputs):
            names = ", ".join(map(str, self.inputs))
            raise ModelError(f"the term is a function of {names}: give {len(self.inputs)} arrays, not {len(at)}")
        return _evaluated(self.model, self.term, self.inputs, at)

    def candidates(
        self, terms: Iterable[Any] | None = None, degree: int = 3, loss: Loss | None = None, iterations: int = 50
    ) -> Candidates:
        """Formulas for the term, simplest first: see ``sn.neural.candidates``.

        Args:
            terms: the library (``sn.neural.library``); None: monomials of the inputs up to ``degree``.
            loss: loss(model), the mean square of what a ``SystemODE`` misses the data by. Each formula is then put into the equations in place of
                the term, its coefficients are trained there (L-BFGS, ``iterations``), and formulas are judged by this loss, not by their distance
                from the network. Up to five terms.

        Raises ModelError, SolveError.
        """
        if loss is None:
            return candidates(self.values, self.samples, terms, degree)
        found = [c for c in closest(self.values, self.samples, terms, degree) if len(c.coefficients) <= LARGEST]
        return _trained(self, found, loss, iterations)

    def replaced(self, candidate: Candidate | Any) -> Any:
        """The system with a formula in place of the term; other trained parameters have their trained values."""
        formula = candidate.term if isinstance(candidate, Candidate) else candidate
        system = replaced(self.model.system, self.term, formula)
        now = self.model.parameter_values()
        return system.with_parameters(**{name: now[name] for name in system.parameters if name in now})

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        truth: Any = None,
        found: Candidates | Candidate | None = None,
        data: Any = None,
    ) -> Any:
        """The term against its input (of two inputs: as maps), the range of the data marked, with the truth and a candidate; beside it the solve.

        Args:
            path: where the picture is written, or None. truth: a term in the inputs, or a function of arrays. found: the ``best`` is drawn.
            data: (time, *grid) values of the first field that the term reads, as points.

        Returns the matplotlib figure. Raises ModelError for more than two inputs, FileError.
        """
        from symnum.neural.pictures import recovered_picture
        from symnum.result.style import save_picture

        best = found.best if isinstance(found, Candidates) else found
        figure = recovered_picture(self, truth, best, data)
        if path is not None:
            save_picture(figure, path)
        return figure


def recovered(model: SystemODE, term: Any, out: SystemOutcome, inputs: Sequence[Any] | None = None) -> Recovered:
    """See ``SystemODE.recover``."""
    if not isinstance(out, SystemOutcome):
        raise ModelError(f"out is a {type(out).__name__}, not a solve; write model.recover(term, model(times))")
    made = _named(model, term) if isinstance(term, str) else as_term(term)
    given = _read(made) if inputs is None else [as_term(v) for v in ([inputs] if isinstance(inputs, Term) else inputs)]
    if not given:
        raise ModelError(f"{str(made)[:80]} reads no field, so it is no function of anything; write inputs=[u]")
    leaves = _sampled(model, out, _read(add(given)))
    shape = np.broadcast_shapes(*(a.shape for a in leaves.values()))
    values = {v: np.broadcast_to(_input_values(v, leaves), shape).ravel() for v in given}
    whole = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    places = np.flatnonzero(whole)
    if len(places) > MOST:
        places = np.sort(np.random.default_rng(0).choice(places, MOST, replace=False))
    if len(places) < 2:
        names = ", ".join(map(str, given))
        raise ModelError(
            f"the solve has {len(places)} finite values of {names} ({out.message}); give one with more times"
        )
    return Recovered(model, made, tuple(given), {v: x[places] for v, x in values.items()}, out)


def _named(model: SystemODE, name: str) -> Term:
    """The network of that name in the equations. Raises ModelError where there is none, or where it has several inputs or outputs to choose from."""
    sides = [side for e in model.system.equations for side in (e.lhs, e.rhs)]
    nodes = [n for n in postorder(sides) if n.op == "network"]
    known = {n: networks_of(n)[-1].name for n in nodes if networks_of(n)}
    found = [n for n, called in known.items() if called == name]
    if len(found) != 1:
        there = ", ".join(map(str, found)) if found else f"no network called {name!r}"
        near = "" if found else did_you_mean(name, set(known.values()))
        raise ModelError(f"the equations hold {there}.{near} Give the term that sn.neural.network made")
    return found[0]


def _read(term: Term) -> list[Term]:
    """The fields, derivatives of fields and coordinates that a term reads."""
    found: dict[Term, None] = {}
    seen, stack = {term}, [term]
    while stack:
        node = stack.pop()
        if node.op == "derivative" or (isinstance(node, Symbol) and node.kind in ("field", "coordinate")):
            found[node] = None
            continue
        new = [a for a in reversed(node.args) if a not in seen]
        seen |= set(new)
        stack += new
    return [*found]


def _input_values(term: Term, leaves: Mapping[Term, Array]) -> Array:
    from symnum.model.numeric import evaluate

    return np.asarray(evaluate(term, leaves), dtype=np.float64)


def _sampled(model: SystemODE, out: SystemOutcome, leaves: Sequence[Term]) -> dict[Term, Array]:
    """(time, *grid) values of fields, derivatives (second-order differences) and coordinates; axes of length 1 where they do not vary."""
    semi = model.semi
    names = [a.name for a in semi.axes]
    made: dict[Term, Array] = {}
    for leaf in leaves:
        field = leaf.args[0] if leaf.op == "derivative" else leaf
        if isinstance(field, Symbol) and field.kind == "coordinate":
            along = out.t if field.name not in names else semi.axes[names.index(field.name)].coordinates()
            place = 0 if field.name not in names else 1 + names.index(field.name)
            made[leaf] = along.reshape([-1 if k == place else 1 for k in range(1 + len(names))])
            continue
        block = next((a for a in semi.full if isinstance(field, Symbol) and a.field == field.name), None)
        if block is None:
            raise ModelError(f"the solve has no values of {leaf}; write inputs=[...] with fields of the system")
        values = out[block.field].detach().numpy()
        values = values.reshape(len(out.t), *(s if k in block.axes else 1 for k, s in _sizes(semi, block)))
        for coordinate, order in zip(leaf.args[1:], leaf.data, strict=True) if leaf.op == "derivative" else ():
            for _ in range(order):
                values = _difference(values, semi, names.index(str(coordinate)))
        made[leaf] = values
    return made


def _sizes(semi: Any, block: Any) -> list[tuple[int, int]]:
    """(axis, points of the block along it or 1)."""
    own = dict(zip(block.axes, block.shape, strict=True))
    return [(k, own.get(k, 1)) for k in range(len(semi.axes))]


def _difference(values: Array, semi: Any, axis: int) -> Array:
    """The derivative along an axis of the grid."""
    spacing, place = semi.axes[axis].spacing, 1 + axis
    if semi.axes[axis].periodic and semi.signs.get(semi.axes[axis].name, 1) == 1:
        return np.asarray((np.roll(values, -1, place) - np.roll(values, 1, place)) / (2 * spacing))
    return np.asarray(np.gradient(values, spacing, axis=place, edge_order=2))


def _evaluated(model: SystemODE, term: Term, inputs: Sequence[Term], at: Sequence[Any]) -> Array:
    from symnum.model.numeric import evaluate

    stands = [Symbol(f"input {k}", "parameter") for k in range(len(inputs))]
    made = substitute(term, dict(zip(inputs, stands, strict=True)))
    left = [leaf for leaf in _read(made) if leaf not in stands]
    if left:
        more = ", ".join(map(str, (*inputs, *left)))
        raise ModelError(f"the term reads {left[0]} too; write inputs=[{more}]")
    now = model.parameter_values()
    known: dict[Term, Any] = {s: now[s.name] for s in symbols(made, "parameter") if s.name in now}
    arrays = [np.asarray(a, dtype=np.float64) for a in at]
    value = evaluate(made, known | dict(zip(stands, arrays, strict=True)))
    return np.array(np.broadcast_to(value, np.broadcast_shapes(*(a.shape for a in arrays))), dtype=np.float64)


# --- coefficients trained in the equations ----------------------------------------------------------------------------


def _trained(term: Recovered, found: Sequence[Candidate], loss: Loss, iterations: int) -> Candidates:
    """The candidates with coefficients from the data. One system with all their terms serves them all: absent ones have the coefficient 0."""
    from symnum.model.field import parameter

    model = term.model
    terms = list(dict.fromkeys(phi for c in found for phi in c.coefficients))
    names = [f"coefficient_{k}" for k in range(len(terms))]
    formula = add(mul((parameter(n, 0.0), phi)) for n, phi in zip(names, terms, strict=True))
    system = replaced(model.system, term.term, formula)
    others = [n for n in model.names if n in system.parameters]
    now = model.parameter_values()
    with_values = system.with_parameters(**{n: now[n] for n in others})
    trial = model.with_system(with_values, [*names, *others])
    made = []
    for candidate in found:
        start = [candidate.coefficients.get(phi, 0.0) for phi in terms] + [now[n] for n in others]
        free = torch.tensor([phi in candidate.coefficients for phi in terms] + [True] * len(others))
        value = _descend(trial, torch.tensor(start, dtype=torch.float64), free, loss, iterations)
        numbers = dict(zip(terms, trial.values.tolist(), strict=False))
        coefficients = {phi: numbers[phi] for phi in candidate.coefficients}
        error = _relative(add(mul((as_term(c), phi)) for phi, c in coefficients.items()), term)
        made.append(replace(candidate, coefficients=coefficients, error=error, loss=value))
    return Candidates(front(made), term.out.y.numel())


def _descend(model: SystemODE, start: Tensor, free: Tensor, loss: Loss, iterations: int) -> float:
    """Minimise over the free values, in units of where they began; the loss that was reached."""
    scale = torch.where(start.abs() > 0, start.abs(), torch.ones_like(start))
    with torch.no_grad():
        model.values.copy_(start)
    units = (start / scale).clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [units], max_iter=iterations, line_search_fn="strong_wolfe", tolerance_change=1e-12, tolerance_grad=1e-10
    )
    values: list[float] = []

    def evaluate() -> float:
        with torch.no_grad():
            model.values.copy_(units * scale)
        model.zero_grad()
        value = loss(model)
        if not bool(torch.isfinite(value)):
            units.grad = torch.zeros_like(units)
            return 1e10 * max(1.0, abs(values[0]) if values else 1.0)
        value.backward()
        assert model.values.grad is not None
        units.grad = torch.where(free, model.values.grad * scale, torch.zeros_like(scale))
        values.append(float(value.detach()))
        return values[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SolveWarning)  # of formulas that a line search tries
        optimiser.step(evaluate)
    return evaluate()


def _relative(formula: Term, term: Recovered) -> float:
    from symnum.model.numeric import evaluate

    values = term.values
    made = np.broadcast_to(evaluate(formula, dict(term.samples)), values.shape)
    return float(np.linalg.norm(made - values)) / max(float(np.linalg.norm(values)), 1e-300)
