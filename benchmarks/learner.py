"""A transformer learns to continue trajectories and write down their equations, with and without symbols (half an hour)

Three families of ``sn.datasets.prose``, 600 records held back: other systems, other starts, and no system of theirs is trained on. The learner sees
the first 64 of 192 points with 2 % noise and an imperfect skeleton. What the symbols are worth is measured on trainings of 1500 steps with two
seeds each: with the skeleton, without any symbols, and with the true equations in the skeleton's place (``--part study --inputs ...``: to the end).
CPU seconds are those of the process.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import symnum as sn
from symnum.errors import FileError, SymnumError, UnknownName, did_you_mean

from ._learner_families import sensitivity
from ._learner_picture import drawn
from ._measure import bar

FAMILIES = ("thomas", "rossler", "four_wing")
TRAINED, TESTED, STEPS = 30_000, 600, 7000
SHORT, SEEDS = 1500, (0, 1)  # trainings that are compared
SYMBOLS = {"skeleton": "tree_skeleton", "none": "", "equations": "tree_encoded"}
PARTS = ("study", "symbols", "families")
OPTIONS = {
    "part": "one part alone: study (one learner, trained to the end), symbols (short trainings with and without), families (how far "
    "the fifteen can be predicted)",
    "steps": f"of the study, {STEPS} unless given",
    "short": f"steps of the trainings that are compared, {SHORT} unless given",
    "inputs": f"of the study: {', '.join(SYMBOLS)}; skeleton unless given",
    "families": f"other families, with commas between them; {','.join(FAMILIES)} unless given",
    "picture": "file for a drawing of three records that the study's learner has not seen",
    "folder": "a folder that keeps data, trainings and learners; what was stopped goes on there",
}
Result = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def run(
    part: str | None = None,
    steps: str = str(STEPS),
    short: str = str(SHORT),
    inputs: str = "skeleton",
    families: str = ",".join(FAMILIES),
    picture: str | None = None,
    folder: str | None = None,
) -> dict[str, Any]:
    """Rows and bars of all parts, or of one."""
    for name, value, known in (("part", part or PARTS[0], PARTS), ("inputs", inputs, tuple(SYMBOLS))):
        if value not in known:
            raise UnknownName(f"the bench learner has no {name} {value!r}.{did_you_mean(value, known)} {OPTIONS[name]}")
    for name, text in (("steps", steps), ("short", short)):
        if not text.isdigit() or int(text) < 1:
            raise SymnumError(f"--{name} is a whole number, got {text!r}; write --{name} 100")
    if picture is not None and not Path(picture).absolute().parent.is_dir():
        raise FileError(f"there is no folder {str(Path(picture).parent)!r} for the picture {picture!r}")
    rows: list[dict[str, Any]] = []
    bars: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as own:
        place = Path(folder or own)
        place.mkdir(parents=True, exist_ok=True)
        names = families.split(",")
        for one in PARTS if part is None else (part,):
            if one == "families":
                rows += sensitivity()
                continue
            _files(place, names)
            more = (
                _study(place, names, inputs, int(steps), picture)
                if one == "study"
                else _compared(place, names, int(short))
            )
            rows += more[0]
            bars += more[1]
    return {"rows": rows, "bars": bars}


def _files(place: Path, families: list[str]) -> None:
    """Records to train on, five of each system, and to test on, twenty of each."""
    for name, count, seed, each in (("train", TRAINED, 1, 5), ("test", TESTED, 2, 20)):
        sn.datasets.prose(
            families, place / f"{name}.prefix", count, seed=seed, trajectories=each, noise=0.02, corruption=True
        )


def _study(place: Path, families: list[str], inputs: str, steps: int, picture: str | None) -> Result:
    """One learner, trained to the end: a row a family."""
    train, test = _sets(place, families, inputs)
    learner, seconds = _trained(place, families, inputs, train, steps, 0)
    scores = learner.evaluate(test)
    rows = [{"symbols": inputs, "family": family, **_shown(row)} for family, row in scores.rows.items()]
    rows[-1] |= {"steps": steps, "train CPU s": seconds}
    if picture is not None:
        drawn(learner, place / "test.prefix", picture)
    return rows, [
        bar("relative L2 error of the prediction", scores["prediction"], 0.05),
        bar("valid texts, free decoding", scores["valid"], 0.90, "higher"),
        bar("CPU minutes of the training", seconds / 60, 30.0),
    ]


def _compared(place: Path, families: list[str], steps: int) -> Result:
    """Short trainings by what is read beside the values: a row each, its error a mean over the seeds, and how far it is from that without symbols."""
    found: dict[str, Any] = {}
    for inputs in SYMBOLS:
        train, test = _sets(place, families, inputs)
        made = [_trained(place, families, inputs, train, steps, seed)[0].evaluate(test, solve=0) for seed in SEEDS]
        found[inputs] = (made[0].tokens, np.mean([scores.errors for scores in made], axis=0), made)
    rows = [
        {
            "symbols": inputs, "family": "all", "steps": steps, "rel. L2 error": float(mine.mean()),
            "each seed": " ".join(f"{scores['prediction']:.4f}" for scores in made), "valid": made[0]["valid"],
            "error of rates": made[0]["rates"],
        }
        for inputs, (_, mine, made) in found.items()
    ]  # fmt: skip
    _, others, without = found["none"]
    for row, (tokens, errors, _) in zip(rows, found.values(), strict=True):
        row["better than none by, in standard errors"] = 0.0 if errors is others else apart(tokens, errors, others)
    tokens, errors, with_ = found["equations"]
    nearest = min(x["prediction"] for x in without) / max(x["prediction"] for x in with_)
    return rows, [
        bar("error without symbols over error with the equations, the nearest two of all seeds", nearest, 1.0, "higher"),
        bar("their difference in standard errors over the systems", apart(tokens, errors, others), 3.0, "higher"),
    ]


def _learner(families: list[str], inputs: str, seed: int = 0) -> sn.neural.ProseLearner:
    dimension = max(sn.datasets.ODE15[name].dimension for name in families)
    return sn.neural.ProseLearner(dimension, symbols=SYMBOLS[inputs], seed=seed)


def _sets(place: Path, families: list[str], inputs: str) -> tuple[Any, Any]:
    """Records to train on, none of a system of the other ones, and to test on."""
    reader = _learner(families, inputs)
    test = reader.records(place / "test.prefix")
    return reader.records(place / "train.prefix").without(test), test


def _trained(
    place: Path, families: list[str], inputs: str, train: Any, steps: int, seed: int
) -> tuple[sn.neural.ProseLearner, float]:
    """A learner, and the CPU seconds of its training, of all runs that it took."""
    learner = _learner(families, inputs, seed)
    file = place / f"{inputs}_{steps}_{seed}"
    report = learner.fit(train, steps=steps, seed=seed, checkpoint=file.with_suffix(".training"), progress=False)
    learner.save(file.with_suffix(".learner"))
    return learner, sum(row["cpu_seconds"] for row in report.history)


def _shown(row: dict[str, float]) -> dict[str, Any]:
    names = {
        "prediction": "rel. L2 error", "valid": "valid", "valid_grammar": "valid, grammar", "form": "right form",
        "rates": "error of rates", "solved": "solved: error", "refined": "refined: error",
    }  # fmt: skip
    return {label: row[key] for key, label in names.items()}


def apart(tokens: list[list[str]], one: np.ndarray, other: np.ndarray) -> float:
    """The mean of ``other - one``, errors on the same records, in its standard errors; the records of a system count as one."""
    systems: dict[tuple[str, ...], list[float]] = {}
    for words, difference in zip(tokens, other - one, strict=True):
        systems.setdefault(tuple(words), []).append(float(difference))
    means = np.array([np.mean(values) for values in systems.values()])
    return float(means.mean() / (means.std(ddof=1) / np.sqrt(len(means))))
