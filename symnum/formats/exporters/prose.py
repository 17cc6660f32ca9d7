"""Tokens of the PROSE transformers: ODE systems, equations in one space dimension, discretised equations; and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from symnum.errors import ModelError, SolveError
from symnum.formats.prose.ode import export_ode
from symnum.formats.prose.pde import export_pde
from symnum.formats.prose.points import export_points
from symnum.formats.prose.read import read as read
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.words import DIALECTS, check_dimension, did_you_mean_dialect


def export(
    system: Any, *, dialect: str | None = None, dimension: int | None = None, time_range: float | None = None
) -> ProseRecord:
    """A system as PROSE tokens (Liu, Zhang, Schaeffer 2023).

    system: ``sn.ODESystem``, ``sn.PDESystem``, or ``sn.discretise(...)``, whose grid points become variables. dialect: "ode" or "pde", which the
    system says by itself. dimension: the number of variables that the reader of the tokens knows (D), else any. time_range: of the pde
    dialect, the length to which the time is rescaled.

    Raises ModelError for what the vocabulary cannot say, naming it and its equation; nothing is approximated but constants, to three digits. Events
    are left out, with a warning.
    """
    if not hasattr(system, "equations") and not hasattr(system, "semi"):
        raise ModelError(
            f"prose takes a system such as sn.ODESystem, or sn.discretise(system, 16), got {type(system).__name__}"
        )
    check_dimension(dimension)
    semi = getattr(system, "semi", None)
    kind = "ode" if semi is not None or not system.space else "pde"
    if dialect is not None and dialect not in DIALECTS:
        raise SolveError(did_you_mean_dialect(dialect))
    if dialect not in (None, kind):
        what = (
            "equations in space; sn.discretise(system, 16) has grid points" if kind == "pde" else "no space coordinate"
        )
        raise ModelError(f"dialect={dialect!r} does not fit: the system has {what}")
    if time_range is not None and kind == "ode":
        raise SolveError(
            "time_range is for the pde dialect; the ode dialect keeps the time as it is: leave time_range out"
        )
    if hasattr(system, "noise"):
        raise ModelError("PROSE has no words for noise; export the drift as an sn.ODESystem")
    try:
        if semi is not None:
            made = export_points(semi, dimension)
        else:
            made = export_ode(system, dimension) if kind == "ode" else export_pde(system, dimension, time_range)
    except RecursionError:
        raise ModelError(
            "functions are nested too deeply for PROSE tokens; make one of the inner ones a variable of its own"
        ) from None
    events = getattr(getattr(system, "system", system), "events", ())
    return replace(made, warnings=(*made.warnings, "events are not part of the tokens")) if events else made
