"""Tokens of the fd dialect as equations or as a system in two or three space dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from symnum.errors import ModelError, UnknownOption, did_you_mean
from symnum.expr.term import Const, Symbol
from symnum.formats.prose.fd_values import Index, Value, Values
from symnum.formats.prose.fd_words import rank_of
from symnum.formats.prose.read import check_values, nodes, placeholder_value
from symnum.formats.prose.read_pde import as_recorded, stated
from symnum.formats.prose.record import ProseRecord
from symnum.formats.prose.words import FD, FD_BOUNDARIES, FD_CONSTANTS, TAIL, Node, parse, wrong

_EXAMPLE = (
    'sn.read(tokens, "prose", dialect="fd", domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)), '
    'conditions=["periodic x", "periodic y"], initial=["c = sin(2*pi*x)"])'
)
_OPERATORS = {"dt", "dx", "dy", "dz", "D", "D2", "diverg"}


def fd_system(
    tokens: list[str],
    known: ProseRecord | None,
    names: Any,
    values: Mapping[str, float] | Sequence[float] | None,
    initial: Any,
    domain: Any = None,
    conditions: Any = None,
    t: Any = None,
    coordinates: Any = None,
    unknowns: Any = None,
    **more: Any,
) -> Any:
    """The system that tokens say, or a list of ``sn.Eq`` where only ``coordinates=(t, x, y)`` are given.

    names: word -> name in the model. values: of parameters, which are words that no operator is applied to (1 otherwise), and of placeholders
    c_0, ... unknowns: the words that the equations determine, where that is not clear; other fields rest, ``dt(b) = 0``. Domain, conditions
    and initial data come from the record's model or from the arguments (as ``sn.PDESystem.from_text`` takes them); periodic sides from the tail.
    """
    if more:
        raise UnknownOption(
            f"read takes no option {next(iter(more))!r}; for the fd dialect it takes domain, conditions, initial, names, values, "
            "coordinates and unknowns"
        )
    end = tokens.index(TAIL) if TAIL in tokens else len(tokens)
    trees = parse(tokens[:end], FD)
    tail = _tail(tokens, end)
    origin = known.origin if known else None
    if origin is None and coordinates is None and (domain is None or initial is None):
        raise ModelError(
            f"tokens hold no domain and no initial data; write {_EXAMPLE}, or coordinates=(t, x, y) for equations alone"
        )
    axes = _axes(origin, domain, coordinates)
    if unknowns is not None and (isinstance(unknowns, str) or not isinstance(unknowns, Iterable)):
        raise ModelError(f'unknowns={unknowns!r} is no list of words; write unknowns=["U", "p"]')
    held = {n.head for tree in trees for n in nodes(tree)}
    for word in unknowns or ():
        if word not in held & set(FD.words) - {"x"}:
            raise ModelError(f"unknowns names {word!r}, which is no variable of the tokens")
    reader = _Words(trees, axes, known, names, origin, values, {*(unknowns or ()), *_started(initial, names)})
    equations = [e for tree in trees for e in reader.equations(tree)]
    reader.check_values()
    if origin is None and domain is None:
        return equations
    equations += reader.resting(len(equations), tail, unknowns)
    if known is not None and origin is not None:
        return as_recorded(equations, known, domain, conditions, initial, t)
    if conditions is None and "periodic" in tail.values():
        conditions = [f"periodic {x.name}" for x in axes[1:]]
    return stated(
        equations, reader.parameters, axes, [f.name for f in reader.fields], domain, conditions or (), initial
    )


def _tail(tokens: list[str], start: int) -> dict[str, str]:
    """Word -> kind of its boundary. Raises ParseError with the position of what is wrong."""
    found: dict[str, str] = {}
    if start == len(tokens):
        return found
    if start == len(tokens) - 1:
        raise wrong(
            tokens,
            start,
            "nothing stands behind '--'; expected a field and what holds at its sides, such as U dirichlet",
        )
    for k in range(start + 1, len(tokens), 2):
        if tokens[k] not in FD.words or tokens[k] == "x":
            raise wrong(tokens, k, f"expected a field, such as U.{did_you_mean(tokens[k], FD.words)}")
        if tokens[k] in found:
            raise wrong(tokens, k, f"the sides of {tokens[k]} are there already")
        if k + 1 == len(tokens) or tokens[k + 1] not in FD_BOUNDARIES:
            place = min(k + 1, len(tokens) - 1)
            raise wrong(tokens, place, f"expected what holds at the sides of {tokens[k]}: {', '.join(FD_BOUNDARIES)}")
        found[tokens[k]] = tokens[k + 1]
    return found


def _axes(origin: Any, domain: Any, coordinates: Any) -> tuple[Symbol, ...]:
    """Time, then the coordinates in space."""
    from symnum.model.space import Domain
    from symnum.model.space import coordinates as declared

    if coordinates is not None:
        found = tuple(coordinates) if isinstance(coordinates, Iterable) else ()
        if (
            not all(isinstance(c, Symbol) and c.kind == "coordinate" for c in found)
            or len(found) not in (3, 4)
            or found[0].info.role != "time"
        ):
            raise ModelError(
                f'coordinates={coordinates!r} must be the time and two or three coordinates; write coordinates=sn.coordinates("t x y")'
            )
        return found
    if origin is not None:
        return (origin.time, *origin.space)
    box = domain if isinstance(domain, Domain) else Domain(domain)
    space = [name for name in box.exact if name != box.time]
    if box.time is None or len(space) not in (2, 3):
        raise ModelError(
            f"the domain {box} must hold the time and two or three coordinates; write sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1))"
        )
    return tuple(declared(" ".join([box.time, *space]), time=box.time))


class _Words:
    """What the words of the tokens stand for: fields are words below operators, the others are parameters."""

    def __init__(
        self,
        trees: list[Node],
        axes: tuple[Symbol, ...],
        known: ProseRecord | None,
        names: Any,
        origin: Any,
        values: Any,
        fields: set[str],
    ) -> None:
        self.trees, self.axes, self.known, self.given = trees, axes, known, values
        self.letters = [c.name for c in axes[1:]]
        self.used = {n.head: n.position for tree in trees for n in nodes(tree) if n.head in FD.words and n.head != "x"}
        self.below = _below(trees) | fields if known is None else _fields(known)
        if "v" in self.used and self._is_speed(fields):
            del self.used["v"]
            self.used.setdefault("U", 0)
        self.names = self._named(known, names)
        self.origin = (
            {} if origin is None else {s.name: s for s in (*origin.fields, *origin.parameter_symbols.values())}
        )
        self.fields: list[Symbol] = []
        self.parameters: list[Symbol] = []
        self.placeholders: list[Symbol] = []
        self.components: dict[str, dict[Index, Symbol]] = {word: self._declared(word) for word in self.used}
        leaves = {word: Value(rank_of(word), dict(found)) for word, found in self.components.items()}
        self.values = Values.completed(leaves, axes)

    def _is_speed(self, fields: set[str]) -> bool:
        """v is |U| unless it is a field with a rate of its own."""
        if self.known is not None:
            return "v" not in self.known.words
        tops = [top for tree in self.trees for top in nodes(tree) if top.head == "dt"]
        return "U" in self.used and "v" not in fields and all(top.arguments[0].head != "v" for top in tops)

    def equations(self, tree: Node) -> Iterator[Any]:
        from symnum.model.equation import Eq

        for residual in self.values.residual(tree, self._placeholder):
            yield Eq(residual, Const(0))

    def resting(self, count: int, tail: Mapping[str, str], unknowns: Any) -> list[Any]:
        """dt(b) = 0 for the fields that the equations do not determine. Raises ModelError where the numbers do not agree."""
        from symnum.model.equation import Eq
        from symnum.model.vector import dt

        for word in tail:
            if word not in self.components:
                raise ModelError(
                    f"the tail names {word}, which the equations do not hold; they hold {', '.join(self.components)}"
                )
        words = [w for w, found in self.components.items() if next(iter(found.values())) in self.fields]
        moving = self._moving(words, count, unknowns)
        held = sum(len(self.components[w]) for w in moving)
        if held != count:
            raise ModelError(
                f"there are {count} equations for {held} unknowns ({', '.join(moving)}), vectors counted by component; "
                "say which words the equations determine: unknowns=[...]"
            )
        return [Eq(dt(s), Const(0)) for w in words if w not in moving for s in self.components[w].values()]

    def check_values(self) -> None:
        """Raises ModelError for values of what is no parameter."""
        if not isinstance(self.given, Mapping):
            check_values(self.given, len(self.placeholders))
            return
        known = [p.name for p in self.parameters]
        for name in self.given:
            if name not in known:
                listed = f"parameters are {', '.join(known)}" if known else "there are no parameters"
                raise ModelError(f"values has a number for {name}, but {listed}")

    def _moving(self, words: list[str], count: int, unknowns: Any) -> list[str]:
        if unknowns is not None:
            return list(unknowns)
        sizes = {w: len(self.components[w]) for w in words}
        if sum(sizes.values()) == count:
            return words
        rates = {n.head for tree in self.trees for top in nodes(tree) if top.head == "dt" for n in nodes(top)}
        return [w for w in words if w in rates]

    def _placeholder(self) -> Symbol:
        from symnum.model.field import parameter

        k = len(self.placeholders)
        named = {p.name for p in self.parameters}
        given = (
            {n: v for n, v in self.given.items() if n not in named} if isinstance(self.given, Mapping) else self.given
        )
        self.placeholders.append(parameter(f"c_{k}", placeholder_value(given, k)))
        self.parameters.append(self.placeholders[-1])
        return self.placeholders[-1]

    def _named(self, known: ProseRecord | None, names: Any) -> dict[str, str]:
        given = names if names is not None else (known.words if known else {})
        if not isinstance(given, Mapping):
            raise ModelError(
                f'names={names!r} must be a dictionary for the fd dialect; write names={{"u_0": "height"}}'
            )
        for word in given:
            if names is not None and word not in self.used:
                raise ModelError(
                    f"names has a name for {word!r}, which the tokens do not hold; they hold {', '.join(self.used)}"
                )
        made = {word: given.get(word, word) for word in self.used}
        if not all(isinstance(n, str) for n in made.values()) or len(set(made.values())) != len(made):
            raise ModelError(f'names={dict(given)!r} must give different names, texts; write names={{"u_0": "height"}}')
        return made

    def _declared(self, word: str) -> dict[Index, Symbol]:
        """The symbols of a word, one for each component."""
        made: dict[Index, Symbol] = {}
        for index in product(range(len(self.letters)), repeat=rank_of(word)):
            suffix = "".join(self.letters[i] for i in index)
            made[index] = self._symbol(word, f"{self.names[word]}_{suffix}" if suffix else self.names[word])
        return made

    def _symbol(self, word: str, name: str) -> Symbol:
        from symnum.model.field import field, parameter

        symbol = self.origin.get(name)
        if symbol is None and word in self.below:
            symbol = field(name, self.axes)
        if symbol is None:
            given = self.given.get(name, 1.0) if isinstance(self.given, Mapping) else 1.0
            symbol = parameter(name, placeholder_value([given], 0))
        (self.fields if symbol.kind == "field" else self.parameters).append(symbol)
        return symbol


def _started(initial: Any, names: Any) -> set[str]:
    """Words of what ``initial`` gives a start: these are fields."""
    listed = [initial] if isinstance(initial, str) else initial if isinstance(initial, Iterable) else ()
    texts = [k.partition("=")[0].strip() if isinstance(k, str) else getattr(k, "name", "") for k in listed]
    told = {name: word for word, name in names.items()} if isinstance(names, Mapping) else {}
    given = {told.get(n, n) for text in texts for n in (text, text.rpartition("_")[0])}
    return {word for word in given if isinstance(word, str) and word in FD.words}


def _below(trees: list[Node]) -> set[str]:
    """Words that an operator is applied to, somewhere; of those for constants, dt."""
    tops = [top for tree in trees for top in nodes(tree) if top.head in _OPERATORS]
    found = {(n.head, top.head == "dt") for top in tops for n in nodes(top) if n.head in FD.words and n.head != "x"}
    return {word for word, rate in found if rate or word not in FD_CONSTANTS}


def _fields(known: ProseRecord) -> set[str]:
    return {word for word, name in known.words.items() if name in known.variables}
