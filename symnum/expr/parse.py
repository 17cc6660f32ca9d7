"""Text to terms by our own grammar: a tokenizer and a precedence climber. Nothing is ever evaluated as Python.

::

    equation   = sum-level "=" sum-level
    or < and < not < comparison (< <= > >= == !=, chains mean "and") < + - < * / < unary - < ^ or ** (right to left)
    atom       = number | name | name "(" argument {"," argument} ")" | "(" equation-free expression {"," ...} ")"

Whole numbers are exact, ``1/3`` is an exact fraction, ``0.1`` and ``1e-3`` are floats. ``pi`` is the number pi unless declared otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from symnum.errors import ParseError, TermError, did_you_mean
from symnum.expr.ops import FUNCTIONS, TABLE
from symnum.expr.term import FALSE, MINUS_ONE, ONE, TRUE, Const, Term, add, call, mul, power, scale

_MAX_DEPTH = 150
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<op>\*\*|<=|>=|==|!=|[-+*/^<>=(),]))"
)
_COMPARE = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
_BINARY = {"+": (5, 6), "-": (5, 6), "*": (7, 8), "/": (7, 8), "^": (12, 11), "**": (12, 11)}
_CHAINS = {"+": "+-", "-": "+-", "*": "*/", "/": "*/"}
_UNARY_POWER = 9
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_KEYWORDS = frozenset({"and", "or", "not"})

_HABITS = {  # characters that people write, and what is written here
    "[": "; brackets are round: ( )",
    "{": "; brackets are round: ( )",
    ".": "; functions have plain names: sin(x), not np.sin(x)",
    "|": "; write abs(u)",
    "∂": "; derivatives are written dt(u), dxx(u)",
    "∇": "; write grad(u), div(w) or laplacian(u)",
    "'": "; derivatives are written dt(u), dxx(u)",
    "·": "; multiplication is written with '*'",
    "×": "; multiplication is written with '*'",
    "@": "; only a condition has a place, as in 'u = 0 @ x=0'",
}

Functions = Callable[[str], Callable[..., Any] | None]


class Token(NamedTuple):
    """kind: number, name, op or end; ``position``: column in the text."""

    kind: str
    text: str
    position: int


def tokenize(text: str) -> list[Token]:
    """Split text into tokens; a character outside the grammar raises ParseError with its place."""
    if not isinstance(text, str):
        raise ParseError(f"expected text such as 'D*dxx(u)', got {text!r} of type {type(text).__name__}")
    tokens, position = [], 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            while text[position].isspace():
                position += 1
            hint = _HABITS.get(text[position], "")
            raise ParseError(f"the character {text[position]!r} is not part of the grammar{hint}", text, position)
        kind = match.lastgroup or ""
        tokens.append(Token(kind, match.group(kind), match.start(kind)))
        position = match.end()
    tokens.append(Token("end", "", end))
    return tokens


def parse(text: str, names: Mapping[str, Any] | None = None, functions: Functions | None = None) -> Any:
    """Parse an expression. ``names``: declared names -> values; ``functions(name)`` gives operators beyond the table's (or None).

    Raises ParseError with the column for everything that does not follow the grammar or is not declared.
    """
    parser = _Parser(text, names or {}, functions)
    value = parser.expression(0)
    parser.finish()
    return value


def parse_equation(text: str, names: Mapping[str, Any], functions: Functions | None = None) -> tuple[Any, Any]:
    """Parse ``left = right``."""
    parser = _Parser(text, names, functions)
    left = parser.expression(0)
    if parser.token.text != "=":
        twice = next((t for t in parser.tokens if t.text == "=="), parser.token)
        raise ParseError("expected an equation 'left = right' with one '='", text, twice.position)
    parser.advance()
    right = parser.expression(0)
    parser.finish()
    return left, right


class _Parser:
    """Precedence climbing over a token list. Depth is bounded; length is not."""

    def __init__(self, text: str, names: Mapping[str, Any], functions: Functions | None) -> None:
        self.text, self.names, self.functions = text, names, functions
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def advance(self) -> Token:
        token = self.tokens[self.index]
        self.index += 1
        return token

    def fail(self, message: str, token: Token | None = None) -> ParseError:
        return ParseError(message, self.text, (token or self.token).position)

    def expect(self, text: str) -> None:
        if self.token.text != text:
            raise self.fail(f"expected {text!r}, found {self._describe(self.token)}")
        self.advance()

    def _describe(self, token: Token) -> str:
        return "the end of the text" if token.kind == "end" else repr(token.text)

    def finish(self) -> None:
        if self.token.kind != "end":
            hint = ""
            if self.token.kind in ("name", "number") or self.token.text == "(":
                hint = "; multiplication is written with '*'"
            elif self.token.text == "=":
                hint = "; an expression holds no '=' (a comparison is '==')"
            elif self.token.text == ")":
                hint = "; no bracket is open here"
            elif self.token.text == "," and self.tokens[self.index - 1].kind == "number":
                hint = "; decimals are written with a point: 0.1"
            raise self.fail(f"expected an operator or the end, found {self._describe(self.token)}{hint}")

    def expression(self, level: int) -> Any:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.fail(
                f"the expression is nested deeper than {_MAX_DEPTH} levels; name a part of it as an equation of its own"
            )
        left = self.prefix()
        left = self.infix(left, level)
        self.depth -= 1
        return left

    def infix(self, left: Any, level: int) -> Any:
        while True:
            token = self.token
            if token.text in _BINARY and token.kind == "op":
                left_power, right_power = _BINARY[token.text]
                if left_power < level:
                    return left
                if token.text in _CHAINS:
                    left = self.chain(left, _CHAINS[token.text], right_power)
                    continue
                self.advance()
                left = self.combine(token, left, self.expression(right_power))
            elif token.text in _COMPARE and level <= 3:
                left = self.comparison(left)
            elif token.kind == "name" and token.text in ("and", "or"):
                own = 2 if token.text == "and" else 1
                if own < level:
                    return left
                self.advance()
                left = self.combine(token, left, self.expression(own + 1))
            else:
                return left

    def chain(self, left: Any, operators: str, right_power: int) -> Any:
        """``a + b - c ...`` or ``a*b/c ...`` brought to canonical form once, not once an operator: length costs linear time."""
        first, parts, rows = self.token, [left], []
        while self.token.kind == "op" and self.token.text in operators:
            token = self.advance()
            rows.append((token, self.expression(right_power)))
        if not all(isinstance(value, Term) for value in (left, *(value for _, value in rows))):
            for token, value in rows:
                left = self.combine(token, left, value)
            return left
        for token, value in rows:
            if token.text == "-":
                value = scale(value, -1)
            parts.append(self.combine(token, ONE, value) if token.text == "/" else value)
        try:
            return add(parts) if operators == "+-" else mul(parts)
        except (TermError, OverflowError) as error:
            raise self.fail(f"'{first.text}' cannot be applied here: {error}", first) from None

    def comparison(self, left: Any) -> Any:
        result = None
        while self.token.text in _COMPARE:
            token = self.advance()
            right = self.expression(4)
            one = self.combine(token, left, right)
            result = one if result is None else call("and", result, one)
            left = right
        return result

    def combine(self, token: Token, left: Any, right: Any) -> Any:
        if isinstance(left, tuple) or isinstance(right, tuple):
            raise self.fail(f"'{token.text}' cannot be applied to a list (a, b)", token)
        try:
            match token.text:
                case "+":
                    return left + right
                case "-":
                    return left - right
                case "*":
                    return left * right
                case "/":
                    return left / right
                case "^" | "**":
                    return left**right
                case "and" | "or":
                    return call(token.text, left, right)
                case _:
                    return call(_COMPARE[token.text], left, right)
        except (TermError, TypeError, AttributeError) as error:
            raise self.fail(f"'{token.text}' cannot be applied here: {error}", token) from None

    def prefix(self) -> Any:
        token = self.advance()
        if token.kind == "number":
            return _number(token, self.text)
        if token.text == "(":
            return self.parenthesis()
        if token.text in ("-", "+"):
            value = self.expression(_UNARY_POWER)
            if token.text == "+":
                return value
            return (
                scale(value, -1)
                if isinstance(value, Term)
                else self.combine(Token("op", "*", token.position), MINUS_ONE, value)
            )
        if token.kind == "name" and token.text == "not":
            return self.apply(token, lambda condition: call("not", condition), [self.expression(3)])
        if token.kind == "name" and token.text not in _KEYWORDS:
            return self.call(token) if self.token.text == "(" else self.name(token)
        raise self.fail(f"expected a number, a name or '(', found {self._describe(token)}", token)

    def parenthesis(self) -> Any:
        parts = [self.expression(0)]
        while self.token.text == ",":
            self.advance()
            parts.append(self.expression(0))
        self.expect(")")
        return parts[0] if len(parts) == 1 else tuple(parts)

    def name(self, token: Token) -> Any:
        if token.text in self.names:
            return self.names[token.text]
        if token.text in ("pi", "π"):
            return call("pi")
        if token.text in ("true", "false"):
            return TRUE if token.text == "true" else FALSE
        if token.text in FUNCTIONS or (self.functions is not None and self.functions(token.text) is not None):
            raise self.fail(f"{token.text!r} is a function: write {token.text}(...)", token)
        if habit := self._habit(token.text):
            raise self.fail(f"unknown name {token.text!r}. {habit}", token)
        known = sorted(self.names)
        listed = f" Declared here: {', '.join(known)}." if known else ""
        error = self.fail(f"unknown name {token.text!r}.{did_you_mean(token.text, known)}{listed}", token)
        error.unknown = token.text
        raise error

    def _habit(self, name: str) -> str:
        """How a derivative or a power that is written as on paper is written here; "" for other names."""
        base, _, suffix = name.partition("_")
        if base in self.names and suffix and self.functions is not None and self.functions(f"d{suffix}") is not None:
            return f"Derivatives are written d{suffix}({base})."
        plain = name.translate(_RAISED)
        if plain != name:
            cut = next(i for i, (a, b) in enumerate(zip(name, plain, strict=True)) if a != b)
            return f"Powers are written {plain[:cut]}^{plain[cut:]}."
        return ""

    def call(self, token: Token) -> Any:
        arguments = self.arguments()
        function = self.functions(token.text) if self.functions is not None else None
        if function is None:
            function = _table_function(token.text)
        if function is None and token.text in self.names:
            bare = f"{token.text} without arguments, or " if getattr(self.names[token.text], "kind", "") == "field" else ""
            raise self.fail(f"{token.text!r} is not a function; write {bare}{token.text}*(...) for a product", token)
        if function is None:
            raise self.fail(f"unknown function {token.text!r}.{_near_function(token.text)}", token)
        return self.apply(token, function, arguments)

    def apply(self, token: Token, function: Callable[..., Any], arguments: list[Any]) -> Any:
        try:
            return function(*arguments)
        except ParseError:
            raise
        except (TermError, TypeError, AttributeError, ArithmeticError) as error:
            raise self.fail(f"{token.text}: {error}", token) from None

    def arguments(self) -> list[Any]:
        self.expect("(")
        values: list[Any] = []
        if self.token.text == ")":
            self.advance()
            return values
        values.append(self.expression(0))
        while self.token.text == ",":
            self.advance()
            values.append(self.expression(0))
        self.expect(")")
        return values


def _number(token: Token, text: str) -> Term:
    if token.text.isdigit():
        if len(token.text) > 1000:
            raise ParseError("a whole number of more than 1000 digits", text[:60], 0)
        return Const(int(token.text))
    value = float(token.text)
    if value == float("inf") and token.text != "1e999":  # the one way to write infinity, and how it is printed
        raise ParseError(
            f"{token.text} is larger than the largest floating-point number, 1.8e308", text, token.position
        )
    return Const(value)


def _near_function(name: str) -> str:
    if name.lower() in ("diff", "derivative", "deriv", "pd"):
        return " Derivatives are written dx(u), dxx(u) or d(u, x, 2)."
    if name.lower() in ("heaviside", "theta", "step"):
        return " Write where(x > 0, 1, 0)."
    return did_you_mean(name, sorted(FUNCTIONS | {"laplacian", "div", "grad", "curl", "sqrt", "integral"}))


def _only(name: str, args: tuple[Any, ...]) -> Any:
    if len(args) != 1:
        raise TermError(f"{name} takes 1 argument, {len(args)} given")
    return args[0]


def _table_function(name: str) -> Callable[..., Term] | None:
    if name == "sqrt":
        return lambda *args: power(_only(name, args), Const(0.5))
    if name == "sech":
        return lambda *args: power(call("cosh", _only(name, args)), MINUS_ONE)
    aliases = {"min": "minimum", "max": "maximum", "ln": "log", "arctan": "atan", "arcsin": "asin", "arccos": "acos"}
    name = aliases.get(name, name)
    if name in FUNCTIONS and TABLE[name].arity:
        return lambda *args: call(name, *args)
    return None
