"""What completion can offer, each with one line of help; read from folders and files, nothing is imported for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import FileError

COMMANDS = Catalogue("command", package="symnum.repl.commands")
_FOLDERS = {
    "scheme": Catalogue("scheme", package="symnum.discretisation.schemes"),
    "target": Catalogue("target", package="symnum.codegen.targets"),
    "backend": Catalogue("backend", package="symnum.solvers.backends"),
    "engine": Catalogue("engine", package="symnum.rewrite.engines"),
    "format": Catalogue("format", package="symnum.formats.exporters"),
}
_METHODS = (
    Catalogue("method", package="symnum.solvers.embedded.methods"),
    Catalogue("method", package="symnum.solvers.embedded.stochastic.methods"),
)
_DOCSTRING = re.compile(r'\s*r?"""\s*(.*?)\s*(?:"""|\n|$)')

FUNCTIONS = {
    "sin": "sine", "cos": "cosine", "tan": "tangent", "exp": "exponential", "log": "natural logarithm", "sqrt": "square root, also √",
    "sinh": "hyperbolic sine", "cosh": "hyperbolic cosine", "tanh": "hyperbolic tangent", "sech": "1/cosh", "asin": "inverse sine",
    "acos": "inverse cosine", "atan": "inverse tangent", "atan2": "angle of (y, x)", "asinh": "inverse hyperbolic sine",
    "acosh": "inverse hyperbolic cosine", "atanh": "inverse hyperbolic tangent", "erf": "error function", "abs": "absolute value, also |x|",
    "sign": "-1, 0 or 1", "floor": "largest whole number below", "ceil": "smallest whole number above", "minimum": "the smaller of two",
    "maximum": "the larger of two", "min": "the smaller of two", "max": "the larger of two", "where": "where(condition, then, else)",
}  # fmt: skip
OPERATORS = {
    "laplacian(": "sum of second derivatives in space, also ∇² or Δ",
    "div(": "divergence of a vector, also ∇·",
    "grad(": "gradient, also ∇",
    "curl(": "curl of a vector, also ∇×",
    "integral(": "integral(u, x) over the whole domain, also ∫u dx",
    "periodic": "periodic x: both sides are joined",
    "antiperiodic": "antiperiodic x: joined with the opposite sign",
}
ORDERS = {"2": "second order", "4": "fourth order", "6": "sixth order"}


def first_line(path: Path) -> str:
    """First line of a module's docstring; "" where the file cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            match = _DOCSTRING.match(file.readline())
    except (OSError, UnicodeDecodeError):
        return ""
    return match[1] if match else ""


def entries(catalogue: Catalogue) -> dict[str, str]:
    """Names of a catalogue with their first lines; empty where its folder is missing."""
    return {path.stem: first_line(path) for path in _paths(catalogue)}


def _paths(catalogue: Catalogue) -> list[Path]:
    """The files of a catalogue, its folder listed twice and not once a file; none where the folder is missing."""
    try:
        names = catalogue.names()
        folder = catalogue.path(names[0]).parent if names else Path()
    except FileError:
        return []
    return [folder / f"{name}.py" for name in names]


def models() -> dict[str, str]:
    """The models that came along."""
    try:
        return entries(Catalogue("model", folder=shipped_folder("models")))
    except FileError:
        return {}


def values_of(option: str) -> dict[str, str]:
    """What an option can be: ``method``, ``scheme``, ``backend``, ``target``, ``engine``, ``format``, ``order``; empty for numbers."""
    if option == "method":
        return {"auto": "chosen from the equations", **methods()}
    if option == "order":
        return ORDERS
    found = entries(_FOLDERS[option]) if option in _FOLDERS else {}
    return {"auto": "chosen from the equations", **found} if option in ("scheme", "backend") else found


def methods() -> dict[str, str]:
    """Integrators with what they are for, as their files say; Julia's are left out, there are hundreds."""
    made: dict[str, str] = {}
    for catalogue in _METHODS:
        for path in _paths(catalogue):
            made |= _method(_source(path))
    for path in _paths(_FOLDERS["backend"]):
        made |= _literal(_source(path), "METHODS")
    return made


def command_options(command: str) -> dict[str, str]:
    """The options of a command: ``OPTIONS`` of its file."""
    return _literal(_source(COMMANDS.path(command)), "OPTIONS") if command in COMMANDS else {}


def _source(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _statement(source: str, name: str) -> ast.expr | None:
    """The value of the top-level assignment ``name = ...``, parsed by itself: up to the next line that begins a statement."""
    match = re.search(rf"^{name}(?::[^=\n]*)? = ", source, re.M)
    if match is None:
        return None
    end = re.compile(r"^(?![\s)\]}#])", re.M).search(source, match.end())
    try:
        tree = ast.parse(source[match.end() : end.start() if end else len(source)].strip())
    except SyntaxError:
        return None
    return tree.body[0].value if tree.body and isinstance(tree.body[0], ast.Expr) else None


def _method(source: str) -> dict[str, str]:
    """``METHOD = Method(name="ROCK4", ..., summary="...")``: the first text is the name, the longest the summary."""
    value = _statement(source, "METHOD")
    if not isinstance(value, ast.Call):
        return {}
    parts = [*value.args, *(keyword.value for keyword in value.keywords)]
    texts = [p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)]
    return {texts[0]: max(texts[1:], key=len, default="")} if texts else {}


def _literal(source: str, name: str) -> dict[str, str]:
    """A dictionary of texts that a file assigns to a name; empty where it is computed."""
    value = _statement(source, name)
    if not isinstance(value, ast.Dict):
        return {}
    pairs = zip(value.keys, value.values, strict=True)
    return {str(k.value): str(v.value) for k, v in pairs if isinstance(k, ast.Constant) and isinstance(v, ast.Constant)}


def files(prefix: str, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Folders and files that begin with ``prefix``, with what they are; hidden ones only where asked for. No suffixes: all files."""
    folder_text, mark, start = prefix.rpartition("/")
    folder = Path(folder_text or ("/" if mark else ".")).expanduser()
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for path in found:
        if not path.name.startswith(start) or (path.name.startswith(".") and not start.startswith(".")):
            continue
        if path.is_dir():
            yield f"{folder_text}{mark}{path.name}/", "folder"
        elif not suffixes or path.suffix in suffixes:
            yield f"{folder_text}{mark}{path.name}", f"{path.suffix[1:] or 'a'} file"
