"""``sol.explore()``: a picture with a player of time, and sliders of the model's parameters that solve it again."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from symnum.errors import BackendUnavailable, SolveError, SymnumError, names_options
from symnum.notebook.frames import Frames
from symnum.notebook.ranges import Range, slider_ranges
from symnum.provenance import Recipe, read_provenance
from symnum.result import Solution
from symnum.result.axes import TIME, units_of
from symnum.view.solving import Job, Solving

DELAY = 0.12  # seconds that a slider rests before its value is solved for
LIVE = 0.3  # seconds; what solves faster follows a slider while it is dragged


@names_options
def explore(
    solution: Solution,
    field: object = None,
    *,
    parameters: Mapping[Any, tuple[float, float]] | Iterable[Any] | str | None = None,
    system: Any = None,
) -> Explorer:
    """Look at a solution in a notebook: play it, choose fields, move its parameters.

    Args:
        field: what is shown first, as for ``sol.plot``. parameters: which have a slider: names, or ``{"D": (0.1, 2)}`` with its ends; default: the
            first eight, from 0 to twice the value.
        system: the model, for solutions that do not know theirs (reaction networks, files of other programs).

    A slider solves the model again, with the options of the first solve, while the notebook stays free; a newer value cancels an older one that is
    under way. ``explorer.solution`` is the solution that is shown, ``explorer.values`` are its parameters, ``explorer.wait()`` waits for it.

    Raises BackendUnavailable without ipywidgets, UnknownName for a field or a parameter that is not there, SolveError for an interval that is
    none, and for parameters of a solution that does not know its model.
    """
    recipe, why_not = _recipe(solution, system)
    if recipe is None and parameters is not None:
        raise SolveError(f"{why_not}; write sol.explore(system=...) with the system that was solved")
    ranges = {} if recipe is None else slider_ranges(recipe.system.parameters, parameters)
    return Explorer(solution, field, recipe, ranges, why_not)


class Explorer:
    """The picture and its controls; shows itself as the last line of a cell.

    Attributes: ``solution``: the one that is shown; ``widget``: the ipywidgets box; ``sliders``: name -> slider; ``time``, ``fields``: the
    slider of time and the choice of fields.
    """

    def __init__(
        self, solution: Solution, field: object, recipe: Recipe | None, ranges: Mapping[str, Range], why_not: str = ""
    ) -> None:
        self.solution = solution
        self._field, self._lock, self._runs = field, threading.RLock(), 0
        self._told = ("", False)
        self._frames = Frames(solution, field)
        self._solving = None if recipe is None else Solving(recipe, self._keep)
        self._wish: threading.Timer | None = None
        self._begin = {} if recipe is None else {name: recipe.system.parameters[name] for name in ranges}
        self._build(_ipywidgets(), ranges, why_not)
        self._draw()

    def __repr__(self) -> str:
        name = f" of {self.solution.name!r}" if self.solution.name else ""
        return f"<explorer{name}: {len(self._frames.times)} frames, sliders: {', '.join(self.sliders) or 'none'}; it shows itself in a notebook>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return {**self.widget._repr_mimebundle_(**options), "text/plain": repr(self)}

    @property
    def values(self) -> dict[str, float]:
        """Name -> value of the parameters that have a slider."""
        return {name: slider.value for name, slider in self.sliders.items()}

    def wait(self, seconds: float | None = None) -> Solution:
        """The solution for the sliders as they stand, once it is there (or what is shown after ``seconds``)."""
        if self._wish is not None:
            self._wish.join(seconds)
        return self.solution

    def close(self) -> None:
        """End what is under way and take the controls away."""
        if self._wish is not None:
            self._wish.cancel()
        if self._solving is not None:
            self._solving.close()
        self.widget.close()

    # ---- controls -------------------------------------------------------------------------------

    def _build(self, widgets: Any, ranges: Mapping[str, Range], why_not: str) -> None:
        self.picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", align_self="flex-start"))
        self.clock, self.status = widgets.HTML(), widgets.HTML()
        self.time = widgets.IntSlider(0, 0, 0, readout=False, description=TIME, layout=widgets.Layout(width="420px"))
        self.player = widgets.Play(interval=150, show_repeat=True)
        widgets.jslink((self.player, "value"), (self.time, "value"))
        self.time.observe(lambda change: self._draw(), "value")
        names = list(self.solution.fields)
        choices = [("all that fit", None), *((name, name) for name in names)] if len(names) > 1 else [(names[0], None)]
        chosen = getattr(self._field, "name", self._field)
        chosen = chosen if len(names) > 1 and chosen in names else None
        self.fields = widgets.Dropdown(options=choices, value=chosen)
        self.fields.description = "field"
        self.fields.observe(self._choose, "value")
        live = (self.solution.stats.get("solve_seconds") or 0.0) < LIVE
        self.sliders = {n: _slider(widgets, n, self._begin[n], ends, live) for n, ends in ranges.items()}
        for slider in self.sliders.values():
            slider.observe(lambda change: self._wanted(), "value")
        self.widget = widgets.VBox(self._rows(widgets))
        self._span()
        self._say(_work_of(self.solution) if not why_not else f"{_work_of(self.solution)}; {why_not}")

    def _rows(self, widgets: Any) -> list[Any]:
        """The picture, the player below it, the parameters, what happened."""
        rows = [self.picture]
        rows += [widgets.HBox([self.player, self.time, self.clock])] if len(self._frames.times) > 1 else []
        rows += [self.fields] if len(self.solution.fields) > 1 else []
        if self.sliders:
            self.reset = widgets.Button(description="Reset", tooltip="the parameters of the first run")
            self.stop = widgets.Button(description="Stop", tooltip="end the solve that is under way")
            self.reset.on_click(lambda button: self._reset())
            self.stop.on_click(lambda button: self._cancel())
            flow = widgets.Layout(flex_flow="row wrap")
            rows += [widgets.HBox(list(self.sliders.values()), layout=flow), widgets.HBox([self.reset, self.stop])]
        return [*rows, self.status]

    def _span(self, t: float | None = None) -> None:
        """The slider of time over the frames that there are, near the time that was shown."""
        self.time.max = self.player.max = max(len(self._frames.times) - 1, 0)
        if t is not None:
            self.time.value = self._frames.nearest(t)

    def _choose(self, change: Mapping[str, Any]) -> None:
        with self._lock:
            try:
                self._frames = Frames(self.solution, change["new"])
            except SymnumError as error:
                self._say(str(error), alarm=True)
                return
            self._field = change["new"]
            self._draw()

    def _draw(self) -> None:
        """The picture and the clock at the time of the slider."""
        with self._lock:
            number, times = self.time.value, self._frames.times
            self.picture.value = self._frames.png(min(number, max(len(times) - 1, 0)))
            if times.size:
                self.clock.value = escape(_clock(self.solution, float(times[min(number, len(times) - 1)]), self._field))

    def _say(self, text: str, alarm: bool = False) -> None:
        self.status.value = f'<span style="{"color: #D55E00" if alarm else "opacity: 0.8"}">{escape(text)}</span>'

    # ---- solving again --------------------------------------------------------------------------

    def _reset(self) -> None:
        for name, value in self._begin.items():
            self.sliders[name].value = value

    def _cancel(self) -> None:
        if self._wish is not None:
            self._wish.cancel()
        if self._solving is not None:
            self._solving.cancel()

    def _wanted(self) -> None:
        """A slider moved: what is under way is not wanted any more; solve when it rests."""
        self._cancel()
        self._wish = threading.Timer(DELAY, self._solve, (self.values,))
        self._wish.daemon = True
        self._wish.start()

    def _solve(self, values: Mapping[str, float]) -> None:
        """In a thread of its own: start, tell how far it is, and how it ended."""
        assert self._solving is not None
        try:
            self._solving.start(values)
        except SymnumError as error:
            self._say(str(error), alarm=True)
            return
        job = self._solving.job
        assert job is not None
        while not job.ended.wait(0.2):
            self._say(_under_way(job, self._solving.span))
        if job is not self._solving.job:
            return  # a newer one tells its own end
        if job.state == "done":
            self._say(*self._told)
        elif job.state == "failed":
            self._say(job.message, alarm=True)
        else:
            self._say("stopped; the picture is that of the run before")

    def _keep(self, solution: Solution, changed: Mapping[str, float], remarks: Sequence[str]) -> int:
        """Show a new solution at the time that was shown."""
        with self._lock:  # one drawing at a time
            frames = Frames(solution, self._field)
            shown = self._frames.times
            t = float(shown[min(self.time.value, len(shown) - 1)]) if shown.size else None
            self.solution, self._frames, self._runs = solution, frames, self._runs + 1
            self._span(t)
            self._draw()
            self._told = "; ".join([_work_of(solution), *remarks]), not solution.success  # said when the job has ended
            return self._runs


def _recipe(solution: Solution, system: Any) -> tuple[Recipe | None, str]:
    """How the solution was made, with the parameters that it was made with; or None and why."""
    if system is not None and not hasattr(system, "with_parameters"):
        raise SolveError(f"system={system!r} is no model; write sol.explore(system=sn.PDESystem(...))")
    if not solution.provenance and system is None:
        return None, "this solution does not know its model, so it cannot be solved again"
    recipe = read_provenance(solution.provenance) if solution.provenance else Recipe(system)
    recipe = recipe if system is None else Recipe(system, recipe.options)
    known = {name: value for name, value in solution.parameters.items() if name in recipe.system.parameters}
    return Recipe(recipe.system.with_parameters(**known), recipe.options), ""


def _ipywidgets() -> Any:
    try:
        import ipywidgets
    except ImportError:
        raise BackendUnavailable(
            "sliders need ipywidgets, which is not installed; run pip install 'symnum[notebook]', or write sol.plot(), or symnum view run.nc"
        ) from None
    return ipywidgets


def _slider(widgets: Any, name: str, value: float, ends: Range, live: bool) -> Any:
    low, high = ends
    return widgets.FloatSlider(
        value,
        min=low,
        max=high,
        step=(high - low) / 200,
        readout_format=".4g",
        description=name,
        continuous_update=live,
    )


def _clock(solution: Solution, t: float, field: object) -> str:
    """``t = 0.5 s``, and without space the state that is shown, or the first four, at that time."""
    text = f"{TIME} = {t:.4g} {units_of(solution[TIME])}".rstrip()
    if solution.to_xarray().sizes.keys() == {TIME}:
        values = solution(t=t)
        name = getattr(field, "name", field)
        names = (str(name),) if name in solution.fields else solution.fields[:4]
        text += "".join(f", {name} = {values[name]:.4g}" for name in names)
    return text


def _work_of(solution: Solution) -> str:
    steps, seconds = solution.stats.get("steps"), solution.stats.get("solve_seconds")
    parts = [solution.method, f"{steps:,} steps" if steps else "", f"{seconds:.2g} s" if seconds else ""]
    return ", ".join(part for part in parts if part) + ("" if solution.success else f": {solution.message}")


def _under_way(job: Job, span: tuple[float, float]) -> str:
    if job.t is None:
        return "solving ..."
    return f"solving: {TIME} = {job.t:.4g} of {span[1]:.4g}"
