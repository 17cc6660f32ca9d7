"""Broken powers shared among products: one root and one division, the same values."""

from __future__ import annotations

import numpy as np

from symnum.expr.parse import parse
from symnum.expr.term import Symbol
from symnum.rewrite.check import evaluate
from symnum.rewrite.cost import operations
from symnum.rewrite.share import share_roots

NAMES = {name: Symbol(name) for name in "abxy"}


def test_pair_forces_divide_once():
    terms = [parse(text, NAMES) for text in ("x*(x^2 + y^2)^(-3/2)", "2*y*(x^2 + y^2)^(-3/2) + a", "b*sqrt(x + 1)")]
    made = share_roots(terms)
    before, after = operations(terms), operations(made)
    assert (before["div"], after["div"]) == (2, 1)
    assert after["sqrt"] == before["sqrt"] and made[2] is terms[2]
    values = {NAMES["a"]: 0.3, NAMES["b"]: -1.2, NAMES["x"]: 0.7, NAMES["y"]: 2.5}
    np.testing.assert_allclose(evaluate(made, values), evaluate(terms, values), rtol=1e-14)
