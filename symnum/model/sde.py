"""Stochastic differential equations: a drift, which is a system like any other, and noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace as replaced
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from symnum.errors import ModelError, UnknownName, did_you_mean
from symnum.expr.show import latex as term_latex
from symnum.expr.show import unicode
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.model.naming import is_sympy, listed
from symnum.model.noise import INTERPRETATIONS, Noise, read_noise
from symnum.model.normal_form import NormalForm
from symnum.model.normal_form import normal_form as deterministic_form
from symnum.model.space import Domain
from symnum.model.system import _STATED, PDESystem, _time_name

if TYPE_CHECKING:
    from symnum.model.structure import Structure


class SDESystem(PDESystem):
    """Stochastic differential equations: ``sn.SDESystem([sn.Eq(sn.dt(u), mu*u)], noise={u: sigma*u}, t=(0, 1), initial={u: 1.0})``.

        du = f(t, u) dt + sum_k b_k(t, u) dW_k        ``sn.Eq(sn.dt(u), f)``,  ``noise={u: ...}``

    Args:
        noise: field -> its noise. A term b gives the field a Wiener process of its own (for a field in space white noise in space and
            time: on a grid an independent process at each point, times 1/sqrt(volume of a cell)). A list ``[b1, b2]`` gives coefficients of
            the processes W1, W2, ... that all fields share; a mapping ``{"W1": b1}`` names them. Of an equation of second order in time the
            noise moves the velocity.
        interpretation: "ito", or "stratonovich", which is turned into Ito's by adding 1/2 sum_k sum_j b_jk db_ik/dy_j to the drift.
        t: the interval of time; or ``domain``, as for ``PDESystem``, with ``conditions`` for fields in space. All else as there.

    Attributes: ``noise`` (``model.noise.Noise``, Ito's coefficients by field and process), ``interpretation``. ``normal_form`` and
    ``structure`` describe the drift, in Ito's meaning.

    Raises ModelError for noise that does not fit the system, and all that ``PDESystem`` raises.
    """

    interpretation: str

    def __init__(
        self,
        equations: Any,
        t: Any = None,
        initial: Mapping[Any, Any] | None = None,
        parameters: Mapping[Any, Any] | None = None,
        name: str = "",
        *,
        noise: Any = None,
        domain: Any = None,
        conditions: Any = (),
        events: Iterable[Any] = (),
        interpretation: str = "ito",
    ) -> None:
        if noise is None or (isinstance(noise, Mapping) and not noise):
            raise ModelError(
                "SDESystem needs noise: write noise={u: sigma*u}; without noise it is sn.ODESystem or sn.PDESystem"
            )
        if interpretation not in INTERPRETATIONS:
            near = did_you_mean(str(interpretation), INTERPRETATIONS)
            raise ModelError(f'interpretation={interpretation!r} is neither "ito" nor "stratonovich".{near}')
        if (t is None) == (domain is None):
            raise ModelError(
                "SDESystem needs the interval of time: write t=(0, 1), or domain=sn.Domain(t=(0, 1), x=(0, 1)) with fields in space"
            )
        if domain is None:
            domain = t if isinstance(t, (Domain, Mapping)) else {_time_name(equations): t}
        self._set(_given_noise=_kept(noise), interpretation=interpretation)
        super().__init__(equations, domain, conditions, initial, _with_those_of(noise, parameters), name, events)

    @cached_property
    def noise(self) -> Noise:
        """The coefficients of the Wiener processes (see ``model.noise.Noise``)."""
        return self._forms[0]

    @cached_property
    def normal_form(self) -> NormalForm:
        """The drift as first order in time, in Ito's meaning (see ``model.normal_form``)."""
        return self._forms[1]

    @cached_property
    def _forms(self) -> tuple[Noise, NormalForm]:
        form = deterministic_form(self)
        if form.algebraic:
            names = listed([u.name for u in form.algebraic])
            raise ModelError(
                f"{names} has no derivative in time; algebraic equations are not supported with noise: solve them for {names} by hand"
            )
        velocity = {
            u: v for u, v in form.rates.items() if isinstance(v, Symbol) and form.origin[u].startswith("the definition")
        }
        noise = read_noise(
            self, self.__dict__["_given_noise"], {u: velocity.get(u, u) for u in form.rates if u in self.fields}
        )
        noise = replaced(noise, fields=form.fields)
        if self.interpretation == "ito" or noise.additive:
            return noise, form
        if noise.in_space:
            raise ModelError(
                "white noise in space and time that depends on the fields has no meaning in Stratonovich's sense (its drift correction grows with "
                "the grid); write interpretation=\"ito\", or processes that all points share: noise={u: {'W1': sigma*u}}"
            )
        if not noise.pointwise:
            raise ModelError(
                "noise that holds derivatives or integrals of fields cannot be turned from Stratonovich's meaning into Ito's; write it in Ito's"
            )
        rates = {u: rate + noise.drift_correction(u) for u, rate in form.rates.items()}
        return noise, replaced(form, rates=rates)

    @cached_property
    def structure(self) -> Structure:
        """What the drift is (see ``model.structure.analyse``). Noise leaves nothing conserved that could be promised."""
        from symnum.model.discontinuity import switching_times
        from symnum.model.structure import analyse

        found = analyse(self)
        values: dict[Term, float] = {self.parameter_symbols[n]: v for n, v in self.parameters.items()}
        terms = [b for row in self.noise.rows.values() for b in row.values()]
        times = switching_times(terms, self.time, values, self.domain.bounds[self.time.name])
        return replaced(found, conserved=(), discontinuities=tuple(sorted({*found.discontinuities, *times})))

    def replace(self, **changes: Any) -> Self:
        """The same system with other parts, noise and interpretation among them; validated again."""
        stated = (*_STATED, "noise", "interpretation")
        for key in changes:
            if key not in stated:
                raise UnknownName(
                    f"replace has no part {key!r}.{did_you_mean(key, stated)} It takes {', '.join(stated)}"
                )
        parts = {key: getattr(self, key) for key in _STATED} | {"interpretation": self.interpretation}
        parts["noise"] = self.__dict__["_given_noise"]
        if "parameters" not in changes:
            parts["parameters"] = {self.parameter_symbols[name]: value for name, value in self.parameters.items()}
        made = object.__new__(type(self))
        SDESystem.__init__(made, **(parts | changes))
        return made

    @classmethod
    def from_text(
        cls, equations: Any, domain: Any, conditions: Any = (), initial: Any = (), parameters: Any = None, **more: Any
    ) -> PDESystem:
        """A system from text (see ``PDESystem.from_text``), with ``noise=["u: sigma*u"]``, or field -> text, list of texts, or {process: text}.

        Raises what ``PDESystem.from_text`` raises, also for the texts of the noise.
        """
        from symnum.model.text import noise_terms

        noise, interpretation = more.pop("noise", None), more.pop("interpretation", "ito")
        drift = PDESystem.from_text(equations, domain, conditions, initial, parameters, **more)
        stated = {key: getattr(drift, key) for key in _STATED}
        stated["parameters"] = {drift.parameter_symbols[name]: value for name, value in drift.parameters.items()}
        return cls(**stated, noise=noise_terms(noise, drift), interpretation=interpretation)

    def to_text(self) -> dict[str, Any]:
        """Models written as text hold no noise; raises ModelError."""
        raise ModelError("models written as text have no noise, so this system has no text; keep it as a Python file")

    def explain(self) -> str:
        """What the system is, in words: the drift, then the noise."""
        lines = super().explain().splitlines()
        at = next((i for i, line in enumerate(lines) if line.startswith("Start:")), len(lines))
        words = self._noise_in_words()
        return "\n".join([*lines[:at], f"{'Noise:':<12} {words}", *lines[at:]])

    def _noise_in_words(self) -> str:
        noise = self.noise
        if not noise.rows:
            return "none: all coefficients are zero"
        rows = [
            f"{u.name}: {' + '.join(f'{_factor(b)} d{k}' for k, b in row.items())}"
            for u, row in list(noise.rows.items())[:5]
        ]
        more = f"; and {len(noise.rows) - 5} fields more" if len(noise.rows) > 5 else ""
        kind = (
            "white in space and time"
            if noise.in_space
            else "diagonal"
            if noise.diagonal
            else f"{len(noise.processes)} shared processes"
        )
        depends = "additive" if noise.additive else "commutative" if noise.commutative else "not commutative"
        return f"{'; '.join(rows)}{more} ({kind}, {depends}, {self.interpretation.title().replace('Ito', 'Itô')})"

    def latex(self) -> str:
        r"""The stochastic equations (Ito's meaning), conditions and initial data as a LaTeX ``aligned`` block (no dollar signs)."""
        rows = [_latex_row(u, rate, self.noise, self.time) for u, rate in self.normal_form.rates.items()]
        head, *rest = super().latex().split("\n")
        return "\n".join([head, *(f"{row} \\\\" for row in rows), *rest[len(self.equations) :]])

    def __repr__(self) -> str:
        lines = [super().__repr__()]
        for u, row in list(self.noise.rows.items())[:8]:
            lines.append(f"  noise of {u.name}: {' + '.join(f'{_factor(b)} d{k}' for k, b in row.items())}"[:160])
        return "\n".join(lines)


def _kept(noise: Any) -> Any:
    """A copy that stays as it is when the user's dictionary or lists change."""
    if isinstance(noise, Mapping):
        return {key: _kept(value) for key, value in noise.items()}
    return [_kept(value) for value in noise] if isinstance(noise, (list, tuple)) else noise


def _factor(term: Term) -> str:
    text = unicode(term, 60)
    return f"({text})" if term.op == "add" else text


def _latex_row(u: Symbol, rate: Term, noise: Noise, time: Symbol) -> str:
    parts = [rf"\left({term_latex(rate, 20_000)}\right) \mathrm{{d}}{term_latex(time)}"]
    for k, b in noise.rows.get(u, {}).items():
        stem, _, index = k.partition("_")
        name = (
            f"{stem}_{{{index}}}"
            if index
            else f"W_{{{k[1:]}}}"
            if k[:1] == "W" and k[1:].isdigit()
            else rf"\mathrm{{{k}}}"
        )
        parts.append(rf"\left({term_latex(b, 20_000)}\right) \mathrm{{d}}{name}")
    return rf"\mathrm{{d}}{term_latex(u)} &= {' + '.join(parts)}"


def _with_those_of(noise: Any, parameters: Mapping[Any, Any] | None) -> Any:
    """Parameters that only the noise holds, with their defaults, beside those given."""
    if not isinstance(noise, Mapping) or not (parameters is None or isinstance(parameters, Mapping)):
        return parameters
    given = {
        key if isinstance(key, str) else getattr(key, "name", key): value for key, value in (parameters or {}).items()
    }
    keys: dict[Any, Any] = dict(parameters or {})
    for symbol in sorted(set(_parameters_of(noise)), key=lambda s: s.name):
        keys = {k: v for k, v in keys.items() if k != symbol.name and getattr(k, "name", k) != symbol.name}
        keys[symbol] = given.get(symbol.name, symbol.info.default)
    return keys


def _parameters_of(value: Any) -> Iterator[Symbol]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _parameters_of(item)
    elif isinstance(value, Term):
        yield from symbols(value, "parameter")
    elif is_sympy(value):
        from symnum.expr.sympy import from_sympy

        yield from symbols(from_sympy(value), "parameter")
