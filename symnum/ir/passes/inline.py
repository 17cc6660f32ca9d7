"""Put the values that are stored in local arrays where they are read, so that a kernel is one function of its inputs: for derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from symnum.expr.calculus import substitute
from symnum.expr.term import ZERO, Symbol, Term
from symnum.expr.walk import symbols
from symnum.ir.box import Box, around, common, leaves, subtracted
from symnum.ir.kernel import Accumulate, Array, Kernel, LoadInfo, Store, memory_groups, statements
from symnum.ir.shift import at_index, goes_round, moved

_WIDEST = 400  # loads in one statement, beyond which derivatives by way of the local array are cheaper
_MOST = 64  # statements that one statement may become


@dataclass(frozen=True)
class _Piece:
    """What was stored over a box; nothing was stored in the rest, which holds zero."""

    box: Box
    value: Term


class _TooMuch(Exception):
    """A value would read too much, or fall into too many pieces; ``array``: what it was to be put in for."""

    def __init__(self, array: str) -> None:
        self.array = array


def inline_stores(kernel: Kernel) -> Kernel:
    """Loads of local arrays that were stored (not summed up) become the stored values, over as many boxes as these were stored in.

    Taken before passes name temporaries. An array stays where its values would make a statement read more than 400 places.
    """
    kept: set[str] = set()
    while True:
        chosen = _stored(kernel) - kept
        if not chosen:
            return kernel
        try:
            return _Inlining(kernel, chosen).run()
        except _TooMuch as met:
            kept.add(met.array)


def _stored(kernel: Kernel) -> set[str]:
    """Local arrays that only stores write, and that share their memory with no other."""
    alone = {group[0].name for group in memory_groups(kernel.locals) if len(group) == 1}
    summed = {s.array for s in statements(kernel.body) if isinstance(s, Accumulate)}
    return alone - summed


class _Inlining:
    def __init__(self, kernel: Kernel, chosen: set[str]) -> None:
        self.kernel, self.chosen = kernel, chosen
        self.pieces: dict[str, list[_Piece]] = {name: [] for name in chosen}

    def run(self) -> Kernel:
        body = []
        for box, statement in leaves(self.kernel.body):
            made = list(self._resolved(box, statement.value))
            if isinstance(statement, Store) and statement.array in self.chosen:
                self.pieces[statement.array] += [_Piece(b, v) for b, v in made]
            else:
                body += [around(b, (replace(statement, value=v),)) for b, v in made]
        kept = tuple(a for a in self.kernel.locals if a.name not in self.chosen)
        return replace(self.kernel, locals=_packed(kept), body=tuple(body))

    def _resolved(self, box: Box, value: Term) -> Iterator[tuple[Box, Term]]:
        """The value without loads of stored arrays, over boxes that make up ``box``."""
        waiting, made = [(box, value)], 0
        while waiting:
            here, term = waiting.pop()
            found = list(symbols(term, "load"))
            symbol = next((s for s in found if s.info.array in self.chosen), None)
            if symbol is None:
                made += 1
                yield here, term
                continue
            if len(found) > _WIDEST or made + len(waiting) > _MOST:
                raise _TooMuch(symbol.info.array)
            waiting += [(b, _put_in(term, symbol, v)) for b, v in self._read(here, symbol)]

    def _read(self, box: Box, symbol: Symbol) -> list[tuple[Box, Term]]:
        """What a load finds, over boxes that make up ``box``."""
        array: Array = self.kernel.input(symbol.info.array)
        found, rest = [], [box]
        for piece in self.pieces[array.name]:
            for reach, value in self._landing(array, symbol.info, piece):
                here = common(box, reach)
                if here is None:
                    continue
                found.append((here, value))
                rest = subtracted(rest, here)
        return found + [(b, ZERO) for b in rest]

    def _landing(self, array: Array, info: LoadInfo, piece: _Piece) -> list[tuple[Box, Term]]:
        """Boxes of loop indices from which a load lands in a piece (axes that they lack do not matter), and what it reads from there."""
        made: list[tuple[Box, Term]] = [({}, piece.value)]
        arrays, periods = self.kernel.input, self.kernel.periods
        for axis, offset, wrap, fixed in zip(array.axes, info.offsets, info.wrap, info.fixed, strict=True):
            start, stop = piece.box[axis]
            period = periods[axis]
            following: list[tuple[Box, Term]] = []
            for box, value in made:
                if fixed:
                    if start <= offset < stop:
                        following.append((box, at_index(arrays, periods, value, axis, offset)))
                elif wrap and (start, stop) == (0, period) and goes_round(arrays, periods, value, axis):
                    following.append((box, moved(arrays, periods, value, axis, offset, True)))
                else:
                    for turn in (-period, 0, period) if wrap else (0,):
                        reach = {axis: (start - offset - turn, stop - offset - turn)}
                        following.append((box | reach, moved(arrays, periods, value, axis, offset + turn)))
            made = following
        return made


def _put_in(term: Term, symbol: Symbol, value: Term) -> Term:
    return substitute(term, {symbol: value})


def _packed(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """The arrays that are left, without gaps in their vector."""
    made: dict[str, Array] = {}
    end = 0
    for group in memory_groups(arrays):
        begin = group[0].span[0]
        for array in group:
            made[array.name] = replace(array, offset=array.offset - begin + end)
        end = max(made[a.name].span[1] for a in group)
    return tuple(made[a.name] for a in arrays)
