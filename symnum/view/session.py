"""What is looked at: the first run, and those solved from it with other parameters."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from symnum.errors import SymnumError
from symnum.provenance import Recipe, read_provenance
from symnum.view.data import Run
from symnum.view.solving import Solving

if TYPE_CHECKING:
    from symnum.result import Solution

KEPT = 4  # runs beside the first
KEPT_BYTES = 2_000_000_000  # and together no more than this, the latest aside


class Session:
    """The runs by number, and the solver that adds to them.

    ``first``: a run, which stays; ``recipe``: how runs like it are made, or None where ``why_not`` says why they cannot be.
    """

    def __init__(self, first: Run, label: str, recipe: Recipe | None = None, why_not: str = "") -> None:
        self.label, self.recipe, self.why_not = label, recipe, why_not
        self._runs: dict[int, tuple[str, Run]] = {0: (label, first)}
        self._last = 0
        self._lock = threading.Lock()
        self.solving = None if recipe is None else Solving(recipe, self._add)

    @classmethod
    def of_file(cls, path: str | os.PathLike[str], recipe: Recipe | None = None) -> Session:
        """A saved solution. ``recipe``: in place of the model that the file holds. FileError for what is no saved solution."""
        run = Run.open(path)
        why_not = ""
        if recipe is None:
            recipe, why_not = _recipe_in(run.provenance)
        elif run.parameters.keys() <= recipe.system.parameters.keys():  # the sliders begin where the run was made
            recipe = Recipe(recipe.system.with_parameters(**run.parameters), recipe.options)
        return cls(run, os.path.basename(os.fspath(path)), recipe, why_not)

    @classmethod
    def of_solution(cls, solution: Solution, recipe: Recipe | None = None, label: str = "first run") -> Session:
        """A solution in memory. ``recipe``: in place of what the solution knows of its model."""
        run, why_not = Run.of(solution), ""
        if recipe is None:
            recipe, why_not = _recipe_in(run.provenance)
        return cls(run, label, recipe, why_not)

    def run(self, number: int) -> Run | None:
        """A run, or None where it is not kept any more."""
        with self._lock:
            found = self._runs.get(number)
        return None if found is None else found[1]

    def about(self) -> dict[str, Any]:
        """All that a page shows before it asks for numbers."""
        with self._lock:
            runs = [{"id": k, "label": label, **run.about()} for k, (label, run) in self._runs.items()]
        model = None
        if self.recipe is not None:
            symbols = self.recipe.system.parameter_symbols
            model = [
                {"name": name, "value": value, "units": symbols[name].info.units}
                for name, value in self.recipe.system.parameters.items()
            ]
        job = None if self.solving is None else self.solving.about()
        return {"label": self.label, "runs": runs, "parameters": model, "why_not": self.why_not, "job": job}

    def close(self) -> None:
        """Stop a solve that is under way and let go of files."""
        if self.solving is not None:
            self.solving.close()
        for _, run in self._runs.values():
            run.close()

    def _add(self, solution: Solution, changed: Mapping[str, float], remarks: Sequence[str]) -> int:
        """Keep a new run and forget the oldest, but never the first. Its number."""
        run = Run.of(solution, remarks)
        label = ", ".join(f"{name} = {value:.6g}" for name, value in changed.items()) or "solved again"
        with self._lock:
            self._last += 1
            self._runs[self._last] = (label, run)
            later = [k for k in self._runs if k]
            while len(later) > KEPT or (len(later) > 1 and sum(self._runs[k][1].bytes for k in later) > KEPT_BYTES):
                del self._runs[later.pop(0)]
            return self._last


def _recipe_in(provenance: str) -> tuple[Recipe | None, str]:
    """The recipe of a text, or None and the sentence that says why there is none."""
    if not provenance:
        return (
            None,
            "this run does not hold its model, so its parameters cannot be changed; name it: symnum view run.nc --model NAME",
        )
    try:
        return read_provenance(provenance), ""
    except SymnumError as error:
        return None, f"the model in this run cannot be used: {error}"
