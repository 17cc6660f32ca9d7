"""``sn.export`` and ``sn.read``: systems in other people's languages, and back.

record = sn.export(system, "prose")        tokens for a transformer       sn.read(record, "prose")
text = sn.export(system, "json")           everything, versioned          sn.read(text, "json")
sn.export(system, "latex")                 to paste
"""

from __future__ import annotations

import inspect
from typing import Any

from symnum.errors import ModelError, UnknownName, UnknownOption, did_you_mean
from symnum.formats.exporters import formats

PROGRAMS = {"c": "C99", "julia": "a Julia module", "numpy": "a NumPy module"}  # written by sn.generate


def export(system: Any, format: str, **options: Any) -> Any:
    """A system in another language.

    format: "prose" (a record with ``tokens``, ``max_rounding_error``, ``flushed``), "json", "latex", "symbolics_jl" (texts), "sympy" (a dictionary of
    SymPy objects), "c", "julia", "numpy" (source of the discretised system; options as for ``sn.generate``). Options are those of the format:
    prose has ``dialect``, ``dimension``, ``time_range``, ``symbolic``, ``words``, ``boundary``.

    Raises UnknownName for another format, UnknownOption for an option that it does not have, ModelError for what it cannot say.
    """
    if isinstance(format, str) and format in PROGRAMS:
        from symnum.pipeline import generate

        return generate(system, format, **options).source
    return _call(_module(format).export, format, system, options)


def read(source: Any, format: str, **options: Any) -> Any:
    """The system that an export says: ``sn.read(record, "prose")``, ``sn.read(text, "json")``.

    prose takes ``dialect``, ``names``, ``values``, ``t``, ``initial``, ``domain``, ``conditions``, ``dimension``, ``coordinates``,
    ``unknowns``. Raises ParseError or ModelError with the place of what is wrong, ModelError for formats that cannot be read. What is read is data:
    no text is ever executed.
    """
    module: Any = None if format in tuple(PROGRAMS) else _module(format)
    if not hasattr(module, "read"):
        raise ModelError(f'{format} is written, not read; "prose" and "json" go both ways')
    return _call(module.read, format, source, options)


def names() -> dict[str, str]:
    """Every format with a line on what it is."""
    known = formats()
    return {n: known.one_line(n) for n in known.names()} | PROGRAMS


def _module(format: Any) -> Any:
    known = formats()
    if not isinstance(format, str) or format not in known.names():
        listed = [*known.names(), *PROGRAMS]
        raise UnknownName(f"unknown format {format!r}.{did_you_mean(str(format), listed)} Formats: {', '.join(listed)}")
    return known.load(format)


def _call(function: Any, format: str, first: Any, options: dict[str, Any]) -> Any:
    takes = inspect.signature(function).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        for name in options:
            if name not in list(takes)[1:]:
                listed = ", ".join(list(takes)[1:]) or "none"
                raise UnknownOption(
                    f"the format {format} has no option {name!r}.{did_you_mean(name, list(takes)[1:])} Its options: {listed}"
                )
    return function(first, **options)
