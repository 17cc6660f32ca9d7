"""What an evaluation found: a row a family, and the whole."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symnum.neural.prose.metrics import rates_error, relative_error, system_of
from symnum.neural.prose.records import ProseSet
from symnum.neural.prose.refining import refined

Row = dict[str, float]
_COLUMNS = {
    "records": "records",
    "prediction": "rel. L2 error",
    "valid": "valid",
    "valid_grammar": "valid, grammar",
    "rates": "error of rates",
    "form": "right form",
    "solved": "solved: error",
    "refined": "refined: error",
}


@dataclass
class ProseScores:
    """Means over records.

    Attributes:
        rows: family -> measures, and "all". A measure that could not be taken is NaN.
            prediction: ||prediction - truth||/||truth|| after the given times.
            valid: share of written texts that the strict reader takes as a system of the right dimension; valid_grammar: the same where only words
                of the grammar were written.
            rates: relative error of the written right-hand sides at random points, over valid texts with finite values (``metrics.rates_error``).
            form: share of texts that are the true one but for the numbers.
            solved: relative error, after the given times, of ``sn.solve`` of the written system from the true start, over those that were solved to
                the end (``solved_count``) of ``solve_count`` that were tried.
            refined: the same for systems whose constants and start were fitted to the given noisy values (``sn.neural.refined``); nothing true in it.
        errors: (records,), "prediction" of each. written, tokens: the texts that were written and the true ones.
    """

    rows: dict[str, Row]
    errors: np.ndarray = field(repr=False)
    written: list[list[str]] = field(repr=False)
    tokens: list[list[str]] = field(repr=False)

    def __getitem__(self, measure: str) -> float:
        """A measure over all records."""
        return self.rows["all"][measure]

    def table(self) -> str:
        """As text."""
        names = ["family", *_COLUMNS.values()]
        cells = [[family, *(_cell(key, row[key]) for key in _COLUMNS)] for family, row in self.rows.items()]
        widths = [max(len(row[k]) for row in [names, *cells]) for k in range(len(names))]
        return "\n".join(
            "  ".join(c.rjust(w) if k else c.ljust(w) for k, (c, w) in enumerate(zip(r, widths, strict=True)))
            for r in [names, *cells]
        )


def scored(
    records: ProseSet,
    prediction: np.ndarray,
    written: list[list[str]],
    by_grammar: list[list[str]],
    times: np.ndarray,
    solve: int,
    rng: np.random.Generator,
) -> ProseScores:
    """The measures of predictions (records, times after the given ones, D) and texts."""
    tried = set(np.linspace(0, len(records) - 1, min(solve, len(records))).round().astype(int).tolist())
    rows = [
        _one(records, k, prediction[k], written[k], by_grammar[k], times if k in tried else None, rng)
        for k in range(len(records))
    ]
    errors = np.array([row["prediction"] for row in rows])
    groups: dict[str, list[Row]] = {}
    for family, row in zip(records.types, rows, strict=True):
        groups.setdefault(family, []).append(row)
    return ProseScores(
        {**{f: _mean(groups[f]) for f in sorted(groups)}, "all": _mean(rows)}, errors, written, records.tokens
    )


def _one(
    records: ProseSet,
    k: int,
    prediction: np.ndarray,
    written: list[str],
    by_grammar: list[str],
    times: np.ndarray | None,
    rng: Any,
) -> Row:
    d = int(records.dimensions[k])
    truth = records.data[k, :, :d].numpy().astype(float)
    given = len(truth) - len(prediction)
    row = dict.fromkeys(("prediction", "valid", "valid_grammar", "rates", "form", "solved", "refined", "tried"), np.nan)
    row["prediction"] = relative_error(prediction[:, :d], truth[given:])
    system = system_of(written, d, list(truth[0]))
    row["valid"], row["valid_grammar"] = float(system is not None), float(system_of(by_grammar, d) is not None)
    row["form"] = float(_form(written) == _form(records.tokens[k]))
    if system is not None:
        error = rates_error(written, records.tokens[k], d, rng)
        row["rates"] = error if np.isfinite(error) else np.nan
    if times is not None:
        row["tried"] = 1.0
    if times is not None and system is not None:
        noisy = records.noisy[k, :, :d].numpy()
        row["solved"] = _attempt(lambda: system, times, truth, given)
        row["refined"] = _attempt(
            lambda: refined(written, times[:given], noisy, until=times[-1]).system, times, truth, given
        )
    return row


def _attempt(make: Callable[[], Any], times: np.ndarray, truth: np.ndarray, given: int) -> float:
    """The error of ``sn.solve`` after the given times; NaN where the system or its solution cannot be had."""
    from symnum.errors import SolveWarning, SymnumError
    from symnum.pipeline import solve

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SolveWarning)
            system = make()
            found = solve(system, saveat=[float(t) for t in times])
    except SymnumError:
        return np.nan
    values = np.stack([np.asarray(found[u]) for u in system.fields], axis=1)
    there = values.shape == truth.shape and bool(np.isfinite(values).all())
    return relative_error(values[given:], truth[given:]) if there else np.nan


def _form(tokens: list[str]) -> list[str]:
    """Without mantissas and exponents; signs stay."""
    return [t for t in tokens if t[0] not in "NE"]


def _mean(rows: list[Row]) -> Row:
    found: Row = {"records": float(len(rows))}
    for key in rows[0]:
        values = np.array([row[key] for row in rows])
        kept = values[np.isfinite(values)]
        found[key] = float(kept.mean()) if len(kept) else float("nan")
    found["solve_count"] = float(np.nansum([row["tried"] for row in rows]))
    found["solved_count"] = float(np.isfinite([row["solved"] for row in rows]).sum())
    del found["tried"]
    return found


def _cell(key: str, value: float) -> str:
    if np.isnan(value):
        return "-"
    return f"{value:.0f}" if key == "records" else f"{100 * value:.2f} %"
