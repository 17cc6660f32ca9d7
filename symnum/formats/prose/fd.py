"""Equations in two and three space dimensions as PROSE tokens: ``add dt c mul U D c -- c periodic``.

    dt dx dy dz         derivatives; repeated for higher orders         D D2 diverg     gradient, Laplacian, divergence
    mul U D q           U . grad q; of two vectors that are no gradients the tensor U_i U_j; of U and a tensor T_ij U_j
    add T q             in a sum with a tensor (vector) a scalar q stands for q times the unit tensor (for q in each component)
    v                   the speed |U|, where no field has this name
    -- U dirichlet      what holds at all sides; periodic sides are said once

Equations of the components of a vector become one equation. Summands: rates; transport; D q; D2 q; D diverg U; others; among these tensors,
what is added, and few factors first. A rate and a divergence of one equation, ``dt q + diverg f``, stand together in front, with their
constants inside. Sums and products nest right; nothing is multiplied out. Fields that rest, ``dt(b) = 0``, are known to
the others and have no equation among the tokens.

Source: Y. Liu, J. Sun, X. He, G. Pinney, Z. Zhang, H. Schaeffer, PROSE-FD: A Multimodal PDE Foundation Model for Learning Multiple Operators for
Forecasting Fluid Dynamics, arXiv:2409.09811.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import permutations, product
from typing import Any

from symnum.errors import ModelError, SolveError
from symnum.expr.calculus import substitute
from symnum.expr.names import is_time
from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import postorder, symbols
from symnum.formats.prose.fd_boundary import boundary_words
from symnum.formats.prose.fd_trees import Folder, Tree, parts_of, tree_of
from symnum.formats.prose.fd_vectors import Vectors
from symnum.formats.prose.fd_words import Names
from symnum.formats.prose.fd_writer import FdWriter, signed
from symnum.formats.prose.ode import PASSES, joined, notes
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.words import FD, TAIL, parse
from symnum.formats.prose.writer import Tokens, check_size


def export_fd(
    system: Any,
    symbolic: Any = (),
    words: Mapping[str, str] | None = None,
    boundary: Mapping[str, str] | None = None,
) -> ProseRecord:
    """The tokens of an ``sn.PDESystem`` in two or three space dimensions, or of a list of equations (``sn.Eq``), which needs no data.

    symbolic: names of parameters that stay words (True: all); the others are numbers. words: name in the model -> word, else the model's names are
    kept where they are words. boundary: word -> "periodic", "dirichlet", "neumann", "dirichlet_irreg", instead of what the system's conditions say.
    Raises ModelError for what the vocabulary cannot say, naming its equation, and for more than 510 tokens.
    """
    equations = list(system.equations if hasattr(system, "equations") else system)
    fields, parameters = _symbols(equations)
    time, space = _coordinates(fields, system)
    kept = _kept(symbolic, [p.name for p in parameters])
    names = Names(fields, [p for p in parameters if p.name in kept], space, _mapping(words, "words"))
    names.trees[space[0]] = Tree("word", (), ("x", (), False))
    values = {p: as_term(_value(p, system)) for p in parameters if p.name not in kept}
    vectors = Vectors(len(space), "U" if "U" in names.told and "v" not in names.told else None)
    writer = FdWriter()
    residuals = [substitute(e.residual, values) for e in equations]
    trees = []
    for k, residual in enumerate(residuals):
        check_size(residual, f"equation {k}", powers=False)
        trees.append(signed(Folder(names.trees, space, vectors.simplify, f"equation {k}").tree(residual)))
    made = []
    for k, tree in _lifted(list(enumerate(trees)), vectors):
        writer.place = f"equation {k}"
        made.append(_settled(writer, tree, names, (time, *space), vectors))
    made = _moving(made)
    given = _mapping(boundary, "boundary") if boundary is not None else None
    tail = boundary_words(system, names, joined(made), given)
    tokens = joined([*made[:-1], made[-1] + ([TAIL, *tail] if tail else [])])
    return _record(tokens, names, writer, system)


def _record(tokens: Tokens, names: Names, writer: FdWriter, system: Any) -> ProseRecord:
    whole = hasattr(system, "equations")
    fields = {tree.data[0] for symbol, tree in names.trees.items() if symbol.kind == "field"}
    return ProseRecord(
        tokens,
        "fd",
        tuple(name for word, name in names.told.items() if word in fields),
        None,
        writer.rounding.largest,
        tuple(writer.rounding.flushed),
        {},
        notes(tokens, writer.rounding),
        system.domain.bounds[system.time.name] if whole else None,
        (),
        system if whole else None,
        dict(names.told),
    )


# --- equations -----------------------------------------------------------------------------------------------------------------------------


def _moving(equations: list[Tokens]) -> list[Tokens]:
    """Without the equations ``dt b`` of fields that rest and are known to the others."""
    resting = [e for e in equations if len(e) == 2 and e[0] == "dt"]
    moving = [e for e in equations if e not in resting]
    known = {word for e in moving for word in e}
    return [e for e in equations if e in moving or e[1] not in known] if moving else equations


def _lifted(trees: list[tuple[int, Tree]], vectors: Vectors) -> Iterator[tuple[int, Tree]]:
    """One equation for those of the components of a vector. Raises ModelError where these do not fit together."""
    left = list(trees)
    while left:
        k, tree = left.pop(0)
        if not tree.components:
            yield k, tree
            continue
        for members in permutations(range(-1, len(left)), vectors.directions):
            if -1 not in members:
                continue
            chosen = [tree if m < 0 else left[m][1] for m in members]
            whole = _whole(chosen, vectors)
            if whole is not None:
                left = [e for m, e in enumerate(left) if m not in members]
                yield k, whole
                break
        else:
            raise _no_vector(k, tree, vectors)


def _whole(chosen: list[Tree], vectors: Vectors) -> Tree | None:
    """The vector equation of these residuals, each perhaps with the other sign."""
    for signs in product((1, -1), repeat=len(chosen) - 1):
        flipped = [chosen[0], *(t if s > 0 else _negative(t) for s, t in zip(signs, chosen[1:], strict=True))]
        whole = vectors.lift(flipped)
        if whole is not None and whole.rank == 1 and not whole.components:
            return whole
    return None


def _negative(tree: Tree) -> Tree:
    return tree_of([replace(p, number=-p.number) for p in parts_of(tree)])


def _no_vector(k: int, tree: Tree, vectors: Vectors) -> ModelError:
    name = min(tree.components)
    letters = "xyz"[: vectors.directions]
    line = ", ".join(f'"{name}_{c}": "{w}"' for c, w in zip(letters, "uvw", strict=False))
    return ModelError(
        f"equation {k} holds components of {name} that do not make a vector equation together with the others; write the "
        f"equations of all components alike, or give components words of their own: words={{{line}}}"
    )


def _settled(writer: FdWriter, tree: Tree, names: Names, axes: tuple[Symbol, ...], vectors: Vectors) -> Tokens:
    """Tokens that are written alike when they are read again: rounding may make summands equal."""
    from symnum.formats.prose.fd_values import Values

    values = Values.of(names.trees, axes)
    tokens: Tokens = []
    for _ in range(PASSES):
        before, tokens = tokens, writer.equation(tree)
        if tokens == before:
            break
        residual = values.residual(parse(tokens, FD)[0])
        folder = Folder(names.trees, axes[1:], vectors.simplify, writer.place)
        again = [folder.tree(r) for r in residual]
        whole = again[0] if len(again) == 1 else vectors.lift(again)
        if whole is None or whole.components:
            raise _no_vector(int(writer.place.rpartition(" ")[2]), tree, vectors)
        tree = whole
    return tokens


# --- what is asked for -----------------------------------------------------------------------------------------------------------------------


def _symbols(equations: list[Any]) -> tuple[list[Symbol], list[Symbol]]:
    """Fields in the order of the equations that hold their rates, then the others by name; parameters."""
    rates: dict[Symbol, None] = {}
    others: dict[Symbol, None] = {}
    for k, e in enumerate(equations):
        if not isinstance(getattr(e, "residual", None), Term):
            raise ModelError(f"equation {k} is {e!r}; the fd dialect takes a system, or a list of sn.Eq(left, right)")
        timed = [n for n in postorder((e.residual,)) if n.op == "derivative" and any(map(is_time, n.args[1:]))]
        rates |= dict.fromkeys(sorted((s for n in timed for s in symbols(n.args[0])), key=lambda s: s.name))
        others |= dict.fromkeys(symbols(e.residual))
    found = rates | dict.fromkeys(sorted(others, key=lambda s: s.name))
    return [s for s in found if s.kind == "field"], [s for s in found if s.kind == "parameter"]


def _coordinates(fields: list[Symbol], system: Any) -> tuple[Symbol, tuple[Symbol, ...]]:
    """The time and the coordinates in space of the fields."""
    held = (
        (system.time, *system.space)
        if hasattr(system, "equations")
        else max((f.info.coordinates for f in fields), key=len, default=())
    )
    times = [c for c in held if c.info.role == "time"]
    space = tuple(c for c in held if c.info.role != "time")
    if not times or len(space) not in (2, 3):
        listed = ", ".join(c.name for c in held) or "none"
        raise ModelError(
            f"the fd dialect of PROSE has the time and two or three space coordinates; the fields have {listed}"
        )
    if len(times) > 1 or any(not set(f.info.coordinates) <= set(held) for f in fields):
        raise ModelError(
            f"fields of other coordinates than {', '.join(c.name for c in held)} do not go into one set of equations"
        )
    return times[0], space


def _value(parameter: Symbol, system: Any) -> Any:
    values = getattr(system, "parameters", {})
    value = values.get(parameter.name, parameter.info.default)
    if value is None:
        raise ModelError(
            f"the parameter {parameter.name} has no value; write sn.parameters({parameter.name}=1.0), or symbolic=[{parameter.name!r}]"
        )
    return value


def _kept(symbolic: Any, known: list[str]) -> set[str]:
    if symbolic is True:
        return set(known)
    if isinstance(symbolic, (str, bytes)) or not isinstance(symbolic, Iterable):
        raise SolveError(
            f'symbolic={symbolic!r} is no list of names of parameters; write symbolic=["eta"], or symbolic=True for all'
        )
    kept = [str(getattr(name, "name", name)) for name in symbolic]
    for name in kept:
        if name not in known:
            raise SolveError(
                f"symbolic names {name!r}, which is no parameter of the equations; they are {', '.join(known) or 'none'}"
            )
    return set(kept)


def _mapping(given: Any, option: str) -> Mapping[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(k, str) for k in given):
        example = '{"velocity": "U"}' if option == "words" else '{"U": "dirichlet"}'
        raise SolveError(f"{option}={given!r} is no dictionary of names; write {option}={example}")
    return given
