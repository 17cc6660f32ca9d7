"""Every model's picture at the width of a column and at its own: no text overlaps another, leaves the page or is missing."""

from __future__ import annotations

import warnings

import pytest

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.result.style import symbol
from tests.result.inked import faults, words

MODELS = Catalogue("model", folder=shipped_folder("models"))
COARSE = {1: 24, 2: 16, 3: 8}
SHORT = {
    "orego": 40.0,
    "hires": 50.0,
    "lorenz": 10.0,
    "cahn_hilliard": 0.002,
}  # enough to see; the solves are not what is tested


@pytest.mark.parametrize("name", MODELS.names())
def test_texts_keep_clear_of_each_other(name: str) -> None:
    module = MODELS.load(name)
    system = module.system()
    if name in SHORT:
        start = system.domain.bounds[system.time.name][0]
        system = system.replace(domain=sn.Domain({**system.domain.bounds, system.time.name: (start, SHORT[name])}))
    options = {k: v for k, v in getattr(module, "solve_options", {}).items() if k not in ("rtol", "atol")}
    space = {"resolution": COARSE[len(system.space)]} if system.space else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sn.SolveWarning)
        solution = sn.solve(system, **space, **options, rtol=1e-4, atol=1e-6)
    for width in (None, "column"):
        figure = solution.plot(width=width, dpi=72)
        drawn = words(figure)
        assert faults(figure, drawn) == [], width
        said = " ".join(word.text for word in drawn)
        assert [c.name for c in (system.time, *system.space) if symbol(c.name) not in said] == []
