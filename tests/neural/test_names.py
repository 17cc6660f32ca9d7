"""The public names of ``sn.neural``: found when they are first used, and never hidden by a module of the same name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

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


def test_options_that_are_not_there_are_named() -> None:
    t = sn.coordinates("t")
    u = sn.field("u", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(u), -u)], t=(0, 1), initial={u: 1})
    for make, message in (
        (lambda: sn.neural.SystemODE(system, restol=1e-6), "SystemODE has no option 'restol'. Did you mean 'rtol'"),  # type: ignore[call-arg]
        (lambda: sn.neural.NeuralODE(abs, foo=1), "NeuralODE has no option 'foo'"),  # type: ignore[call-arg]
        (lambda: sn.neural.NeuralSDE(abs, abs, foo=1), "NeuralSDE has no option 'foo'"),  # type: ignore[call-arg]
        (lambda: sn.neural.LatentODE(3, foo=1), "LatentODE has no option 'foo'"),  # type: ignore[call-arg]
    ):
        with pytest.raises(sn.UnknownOption, match=message):
            make()
