"""Solving again with other parameters: one solve at a time in a thread of its own; a newer wish cancels the older."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelWarning, SolveWarning, SymnumError, TargetWarning
from symnum.provenance import Recipe

if TYPE_CHECKING:
    from symnum.result import Solution


class Cancelled(Exception):
    """Raised inside a solve to end it."""


@dataclass
class Job:
    """One wish. ``state``: waiting, running, done, failed or cancelled; ``run``: the number of the run it made."""

    number: int
    values: Mapping[str, float]
    state: str = "waiting"
    t: float | None = None
    message: str = ""
    run: int | None = None
    seconds: float | None = None
    unwanted: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def reached(self, t: float) -> None:
        """Where the solve is; called by the solver a few times a second."""
        if self.unwanted.is_set():
            raise Cancelled
        self.t = float(t)

    def end(self, state: str) -> None:
        """The last that happens to it: who sees that it has ended sees all of it."""
        self.state = state
        self.ended.set()

    @property
    def open(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in ("waiting", "running")


class Solving:
    """The solver of a session. ``keep(solution, changed, remarks)`` takes a solution, the values that are not the recipe's, and what was
    warned of; it gives the number of the run.
    """

    def __init__(self, recipe: Recipe, keep: Callable[[Solution, Mapping[str, float], Sequence[str]], int]) -> None:
        self.recipe, self.keep = recipe, keep
        self.job: Job | None = None
        self._wanted: Job | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        low, high = recipe.system.domain.bounds[recipe.system.time.name]
        self.span = (float(low), float(high))

    def start(self, values: Mapping[str, float]) -> int:
        """Solve with these parameters, the others as in the model; the number of the job. What is under way is cancelled.

        Raises UnknownName for a parameter that the model does not have; values that it refuses make the job fail.
        """
        for name in values:
            if name not in self.recipe.system.parameters:
                self.recipe.system.with_parameters(**{name: values[name]})  # raises, with the names that there are
        with self._changed:
            self._cancel()
            self.job = self._wanted = Job(1 if self.job is None else self.job.number + 1, values)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="symnum-view-solve", daemon=True)
                self._thread.start()
            self._changed.notify()
            return self.job.number

    def cancel(self) -> None:
        """End what is under way; it ends at its next sign of progress."""
        with self._changed:
            self._cancel()

    def about(self) -> dict[str, Any] | None:
        """The latest job as JSON can hold it, None before the first."""
        job = self.job
        if job is None:
            return None
        low, high = self.span
        done = 0.0 if job.t is None else min(1.0, abs(job.t - low) / abs(high - low))
        keys = ("number", "state", "t", "message", "run", "seconds")
        return {key: getattr(job, key) for key in keys} | {"done": done, "end": high}

    def close(self, patience: float = 2.0) -> None:
        """Cancel, and wait a moment for the thread."""
        with self._changed:
            self._cancel()
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(patience)

    def _cancel(self) -> None:
        if self.job is not None and self.job.open:
            self.job.unwanted.set()
            if self.job is self._wanted:  # not begun yet
                self.job.end("cancelled")
                self._wanted = None

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._wanted is None and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                job, self._wanted = self._wanted, None
                assert job is not None
                job.state = "running"
            self._solve(job)

    def _solve(self, job: Job) -> None:
        begun = time.perf_counter()
        try:
            solution, remarks = self._solution(job)
            if job.unwanted.is_set():
                raise Cancelled
            now = self.recipe.system.parameters
            changed = {name: value for name, value in job.values.items() if value != now[name]}
            job.run = self.keep(solution, changed, remarks)
            state = "done"
        except Cancelled:
            state = "cancelled"
        except SymnumError as error:
            state, job.message = "failed", str(error)
        except MemoryError:
            state, job.message = "failed", "this solve needs more memory than there is"
        except Exception as error:  # the page must hear of it, and the next wish must find a living thread
            state, job.message = "failed", f"an error that symnum did not foresee, {type(error).__name__}: {error}"
        job.seconds = time.perf_counter() - begun
        job.end(state)

    def _solution(self, job: Job) -> tuple[Solution, list[str]]:
        """The solution, and what was warned of. Filters of warnings are global, so this is done in the one solving thread only."""
        from symnum.pipeline import solve

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            solution = solve(
                self.recipe.system.with_parameters(**job.values), progress=job.reached, **self.recipe.options
            )
        ours = [w for w in caught if issubclass(w.category, ModelWarning | SolveWarning | TargetWarning)]
        return solution, list(dict.fromkeys(str(w.message) for w in ours))
