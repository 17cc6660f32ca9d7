"""The tail of the fd dialect: one word for all sides of a field, ``-- U dirichlet c neumann``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symnum.errors import ModelError, did_you_mean
from symnum.expr.walk import postorder
from symnum.formats.prose.fd_words import Names, rank_of
from symnum.formats.prose.words import FD_BOUNDARIES


def boundary_words(system: Any, names: Names, tokens: Sequence[str], given: Mapping[str, str] | None) -> list[str]:
    """Words and kinds in turn, for the equations ``tokens``. Raises ModelError for conditions that one word cannot say."""
    if given is not None:
        return [token for name, kind in given.items() for token in (_known(name, names), _kind(kind, name))]
    conditions = getattr(system, "conditions", ())
    around = {c.coordinate: c.sign for c in conditions if not hasattr(c, "kind")}
    kinds = {word: _found(name, conditions) for word, name in names.told.items()}
    if around:
        sides = {c.name for c in system.space}
        if set(around) != sides or -1 in around.values():
            told = (
                "antiperiodic sides"
                if -1 in around.values()
                else f"sides of which only {', '.join(sorted(around))} repeat"
            )
            raise ModelError(f"PROSE has no word for {told}; write boundary={{}} to leave the sides out")
        first = min((w for w in tokens if w in names.told), key=lambda word: rank_of(word) != 1)
        return [first, "periodic"]
    made = []
    for word, found in kinds.items():
        if len(found) > 1 or found - set(FD_BOUNDARIES):
            raise ModelError(
                f"PROSE has one word for all sides of a field, {' or '.join(FD_BOUNDARIES[1:3])}; {names.told[word]} has "
                f"{' and '.join(sorted(found))} conditions: write boundary={{}} to leave the sides out"
            )
        made += [word, *found] if found else []
    return made


def _found(name: str, conditions: Any) -> set[str]:
    """The kinds of the conditions on a field, or on the components of a vector."""
    return {
        _said(c)
        for c in conditions
        if getattr(c, "field", None) is not None and (c.field.name == name or c.field.name.rpartition("_")[0] == name)
    }


def _said(condition: Any) -> str:
    """Dirichlet: the value is given; Neumann: the normal derivative is; all else is general."""
    nodes = list(postorder((condition.residual,)))
    slopes = [n for n in nodes if n.op == "derivative"]
    held = {a for n in nodes if n.op != "derivative" for a in n.args if a is condition.field} | (
        {condition.residual} & {condition.field}
    )
    if not slopes:
        return "dirichlet"
    plain = all(n.args == (condition.field, *n.args[1:]) and sum(n.data) == 1 for n in slopes)
    return "neumann" if plain and not held else "robin"


def _known(name: str, names: Names) -> str:
    told = {**{n: w for w, n in names.told.items()}, **{w: w for w in names.told}}
    if name not in told:
        raise ModelError(
            f"boundary names {name!r}.{did_you_mean(name, list(told))} The fields are {', '.join(names.told.values())}"
        )
    return told[name]


def _kind(kind: Any, name: str) -> str:
    if kind not in FD_BOUNDARIES:
        near = did_you_mean(str(kind), list(FD_BOUNDARIES))
        raise ModelError(f"boundary={{{name!r}: {kind!r}}}: PROSE has {', '.join(FD_BOUNDARIES)}.{near}")
    return str(kind)
