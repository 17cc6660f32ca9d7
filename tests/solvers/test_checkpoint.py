"""A run that is killed goes on from its checkpoint and ends with the same bits; what is wrong with a file is told by name."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import symnum as sn
from symnum.errors import FileError, SolveError
from symnum.solvers.backend import solve
from symnum.solvers.embedded import solve as loop
from symnum.solvers.embedded.method import methods
from symnum.solvers.events import Events, Watched
from symnum.solvers.problem import Options, Problem
from tests.contracts.cases import hundred_steps, options_for
from tests.solvers.problems import native_lorenz, van_der_pol

METHODS = sorted(methods())
ROOT = Path(__file__).resolve().parents[2]


class Killed(BaseException):
    """Stands for the end of the process: nothing below may catch it."""


def kill_after(calls: int):
    """A progress function that ends the process at its k-th call."""
    counter = itertools.count(1)

    def progress(t):
        if next(counter) == calls:
            raise Killed

    return progress


@pytest.fixture
def short_calls(monkeypatch):
    """Calls of the driver of a few steps, so that there are many places to be killed at."""
    monkeypatch.setattr(loop, "CALL_SECONDS", 5e-4)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # thousands of small files


def same(a, b):
    np.testing.assert_array_equal(a.t, b.t)
    np.testing.assert_array_equal(a.y, b.y)
    for key in ("steps", "rejected"):
        assert a.stats[key] == b.stats[key]
    return True


@pytest.mark.usefixtures("short_calls")
@pytest.mark.parametrize("name", METHODS)
def test_resume_is_exact_for_every_method(name, tmp_path):
    """Killed again and again, each time a few calls later: the same steps, the same states, the same dense output."""
    method = methods()[name]
    problem, options = hundred_steps(method)
    problem = problem if method.implicit or method.split else replace(problem, t1=problem.t1 / 5)
    for kept in ({"saveat": np.linspace(0, problem.t1, 23)}, {"every_step": True, "dense": True}):
        path = tmp_path / "run.ckpt"
        options = options_for(method, rtol=options.rtol, atol=options.atol, checkpoint=path, checkpoint_every=0, **kept)
        whole = solve(problem, options)
        assert whole.success and not path.exists()
        with pytest.raises(Killed):
            solve(problem, replace(options, progress=kill_after(1)))
        for calls in (2, 3, 1):
            try:
                solve(problem, replace(options, progress=kill_after(calls)))
            except Killed:
                assert path.exists()
        pieces = solve(problem, options)
        assert same(whole, pieces) and not path.exists()
        if whole.dense is not None:
            places = np.linspace(0.0, problem.t1, 57)
            np.testing.assert_array_equal(whole.dense(places), pieces.dense(places))


@pytest.mark.parametrize("name", ["Tsit5", "Vern7", "RKC2"])
def test_a_checkpoint_changes_nothing_for_explicit_methods(name, tmp_path):
    problem = Problem(van_der_pol, [2.0, 0.0], 0, 20.0)
    options = Options(name, every_step=True)
    assert same(solve(problem, options), solve(problem, replace(options, checkpoint=tmp_path / "c", checkpoint_every=0)))


CHILD = """
    import sys, time
    from symnum.solvers.backend import solve
    from symnum.solvers.problem import Options
    from tests.solvers.test_checkpoint import lorenz_options
    from tests.solvers.problems import native_lorenz
    solve(native_lorenz(400.0), lorenz_options(sys.argv[1], progress=lambda t: time.sleep(0.004)))
"""


def lorenz_options(path, **more):
    return Options("Tsit5", rtol=1e-9, saveat=np.linspace(0, 400, 401), checkpoint=path, checkpoint_every=0, **more)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_kill_minus_nine_at_random_steps(tmp_path):
    """The process is killed at moments nobody chose; what it left is whole, and the run ends with the same bits."""
    path = tmp_path / "lorenz.ckpt"
    whole = solve(native_lorenz(400.0), lorenz_options(None))
    for pause in (0.004, 0.017):
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
        before = path.stat().st_mtime_ns if path.exists() else 0
        child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(CHILD), str(path)], env=environment)
        limit = time.monotonic() + 60
        while not (path.exists() and path.stat().st_mtime_ns > before) and time.monotonic() < limit and child.poll() is None:
            time.sleep(0.002)
        time.sleep(pause)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL and path.exists()
    assert same(whole, solve(native_lorenz(400.0), lorenz_options(path)))


@pytest.mark.usefixtures("short_calls")
def test_events_are_part_of_the_state(tmp_path):
    def fall(t, y, out):
        out[0], out[1] = y[1], -9.81

    bounce = Watched("x <= 0", -1, lambda t, y, p: (np.array([0.0, -0.9 * y[1]]), p + 1), relation=True)
    events = Events((bounce, Watched("v")), lambda t, y, out: out.__setitem__(slice(None), y))
    problem = Problem(fall, [1.0, 0.0], 0, 7.0, events=events, parameters=[0.0])
    options = Options("Tsit5", every_step=True, dense=True)
    whole = solve(problem, options)
    path = tmp_path / "ball.ckpt"
    kept = replace(options, checkpoint=path, checkpoint_every=0)
    for calls in (2, 3, 4, 3):
        with pytest.raises(Killed):
            solve(problem, replace(kept, progress=kill_after(calls)))
    pieces = solve(problem, kept)
    assert same(whole, pieces) and len(whole.events) > 15
    assert [(o.index, o.t) for o in whole.events] == [(o.index, o.t) for o in pieces.events]
    assert [o.parameters for o in whole.events if o.index == 0] == [o.parameters for o in pieces.events if o.index == 0]
    assert problem.parameters == [0.0]


@pytest.mark.usefixtures("short_calls")
def test_the_public_call_goes_on_where_it_was(tmp_path):
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), 0.1 * sn.laplacian(u) + u - u**3)],
        domain=sn.Domain(t=(0, 2), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: sn.sin(2 * sn.pi * x)},
    )
    path = tmp_path / "run.ckpt"
    whole = sn.solve(system, resolution=32, method="Tsit5")
    with pytest.raises(Killed):
        sn.solve(system, resolution=32, method="Tsit5", checkpoint=path, checkpoint_every=0, progress=kill_after(2))
    assert path.exists()
    with pytest.raises(FileError, match=r"rtol was 1e-06, now 1e-05"):
        sn.solve(system, resolution=32, method="Tsit5", checkpoint=path, rtol=1e-5)
    with pytest.raises(FileError, match="the equations differ"):
        changed = system.replace(equations=[sn.Eq(sn.dt(u), 0.1 * sn.laplacian(u) + u - u**5)])
        sn.solve(changed, resolution=32, method="Tsit5", checkpoint=path)
    with pytest.raises(SolveError, match=r'checkpoint= is not for BDF .*method="Tsit5"'):
        sn.solve(system, resolution=32, method="BDF", checkpoint=path)
    sol = sn.solve(system, resolution=32, method="Tsit5", checkpoint=path)
    np.testing.assert_array_equal(sol["u"].values, whole["u"].values)


# --- what can be wrong with the file ---


def options_at(path, **more):
    return Options("Tsit5", rtol=1e-8, checkpoint=path, checkpoint_every=0, **more)


def left_behind(path):
    """A good checkpoint of a run that was killed."""
    with pytest.raises(Killed):
        solve(native_lorenz(200.0), options_at(path, progress=kill_after(3)))
    return path.read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: b"",
        lambda good: good[: len(good) // 2],
        lambda good: b"not a checkpoint at all",
        lambda good: good[:200] + bytes([good[200] ^ 0xFF]) + good[201:],
        lambda good: good[:-30] + b"\0" * 30,
    ],
    ids=["empty", "half", "text", "one byte", "no end"],
)
def test_a_damaged_file_is_named(spoil, tmp_path):
    path = tmp_path / "run.ckpt"
    good = left_behind(path)
    path.write_bytes(spoil(good))
    with pytest.raises(FileError, match=r"run.ckpt' .*(damaged|no checkpoint|belongs).*[Rr]emove it"):
        solve(native_lorenz(200.0), options_at(path))
    path.write_bytes(good)
    assert solve(native_lorenz(200.0), options_at(path)).success


def test_a_folder_that_is_not_there_and_one_in_the_place_of_the_file(tmp_path):
    with pytest.raises(FileError, match="does not exist; create it first"):
        solve(native_lorenz(1.0), options_at(tmp_path / "nowhere" / "run.ckpt"))
    with pytest.raises(FileError, match="is a folder"):
        solve(native_lorenz(1.0), options_at(tmp_path))
    with pytest.raises(SolveError, match=r'checkpoint="run.ckpt"'):
        Options(checkpoint=3)
    with pytest.raises(SolveError, match="checkpoint_every=60"):
        Options(checkpoint_every=-1)


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_a_folder_that_cannot_be_written_is_told_before_the_run(tmp_path, monkeypatch):
    """As root every folder can be written: then the system call answers in its place."""
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o500)
    if os.access(closed, os.W_OK):
        real = Path.open

        def refusing(self, mode="r", *args, **kwargs):
            if "w" in mode and self.parent == closed:
                raise PermissionError(13, "Permission denied")
            return real(self, mode, *args, **kwargs)

        monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(FileError, match=r"could not be written: Permission denied"):
        solve(native_lorenz(1.0), options_at(closed / "run.ckpt"))
    assert os.listdir(closed) == []


@pytest.mark.skipif(os.name == "nt", reason="resource limits")
def test_a_full_disk_during_the_run_keeps_the_result_and_the_old_checkpoint(tmp_path):
    path = tmp_path / "run.ckpt"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    problem = native_lorenz(200.0)
    options = Options("Tsit5", rtol=1e-9, every_step=True, checkpoint=path, checkpoint_every=0)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # the file grows with the steps that are kept
        run = solve(problem, options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not run.success and "could not be written: File too large" in run.message and "is kept" in run.message
    assert len(run.t) > 10 and run.t[-1] > 0.1
    assert [p.name for p in tmp_path.iterdir()] == ["run.ckpt"]
    resumed = solve(problem, options)
    assert same(resumed, solve(problem, replace(options, checkpoint=None)))


def test_a_checkpoint_is_kept_where_the_limit_of_steps_ends_a_run(tmp_path):
    """The same call with a larger limit goes on."""
    path = tmp_path / "run.ckpt"
    short = solve(native_lorenz(50.0), options_at(path, max_steps=700))
    assert not short.success and "max_steps = 700" in short.message and path.exists()
    longer = solve(native_lorenz(50.0), options_at(path))
    assert same(longer, solve(native_lorenz(50.0), Options("Tsit5", rtol=1e-8)))
