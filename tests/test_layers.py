"""The package keeps its shape: who may import whom, no cycles, short functions and files, nothing that runs text.

Each rule is a function ``rule(sources) -> list of sentences``; ``sources`` maps module names to their text, so the
rules are tested on made-up bad modules as well as on the package.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
Sources = dict[str, str]  # "symnum.expr.term" -> text; a package's __init__ under the package's name

# "layer: the layers it may import". errors and catalogue may be imported by all; "ir.Traits" is that one name of ir.
LAYERS = {
    layer: frozenset(allowed.split())
    for layer, allowed in {
        "errors": "",
        "catalogue": "",
        "display": "",
        "expr": "",
        "ir": "expr",
        "model": "expr",
        "bridge": "expr",
        "rewrite": "expr bridge ir",
        "result": "progress",
        "discretisation": "model ir expr rewrite",
        "tracing": "ir expr",
        "codegen": "ir expr bridge",
        "solvers": "codegen ir expr result bridge",
        "plan": "model ir.Traits",
        "formats": "model ir expr bridge codegen",
        "functions": "codegen ir expr",
        "traced": "tracing kernels codegen ir expr model",
        "kernels": "tracing codegen ir expr",
        "labels": "ir result solvers",
        "decisions": "",
        "progress": "",
        "provenance": "formats result",
        "watching": "codegen discretisation ir result solvers",
        "charts": "model result",
        "planning": "ir plan solvers",
        "on_gpu": "codegen ir plan solvers",
        "pipeline": "expr ir model rewrite plan planning discretisation tracing traced codegen solvers result formats "
        "labels progress decisions provenance charts watching on_gpu",
        "exchange": "formats pipeline",
        "sweeping": "codegen on_gpu traced pipeline planning discretisation ir labels model result solvers",
        "stepwise": "traced pipeline plan planning discretisation ir labels model result solvers watching",
        "equilibrium": "pipeline labels model result solvers",
        "pictures": "pipeline stepwise functions traced solvers rewrite model expr result",
        "neural": "pipeline datasets formats solvers codegen discretisation ir model expr result",
        "datasets": "equilibrium pipeline planning discretisation formats kernels solvers model ir expr",
        "repl": "pipeline exchange provenance formats datasets neural model rewrite result expr",
        "view": "pipeline provenance result",
        "notebook": "view provenance result",
        "cli": "pictures view provenance pipeline exchange formats datasets neural model rewrite result repl bridge",
        "__main__": "cli",
    }.items()
}
FOR_ALL = {"errors", "catalogue", "display"}

LONGEST_FUNCTION, LONGEST_FILE = 70, 500

# Text run as code, and data formats that run code when read.
RUNS_TEXT = {"eval", "exec", "__import__", "sympify", "parse_expr", "parse_latex", "lambdify"}
RUNS_DATA = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
# (module, name) pairs that may run text all the same, each with the reason why no user's text can reach it.
EXEMPT = frozenset({("symnum.codegen.targets.numpy", "exec")})  # its own generated text, made of sanitised names
ONE_MACHINE = re.compile(
    r"(?:^|(?<=[^./\w-]))/(?:root|home|work|farm|opt|Users)/[\w.-]+ | [.][.]/shared | \b[A-Z]:\\+Users\b", re.M | re.X
)


def package_sources(folder: Path = ROOT / "symnum") -> Sources:
    names = {path: ".".join(path.relative_to(folder.parent).with_suffix("").parts) for path in folder.rglob("*.py")}
    return {name.removesuffix(".__init__"): path.read_text("utf-8") for path, name in sorted(names.items())}


# ------------------------------------------------------------------ who imports whom


def imports(name: str, sources: Sources, on_import_only: bool = False) -> Iterator[tuple[int, str]]:
    """(line, full dotted name) of all that a module takes from symnum; ``on_import_only``: not inside functions."""
    for node in _statements(ast.parse(sources[name]), on_import_only):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.split(".")[0] == "symnum")
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, name, sources)
            if module.split(".")[0] == "symnum":
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            text = node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
            if isinstance(text, str) and text.split(".")[0] == "symnum":
                yield node.lineno, text


def _statements(node: ast.AST, on_import_only: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if on_import_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if on_import_only and isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from (n for branch in child.orelse for n in (branch, *_statements(branch, True)))
            continue
        yield child
        yield from _statements(child, on_import_only)


def _absolute(node: ast.ImportFrom, name: str, sources: Sources) -> str:
    if not node.level:
        return node.module or ""
    is_package = any(other.startswith(name + ".") for other in sources)
    parts = name.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def _module_of(target: str, sources: Sources) -> str:
    """The module that a dotted name lies in: the longest leading part that is a module."""
    while target not in sources and "." in target:
        target = target.rpartition(".")[0]
    return target


def _allowed(layer: str, target: str) -> bool:
    parts = target.split(".")
    if len(parts) == 1:
        return False
    other = parts[1]
    return other in {layer} | FOR_ALL | LAYERS[layer] or f"{other}.{parts[-1]}" in LAYERS[layer]


def wrong_imports(sources: Sources) -> list[str]:
    wrong = []
    for name in sources:
        if name == "symnum":
            continue  # the table of public names knows all layers; what it loads is tested in test_imports.py
        layer = name.split(".")[1]
        if layer not in LAYERS:
            wrong.append(f"{name}: the layer {layer!r} is not in LAYERS; say there what it may import")
            continue
        for line, target in imports(name, sources):
            if target == "symnum.__version__" or _allowed(layer, target):
                continue
            may = ", ".join(sorted(LAYERS[layer] | FOR_ALL))
            wrong.append(f"{name}:{line} imports {target}; {layer} may import {may}")
    return wrong


def cycles(sources: Sources) -> list[str]:
    """Modules that need each other while they are being imported."""
    graph = {name: {_module_of(t, sources) for _, t in imports(name, sources, on_import_only=True)} for name in sources}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


# ------------------------------------------------------------------ size, and what must not be there


def too_long(sources: Sources) -> list[str]:
    wrong = []
    for name, text in sources.items():
        lines = len(text.splitlines())
        if lines > LONGEST_FILE:
            wrong.append(f"{name} has {lines} lines, more than {LONGEST_FILE}; give its second chapter its own file")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    wrong.append(f"{name}:{node.lineno} {node.name} has {length} lines, more than {LONGEST_FUNCTION}")
    return wrong


def runs_text(sources: Sources) -> list[str]:
    return [
        f"{name}:{line} uses {used}; text and files are data, never code"
        for name, text in sources.items()
        for line, used in _dangers(ast.parse(text))
        if (name, used) not in EXEMPT
    ]


def _dangers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in RUNS_TEXT:
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and node.attr in RUNS_TEXT - {"eval"}:  # module.eval() is torch's
            yield node.lineno, node.attr
        elif isinstance(node, ast.Import | ast.ImportFrom):
            taken = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from ((node.lineno, n) for n in taken if n.split(".")[0] in RUNS_DATA or n in RUNS_TEXT)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield node.value.lineno, "allow_pickle"


def paths_of_one_machine(sources: Sources) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1} holds the path {match[0]}"
        for name, text in sources.items()
        for match in ONE_MACHINE.finditer(text)
    ]


# ------------------------------------------------------------------ the package keeps the rules

RULES: list[Callable[[Sources], list[str]]] = [wrong_imports, cycles, too_long, runs_text, paths_of_one_machine]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Callable[[Sources], list[str]]) -> None:
    sources = package_sources()
    assert "symnum.errors" in sources and "symnum.expr.term" in sources
    found = rule(sources)
    assert not found, "\n".join(found)


def test_no_path_of_one_machine_in_what_travels() -> None:
    kinds = {".py", ".md", ".toml", ".txt", ".jl", ".sh", ".cfg", ".yml"}
    folders = ["tests", "models", "benchmarks", "examples", "docs", "julia"]
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    files += [path for path in ROOT.iterdir() if path.suffix in kinds] + [ROOT / ".ci" / "run"]
    texts = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in files if path.is_file()}
    assert "pyproject.toml" in texts and "tests/test_layers.py" in texts
    assert paths_of_one_machine(texts) == []


def test_the_layers_form_no_cycle() -> None:
    graph = {layer: {other.partition(".")[0] for other in allowed} for layer, allowed in LAYERS.items()}
    assert set().union(*graph.values()) <= set(graph), "a layer is named that is not in the table"
    assert len(list(TopologicalSorter(graph).static_order())) == len(LAYERS)


# ------------------------------------------------------------------ the rules can fail

GOOD = {
    "symnum": "__version__ = '1'\n",
    "symnum.errors": "class SymnumError(Exception):\n    pass\n",
    "symnum.expr": "",
    "symnum.expr.term": "from symnum.errors import SymnumError\n",
    "symnum.expr.walk": "from symnum.expr.term import Term\nfrom . import term\n",
    "symnum.ir": "",
    "symnum.ir.system": "from symnum.expr import walk\n",
    "symnum.model": "from symnum.expr.term import Term\n",
    "symnum.plan": "from symnum.ir.system import Traits\nimport symnum.model\n",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_package_passes(rule: Callable[[Sources], list[str]]) -> None:
    assert rule(GOOD) == []


SLASH = "/"
LONG = "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION
BAD = [
    (wrong_imports, "symnum.expr.bad", "from symnum.model import Eq", "bad:1 imports symnum.model.Eq"),
    (wrong_imports, "symnum.expr.bad", "import symnum.solvers.problem", "imports symnum.solvers.problem"),
    (wrong_imports, "symnum.expr.bad", "from symnum import ir", "imports symnum.ir"),
    (wrong_imports, "symnum.expr.bad", "from ..model import Eq", "imports symnum.model.Eq"),
    (wrong_imports, "symnum.expr.bad", "from .. import model", "imports symnum.model"),
    (wrong_imports, "symnum.expr.bad", "import symnum as sn", "imports symnum;"),
    (wrong_imports, "symnum.expr.bad", "from symnum import solve", "imports symnum.solve"),
    (wrong_imports, "symnum.expr.bad", "def f():\n    from symnum.model import Eq", "bad:2 imports symnum.model.Eq"),
    (wrong_imports, "symnum.expr.bad", "import_module('symnum.cli')", "imports symnum.cli"),
    (wrong_imports, "symnum.result.bad", "if TYPE_CHECKING:\n    from symnum.expr.term import Term", "bad:2 imports"),
    (wrong_imports, "symnum.plan.bad", "from symnum.ir.system import Region", "bad:1 imports symnum.ir.system.Region"),
    (wrong_imports, "symnum.plan.bad", "from symnum.expr.term import Term", "imports symnum.expr.term.Term"),
    (wrong_imports, "symnum.cli", "from symnum.solvers import problem", "cli:1 imports symnum.solvers.problem"),
    (wrong_imports, "symnum.helpers", "", "the layer 'helpers' is not in LAYERS"),
    (cycles, "symnum.expr.term", "from symnum.expr import walk", "symnum.expr.walk"),
    (cycles, "symnum.expr.term", "class A:\n    import symnum.expr.walk", "symnum.expr.walk"),
    (cycles, "symnum.expr", "from symnum.expr.term import Term", None),
    (cycles, "symnum.expr.term", "def f():\n    from symnum.expr import walk", None),
    (cycles, "symnum.expr.term", "if TYPE_CHECKING:\n    from symnum.expr import walk", None),
    (cycles, "symnum.expr.term", "if TYPE_CHECKING:\n    pass\nelse:\n    import symnum.expr.walk", "symnum.expr.walk"),
    (too_long, "symnum.expr.bad", LONG, "bad:1 f has 71 lines"),
    (too_long, "symnum.expr.bad", LONG.replace("    x = 1\n", "", 1), None),
    (too_long, "symnum.expr.bad", "class A:\n    async " + LONG.replace("\n", "\n    "), "bad:2 f has 71 lines"),
    (too_long, "symnum.expr.bad", "x = 1\n" * (LONGEST_FILE + 1), "has 501 lines"),
    (runs_text, "symnum.expr.bad", "x = eval('1')", "bad:1 uses eval"),
    (runs_text, "symnum.expr.bad", "\nexec('x = 1')", "bad:2 uses exec"),
    (runs_text, "symnum.expr.bad", "run = eval", "uses eval"),
    (runs_text, "symnum.expr.bad", "sympy.sympify('x')", "uses sympify"),
    (runs_text, "symnum.expr.bad", "from sympy import sympify as s", "uses sympify"),
    (runs_text, "symnum.expr.bad", "from sympy.parsing.sympy_parser import parse_expr", "uses parse_expr"),
    (runs_text, "symnum.expr.bad", "__import__('os')", "uses __import__"),
    (runs_text, "symnum.expr.bad", "import os, pickle as p", "uses pickle"),
    (runs_text, "symnum.expr.bad", "from pickle import loads", "uses pickle"),
    (runs_text, "symnum.expr.bad", "np.load(path, allow_pickle=True)", "uses allow_pickle"),
    (runs_text, "symnum.expr.bad", "np.load(path, allow_pickle=False)\nnetwork.eval()\nretrieval = 1  # eval", None),
    (paths_of_one_machine, "symnum.expr.bad", f"\nHERE = '{SLASH}root{SLASH}x'", f"bad:2 holds the path {SLASH}root"),
    (paths_of_one_machine, "symnum.expr.bad", f"# see ..{SLASH}shared", f"holds the path ..{SLASH}shared"),
    (paths_of_one_machine, "symnum.expr.bad", "a = b/work/c\nurl = 'https://example.org/home/x'", None),
]


@pytest.mark.parametrize(("rule", "name", "text", "says"), BAD, ids=lambda value: None)
def test_each_rule_sees_what_is_wrong(
    rule: Callable[[Sources], list[str]], name: str, text: str, says: str | None
) -> None:
    found = rule({**GOOD, "symnum.solvers": "", "symnum.solvers.problem": "", name: text})
    assert (says is None and found == []) or (says is not None and any(says in sentence for sentence in found)), found
