"""The solutions of one model for many parameter values or random paths, side by side."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum import display
from symnum.errors import UnknownName, did_you_mean
from symnum.result.solution import Solution

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


class Sweep:
    """Fields over (trajectory, t, x, ...), with the parameters of each trajectory as coordinates along ``trajectory``.

    ``sweep["u"]`` is an xarray.DataArray; ``sweep["u"].mean("trajectory")`` an average, ``sweep["u"].where(sweep.success)`` leaves failures out.
    Where a trajectory failed, its values are NaN from there on.

    Attributes: ``dataset``; ``success`` (k,) bool; ``messages`` and ``stats`` of each trajectory; ``method``, ``why`` of the first.
    """

    def __init__(self, dataset: xarray.Dataset, solutions: Sequence[Mapping[str, Any]]) -> None:
        self.dataset = dataset
        self.success = np.array([bool(s["success"]) for s in solutions])
        self.messages = tuple(str(s["message"]) for s in solutions)
        self.stats = tuple(dict(s["stats"]) for s in solutions)
        self.method, self.why = str(solutions[0]["method"]), str(solutions[0]["why"])

    @classmethod
    def of(cls, solutions: Sequence[Solution], given: Sequence[Mapping[str, float]], times: np.ndarray) -> Sweep:
        """Put solutions side by side. given: the parameters of each; times: those that all of them were asked for."""
        import xarray

        rows = [_whole(s.to_xarray().drop_attrs(deep=False), times) for s in solutions]
        whole = xarray.concat(
            rows, dim="trajectory", combine_attrs="override", join="override", coords="minimal", compat="override"
        )
        whole = whole.assign_coords(trajectory=np.arange(len(rows)))
        for name in dict.fromkeys(name for values in given for name in values):
            whole = whole.assign_coords(
                {name: ("trajectory", np.array([values.get(name, np.nan) for values in given]))}
            )
        whole.attrs = {k: v for k, v in solutions[0].to_xarray().attrs.items() if k != "parameters"}
        keys = ("success", "message", "stats", "method", "why")
        return cls(whole, [{key: getattr(s, key) for key in keys} for s in solutions])

    @classmethod
    def of_arrays(
        cls, first: Solution, fields: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray], facts: Sequence[Mapping[str, Any]]
    ) -> Sweep:
        """Trajectories of a system without space. first: the solution of one, for names and units; fields: (trajectory, t); given: the parameters."""
        whole = first.to_xarray()
        variables = {name: (("trajectory", "t"), values, whole[name].attrs) for name, values in fields.items()}
        coordinates = {"t": whole["t"], "trajectory": np.arange(len(facts))}
        coordinates |= {name: ("trajectory", values) for name, values in given.items()}
        attributes = {k: v for k, v in whole.attrs.items() if k != "parameters"}
        return cls(type(whole)(variables, coordinates, attributes), facts)

    @property
    def t(self) -> np.ndarray:
        return np.asarray(self.dataset["t"].values)

    def __len__(self) -> int:
        return len(self.success)

    def __getitem__(self, field: object) -> xarray.DataArray:
        name = str(getattr(field, "name", field))
        if name not in self.dataset:
            known = [str(n) for n in (*self.dataset.data_vars, *self.dataset.coords)]
            raise UnknownName(f"there is no field {name!r}.{did_you_mean(name, known)} It has: {', '.join(known)}")
        return self.dataset[name]

    def plot(self, field: object = None, path: str | os.PathLike[str] | None = None, **options: Any) -> Figure:
        """A matplotlib ``Figure``: bands of the trajectories, or a curve for each value of a parameter.

        ``options``: ``kind``, ``t``, ``title``, ``width``, ``dpi``: see ``symnum.result.ensemble.plot_sweep``.
        """
        from symnum.result.ensemble import plot_sweep

        return plot_sweep(self, field=field, path=path, **options)

    def to_xarray(self) -> xarray.Dataset:
        """The data set, a copy."""
        return self.dataset.copy()

    def _repr_html_(self) -> str:
        more = display.folded("arrays", self.dataset._repr_html_())
        return display.card(repr(self), (), display.image(self.plot, "a picture of the trajectories", 760), more)

    def __repr__(self) -> str:
        failed = int((~self.success).sum())
        said = f", {failed} failed" if failed else ""
        return (
            f"<sweep of {len(self)} trajectories: {', '.join(map(str, self.dataset.data_vars))}; {self.method}{said}>"
        )


def _whole(data: xarray.Dataset, times: np.ndarray) -> xarray.Dataset:
    """The values at all the times that were asked for: NaN where the solve did not get there."""
    kept = min(len(data.t), len(times))
    while kept and data.t.values[kept - 1] != times[kept - 1]:  # a failed solve tells the state where it stopped
        kept -= 1
    reached = data.isel(t=slice(kept))
    return reached if kept == len(times) else reached.pad(t=(0, len(times) - kept)).assign_coords(t=times)
