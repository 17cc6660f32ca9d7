"""Checkpoints: the whole state of a run in one file, so that a killed run goes on where it was, bit for bit.

    file (.npz, no pickle)   scalars and vectors of the driver, what the run has kept, events so far, a digest of the problem and options
    written                  to a new file beside it, flushed to the disk, then renamed: there is always a whole checkpoint, old or new

The driver reads everything from its scalars, so these and its vectors are the run (see ``language``). An implicit method keeps its Jacobian
and factors elsewhere: there a checkpoint lies only between calls of ``RENEW`` attempted steps, and after each such call J is made anew
whether a file is written or not. So a run with a checkpoint gives the same numbers however often it is killed; they differ from those of
the same run without ``checkpoint=`` by less than the tolerance where the method is implicit, and not at all where it is explicit.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import FileError
from symnum.solvers.events import Occurrence

if TYPE_CHECKING:
    from symnum.solvers.embedded.solve import Run

Array = NDArray[np.float64]
FORMAT = "symnum checkpoint 1"
RENEW = 64  # attempted steps of an implicit method between two points where its Jacobian is made anew
MEMORY = ("jacobian_known", "factored_shift")  # scalars that say what a linear solver still knows


class Checkpoint:
    """The checkpoint file of one run.

    Args:
        path: of the file; every: seconds between two writes (0: after every call of the driver, about 25 ms).

    Raises FileError: the folder does not exist, the file cannot be written, is damaged, or belongs to another problem.
    """

    def __init__(self, run: Run, path: str | os.PathLike[str], every: float) -> None:
        self.run, self.path, self.every = run, Path(path), every
        self.digest = digest(run)
        self.renews = any(name in run.machine.index for name in MEMORY)
        self.written = time.perf_counter()
        self.trouble = ""
        if not self.path.parent.is_dir():
            folder = str(self.path.parent)
            raise FileError(f"the folder {folder!r} of the checkpoint does not exist; create it first: mkdir -p {folder}")
        if self.path.is_dir():
            raise FileError(f'{str(self.path)!r} is a folder, not a checkpoint; write checkpoint="{self.path.name}/run.ckpt"')

    # --- writing ---

    def forget_solver(self) -> None:
        """After a call of the driver: an implicit method makes its Jacobian anew at the next step."""
        for name in MEMORY:
            if name in self.run.machine.index:
                self.run.machine[name] = 0.0

    def due(self) -> bool:
        return time.perf_counter() - self.written >= self.every

    def write(self) -> None:
        """Write the state of the run. Raises FileError where the disk is full or the folder cannot be written; the old file is kept."""
        part = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            with part.open("wb") as stream:
                np.savez(stream, **self.state())  # type: ignore[arg-type]
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, self.path)
            _flush_folder(self.path.parent)
        except OSError as error:
            reason = error.strerror or str(error)
            raise FileError(f"the checkpoint {str(self.path)!r} could not be written: {reason}. Free space or give another place") from error
        finally:
            part.unlink(missing_ok=True)
        self.written = time.perf_counter()

    def remove(self) -> None:
        """The run has reached its end: nothing is left to resume."""
        self.path.unlink(missing_ok=True)

    def state(self) -> dict[str, Array | str]:
        run, machine = self.run, self.run.machine
        made: dict[str, Any] = {"format": FORMAT, "digest": self.digest, "scalars": machine.scalars}
        made["run"] = np.array([run.number, run.used])
        made["parameters"] = run.problem.parameters
        made |= {f"vector_{name}": machine.vector(name) for name in machine.program.vectors}
        made |= {f"record_{name}": array for name, array in run.record.state().items()}
        if run.watch is not None:
            made |= {f"watch_{name}": value for name, value in _watch_state(run).items()}
        return made

    # --- reading ---

    def resume(self) -> bool:
        """Take up the state in the file, if there is one."""
        if not self.path.exists():
            return False
        state = self._read()
        run, machine = self.run, self.run.machine
        try:
            machine.scalars[:] = state["scalars"]
            run.number, run.used = int(state["run"][0]), float(state["run"][1])
            run.problem.parameters[:] = state["parameters"]
            for name in machine.program.vectors:
                machine.vector(name)[:] = state[f"vector_{name}"]
            kept = {name.removeprefix("record_"): a for name, a in state.items() if name.startswith("record_")}
            run.record.restore(kept)
            if run.watch is not None:
                _restore_watch(run, state)
        except (KeyError, ValueError, TypeError) as error:
            raise self._damaged(error) from error
        run.renew_linear()
        return True

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as stream:
                data = io.BytesIO(stream.read())
            with np.load(data, allow_pickle=False) as found:
                state = {name: found[name] for name in found.files}
            form, given = str(state["format"]), str(state["digest"])
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError, TypeError, AttributeError, NotImplementedError) as error:
            raise self._damaged(error) from error
        except OSError as error:
            raise FileError(f"the checkpoint {str(self.path)!r} could not be read: {error.strerror or error}") from error
        if form != FORMAT:
            raise FileError(f"{str(self.path)!r} holds {form!r}; this version reads {FORMAT!r}. Remove it to start anew")
        if given != self.digest:
            changed = _differences(json.loads(given), json.loads(self.digest))
            raise FileError(
                f"the checkpoint {str(self.path)!r} belongs to another solve: {changed}. "
                "Remove it to start anew, make the same call to go on, or give checkpoint= another name"
            )
        return state

    def _damaged(self, error: Exception) -> FileError:
        return FileError(
            f"the checkpoint {str(self.path)!r} is damaged or no checkpoint ({error}); remove it to start anew"
        )


def digest(run: Run) -> str:
    """What must be the same for a run to go on: equations, initial state, parameters, method, tolerances, save times, events (as JSON)."""
    problem, options = run.problem, run.options
    facts = {
        "the equations": problem.identity,
        "the initial state": _hash(problem.y0),
        "the time interval": [problem.t0, problem.t1, *problem.breakpoints],
        "the parameters": _hash(problem.parameters),
        "method": run.method.name,
        "rtol": options.rtol,
        "atol": options.atol,
        "dt": options.dt,
        "the save times": "every step" if run.record.times is None else _hash(run.record.times),
        "dense": options.dense,
        "the solver's program": hashlib.sha256(" ".join((*run.machine.program.scalars, *run.machine.program.vectors)).encode()).hexdigest()[:24],
        "the events": "" if problem.events is None else [f"{e.name} {e.direction} {e.terminal}" for e in problem.events.watched],
    }  # fmt: skip
    return json.dumps(facts, sort_keys=True)


def _hash(array: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, dtype=np.float64).tobytes()).hexdigest()[:24]


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Which facts differ, with values where a person can read them."""
    parts = []
    for name in new:
        if old.get(name) != new[name]:
            readable = isinstance(new[name], (int, float)) or name == "method"
            parts.append(f"{name} was {old.get(name)!r}, now {new[name]!r}" if readable else f"{name} differ{'s' if not name.endswith('s') else ''}")
    return ", ".join(parts) or "its facts differ"


def _flush_folder(folder: Path) -> None:
    """The new name must reach the disk too (POSIX)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot
        pass
    finally:
        os.close(handle)


def _watch_state(run: Run) -> dict[str, Any]:
    watch = run.watch
    assert watch is not None
    n, p = run.problem.n, len(run.problem.parameters)
    found = watch.occurrences
    return {
        "numbers": np.array([watch.since, watch.pace]),
        "side": watch.side,
        "scale": watch.scale,
        "turns": np.array(watch.turns),
        "anchor_t": np.array([watch.anchor[0]]),
        "anchor_y": watch.anchor[1],
        "index": np.array([o.index for o in found], dtype=np.float64),
        "t": np.array([o.t for o in found]),
        "before": np.array([o.before for o in found]).reshape(len(found), n),
        "after": np.array([o.after for o in found]).reshape(len(found), n),
        "changed": np.array([o.parameters is not None for o in found], dtype=np.float64),
        "parameters": np.array([np.zeros(p) if o.parameters is None else o.parameters for o in found]).reshape(len(found), p),
        "notes": np.array(watch.notes, dtype=np.str_),
    }


def _restore_watch(run: Run, state: Mapping[str, Any]) -> None:
    watch, given = run.watch, {name.removeprefix("watch_"): a for name, a in state.items() if name.startswith("watch_")}
    assert watch is not None
    watch.since, watch.pace = (int(v) for v in given["numbers"])
    watch.side, watch.scale = np.array(given["side"]), np.array(given["scale"])
    watch.turns = [float(t) for t in given["turns"]]
    watch.anchor = (float(given["anchor_t"][0]), given["anchor_y"])
    rows = zip(given["index"], given["t"], given["before"], given["after"], given["changed"], given["parameters"], strict=True)
    watch.occurrences = [Occurrence(int(k), float(t), before, after, p if changed else None) for k, t, before, after, changed, p in rows]
    watch.notes = [str(note) for note in given["notes"]]
    watch.checked = 0
