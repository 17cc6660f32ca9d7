"""The public names of ``sn.neural``: found when they are first used, and never hidden by a module of the same name."""

from __future__ import annotations

import ast
from pathlib import Path

import symnum as sn


def test_no_public_name_is_a_module() -> None:
    """Importing the module would put it in the place of the function."""
    modules = {path.stem for path in Path(sn.neural.__file__).parent.iterdir() if not path.stem.startswith("_")}
    assert modules & set(sn.neural.__all__) == set()


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(sn.neural.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {alias.asname: node.module for node in imports for alias in node.names} == sn.neural._PUBLIC
