"""What a page may ask for: [path, query, body] -> [Reply]. Every input is checked here; none is ever more than a number or a name.

    GET  about                                        JSON: runs, fields, dimensions, parameters, the latest solve
    GET  job                                          JSON: the latest solve alone
    GET  coordinate?run=0&name=x                      float64 (n,)
    GET  frames?run=0&field=0&start=0&count=8&most=512[&cut=z&index=3]      float32 (count, *space)
    GET  image?run=0&field=0&most=1024                float32 (times, points): all of a field on one axis
    GET  curves?run=0&fields=0,1                      float64 times (m,), then float32 (fields, m)
    GET  range?run=0&field=0                          JSON: least and greatest value
    GET  table?run=0&field=0&frame=3[&cut=z&index=3]  CSV
    GET  colours?map=viridis                          256 colours, one byte each for red, green, blue
    POST solve  {"parameters": {"D": 0.5}}            JSON: the number of the solve
    POST cancel {}                                    JSON

Numbers are little-endian; ``Symnum-Shape`` and ``Symnum-Steps`` tell the shape, and every how many points were taken along each axis.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from symnum.errors import SymnumError, UnknownName, did_you_mean
from symnum.result.axes import TIME
from symnum.view.data import Run
from symnum.view.session import Session

LARGEST_BODY = 64 * 1024  # bytes
LARGEST_REPLY = 8_000_000  # values of frames in one reply
LARGEST_TABLE = 2_000_000  # lines
MOST_FIELDS = 64  # curves in one reply
MAPS = ("viridis", "RdBu_r", "cividis", "magma")


@dataclass(frozen=True)
class Reply:
    """What goes back: status, media type, body, further headers."""

    status: int
    kind: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """A request that is not answered: status and the sentence that says why."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        super().__init__(sentence)


def as_json(value: Any, status: int = 200) -> Reply:
    """A reply of JSON; numbers that JSON lacks become null."""
    return Reply(status, "application/json", json.dumps(_plain(value), allow_nan=False).encode())


class Api:
    """The requests of the pages of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.gets: dict[str, Callable[[Mapping[str, str]], Reply]] = {
            name: getattr(self, f"_{name}")
            for name in ("about", "job", "coordinate", "frames", "image", "curves", "range", "table", "colours")
        }
        self.posts: dict[str, Callable[[Any], Reply]] = {"solve": self._solve, "cancel": self._cancel}

    def get(self, name: str, query: str) -> Reply:
        """Answer a question. Raises Refused."""
        if name not in self.gets:
            raise Refused(404, f"there is nothing named {name[:40]!r} here")
        try:
            asked = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=12) if query else []
        except ValueError as error:
            raise Refused(400, f"the question after ? is malformed: {error}") from None
        if len({key for key, _ in asked}) < len(asked):
            raise Refused(400, "the question names something twice")
        return self._guarded(lambda: self.gets[name](dict(asked)))

    def post(self, name: str, body: bytes) -> Reply:
        """Do something. Raises Refused."""
        if name not in self.posts:
            raise Refused(404, f"there is nothing named {name[:40]!r} here")
        return self._guarded(lambda: self.posts[name](strict_json(body)))

    def _guarded(self, answer: Callable[[], Reply]) -> Reply:
        try:
            return answer()
        except UnknownName as error:
            raise Refused(404, str(error)) from error
        except SymnumError as error:
            raise Refused(422, str(error)) from error

    # --- questions ---------------------------------------------------------------------------------------------

    def _about(self, asked: Mapping[str, str]) -> Reply:
        return as_json(self.session.about())

    def _job(self, asked: Mapping[str, str]) -> Reply:
        solving = self.session.solving
        return as_json({"job": None if solving is None else solving.about()})

    def _coordinate(self, asked: Mapping[str, str]) -> Reply:
        values = self._run(asked).coordinate(_text(asked, "name"))
        return _numbers([values.astype("<f8")], values.shape)

    def _frames(self, asked: Mapping[str, str]) -> Reply:
        run, which = self._quantity(asked)
        shown = run.shown[which]
        frames = run.frames if shown.moving else 1
        start, count = _whole(asked, "start", frames - 1), max(1, _whole(asked, "count", 10**6))
        at = self._cut(asked, run, which)
        dims = [d for d in shown.space if d not in at]
        steps = _steps(run, dims, max(1, _whole(asked, "most", 4096)))
        size = math.prod(math.ceil(run.dataset.sizes[d] / steps[d]) for d in dims)
        count = max(1, min(count, frames - start, LARGEST_REPLY // max(1, size)))
        block = run.block(which, slice(start, start + count), steps, at)
        return _numbers([_float32(block)], block.shape, [steps[d] for d in dims])

    def _image(self, asked: Mapping[str, str]) -> Reply:
        run, which = self._quantity(asked)
        shown = run.shown[which]
        if len(shown.space) != 1 or not shown.moving:
            raise Refused(422, f"{shown.name} does not live on time and one axis, so it makes no space-time image")
        most = max(1, _whole(asked, "most", 4096))
        steps = _steps(run, [TIME, *shown.space], most)
        block = run.block(which, slice(None, None, steps[TIME]), steps, {})
        return _numbers([_float32(block)], block.shape, list(steps.values()))

    def _curves(self, asked: Mapping[str, str]) -> Reply:
        run = self._run(asked)
        words = _text(asked, "fields").split(",")
        if len(words) > MOST_FIELDS:
            raise Refused(400, f"{len(words)} fields at once are too many; at most {MOST_FIELDS}")
        which = [_index(word, "fields", len(run.shown) - 1) for word in words]
        wide = [run.shown[k].name for k in which if run.shown[k].space]
        if wide:
            raise Refused(422, f"{wide[0]} depends on place; it has frames, not a curve over time")
        times, values = run.curves(which)
        return _numbers([times.astype("<f8"), _float32(values)], values.shape)

    def _range(self, asked: Mapping[str, str]) -> Reply:
        run, which = self._quantity(asked)
        low, high, whole = run.extent(which)
        return as_json({"low": low, "high": high, "whole": whole})

    def _table(self, asked: Mapping[str, str]) -> Reply:
        run, which = self._quantity(asked)
        shown = run.shown[which]
        at = self._cut(asked, run, which)
        frame = _whole(asked, "frame", (run.frames if shown.moving else 1) - 1)
        lines = math.prod(run.dataset.sizes[d] for d in shown.space if d not in at) if shown.space else run.frames
        if lines > LARGEST_TABLE:
            raise Refused(
                422,
                f"this table would have {lines:,} lines, more than {LARGEST_TABLE:,}; read the file with xarray instead",
            )
        return Reply(200, "text/csv; charset=utf-8", "".join(run.table(which, frame, at)).encode())

    def _colours(self, asked: Mapping[str, str]) -> Reply:
        import matplotlib

        name = _text(asked, "map")
        if name not in MAPS:
            raise UnknownName(
                f"there is no colour map {name[:40]!r}.{did_you_mean(name, MAPS)} Maps: {', '.join(MAPS)}"
            )
        rgba = matplotlib.colormaps[name](np.linspace(0, 1, 256), bytes=True)
        return Reply(200, "application/octet-stream", np.ascontiguousarray(rgba[:, :3]).tobytes())

    # --- deeds -------------------------------------------------------------------------------------------------

    def _solve(self, data: Any) -> Reply:
        solving = self.session.solving
        if solving is None:
            raise Refused(409, self.session.why_not)
        return as_json({"number": solving.start(parameters_in(data)), "job": solving.about()}, status=202)

    def _cancel(self, data: Any) -> Reply:
        if data != {}:
            raise Refused(400, "cancel takes {} and nothing in it")
        solving = self.session.solving
        if solving is not None:
            solving.cancel()
        return as_json({"job": None if solving is None else solving.about()})

    # --- what the questions name -------------------------------------------------------------------------------

    def _run(self, asked: Mapping[str, str]) -> Run:
        number = _whole(asked, "run", 10**9)
        run = self.session.run(number)
        if run is None:
            raise Refused(410, f"run {number} is not kept any more")
        return run

    def _quantity(self, asked: Mapping[str, str]) -> tuple[Run, int]:
        run = self._run(asked)
        return run, _whole(asked, "field", len(run.shown) - 1)

    def _cut(self, asked: Mapping[str, str], run: Run, which: int) -> dict[str, int]:
        if "cut" not in asked:
            return {}
        dim, shown = asked["cut"], run.shown[which]
        if dim not in shown.space:
            raise Refused(
                422, f"{shown.name} has no axis {dim[:40]!r} to cut along; its axes: {', '.join(shown.space) or 'none'}"
            )
        return {dim: _whole(asked, "index", run.dataset.sizes[dim] - 1)}


# --- checked input -----------------------------------------------------------------------------------------------


def strict_json(body: bytes) -> Any:
    """The value of a JSON text: no NaN, no key twice, no deep nesting. Refused otherwise."""
    if len(body) > LARGEST_BODY:
        raise Refused(413, f"the request is longer than {LARGEST_BODY} bytes")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name stands twice in it")
        return dict(pairs)

    def no_number(word: str) -> Any:
        raise ValueError(f"{word} is no number of JSON")

    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except RecursionError:
        raise Refused(400, "this JSON is nested too deeply") from None
    except ValueError as error:  # also text that is not UTF-8
        raise Refused(400, f"this is no JSON: {error}") from None


def parameters_in(data: Any) -> dict[str, float]:
    """``{"parameters": {"D": 0.5}}`` -> {"D": 0.5}: finite numbers by name, nothing else. Refused otherwise."""
    given = data.get("parameters") if isinstance(data, dict) and set(data) == {"parameters"} else None
    if not isinstance(given, dict):
        raise Refused(400, 'solve takes {"parameters": {"D": 0.5}} and nothing else')
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            raise Refused(422, f"the value of {name[:40]} must be a finite number, not {json.dumps(value)[:60]}")
    return {name: float(value) for name, value in given.items()}


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _text(asked: Mapping[str, str], key: str) -> str:
    if key not in asked:
        raise Refused(400, f"the question lacks {key}=")
    return asked[key]


def _whole(asked: Mapping[str, str], key: str, last: int) -> int:
    return _index(_text(asked, key), key, last)


def _index(word: str, key: str, last: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", word) or int(word) > last:
        raise Refused(400, f"{key} must be a whole number from 0 to {last}, not {word[:40]!r}")
    return int(word)


# --- numbers out -------------------------------------------------------------------------------------------------


def _steps(run: Run, dims: list[str], most: int) -> dict[str, int]:
    """Every how many points, so that no axis has more than ``most``."""
    return {d: math.ceil(run.dataset.sizes[d] / most) for d in dims}


def _float32(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # beyond float32: infinite, which a page shows as missing
        return values.astype("<f4")


def _numbers(arrays: list[np.ndarray], shape: tuple[int, ...], steps: list[int] | None = None) -> Reply:
    headers = (("Symnum-Shape", ",".join(map(str, shape))), ("Symnum-Steps", ",".join(map(str, steps or []))))
    return Reply(200, "application/octet-stream", b"".join(a.tobytes() for a in arrays), headers)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
