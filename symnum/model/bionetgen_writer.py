"""Reaction networks -> BioNetGen ``.net`` files, in the order and spelling that BioNetGen itself uses.

BioNetGen multiplies every rate by the reactants, so a rate that is written in full (``S => P, Vmax*S/(Km + S)``) is divided by them first; where that
does not cancel, the format cannot hold the reaction. Species that functions mention become groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symnum.errors import FileError, ModelError
from symnum.expr.numbers import Number
from symnum.expr.term import ONE, Symbol, Term, mul, power_product, split_coefficient
from symnum.expr.walk import fold, postorder, symbols
from symnum.model.bionetgen_expressions import NUMBER, RESERVED
from symnum.model.rate_laws import FULL, MASS_ACTION, RateLaw

if TYPE_CHECKING:
    from symnum.model.reactions import ReactionNetwork

_SPELLED = {"log": "ln", "minimum": "min", "maximum": "max", "where": "if", "pow": "^"}
_BETWEEN = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and": "&&", "or": "||", "pow": "^"}
_KEPT = ("exp", "abs", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")


def write_net(network: ReactionNetwork, path: Any) -> Path:
    """Write the file; see ``ReactionNetwork.to_net``."""
    path = Path(path)
    if path.suffix != ".net":
        raise FileError(
            f"{path} has the suffix {path.suffix or 'none'!r}, expected .net; write network.to_net({(path.stem or 'model') + '.net'!r})"
        )
    if not path.parent.is_dir():
        raise FileError(f"{path} cannot be written: the folder {path.parent} does not exist")
    path.write_text(_Writer(network).text(), "utf-8")
    return path


class _Writer:
    """One file on its way."""

    def __init__(self, network: ReactionNetwork) -> None:
        self.network, self.parts = network, network._parts
        self.taken = (
            {s.name for s in (*self.parts.parameters, *self.parts.definitions)} | set(self.parts.functions) | RESERVED
        )
        self.groups: dict[str, Term] = {}
        for name, term in self.parts.observables.items():
            self.groups[self._group_name(name)] = term
        self.group_of = {
            term: name for name, term in self.groups.items() if isinstance(term, Symbol) and name not in self.taken
        }
        self.constants: dict[str, str] = {}  # rate constants that are formulas
        self.functions: dict[str, str] = {}
        self.rates: dict[Term, str] = {}
        for name, term in self.parts.functions.items():
            self.functions[name] = self._formula(term, f"the function {name}")
            self.rates[term] = name

    def text(self) -> str:
        """The whole file."""
        reactions = self._reactions()  # they make constants, functions and groups
        fixed = self.network.fixed
        labels = [_label(label, s in fixed) for s, label in zip(self.parts.species, self.parts.labels, strict=True)]
        amounts = [self._formula(v, f"the amount of {s}") for s, v in self.network.initial.items()]
        parameters = [f"{name} {value!r}" for name, value in self.network.parameters.items()]
        parameters += [f"{s} {self._formula(term, f'the parameter {s}')}" for s, term in self.parts.definitions.items()]
        parameters += [f"{name} {formula}" for name, formula in self.constants.items()]
        blocks = [_block("parameters", parameters)]
        blocks += (
            [_block("functions", [f"{name}() {formula}" for name, formula in self.functions.items()])]
            if self.functions
            else []
        )
        blocks += [_block("species", [f"{label} {amount}" for label, amount in zip(labels, amounts, strict=True)])]
        blocks += [_block("reactions", reactions)]
        blocks += (
            [_block("groups", [f"{name} {self._members(name, term)}" for name, term in self.groups.items()])]
            if self.groups
            else []
        )
        return "# Created by symnum\n" + "".join(blocks)

    def _reactions(self) -> list[str]:
        texts: dict[Any, str] = {}
        rows = []
        for law, left, right in self.parts.rows:
            kind = self.parts.laws[law]
            key = law if kind.kind != FULL else (law, left)
            if key not in texts:
                texts[key] = self._rate(kind, left)
            rows.append(f"{_side(left)} {_side(right)} {texts[key]}")
        return rows

    def _rate(self, law: RateLaw, reactants: tuple[int, ...]) -> str:
        if law.kind not in (MASS_ACTION, FULL):
            factor = "" if law.factor is ONE else f"{self._number_or_name(law.factor)}*"
            return f"{factor}{law.kind} {' '.join(self._constant(c) for c in law.constants)}"
        rate = mul((law.factor, *law.constants))
        if law.kind == FULL:
            rate = self._per_reactants(rate, [self.parts.species[s] for s in reactants])
        coefficient, rest = split_coefficient(rate)
        if coefficient != 1 and (isinstance(rest, Symbol) or rest in self.rates) and _exact(coefficient):
            sign = "-" if coefficient < 0 else ""  # a factor in front of a name stands without parentheses
            return f"{sign}{_number(abs(coefficient))}*{self._constant(rest)}"
        return self._constant(rate)

    def _per_reactants(self, rate: Term, reactants: list[Symbol]) -> Term:
        bag: dict[Term, Number] = {}
        for s in reactants:
            bag[s] = bag.get(s, 0) - 1
        left = mul((rate, power_product(bag)))
        bases = dict(zip(left.args, left.data[1:], strict=True)) if left.op == "mul" else {}
        for s in reactants:
            if bases.get(s, 0) < 0:
                raise ModelError(
                    f"the rate {rate} of a reaction that takes {s} does not hold {s} as a factor; a .net file holds rates per reactant only, so this "
                    f"network cannot be written. Write the reaction with '->' and a rate constant"
                )
        return left

    def _constant(self, term: Term) -> str:
        """The name of a parameter or function with this value; made where there is none."""
        if isinstance(term, Symbol) and term.kind == "parameter":
            return term.name
        if term not in self.rates:
            name = self._fresh("_rateLaw")
            changing = symbols(term, "field") or self.parts.time in symbols(term)
            (self.functions if changing else self.constants)[name] = self._formula(term, f"the rate {term}")
            self.rates[term] = name
        return self.rates[term]

    def _number_or_name(self, term: Term) -> str:
        return _number(term.data[0]) if term.op == "const" and _exact(term.data[0]) else self._constant(term)

    def _fresh(self, stem: str) -> str:
        number = 1
        while f"{stem}{number}" in self.taken:
            number += 1
        self.taken.add(f"{stem}{number}")
        return f"{stem}{number}"

    def _group_name(self, name: str) -> str:
        return name if name.isidentifier() else re.sub(r"\W", "_", name)

    def _members(self, name: str, term: Term) -> str:
        """A group as ``1,2*3``."""
        number: dict[Term, int] = {s: n for n, s in enumerate(self.parts.species, 1)}
        pairs = [(1, term)] if term.op != "add" else list(zip(term.data[1:], term.args, strict=True))
        pairs = [(c * k, s) for c, t in pairs for k, s in [split_coefficient(t)]]
        if term.op == "const" and term.data[0] == 0:
            return ""
        if (term.op == "add" and term.data[0] != 0) or not all(s in number for _, s in pairs):
            raise ModelError(
                f"the observable {name} = {term} is no sum of species with weights, as the groups of a .net file are: "
                "leave it out, or observe its parts"
            )
        return ",".join(
            f"{'' if c == 1 else _number(c) + '*'}{number[s]}" for c, s in sorted(pairs, key=lambda p: number[p[1]])
        )

    def _formula(self, term: Term, what: str) -> str:
        """The term in BioNetGen's spelling, parentheses around every operation, no spaces."""
        for node in postorder((term,)):
            if isinstance(node, Symbol) and node.kind == "field" and node not in self.group_of:
                name = self._fresh(f"_{node.name}_")
                self.groups[name] = self.group_of[node] = node  # type: ignore[assignment]
                self.group_of[node] = name
        return fold(term, lambda node, args: self._spell(node, args, what))

    def _spell(self, node: Term, args: list[str], what: str) -> str:
        if isinstance(node, Symbol):
            return "time()" if node is self.parts.time else self.group_of.get(node, node.name)
        if node.op == "const":
            return _number(node.data[0])
        if node.op == "pi":
            return "_pi()"
        if node.op == "add":
            parts = [a if c == 1 else f"({_number(c)}*{a})" for c, a in zip(node.data[1:], args, strict=True)]
            return f"({'+'.join([*([_number(node.data[0])] if node.data[0] != 0 else []), *parts])})"
        if node.op == "mul":
            powers = [a if e == 1 else f"({a}^{_number(e)})" for e, a in zip(node.data[1:], args, strict=True)]
            return f"({'*'.join([*([_number(node.data[0])] if node.data[0] != 1 else []), *powers])})"
        if node.op in _BETWEEN:
            return f"({args[0]}{_BETWEEN[node.op]}{args[1]})"
        if node.op == "floor":
            return f"rint({args[0]}-0.5)"
        if node.op not in _KEPT and node.op not in _SPELLED:
            raise ModelError(
                f"{what} holds {node.op}, which BioNetGen's expressions do not have; rewrite it with exp, ln, if, ..."
            )
        return f"{_SPELLED.get(node.op, node.op)}({','.join(args)})"


def _exact(value: Number) -> bool:
    return not isinstance(value, Fraction) or Fraction(float(value)) == value


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Fraction):
        return repr(float(value)) if _exact(value) else f"({value.numerator}/{value.denominator})"
    text = repr(value)
    return text if NUMBER.fullmatch(text) and not text.startswith("-") else f"({text})"


def _side(members: Iterable[int]) -> str:
    return ",".join(str(s + 1) for s in members) or "0"


def _label(label: str, fixed: bool) -> str:
    """A species as a BioNetGen pattern."""
    label = f"{label}()" if label.isidentifier() else label
    return f"${label}" if fixed and "$" not in label else label


def _block(name: str, lines: list[str]) -> str:
    body = "".join(f"{n:5d} {line}\n" for n, line in enumerate(lines, 1))
    return f"begin {name}\n{body}end {name}\n"
