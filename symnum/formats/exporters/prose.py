"""Tokens of the PROSE transformers: ODE systems, equations in one, two and three space dimensions, discretised equations; and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from symnum.errors import ModelError, SolveError
from symnum.formats.prose.fd import export_fd
from symnum.formats.prose.ode import export_ode
from symnum.formats.prose.pde import export_pde
from symnum.formats.prose.points import export_points
from symnum.formats.prose.read import read as read
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.words import DIALECTS, check_dimension, did_you_mean_dialect

_HAS = {
    "ode": "no space coordinate",
    "pde": "one space coordinate; sn.discretise(system, 16) has grid points",
    "fd": "two or three space coordinates; sn.discretise(system, 16) has grid points",
}


def export(
    system: Any,
    *,
    dialect: str | None = None,
    dimension: int | None = None,
    time_range: float | None = None,
    symbolic: Any = None,
    words: Any = None,
    boundary: Any = None,
) -> ProseRecord:
    """A system as PROSE tokens (Liu, Zhang, Schaeffer 2023).

    system: ``sn.ODESystem``, ``sn.PDESystem``, or ``sn.discretise(...)``, whose grid points become variables. dialect: "ode", "pde"
    (one space coordinate) or "fd" (two or three; a list of ``sn.Eq`` will do), which the system says by itself. dimension: the number of
    variables that the reader of the tokens knows (D), else any. time_range: of the pde dialect, the length to which the time is rescaled.

    Of the fd dialect: symbolic: names of parameters that stay words, ``["rho", "eta"]`` (True: all); words: name in the model -> word,
    ``{"velocity": "U"}``; boundary: the tail, ``{"U": "dirichlet"}``, instead of what the conditions say.

    Raises ModelError for what the vocabulary cannot say, naming it and its equation; nothing is approximated but constants, to three digits. Events
    are left out, with a warning.
    """
    listed = isinstance(system, (list, tuple)) and bool(system)
    if not (hasattr(system, "equations") or hasattr(system, "semi") or listed):
        raise ModelError(
            f"prose takes a system such as sn.ODESystem, sn.discretise(system, 16), or equations in a list, [sn.Eq(...)]; got "
            f"{type(system).__name__ if system != [] else 'an empty list'}"
        )
    check_dimension(dimension)
    semi = getattr(system, "semi", None)
    kind = _kind(system, semi, listed)
    if dialect is not None and (not isinstance(dialect, str) or dialect not in DIALECTS):
        raise SolveError(did_you_mean_dialect(dialect))
    if dialect not in (None, kind):
        raise ModelError(f"dialect={dialect!r} does not fit: the system has {_HAS[kind]}")
    if time_range is not None and kind != "pde":
        raise SolveError(
            f"time_range is for the pde dialect; the {kind} dialect keeps the time as it is: leave time_range out"
        )
    if dimension is not None and kind == "fd":
        raise SolveError(
            "dimension is for the ode and pde dialects; the words of the fd dialect are given: leave dimension out"
        )
    for name, given in {"symbolic": symbolic, "words": words, "boundary": boundary}.items():
        if given is not None and kind != "fd":
            raise SolveError(f"{name} is for the fd dialect, of two and three space coordinates; leave {name} out")
    if hasattr(system, "noise"):
        raise ModelError("PROSE has no words for noise; export the drift as an sn.ODESystem")
    try:
        if semi is not None:
            made = export_points(semi, dimension)
        else:
            made = (
                export_ode(system, dimension)
                if kind == "ode"
                else export_pde(system, dimension, time_range)
                if kind == "pde"
                else export_fd(system, () if symbolic is None else symbolic, words, boundary)
            )
    except RecursionError:
        raise ModelError(
            "functions are nested too deeply for PROSE tokens; make one of the inner ones a variable of its own"
        ) from None
    events = getattr(getattr(system, "system", system), "events", ())
    return replace(made, warnings=(*made.warnings, "events are not part of the tokens")) if events else made


def _kind(system: Any, semi: Any, listed: bool) -> str:
    """The dialect: grid points and systems without space "ode", one coordinate "pde", more and lists of equations "fd"."""
    if semi is not None:
        return "ode"
    return "fd" if listed else ("ode", "pde", "fd")[min(len(system.space), 2)]
