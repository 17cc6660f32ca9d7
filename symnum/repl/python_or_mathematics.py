"""Is a typed line Python's or mathematics? The rule, in the order in which it is applied:

1. What Python cannot read is mathematics; ``%``, ``!`` and ``?`` at the start (or ``?`` at the end) are IPython's.
2. A line with something that only Python has is Python: a statement such as ``import`` or ``for``, an attribute ``sol.t``, an index ``sol[u]``,
   quotes, ``lambda``, a call of a Python name that is no function of mathematics.
3. A line with a derivative, a place (``@ x=0``) or the interval of a coordinate is mathematics.
4. ``name = expression`` defines a parameter or an abbreviation, unless Python has a variable of this name that is none, or the expression
   holds names that only Python knows.
5. Anything else is Python where Python knows all its names, otherwise mathematics.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import unicodedata
import warnings

from symnum.model.suffix import split_suffix
from symnum.repl.bare_functions import FUNCTION_NAMES
from symnum.repl.scope import VECTOR_OPERATORS
from symnum.repl.statement_kinds import Known

_ONLY_PYTHON = (ast.Attribute, ast.Subscript, ast.Lambda, ast.JoinedStr, ast.Dict, ast.DictComp, ast.ListComp, ast.SetComp, ast.GeneratorExp,
                ast.NamedExpr, ast.Starred, ast.Await, ast.Yield, ast.YieldFrom, ast.List, ast.Set, ast.IfExp)  # fmt: skip
_FIRST_WORDS = frozenset(keyword.kwlist) - {"not", "in", "is", "and", "or", "lambda", "True", "False", "None"}
_BUILTINS = frozenset(dir(builtins))
_LONGEST_MATHEMATICS = 20_000


def is_python(text: str, known: Known) -> bool:
    """True for text that is left to Python; see the rule above."""
    stripped = text.strip()
    if not stripped or stripped.startswith(("%", "!", "?", "#")) or stripped.endswith("?"):
        return True
    first = re.match(r"[^\W\d]\w*", stripped)
    if stripped[0] == "@" or (first and first[0] in _FIRST_WORDS):
        return True
    if (
        re.match(r"[^\W\d]\w* +in *[(\[]", stripped)
        and first
        and first[0] in (*known.possible_coordinates, *known.fields)
    ):
        return False
    tree = _read(stripped)
    if tree is None:
        return False
    nodes = list(ast.walk(tree))
    names = {unicodedata.normalize("NFKC", node.id) for node in nodes if isinstance(node, ast.Name)}
    if any("·" in name and name not in known.python for name in names):  # Python takes u·v for one name
        return False
    if _braced_power(nodes) and not {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)} <= known.python:
        return False
    if _only_python(nodes, known):
        return True
    if len(tree.body) == 1:
        decided = _form(tree.body[0], names, known)
        if decided is not None:
            return decided
    return names <= known.python | _BUILTINS


def _read(text: str) -> ast.Module | None:
    if text.count("(") > 5000 or len(text) > 10 * _LONGEST_MATHEMATICS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "2x", which is not Python's to judge
            return ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _only_python(nodes: list[ast.AST], known: Known) -> bool:
    mathematics = FUNCTION_NAMES | VECTOR_OPERATORS | {"d", "integral", *known.definitions}
    for node in nodes:
        if isinstance(node, _ONLY_PYTHON) or (
            isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes, type(None)))
        ):
            return True
        if isinstance(
            node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.For, ast.While, ast.AugAssign)
        ):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            ours = (
                name in mathematics
                or name in known.fields
                or name in known.parameters
                or name in known.possible_coordinates
            )
            if not ours and (name in known.python or name in _BUILTINS):
                return True
    return False


def _braced_power(nodes: list[ast.AST]) -> bool:
    """``u^{3/2}``, which Python reads as a set."""
    powers = (n for n in nodes if isinstance(n, ast.BinOp) and isinstance(n.op, ast.BitXor))
    return any(isinstance(n.right, ast.Set) and len(n.right.elts) == 1 for n in powers)


def _form(statement: ast.stmt, names: set[str], known: Known) -> bool | None:
    """What the form of a single statement says; None where it says nothing."""
    if any(_is_derivative(name, known) for name in names):
        return False
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Compare):
        return False if _is_interval(statement.value, known) else None
    if isinstance(statement, ast.AnnAssign):
        return False if statement.value is not None and not isinstance(statement.annotation, ast.Name) else None
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if isinstance(target, ast.Tuple):
        return True
    if not isinstance(target, ast.Name):
        return None
    name = unicodedata.normalize("NFKC", target.id)
    ours = name in known.parameters or name in known.definitions or name in known.fields or name in known.coordinates
    if name in known.python and not ours:
        return True
    right = names - {name} if not _mentions(statement.value, name) else names
    foreign = {n for n in right if n in known.python | _BUILTINS and not _is_mathematical(n, known)}
    return bool(foreign) or isinstance(statement.value, ast.Tuple)


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _is_mathematical(name: str, known: Known) -> bool:
    ours = (
        known.fields,
        known.parameters,
        known.definitions,
        known.possible_coordinates,
        FUNCTION_NAMES,
        VECTOR_OPERATORS,
    )
    return any(name in table for table in ours) or name in ("pi", "π")


def _is_derivative(name: str, known: Known) -> bool:
    base, mark, suffix = name.rpartition("_")
    if not mark or not base or name in known.python or name in known.parameters:
        return False
    along = dict.fromkeys((*known.possible_coordinates, known.time, "x", "y", "z"))
    return bool(split_suffix("d" + suffix, along))


def _is_interval(node: ast.Compare, known: Known) -> bool:
    """``x in (0, 1)``, ``0 <= x <= 1`` with a coordinate (or a name that Python does not know)."""

    def free(part: ast.expr) -> bool:
        return isinstance(part, ast.Name) and (
            part.id in known.possible_coordinates or part.id not in known.python | _BUILTINS
        )

    if len(node.ops) == 1 and isinstance(node.ops[0], ast.In):
        pair = node.comparators[0]
        ours = isinstance(node.left, ast.Name) and node.left.id in known.coordinates
        return free(node.left) and isinstance(pair, ast.Tuple) and (ours or len(pair.elts) == 2)
    return (
        len(node.ops) == 2 and all(isinstance(op, (ast.Lt, ast.LtE)) for op in node.ops) and free(node.comparators[0])
    )
