"""Neural differential equations: speed, what regularisers do to trainings, gradients, memory, unknown terms recovered

Each part says in its file (``_neural_*.py``) what exactly is measured. Trainings run with three seeds; peers (torchdiffeq, diffrax) and data
(scikit-learn) that are not installed are reported as missing. ``--part`` runs one part alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from symnum.errors import FileError, UnknownName, did_you_mean

from ._neural_digits import digits
from ._neural_gradients import gradients, memory
from ._neural_spiral import spiral_ode, spiral_sde
from ._neural_steps import floor, steps
from ._neural_terms import terms

PARTS = {
    "steps": steps,
    "floor": floor,
    "digits": digits,
    "spiral": spiral_ode,
    "noise": spiral_sde,
    "gradients": gradients,
    "memory": memory,
    "terms": terms,
}
OPTIONS = {
    "part": f"one part alone: {', '.join(PARTS)}",
    "picture": "file for a drawing of the digits' trainings, evaluations against accuracy",
}


def run(part: str | None = None, picture: str | None = None) -> dict[str, Any]:
    """Rows and bars of all parts, or of one. Raises UnknownName; FileError before the trainings."""
    if part is not None and part not in PARTS:
        raise UnknownName(f"the bench neural has no part {part!r}.{did_you_mean(part, PARTS)} {OPTIONS['part']}")
    if picture is not None and not Path(picture).absolute().parent.is_dir():
        raise FileError(f"there is no folder {str(Path(picture).parent)!r} for the picture {picture!r}")
    rows: list[dict[str, Any]] = []
    bars: list[dict[str, Any]] = []
    for name in PARTS if part is None else (part,):
        more = digits(picture) if name == "digits" else PARTS[name]()
        rows += more[0]
        bars += more[1]
    return {"rows": rows, "bars": bars}
