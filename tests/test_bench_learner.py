"""The bench on the PROSE learner: its measures by hand, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import symnum as sn

pytest.importorskip("torch")

from benchmarks import _learner_families, learner


def test_two_learners_differ_by_so_many_standard_errors() -> None:
    """Systems gain 0.02 (mean of two records), 0.01, 0.03: mean 0.02, deviation 0.01, over the root of three."""
    tokens = [["neg", "u_0"], ["neg", "u_0"], ["u_0"], ["sin", "u_0"]]
    found = learner.apart(tokens, np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.11, 0.23, 0.31, 0.43]))
    assert found == pytest.approx(0.02 / (0.01 / np.sqrt(3)), rel=1e-9)


def test_an_error_of_a_turning_state_stays_what_it_is() -> None:
    """Rossler near its axis turns at a constant rate and grows by a twentieth: 1 % stays 1 %, far below what a chaotic pendulum makes of it."""
    rows = {row["family"]: row for row in _learner_families.sensitivity(("rossler", "double_pendulum"))}
    assert rows["rossler"]["deviation of 1 %"] == pytest.approx(0.01, rel=0.1)
    assert rows["double_pendulum"]["deviation of 1 %"] > 0.02


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"part": "symbol"}, r"no part 'symbol'.*Did you mean 'symbols'"),
        ({"inputs": "skeletons"}, r"no inputs 'skeletons'.*Did you mean 'skeleton'"),
        ({"steps": "many"}, r"--steps is a whole number, got 'many'"),
        ({"short": "0"}, r"--short is a whole number"),
        ({"picture": "nowhere/learner.png"}, r"no folder 'nowhere'"),
        ({"part": "study", "families": "lorenz"}, r"unknown family 'lorenz'"),
    ],
)
def test_what_it_refuses(options: dict[str, str], says: str) -> None:
    with pytest.raises(sn.SymnumError, match=says):
        learner.run(**options)
