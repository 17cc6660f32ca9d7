"""The c target: what its text looks like, that every feature of kernels compiles without a warning, compilers that are missing or refuse."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from symnum.codegen.c_compiler import compile_c, find_compiler
from symnum.codegen.c_file import print_file
from symnum.codegen.c_function import print_function
from symnum.codegen.c_layout import layout
from symnum.codegen.c_names import Names, Numbers, Spacing, identifier
from symnum.codegen.c_views import Arguments
from symnum.codegen.target import compile_kernel
from symnum.codegen.targets.c import print_kernel
from symnum.errors import TargetError
from symnum.expr.build import erf, maximum, minimum, pi, sign, sin, where
from symnum.expr.laurent import Laurent
from symnum.expr.term import Const, Symbol, Term, call
from symnum.ir.check import check
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Accumulate, Array, Kernel, Loop, Statement, Store, index, load, nest, table
from tests.codegen.samples_c import Compiled, needs_compiler

N, M = 9, 6
U = Array("u", (N, M), 0, (0, 1), (0, 0), "u")
V = Array("v", (N - 2,), N * M, (0,), (1,), "v")
S = Array("s", (), N * M + N - 2, (), (), "s")


def kernel(*body: Statement, outputs: tuple[Array, ...], locals: tuple[Array, ...] = ()) -> Kernel:
    k, t = Symbol("k", "parameter"), Symbol("t", "coordinate")
    return check(Kernel("rates", (U, V, S), outputs, (k,), t, (N, M), body, "a test", locals))


def out(*axes: int, name: str = "f") -> tuple[Array, ...]:
    return (Array(name, tuple((N, M)[a] for a in axes), 0, axes, (0,) * len(axes), name),)


def u(i: int, j: int, *fixed: bool) -> Symbol:
    return load("u", (i, j), (not (fixed and fixed[0]), not (fixed and fixed[1])), fixed or None)


def plane(value: Term) -> Statement:
    return nest(((0, 0, N), (1, 0, M)), (Store("f", value, "equation 1"),))


K, T = Symbol("k", "parameter"), Symbol("t", "coordinate")
FEATURES: dict[str, Kernel] = {
    "scalars": kernel(Store("f", load("s", ()) ** 2 - T * K + sin(load("s", ()))), outputs=out()),
    "wrap": kernel(plane(u(-1, 0) + u(1, 0) + u(0, -2) + u(0, 2) - 4 * u(0, 0) * K), outputs=out(0, 1)),
    "rows far away": kernel(plane(u(-3, 1) - u(N, -M)), outputs=out(0, 1)),
    "short rows": kernel(
        Loop(1, 2, 3, (Loop(0, 0, N, (Store("f", u(0, 4)),)),)), outputs=(Array("f", (N, 1), 0, (0, 1), (0, 2), "f"),)
    ),
    "inner axis first": kernel(nest(((1, 0, M), (0, 0, N)), (Store("f", u(-1, 1) * index(0)),)), outputs=out(0, 1)),
    "choices": kernel(
        plane(where((u(0, 0) < K) & ~(u(0, 1) >= 0.5), sign(u(0, 0)), 2 * (u(1, 0) > T) - 1)), outputs=out(0, 1)
    ),
    "powers": kernel(
        plane(u(0, 0) ** 7 / 3 + abs(u(0, 1)) ** Const(Fraction(3, 2)) / u(1, 0) ** 2 + abs(u(0, 0)) ** K),
        outputs=out(0, 1),
    ),
    "functions": kernel(
        plane(minimum(u(0, 0), erf(K)) + maximum(index(0) * index(1) / (index(1) + 1), pi)), outputs=out(0, 1)
    ),
    "whole-number traps": kernel(
        plane((index(0) + index(1)) / (index(0) + 2) + (u(0, 0) < 1) / (1 + (u(0, 0) < 0))), outputs=out(0, 1)
    ),
    "table": kernel(plane(table(0, 0, range(N)) * u(0, 0) + table(1, -1, [-0.5, *range(M)])), outputs=out(0, 1)),
    "fixed": kernel(plane(u(4, 0, True, False) - u(0, 5, False, True) + u(0, 0, True, True)), outputs=out(0, 1)),
    "sums": kernel(
        nest(((0, 0, N), (1, 0, M)), (Accumulate("total", u(0, 0)), Accumulate("line", u(0, 0) * index(1)))),
        plane(u(0, 0) - load("total", ()) / (N * M) + load("line", (1,), (True,))),
        outputs=out(0, 1),
        locals=(Array("total", (), 0, (), (), "total"), Array("line", (N,), 1, (0,), (0,), "line")),
    ),
    "origins": kernel(
        Loop(0, 1, N - 1, (Store("f", load("v", (0,)) * index(0)),)),
        outputs=(Array("f", (N - 2,), 0, (0,), (1,), "f"),),
    ),
    "deep": kernel(Store("f", reduce(lambda a, _: sin(a + K), range(900), load("s", ()))), outputs=out()),
    "long": kernel(
        plane(sum((u(i, j) * (K + i) for i in range(-3, 4) for j in range(-4, 5)), start=Const(0))), outputs=out(0, 1)
    ),
}


@needs_compiler
def test_every_feature_compiles_without_a_warning_and_means_what_the_interpreter_says(tmp_path: Path) -> None:
    """All in one file: one run of the compiler."""
    kernels = {f"kernel{n}": replace(k, name=f"kernel{n}") for n, k in enumerate(FEATURES.values())}
    first, *others = kernels.values()
    shared = layout(first, others=others)
    source = print_file(shared, [print_function(k, shared, Arguments(), k.comment) for k in kernels.values()])
    compiled = Compiled(source, tmp_path, ("-O2",))
    state = np.random.default_rng(3).normal(size=U.size + V.size + S.size)
    for title, (name, k) in zip(FEATURES, kernels.items(), strict=True):
        got, p = np.full(k.output_size, np.nan), np.array([0.75])
        compiled.call(name, 0.3, state, p, got)
        np.testing.assert_allclose(got, interpret(k, 0.3, state, p), rtol=2e-13, atol=1e-12, err_msg=title)


def test_text_reads_like_the_formula() -> None:
    text = print_kernel(FEATURES["wrap"])
    assert "u[im1][j] + u[ip1][j] + u[i][j + left2] + u[i][j + right2]" in text
    assert "const int im1 = i > 0 ? i - 1 : N0 - 1;" in text
    assert "%" not in text  # no modulo
    assert text.count("out_f[i][j] =") == 1  # the ends of rows do not repeat the body
    shifted = print_kernel(FEATURES["origins"])
    assert "out_f[i] = (double)(i + 1)*v[i];" in shifted or "out_f[i] = v[i]*(i + 1);" in shifted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, "4.0"),
        (0.1, "0.1"),
        (Fraction(1, 3), "1.0/3.0"),
        (Fraction(1, 2), "0.5"),
        (1e-5, "1e-05"),
        (2**70, "1.1805916207174113e+21"),
    ],
)
def test_numbers_read_back_to_the_same_double(value: float, text: str) -> None:
    made = Numbers().plain(value)[0]
    assert made == text
    above, _, below = made.partition("/")
    assert float(above) / float(below or 1) == float(value)


H = Laurent.of("x", 0.5)  # 1/dx**2 and 4 are the same double


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / H**2, ("1.0", "dx*dx")),
        (4.0, ("4.0", "")),
        (4, ("4.0", "")),
        (2 / 3 / H**2, ("2.0", "3.0*dx*dx")),
        (0.1 / H**2, ("0.1", "dx*dx")),
        (1 / (2 * H), ("1.0", "2.0*dx")),
        (0.75 * H, ("0.75*dx", "")),
        (1 / H / H**3, ("1.0", "dx*dx*dx*dx")),
        (1 / H**2 + 0.5, ("(1.0/(dx*dx) + 0.5)", "")),
        (1 / (1 + H), ("0.6666666666666666", "")),
        (1 / (1 + H) / H**2, ("2.6666666666666665", "")),
    ],
)
def test_weights_are_written_with_the_spacing(value: float, text: tuple[str, str]) -> None:
    """Only where the number is known to be made of it: no power is guessed."""
    assert Numbers((Spacing("dx", 0.5, "x"),)).quotient(value) == text


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("u", "u"),
        ("α", "alpha"),
        ("Δ_1", "Delta_1"),
        ("1a", "x1a"),
        ("__x", "x"),
        ("é", "e"),
        ("日", "x"),
        ("a b", "a_b"),
    ],
)
def test_identifiers(name: str, made: str) -> None:
    assert identifier(name) == made


def test_names_never_clash() -> None:
    names = Names()
    made = [names.of("field", n) for n in ("α", "alpha", "double", "exp", "x__y", "x_y", "NAN")]
    assert len(set(made)) == len(made) and not {"double", "exp", "NAN"} & set(made)
    assert names.of("field", "α") == "alpha" == made[0]


def test_a_comment_cannot_be_ended_from_a_name() -> None:
    k = kernel(Store("f", load("s", ())), outputs=out())
    text = print_kernel(replace(k, comment="a */ int evil; /* b"))
    assert "*/ int evil" not in text


@needs_compiler
def test_nan_stays_nan() -> None:
    k = kernel(
        plane(
            minimum(u(0, 0), 1.0) + maximum(u(0, 0), 1.0) + sign(u(0, 0)) + where(call("ne", u(0, 0), u(0, 0)), 0, 0)
        ),
        outputs=out(0, 1),
    )
    state = np.full(U.size + V.size + S.size, np.nan)
    assert np.isnan(compile_kernel(k, "c")(0.0, state, [1.0])).all()


@needs_compiler
def test_openmp_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symnum.codegen.c_function.WORTH_THREADS", 1)
    for title in ("wrap", "sums"):
        source = print_kernel(FEATURES[title], openmp=True)
        assert ("PARALLEL_SUM" in source) is (title == "sums") or "PARALLEL_FOR" in source
        try:
            made = compile_kernel(FEATURES[title], "c", openmp=True)
        except TargetError as error:
            pytest.skip(f"the compiler has no OpenMP: {error}")
        state = np.random.default_rng(5).normal(size=U.size + V.size + S.size)
        np.testing.assert_allclose(
            made(0.0, state, [0.5]), interpret(FEATURES[title], 0.0, state, [0.5]), rtol=1e-12, atol=1e-12
        )


def test_large_scratch_arrays_are_allocated_and_freed() -> None:
    wide = (Array("w", (200, 100), 0, (0, 1), (0, 0), "w"),)
    loops = ((0, 0, 200), (1, 0, 100))
    body = (nest(loops, (Accumulate("w", index(0)),)), nest(loops, (Store("f", load("w", (0, 0))),)))
    text = print_kernel(
        check(
            Kernel("rates", (), (Array("f", (200, 100), 0, (0, 1), (0, 0), "f"),), (), None, (200, 100), body, "", wide)
        )
    )
    assert "calloc(N0*N1, sizeof(double))" in text and text.index("calloc") < text.index("free(w);")
    assert "#include <stdlib.h>" in text


# --- the compiler -------------------------------------------------------------------------------------------------------------

SOURCE = "double twice(double x) { return 2*x; }\n"


def test_no_compiler_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(
        TargetError, match=r"none of cc, gcc and clang .* apt install gcc.*target=\"llvm\", which needs none"
    ):
        compile_kernel(FEATURES["scalars"], "c")
    monkeypatch.setenv("CC", "icc -fast")
    with pytest.raises(TargetError, match="CC is 'icc -fast', but there is no program 'icc'; unset CC"):
        find_compiler()


def test_cc_is_respected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    own = tmp_path / "mycc"
    own.write_text("#!/bin/sh\nexit 1\n")
    own.chmod(own.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", f"{own} -x")
    assert find_compiler() == (str(own), "-x")
    with pytest.raises(TargetError, match="mycc refuses the generated C: it gave no reason"):
        compile_c(SOURCE, cache=False)


@needs_compiler
def test_a_refusal_quotes_the_compiler_and_leaves_nothing_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SYMNUM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(TargetError, match=r"refuses the generated C: .*error.*The source is in (\S+)") as caught:
        compile_c("double f(void) { return undeclared; }\n")
    left = Path(str(caught.value).rpartition(" ")[2])
    assert "undeclared" in left.read_text() and left.parent == tmp_path
    assert list((tmp_path / "cache" / "objects").iterdir()) == []


@needs_compiler
def test_libraries_are_kept_and_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SYMNUM_CACHE", str(tmp_path))
    flags = ("-O0",)
    assert not compile_c(SOURCE, flags).from_cache
    assert compile_c(SOURCE, flags).from_cache
    assert not compile_c(SOURCE, ("-O1",)).from_cache  # other flags, another library
    kept = sorted((tmp_path / "objects").iterdir())
    assert [f.suffix for f in kept].count(".so") == 2 and len(kept) == 4
    for file in kept:
        if file.suffix == ".so":
            damaged = file.with_suffix(".new")
            damaged.write_bytes(file.read_bytes()[:-10])
            os.replace(damaged, file)
    assert not compile_c(SOURCE, flags).from_cache  # compiled anew, and whole again
    with pytest.raises(TargetError, match="no function 'thrice'"):
        compile_c(SOURCE, flags).address("thrice")


@needs_compiler
def test_address_and_source_are_offered() -> None:
    made = compile_kernel(FEATURES["scalars"], "c")
    assert made.address and made.target == "c" and "void rates(double t" in made.source
