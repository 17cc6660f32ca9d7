"""The step language: every statement does what its docstring says, in each meaning, against NumPy and exact solutions."""

from __future__ import annotations

import numpy as np
import pytest

from symnum.expr.term import TRUE
from symnum.solvers.embedded.language import (
    Advance,
    Factor,
    Fetch,
    If,
    Jacobian,
    JacobianProduct,
    LinComb,
    Multiply,
    Program,
    Put,
    Return,
    Rhs,
    Row,
    Solve,
    SolveComplex,
    Status,
    Swap,
    While,
    combination,
    increase,
    let,
    scalars,
)
from symnum.solvers.embedded.machine import NativeMachine, NumpyMachine

MEANINGS = {
    "llvm": lambda program, n, rhs, linear=None: NativeMachine(program, n, rhs, None, np.zeros(0), linear),
    "numpy": NumpyMachine,
    "torch": lambda *arguments: torch_machine(*arguments),
}
t, t_end, h, ok, count = scalars("t t_end h ok count")


def torch_machine(*arguments):
    pytest.importorskip("torch")
    from symnum.solvers.embedded.torch import TorchMachine

    return TorchMachine(*arguments)


class DenseSolver:
    """W = shift*M - J with NumPy's dense solves, for any Jacobian function."""

    native = None

    def __init__(self, jacobian, differential=None):
        self.function, self.mass = jacobian, differential
        self.raised = None
        self.matrices = {}
        self.evaluations = self.factorisations = self.solves = 0

    def jacobian(self, time, y):
        self.evaluations += 1
        self.J = np.array(self.function(time, y))
        return bool(np.isfinite(self.J).all())

    def factor(self, slot, shift):
        self.factorisations += 1
        shift = shift.real if shift.imag == 0 else shift
        mass = np.ones(len(self.J)) if self.mass is None else np.asarray(self.mass, dtype=float)
        self.matrices[slot] = shift * np.diag(mass) - self.J
        return bool(np.linalg.matrix_rank(self.matrices[slot]) == len(self.J))

    def solve(self, slot, b, out):
        self.solves += 1
        out[:] = np.linalg.solve(self.matrices[slot], b)
        return True

    def solve_complex(self, slot, b_re, b_im, out_re, out_im):
        self.solves += 1
        x = np.linalg.solve(self.matrices[slot], b_re + 1j * b_im)
        out_re[:], out_im[:] = x.real, x.imag
        return True

    def product(self, v, out):
        out[:] = self.J @ v


def once(name, vectors, *statements, arrays=(), scalars="t t_end h ok count"):
    return Program(name, tuple(scalars.split()), vectors, arrays, (*statements, Return(Status.DONE)))


def machine_for(meaning, program, n, rhs=None, linear=None, **vectors):
    machine = MEANINGS[meaning](program, n, rhs or (lambda t, y, out: None), linear)
    for name, values in vectors.items():
        machine.vector(name)[:] = values
    return machine


@pytest.fixture(params=sorted(MEANINGS))
def meaning(request):
    return request.param


def test_tables_rows_and_names(meaning):
    """Fetch, Put, rows written and read, and a swap: names change, memory does not move."""
    program = once(
        "memory",
        ("a", "b"),
        Fetch("h", "table", count + 1),
        Put("table", count, 3 * h),
        combination(Row("rows", count), (h, "a"), (1, "b")),
        Swap("a", "b"),
        combination("a", (1, "a"), (-1, "b")),
        arrays=("table", "rows"),
    )
    machine = machine_for(meaning, program, 3, a=[1.0, 2.0, 3.0], b=[0.5, 0.0, -0.5])
    table, rows = np.array([0.0, 0.0, 7.0]), np.zeros((2, 3))
    machine.bind("table", table)
    machine.bind("rows", rows)
    machine["count"] = 1
    machine.run()
    assert machine["h"] == 7
    np.testing.assert_array_equal(table, [0, 21, 7])
    np.testing.assert_array_equal(rows, [[0, 0, 0], [7.5, 14, 20.5]])
    np.testing.assert_array_equal(machine.vector("b"), [1, 2, 3])
    np.testing.assert_array_equal(machine.vector("a"), [-0.5, -2, -3.5])


def test_multiply_reads_rows_and_may_overwrite_its_input(meaning):
    program = once("multiply", ("a", "b"), Multiply("a", "a", Row("rows", count)), arrays=("rows",))
    machine = machine_for(meaning, program, 5, a=np.arange(5.0))
    machine.bind("rows", np.stack([np.full(5, 7.0), np.linspace(1, 2, 5)]))
    machine["count"] = 1
    assert machine.run() is Status.DONE
    np.testing.assert_array_equal(machine.vector("a"), np.arange(5.0) * np.linspace(1, 2, 5))


def test_linear_statements(meaning):
    """J, real and complex W with an algebraic row, products, and the flag of a singular W."""
    J = np.array([[1.0, 2.0, 0.0], [-3.0, 0.5, 1.0], [0.2, 0.0, 4.0]])
    mass, b, c = np.array([1.0, 1.0, 0.0]), np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.25, -1.0])
    linear = DenseSolver(lambda t, y: J * t, mass)
    program = once(
        "linear",
        ("y", "b", "x", "c", "z", "w", "v"),
        Jacobian("ok", 2 * t, "y"),
        Factor("t_end", 0, h),
        Solve("t_end", 0, "x", "b"),
        JacobianProduct("v", "x"),
        Factor("count", 1, h, 3 * h),
        SolveComplex("count", 1, "z", "w", "b", "c"),
        Solve("h", 0, "b", "b"),
    )
    machine = machine_for(meaning, program, 3, None, linear, b=b, c=c)
    machine["t"], machine["h"] = 1.0, 1.5
    machine.run()
    x = np.linalg.solve(1.5 * np.diag(mass) - 2 * J, b)
    z = np.linalg.solve((1.5 + 4.5j) * np.diag(mass) - 2 * J, b + 1j * c)
    np.testing.assert_allclose(machine.vector("x"), x, rtol=1e-14)
    np.testing.assert_allclose(machine.vector("b"), x, rtol=1e-14)
    np.testing.assert_allclose(machine.vector("v"), 2 * J @ x, rtol=1e-13)
    np.testing.assert_allclose(machine.vector("z") + 1j * machine.vector("w"), z, rtol=1e-13)
    assert [machine[name] for name in ("ok", "t_end", "count", "h")] == [1, 1, 1, 1]
    assert (linear.evaluations, linear.factorisations, linear.solves) == (1, 2, 3)


def test_a_singular_matrix_and_a_jacobian_with_nan_clear_the_flag(meaning):
    values = [np.diag([1.0, 2.0]), np.array([[np.nan, 0.0], [0.0, 1.0]])]
    linear = DenseSolver(lambda time, y: values[int(time)])
    program = once("flags", ("y",), Jacobian("h", 0, "y"), Factor("count", 0, 2.0), Jacobian("ok", 1, "y"))
    machine = machine_for(meaning, program, 2, None, linear)
    machine["ok"] = 1
    machine.run()
    assert [machine[name] for name in ("h", "count", "ok")] == [1, 0, 0]


def test_advance_is_a_whole_step(meaning):
    """out = exp(-h) y + t and error = h y, by the object in the place of the linear solver; a false answer clears the flag."""

    class Exponential(DenseSolver):
        def advance(self, time, size, y, out, error):
            out[:], error[:] = np.exp(-size) * y + time, size * y
            return time < 2

    program = once(
        "advance",
        ("y", "out", "error"),
        Advance("ok", t, 2 * h, "y", "out", "error"),
        Advance("h", 2, h, "out", "y", "error"),
    )
    machine = machine_for(meaning, program, 2, None, Exponential(None), y=[1.0, -3.0])
    machine["t"], machine["h"] = 0.25, 0.5
    machine.run()
    np.testing.assert_allclose(machine.vector("out"), np.exp(-1.0) * np.array([1.0, -3.0]) + 0.25, rtol=1e-15)
    np.testing.assert_allclose(machine.vector("error"), 0.5 * machine.vector("out"), rtol=1e-15)
    assert (machine["ok"], machine["h"]) == (1, 0)


def test_explicit_part_of_the_right_hand_side(meaning):
    """f - L y, with L = J."""
    L = np.array([[-3.0, 1.0], [0.5, -2.0]])

    def rhs(time, y, out):
        out[:] = L @ y + np.sin(y) * time

    program = once("explicit", ("y", "out"), Jacobian("ok", 0, "y"), Rhs("out", 2 * t, "y", part="explicit"))
    assert program.vectors == ("y", "out", "split_product")
    machine = machine_for(meaning, program, 2, rhs, DenseSolver(lambda t, y: L), y=[0.3, -1.2])
    machine["t"] = 2.0
    machine.run()
    np.testing.assert_allclose(machine.vector("out"), 4 * np.sin([0.3, -1.2]), rtol=1e-14)


GAMMA = 1 - 2**-0.5


def rosenbrock_2() -> Program:
    """ROS2 of Verwer et al. (SIAM J. Sci. Comput. 20 (1999) 1456, eq. (1.4)): order 2, L-stable, as W = 1/(gamma h) - J."""
    body = (
        If(t >= t_end - h / 2, (Return(Status.DONE),)),
        Jacobian("ok", t, "y"),
        Factor("ok", 0, 1 / (GAMMA * h)),
        Rhs("f", t, "y"),
        combination("b", (1 / (GAMMA * h), "f")),
        Solve("ok", 0, "k1", "b"),
        combination("u", (1, "y"), (h, "k1")),
        Rhs("f", t + h, "u"),
        combination("b", (1 / (GAMMA * h), "f"), (-2 / (GAMMA * h), "k1")),
        Solve("ok", 0, "k2", "b"),
        combination("y", (1, "y"), (1.5 * h, "k1"), (0.5 * h, "k2")),
        let(t, t + h),
        increase(count),
    )
    return Program(
        "ros2", ("t", "t_end", "h", "ok", "count"), ("y", "f", "b", "u", "k1", "k2"), (), (While(TRUE, body),)
    )


def logistic(time, y, out):
    out[:] = y * (1 - y)


def run_ros2(meaning, steps):
    machine = machine_for(
        meaning, rosenbrock_2(), 3, logistic, DenseSolver(lambda t, y: np.diag(1 - 2 * y)), y=[0.1, 0.5, 1.7]
    )
    machine["t_end"], machine["h"] = 2.0, 2.0 / steps
    assert machine.run() is Status.DONE
    assert machine["count"] == steps
    return machine.vector("y").copy()


def test_a_rosenbrock_method_has_its_order():
    """y' = y (1 - y) has y = 1/(1 + (1/y0 - 1) exp(-t)); the autonomous form of ROS2 has order 2."""
    exact = 1 / (1 + (1 / np.array([0.1, 0.5, 1.7]) - 1) * np.exp(-2.0))
    errors = [np.abs(run_ros2("llvm", steps) - exact).max() for steps in (20, 40, 80)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.2)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.2)


def test_the_meanings_agree_on_a_rosenbrock_method(meaning):
    np.testing.assert_allclose(run_ros2(meaning, 100), run_ros2("llvm", 100), rtol=1e-13)


@pytest.mark.parametrize("fails", ["jacobian", "factor", "solve", "product", "rhs"])
def test_what_python_raises_below_native_code_arrives(fails):
    """The first exception of a callback is raised when the native function has returned; later calls answer 'failed' at once."""
    calls = []

    class Broken(DenseSolver):
        pass

    def raises(*_):
        calls.append(fails)
        raise ZeroDivisionError(f"in {fails}")

    linear = Broken(lambda t, y: np.diag([-1.0, -2.0]))
    rhs = raises if fails == "rhs" else (lambda t, y, out: out.fill(1.0))
    if fails != "rhs":
        setattr(linear, fails, raises)
    program = once(
        "broken",
        ("y", "f", "v"),
        Rhs("f", t, "y"),
        Jacobian("ok", t, "y"),
        Factor("ok", 0, 1.0),
        Solve("ok", 0, "v", "y"),
        JacobianProduct("f", "v"),
    )
    machine = machine_for("llvm", program, 2, rhs, linear)
    for _ in range(2):  # the machine stays usable
        with pytest.raises(ZeroDivisionError, match=f"in {fails}"):
            machine.run()
    assert len(calls) == 2


def test_a_program_names_what_it_uses():
    with pytest.raises(AssertionError, match=r"uses undeclared \['v'\]"):
        once("bad", ("y",), Multiply("y", "y", "v"))
    with pytest.raises(AssertionError, match=r"uses undeclared \['good'\]"):
        once("bad", ("y",), Factor("good", 0, 1.0))
    with pytest.raises(AssertionError, match=r"uses undeclared \['rows'\]"):
        once("bad", ("y", "v"), Multiply("y", Row("rows", count), "v"))
    with pytest.raises(AssertionError, match="would overwrite"):
        JacobianProduct("y", "y")
    with pytest.raises(AssertionError, match="three vectors"):
        Advance("ok", 0, 1, "y", "y", "v")
    plain = once("plain", ("y", "v"), LinComb("y", combination("y", (1, "v")).terms))
    assert not plain.linear
    with pytest.raises(AssertionError, match="needs a linear solver"):
        NumpyMachine(once("solve", ("y",), Solve("ok", 0, "y", "y")), 1, logistic)
