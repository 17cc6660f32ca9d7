"""The object cache: found again, never trusted blindly, never kept where others may write."""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from symnum.codegen import jit
from symnum.codegen.jit import cache_folder, compile_ir, native_function, optimise
from symnum.codegen.target import compile_kernel
from symnum.errors import TargetError
from symnum.expr.build import exp, tanh
from symnum.ir.kernel import Array, Kernel, Loop, Store, load

SQUARE = "define double @square(double %x) {\nentry:\n  %y = fmul double %x, %x\n  ret double %y\n}\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYMNUM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "objects"


def value(module: jit.Module) -> float:
    return float(native_function(module.address("square"), ctypes.c_double, result=ctypes.c_double)(3.0))


def objects(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.o")) if cache.is_dir() else []


def test_the_second_compilation_reads_the_first(cache: Path) -> None:
    first = compile_ir(SQUARE)
    assert not first.from_cache and len(objects(cache)) == 1
    second = compile_ir(SQUARE)
    assert second.from_cache and value(first) == value(second) == 9.0
    assert not list(cache.glob("tmp*")), "temporary files are renamed or removed"


def test_the_key_holds_text_and_level(cache: Path) -> None:
    compile_ir(SQUARE)
    assert not compile_ir(SQUARE.replace("fmul", "fadd")).from_cache
    assert not compile_ir(SQUARE, level=1).from_cache
    assert len(objects(cache)) == 3


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-7], lambda b: b[:40] + bytes([b[40] ^ 1]) + b[41:], lambda b: b"", lambda b: b"not code" * 99],
)
def test_a_damaged_object_is_compiled_anew(cache: Path, damage: object) -> None:
    compile_ir(SQUARE)
    (path,) = objects(cache)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    again = compile_ir(SQUARE)
    assert not again.from_cache and value(again) == 9.0
    assert compile_ir(SQUARE).from_cache, "the sound object has replaced the damaged one"


def test_switched_off(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert value(compile_ir(SQUARE, cache=False)) == 9.0 and not objects(cache)
    monkeypatch.setenv("SYMNUM_CACHE", "off")
    assert cache_folder() is None
    assert not compile_ir(SQUARE).from_cache and not compile_ir(SQUARE).from_cache and not objects(cache)


def test_the_folder_is_private(cache: Path) -> None:
    assert cache_folder() == cache
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_is_not_used(cache: Path, mode: int) -> None:
    compile_ir(SQUARE)
    cache.chmod(mode)
    assert cache_folder() is None
    assert not compile_ir(SQUARE).from_cache
    cache.chmod(0o700)
    assert compile_ir(SQUARE).from_cache


def test_a_folder_of_somebody_else_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_ir(SQUARE)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert cache_folder() is None and not compile_ir(SQUARE).from_cache


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SYMNUM_CACHE", str(tmp_path / "file"))
    assert cache_folder() is None and value(compile_ir(SQUARE)) == 9.0


def test_the_oldest_objects_go_when_the_cache_is_full(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_ir(SQUARE)
    (old,) = objects(cache)
    os.utime(old, (1, 1))
    monkeypatch.setattr(jit, "_MAX_CACHE_BYTES", old.stat().st_size + 100)
    compile_ir(SQUARE.replace("fmul", "fadd"))
    assert len(objects(cache)) == 1 and old not in objects(cache)


def test_unknown_functions_and_bad_text() -> None:
    with pytest.raises(TargetError, match=r"no function 'cube'"):
        compile_ir(SQUARE, cache=False).address("cube")
    with pytest.raises(TargetError, match=r"LLVM refuses"):
        compile_ir(SQUARE.replace("%y = fmul", "%y = fmull"), cache=False)


def test_exp_and_tanh_are_vectorised() -> None:
    """The optimised code computes on vectors and calls nothing."""
    n = 1000
    u, out = Array("u", (n,), 0, (0,), (0,), "u"), Array("f", (n,), 0, (0,), (0,), "f")
    x = load("u", (0,))
    kernel = Kernel("rhs", (u,), (out,), (), None, (n,), (Loop(0, 0, n, (Store("f", exp(-(x**2)) + tanh(3 * x)),)),))
    compiled = compile_kernel(kernel, "llvm", cache=False)
    optimised = str(optimise(compiled.source))
    body = optimised[optimised.index("@rhs(") :].partition("\n}")[0]
    assert "x double>" in body
    calls = [line for line in body.splitlines() if " call " in line and "@llvm." not in line]
    assert not calls
    y = np.linspace(-3, 3, n)
    np.testing.assert_allclose(compiled(0.0, y), np.exp(-(y**2)) + np.tanh(3 * y), rtol=1e-14, atol=1e-15)


def test_tables_of_constants_are_addressed_relative_to_the_code() -> None:
    """MCJIT may map code above 2 GB, where a 32-bit absolute relocation (``.LCPI0_0(,%rax,8)``) aborts the process."""
    import llvmlite.binding as llvm

    from symnum.codegen import jit

    jit.host()
    if "x86_64" not in llvm.get_process_triple():
        pytest.skip("the relocation is one of x86-64")
    text = """define double @f(double %x, double %y) {
      %c = fcmp olt double %x, %y
      %s = select i1 %c, double 1.5, double 2.25
      ret double %s
    }"""
    machine = jit._target_machine(3, ("x86-64", ""))  # newer ones blend instead of looking up a table
    tables = [
        line
        for line in machine.emit_assembly(jit.optimise(text, machine)).splitlines()
        if "LCPI" in line and ":" not in line
    ]
    assert tables and all("(%rip)" in line for line in tables)
