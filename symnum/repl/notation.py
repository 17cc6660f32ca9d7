"""Plain mathematics to a tree: a precedence climber over ``tokens``. Nothing is ever evaluated.

::

    equation   a = b = c
    or < and < not < comparison < + - < * / · and products without a sign < unary - < operators ∂x ∇² √ d/dx < powers, primes
    operand    number | name | name(arguments) | ( ) [ ] { } | |a| ⌊a⌋ ⌈a⌉ | √a | ∫a dx | \\frac{a}{b} | ∂u/∂t | d²u/dx²

An operator takes the next operand with its power: ``∂x u²`` is ∂x(u²), ``∂x u v`` is (∂x u)·v. ``1/2 u`` is u/2; ``1/2u`` and ``a/b c`` are
errors that offer both readings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from symnum.errors import ParseError
from symnum.repl.bare_functions import FUNCTION_NAMES, bare_function
from symnum.repl.derivatives import operator, primed
from symnum.repl.nodes import Along, Node
from symnum.repl.tokens import Token

DEEPEST = 100
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_CLOSING = {"(": ")", "[": "]", "{": "}", "⌊": "⌋", "⌈": "⌉"}
_STARTS = frozenset("([{√∛∂∇Δ∫⌊⌈∞") | {"frac", "dot", "ddot"}
_WORDS = frozenset({"and", "or", "not", "at", "on", "in"})
Declared = Callable[[str], bool]


class Reader:
    """Reads one formula from a list of tokens that ends in an "end" token.

    ``declared``: is this a name with a meaning; ``coordinate``: can it be a coordinate?
    """

    def __init__(self, tokens: list[Token], typed: str, declared: Declared, coordinate: Declared) -> None:
        self.tokens, self.typed, self.declared, self.coordinate = tokens, typed, declared, coordinate
        self.index = self.depth = 0
        self.bars = [0]  # open |...| in each bracket around
        self.partner = _partners(tokens)

    # --- tokens ------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def peek(self, ahead: int = 1) -> Token:
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def advance(self) -> Token:
        token = self.tokens[self.index]
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def at(self, *texts: str) -> bool:
        return self.token.kind == "op" and self.token.text in texts

    def fail(self, message: str, position: int | None = None) -> ParseError:
        return ParseError(message, self.typed, self.token.position if position is None else position)

    def seen(self) -> str:
        if self.token.kind in ("end", "newline"):
            return "the end of the line"
        return repr(self.typed[self.token.position : max(self.token.end, self.token.position + 1)])

    def expect(self, text: str, opened: Token) -> None:
        if not self.at(text):
            raise self.fail(
                f"expected {text!r} for the {opened.text!r} in column {opened.position + 1}, found {self.seen()}"
            )
        self.advance()

    # --- levels ------------------------------------------------------------

    def whole(self) -> Node:
        """The formula up to the end of the tokens."""
        node = self.equation()
        if self.token.kind != "end":
            raise self.fail(f"expected an operator or the end, found {self.seen()}{self.hint()}")
        return node

    def check_depth(self) -> None:
        if self.depth > DEEPEST:
            raise self.fail(f"nested deeper than {DEEPEST} levels; give a part of it a name: q = ...")

    def hint(self) -> str:
        match self.token.text:
            case ")" | "]" | "}" | "⌋" | "⌉":
                return ", which nothing opens"
            case ":":
                return "; a name in front of a system stands at the start of the line, 'lorenz: ...'"
            case ".." | "∈":
                return "; the interval of a coordinate is written x in (0, 1)"
        return ""

    def equation(self) -> Node:
        first = self.token
        parts = [self.expression(0)]
        while self.at("="):
            self.advance()
            parts.append(self.expression(0))
        return parts[0] if len(parts) == 1 else Node("equals", "=", tuple(parts), first.position)

    def expression(self, level: int) -> Node:
        self.depth += 1
        self.check_depth()
        left = self.prefix(level)
        while (found := self.infix(left, level)) is not None:
            left = found
        self.depth -= 1
        return left

    def prefix(self, level: int) -> Node:
        token = self.token
        if (token.kind == "name" and token.text == "not") or self.at("¬"):
            self.advance()
            return Node("logic", "not", (self.expression(3),), token.position)
        return self.sum() if level <= 5 else self.product()

    def infix(self, left: Node, level: int) -> Node | None:
        token = self.token
        if token.kind == "op" and token.text in _COMPARISONS and level <= 3:
            return self.comparison(left)
        for own, word, sign in ((2, "and", "∧"), (1, "or", "∨")):
            if own >= level and (self.at(sign) or (token.kind == "name" and token.text == word)):
                self.advance()
                return Node("logic", word, (left, self.expression(own + 1)), token.position)
        return None

    def comparison(self, left: Node) -> Node:
        parts, operators, position = [left], [], self.token.position
        while self.token.kind == "op" and self.token.text in _COMPARISONS:
            operators.append(self.advance().text)
            parts.append(self.sum())
        return Node("compare", "", tuple(parts), position, tuple(operators))

    def sum(self) -> Node:
        start = self.token.position
        signs, parts = ["+"], []
        while self.at("+", "-"):  # signs in front; an even number of minus signs is none
            signs[0] = "-+"[signs[0] == "-"] if self.advance().text == "-" else signs[0]
        parts.append(self.product())
        while self.at("+", "-"):
            signs.append(self.advance().text)
            while self.at("+", "-"):
                signs[-1] = "-+"[signs[-1] == "-"] if self.advance().text == "-" else signs[-1]
            parts.append(self.product())
        if len(parts) == 1:
            return parts[0] if signs[0] == "+" else Node("minus", "-", (parts[0],), start)
        return Node("sum", "", tuple(parts), start, tuple(signs))

    # --- products ------------------------------------------------------------

    def product(self) -> Node:
        start = self.token.position
        starts = [self.index]
        parts, links = [self.operand()], [""]
        while True:
            if self.at("*", "·", "×", "/"):
                link = self.advance().text
                links.append("/" if link == "/" else "*")
                starts.append(self.index)
                parts.append(self.bound("/", self.signed) if link == "/" else self.signed())
            elif self.starts_operand():
                self.refuse_loose_factor(links[-1], parts[-1], starts)
                links.append(" ")
                starts.append(self.index)
                parts.append(self.operand())
            else:
                break
        return parts[0] if len(parts) == 1 else Node("product", "", tuple(parts), start, tuple(links))

    def refuse_loose_factor(self, link: str, before: Node, starts: list[int]) -> None:
        """``a/b c`` and ``1/2u`` have two readings, ``1/2 u``, ``a/(b) c`` and ``a/b ∂x u`` one; ``u 2`` has none."""
        token = self.token
        last = self.words(starts[-1], self.index)
        if token.kind in ("number", "fraction"):
            raise self.fail(f"a number behind {last}; write {last}*{token.text} or {last}^{token.text}")
        closed = self.tokens[starts[-1]].text == "("
        ends = (
            before.kind in ("number", "fraction")
            or token.text in ("∂", "∇", "Δ", "∫", "frac", "sin", "cos", "exp")
            or "_" in token.text
        )
        if link != "/" or closed or (ends and token.spaced):
            return
        above = self.words(starts[-2], starts[-1] - 1)
        after = self.factor()
        typed = f"{above}/{last}{' ' if token.spaced else ''}{after}"
        raise self.fail(
            f"{typed!r} can be read as {above}/({last}*{after}) or {above}/{last}*{after}; write the one you mean"
        )

    def factor(self) -> str:
        """What was typed from here to the end of the name, the number or the bracket."""
        return self.words(self.index, self.partner.get(self.index, self.index) + 1)

    def words(self, first: int, stop: int) -> str:
        """What was typed from token ``first`` up to token ``stop``."""
        return self.typed[self.tokens[first].position : self.tokens[max(stop - 1, first)].end]

    def starts_operand(self) -> bool:
        token = self.token
        if token.kind in ("number", "fraction"):
            return True
        if token.kind == "name":
            return token.text not in _WORDS or (token.text != "and" and self.declared(token.text))
        return token.kind == "op" and (token.text in _STARTS or (token.text == "|" and not self.bars[-1]))

    def signed(self) -> Node:
        """An operand that may carry a sign: behind * / ^."""
        start, minus = self.token.position, False
        while self.at("+", "-"):
            minus ^= self.advance().text == "-"
        node = self.operand()
        return Node("minus", "-", (node,), start) if minus else node

    def bound(self, sign: str, read: Callable[[], Node]) -> Node:
        """The operand of a sign that binds closer than a product; where it is ``x(1 - x)``, the sign is kept: two readings, if x is no function."""
        first = self.index
        while self.tokens[first].text in ("+", "-"):
            first += 1
        node = read()
        inner = node.args[0] if node.kind == "minus" else node
        if self.tokens[first].kind != "name" or inner.kind != "apply" or len(inner.data) > 1:
            return node
        inner = replace(inner, data=(*inner.data, sign))
        return replace(node, args=(inner,)) if node.kind == "minus" else inner

    # --- operands ------------------------------------------------------------

    def operand(self) -> Node:
        """An operator with its operand, or an atom with its powers and primes."""
        self.depth += 1
        self.check_depth()
        node = operator(self)
        if node is None:
            node = self.powers(self.atom())
        self.depth -= 1
        return node

    def powers(self, node: Node) -> Node:
        """``u²``, ``u^2``, ``u''``, ``(u v)'`` behind an atom."""
        while True:
            token = self.token
            if token.kind == "prime":
                self.advance()
                node = self.applied(primed(self, node, token))
            elif token.kind == "power":
                self.advance()
                node = Node("power", "^", (node, self.raised(token)), token.position)
            elif token.kind == "name" and token.text.startswith("_") and not token.spaced:  # (h u)_x
                self.advance()
                node = Node(
                    "derivative", "_", (node,), node.position, (), (Along("suffix", token.text[1:], 1, token.position),)
                )
            elif self.at("^"):
                self.advance()
                return Node("power", "^", (node, self.exponent(node)), token.position)
            else:
                return node

    def exponent(self, base: Node) -> Node:
        """``n`` of ``x^n(1 - x)``: a name takes no bracket with it, unless it is a function."""
        start, minus = self.token, False
        while self.at("+", "-"):
            minus ^= self.advance().text == "-"
        token = self.token
        if token.kind == "name" and token.text not in FUNCTION_NAMES and self.starts_operand():
            self.advance()
            self.depth += 1
            self.check_depth()
            node = self.powers(Node("name", token.text, (), token.position))
            self.depth -= 1
        else:
            node = self.operand()
        after = self.token
        if base.text == "e" and token.kind == "number" and after.kind == "name" and not after.spaced and not self.declared("e"):
            typed = self.typed[start.position : token.end]
            raise self.fail(
                f"'e^{typed}{after.text}' can be read as e^({typed} {after.text}) or e^({typed}) {after.text}; write the one you mean"
            )
        return Node("minus", "-", (node,), start.position) if minus else node

    def raised(self, token: Token) -> Node:
        """A superscript as a node."""
        body = token.text.lstrip("+-")
        if not body or not (body.isdigit() or body == "n"):
            raise self.fail(
                f"the power {self.typed[token.position : token.end]!r} is no whole number; write ^(...)", token.position
            )
        node = Node("number" if body.isdigit() else "name", body, (), token.position)
        return Node("minus", "-", (node,), token.position) if token.text[0] == "-" else node

    def atom(self) -> Node:
        token = self.token
        if token.kind in ("number", "fraction"):
            self.advance()
            return Node(token.kind, token.text, (), token.position)
        if token.kind == "name" and self.starts_operand():
            if token.text in ("if", "else", "for", "while", "from", "with", "as", "is"):
                raise self.fail(
                    f"{token.text!r} is a word of Python; cases are written where(condition, then, otherwise), places @ x=0"
                )
            self.advance()
            return self.applied(Node("name", token.text, (), token.position))
        if self.at("∞"):
            self.advance()
            return Node("infinity", "∞", (), token.position)
        if self.at("(", "[", "{"):
            return self.group()
        if self.at("⌊", "⌈"):
            self.advance()
            inner = self.inside(token)
            return Node("call", "floor" if token.text == "⌊" else "ceil", (inner,), token.position)
        if self.at("|"):
            return self.absolute()
        raise self.fail(f"expected a number, a name or '(', found {self.seen()}")

    def inside(self, opened: Token) -> Node:
        """What stands between brackets, and the closing one."""
        self.bars.append(0)
        node = self.equation()
        self.bars.pop()
        self.expect(_CLOSING[opened.text], opened)
        return node

    def group(self) -> Node:
        opened = self.advance()
        parts = self.listed(opened)
        if not parts:
            raise self.fail("expected an expression between the brackets", opened.position)
        return parts[0] if len(parts) == 1 else Node("list", opened.text, tuple(parts), opened.position)

    def listed(self, opened: Token) -> list[Node]:
        """Expressions between brackets, separated by commas; the opening one has been read."""
        parts: list[Node] = []
        self.bars.append(0)
        if not self.at(_CLOSING[opened.text]):
            parts.append(self.equation())
            while self.at(","):
                self.advance()
                parts.append(self.equation())
        self.bars.pop()
        self.expect(_CLOSING[opened.text], opened)
        return parts

    def absolute(self) -> Node:
        opened = self.advance()
        self.bars[-1] += 1
        inner = self.expression(0)
        self.bars[-1] -= 1
        if self.at("="):
            raise self.fail("expected '|'; a value at a place is written u = 0 @ x=0")
        after = self.peek()
        starts = after.kind in ("number", "fraction", "name") or after.text in _STARTS
        if self.at("|") and self.token.spaced and starts and not after.spaced:  # looks like one that opens
            raise self.fail("this | can be read as the end of |...| or as the beginning of another inside; write abs(...) for one of them")
        self.expect("|", opened)
        return Node("call", "abs", (inner,), opened.position)

    def applied(self, target: Node) -> Node:
        """A name with what stands in parentheses behind it; functions may do without: ``sin x``, ``sin² x``."""
        if (
            target.kind == "name"
            and target.text in FUNCTION_NAMES
            and not self.declared(target.text)
            and not self.at("(")
        ):
            return bare_function(self, target)
        if not self.at("("):
            return target
        opened = self.advance()
        link = "spaced" if opened.spaced else "tight"
        return Node("apply", "", (target, *self.listed(opened)), target.position, (link,))


def _partners(tokens: list[Token]) -> dict[int, int]:
    """Index of each opening bracket -> index of the one that closes it."""
    made: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind != "op":
            continue
        if token.text in _CLOSING:
            stack.append(index)
        elif stack and token.text == _CLOSING[tokens[stack[-1]].text]:
            made[stack.pop()] = index
    return made
