"""A drawing of what a learner makes of records: what it is given, how it goes on, and what its equations say once their constants are fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

import symnum as sn


def drawn(learner: sn.neural.ProseLearner, test: Any, path: str) -> None:
    """A panel a family: the first record whose error is the median of its family's, its first two variables."""
    scores = learner.evaluate(test, solve=0)
    records = list(sn.datasets.records(test))
    families = list(dict.fromkeys(record["type"] for record in records))
    figure, axes = _panels(len(families))
    times, given = np.linspace(0.0, learner.settings.span, len(records[0]["data"])), learner.settings.points
    for panel, family in zip(axes, families, strict=True):
        mine = [k for k, record in enumerate(records) if record["type"] == family]
        k = sorted(mine, key=lambda i: scores.errors[i])[len(mine) // 2]
        noisy, truth = np.asarray(records[k]["data_noisy"])[:given], np.asarray(records[k]["data"])
        solution = _refined(learner.write(records[k], grammar=True)[0], times, noisy)
        prediction = learner.predict(records[k])[0]
        for i, colour in enumerate(("tab:blue", "tab:orange")):
            panel.plot(times, truth[:, i], color="0.75", linewidth=4, label="truth" if i == 0 else None)
            panel.plot(times[:given], noisy[:, i], ".", color=colour, markersize=3, label=f"given, $u_{i}$")
            panel.plot(times[given:], prediction[:, i], color=colour, linewidth=1.5, label=f"predicted, $u_{i}$")
            if solution is not None:
                panel.plot(times, solution[f"u_{i}"], "k--", linewidth=0.8, label=None if i else "equations, refined")
        panel.set_title(f"{family}, error {100 * scores.errors[k]:.1f} %", fontsize="medium")
        panel.set_xlabel("t")
    axes[0].legend(fontsize="x-small")
    figure.savefig(path, dpi=130)


def _refined(tokens: list[str], times: np.ndarray, noisy: np.ndarray) -> Any:
    """The solution of written equations with fitted constants; None where they have none."""
    try:
        found = sn.neural.refined(tokens, times[: len(noisy)], noisy, until=times[-1])
        return sn.solve(found.system, saveat=times.tolist())
    except sn.SymnumError:
        return None


def _panels(count: int) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * count, 3), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]
