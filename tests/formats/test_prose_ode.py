"""PROSE tokens of ordinary differential equations: the rows of the paper's code, constants, round trips, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.expr.walk import symbols
from symnum.formats.prose.constants import decoded, encoded
from symnum.formats.prose.ode import export_ode
from symnum.formats.prose.read import read

t = sn.coordinates("t")
X, Y, Z = STATES = sn.fields("X Y Z", (t,))

LORENZ = "add mul + N100 E-1 u_1 mul - N100 E-1 u_0 | sub sub mul + N280 E-1 u_0 mul u_0 u_2 u_1 | add mul u_0 u_1 mul - N267 E-2 u_2"
ROESSLER = "sub neg u_1 u_2 | add u_0 mul + N103 E-3 u_1 | add add + N103 E-3 mul u_0 u_2 mul - N126 E-1 u_2"
DUFFING = (
    "+ N100 E-2 | u_2 | add add add mul - N185 E-4 u_2 mul - N956 E-3 u_1 mul - N517 E-2 mul u_1 mul u_1 u_1 "
    "mul + N803 E-2 cos mul + N458 E-3 u_0"
)


def ode(rates, start=(1.0, 1.0, 1.0)):
    states = STATES[: len(rates)]
    return sn.ODESystem(
        [sn.Eq(sn.dt(u), rate) for u, rate in zip(states, rates, strict=True)],
        t=(0, 6),
        initial=dict(zip(states, start, strict=False)),
    )


@pytest.mark.parametrize("written", ["factored", "multiplied out", "other order"])
def test_lorenz(written):
    s, r, b = sn.parameters(sigma=10.0, rho=28.0, beta=8 / 3)
    rates = {
        "factored": [s * (Y - X), X * (r - Z) - Y, X * Y - b * Z],
        "multiplied out": [10 * Y - 10 * X, 28 * X - X * Z - Y, X * Y - 8 / 3 * Z],
        "other order": [-s * X + Y * s, -Y - Z * X + r * X, -Z * b + Y * X],
    }[written]
    assert export_ode(ode(rates)).text == LORENZ


def test_roessler():
    assert export_ode(ode([-Y - Z, X + 0.103 * Y, 0.103 + Z * (X - 12.6)])).text == ROESSLER


def test_duffing_of_second_order_and_with_its_time_as_a_variable():
    force = 8.03 * sn.cos(0.458 * t)
    second = sn.ODESystem(
        [sn.Eq(sn.dt(sn.dt(X)), force - 5.17 * X**3 - 0.956 * X - 0.0185 * sn.dt(X))],
        t=(0, 6),
        initial={X: 1, sn.dt(X): 0},
    )
    record = export_ode(second)
    assert record.text == DUFFING
    assert record.time == 0
    assert record.variables == ("t", "X", "X_t")
    assert export_ode(ode([1, Z, 8.03 * sn.cos(0.458 * X) - 0.0185 * Z - 5.17 * Y**3 - 0.956 * Y])).text == DUFFING
    back = read(record)  # the time is the time again
    assert [f.name for f in back.fields] == ["X", "X_t"]
    assert export_ode(back).tokens == record.tokens


def test_all_constants():
    """37,800 normalised constants: 2 signs, 900 mantissas, 21 exponents."""
    for sign in "+-":
        for power in range(-10, 11):
            for mantissa in range(100, 1000):
                words = (sign, f"N{mantissa}", f"E{power}")
                assert encoded(decoded(*words)) == words


@given(st.floats(1e-8, 9.9949e12), st.booleans())
def test_rounding_is_at_most_half_a_per_cent(size, negative):
    value = -size if negative else size
    assert abs(decoded(*encoded(value)) / value - 1) <= 0.005 * (1 + 1e-12)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (10, "+ N100 E-1"),
        (8 / 3, "+ N267 E-2"),
        (0.1, "+ N100 E-3"),
        (9.99e12, "+ N999 E10"),
        (0, "+ N000 E-2"),
        (-1e-9, "+ N000 E-2"),
        (9.996, "+ N100 E-1"),
    ],
)
def test_constants_of_the_notes(value, words):
    assert " ".join(encoded(value)) == words


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 9.995e12, -1e300])
def test_constants_without_a_word(value):
    with pytest.raises(sn.ModelError, match="PROSE has no token"):
        encoded(value)


# --- round trips ---------------------------------------------------------------------------------------------------------------------------------

numbers = st.one_of(
    st.integers(-9, 9), st.floats(-1e3, 1e3).filter(lambda v: abs(v) > 1e-3), st.sampled_from([1.0, -1.0, 0.5])
)
atoms = st.sampled_from([*STATES, t])
products = st.builds(lambda c, us: c * np.prod([1, *us]), numbers, st.lists(atoms, min_size=1, max_size=4))


def _deeper(inner):
    return st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda c, a: c * sn.sin(a), numbers, inner),
        st.builds(sn.cos, inner),
        st.builds(lambda a, b: a / (3.5 + b**2), inner, atoms),
        st.builds(lambda a: a**2, inner),
    )


rates = st.recursive(st.one_of(products, atoms), _deeper, max_leaves=6)


@settings(max_examples=150)
@given(st.lists(rates, min_size=3, max_size=3))
def test_what_is_read_is_what_was_written(given_rates):
    try:
        record = export_ode(ode(given_rates))
    except sn.ModelError as refused:
        assert "tokens; PROSE holds 510" in str(refused) or "no token for" in str(refused)
        return
    again = read(record)
    second = export_ode(again)
    assert second.tokens == record.tokens
    assert second.max_rounding_error <= 1e-15
    assert not second.flushed
    plain = read(record.text)  # nothing but tokens: the time, where there is one, is a variable
    assert export_ode(plain).tokens == record.tokens
    if record.max_rounding_error <= 1e-15 and not record.flushed:
        _same(ode(given_rates), again)


@settings(max_examples=100)
@given(st.lists(rates, min_size=3, max_size=3))
def test_constants_of_three_digits_lose_nothing(given_rates):
    """Whole numbers and halves only: the values of the rates are kept to round-off."""
    whole = [_rounded(rate) for rate in given_rates]
    try:
        record = export_ode(ode(whole))
    except sn.ModelError:
        return
    if record.max_rounding_error <= 1e-15 and not record.flushed:
        _same(ode(whole), read(record))


def _rounded(rate):
    from symnum.expr.term import Const, as_term, rebuild
    from symnum.expr.walk import fold

    def rule(node, args):
        if isinstance(node, Const):
            return as_term(round(float(node.value)) or 1)
        if node.op in ("add", "mul"):
            return rebuild(node, tuple(args))
        return rebuild(node, tuple(args)) if args else node

    return fold(as_term(rate), rule)


def _same(first, second):
    rng = np.random.default_rng(0)
    one, two = first.normal_form.rates, second.normal_form.rates
    for u, v in zip(one, two, strict=True):
        names = [*first.fields, first.time]
        points = rng.uniform(-2, 2, (len(names), 5))
        by_name = {s.name: s for s in (*second.fields, second.time)}
        f = sn.build_function(one[u], names, target="numpy")(*points)
        g = sn.build_function(two[v], [by_name[s.name] for s in names], target="numpy")(*points)
        scale = 1e-12 * (1 + np.abs(f).max())
        assert np.abs(np.asarray(f) - g).max() <= scale


# --- refusals ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (sn.exp(X), r"no word for exp: exp\(X\) in equation 0, the rate of X"),
        (sn.sqrt(X), r"no word for a power with exponent 0.5"),
        (sn.where(X < 1, X, Y), "no word for where"),
        (sn.tanh(X * Y), "no word for tanh"),
        (X**Y, "no word for pow"),
        (1e13 * X, "no token for 1e\\+13"),
    ],
)
def test_what_has_no_word_is_named(rate, message):
    with pytest.raises(sn.ModelError, match=message):
        export_ode(ode([rate, Y, Z]))


def test_tan_and_powers_are_rewritten():
    assert export_ode(ode([sn.tan(X)])).text == "div sin u_0 cos u_0"
    assert export_ode(ode([X**3 / Y, Y**-1])).text == "div mul u_0 mul u_0 u_0 u_1 | inv u_1"


def test_what_is_too_small_is_reported():
    record = export_ode(ode([X + 1e-12 * Y, 2e-9 * X + Y]))
    assert record.text == "u_0 | u_1"
    assert sorted(record.flushed) == [1e-12, 2e-9]
    assert "2 constants below 1e-8 became zero" in record.warnings[0]


def test_rounding_is_reported():
    assert export_ode(ode([1.234 * X])).max_rounding_error == pytest.approx(0.004 / 1.234)


def test_sizes():
    with pytest.raises(sn.ModelError, match=r"has 3 variables .X, Y, Z., its reader knows u_0 to u_1"):
        export_ode(ode([X, Y, Z]), dimension=2)
    long = sum(((k + 2) * sn.sin((k + 2) * X) for k in range(60)), start=Y)
    with pytest.raises(sn.ModelError, match="tokens; PROSE holds 510"):
        export_ode(ode([long, Y]))
    middling = sum(((k + 2) * sn.sin((k + 2) * X) for k in range(20)), start=Y)
    assert "the reference generates at most 148" in export_ode(ode([middling, Y])).warnings[0]


MALFORMED = {
    "": 0,
    "add u_0": 0,
    "u_0 u_0": 1,
    "| u_0": 0,
    "u_0 |": 1,
    "u_0 | | u_0": 2,
    "+ N100": 0,
    "+": 0,
    "+ N100 E-2 N100": 3,
    "+ N10 E-2": 0,
    "+ N1000 E-2": 0,
    "+ n100 E-2": 0,
    "+ N100 E-11": 0,
    "+ N100 E11": 0,
    "+ N100 E--2": 0,
    "+ N100 E-02": 0,
    "+ N100 E+2": 0,
    "N100 E-2": 0,
    "E-2": 0,
    "foo u_0": 0,
    "ADD u_0 u_0": 0,
    "u_1": 0,
    "u_0 | u_2": 2,
    "sub u_0": 0,
    "exp u_0": 0,
    "log u_0": 0,
    "pow u_0 2": 0,
    "pow3 u_0": 0,
    "11": 0,
    "-11": 0,
    "-0": 0,
    "1.5": 0,
    "add u_0 add u_0": 2,
    "mul u_0 u_00": 2,
    "u_-1": 0,
    "u_": 0,
    "u": 0,
    "x": 0,
    "t": 0,
    "uxx_0": 0,
    "ut_0": 0,
    "- N100 | u_0": 0,
    "add + N100 E-2": 0,
    "<EOS> u_0": 0,
    "u_0 <PAD>": 1,
    "mul add u_0 u_0 | u_0": 0,
}


@pytest.mark.parametrize("text", list(MALFORMED))
def test_malformed_tokens_are_refused_with_their_position(text):
    with pytest.raises(sn.ParseError, match="token ") as refused:
        read(text)
    assert refused.value.position == MALFORMED[text]


def test_placeholders_are_parameters():
    system = read("mul <PLACEHOLDER> sin mul <PLACEHOLDER> u_0", values=[2.0, 3.0])
    assert system.parameters == {"c_0": 2.0, "c_1": 3.0}
    assert export_ode(system).text == "mul + N200 E-2 sin mul + N300 E-2 u_0"
    assert not symbols(system.equations[0].residual, "temporary")


def test_integers_and_squares_are_read():
    assert export_ode(read("add pow2 u_0 mul 3 u_0")).text == "add mul u_0 u_0 mul + N300 E-2 u_0"


def test_it_solves():
    """Exponential decay through tokens: u = exp(-t/2)."""
    solution = sn.solve(read("mul - N500 E-3 u_0", t=(0, 2), initial=[3.0]), rtol=1e-9, atol=1e-9)
    assert float(solution["u_0"].values[-1]) == pytest.approx(3 * np.exp(-1), rel=1e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dialect": "odes"}, "dialect='odes' is not known"),
        ({"names": ["a"]}, "must be 2 different names"),
        ({"initial": [1.0]}, "holds 1 values for 2 variables"),
        ({"initial": {"w": 1.0}}, "initial names w"),
        ({"dimension": 1}, "there are 1 variables"),
        ({"domain": 3}, "takes no option 'domain'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(sn.SymnumError, match=message):
        read("u_0 | u_1", **options)


@pytest.mark.parametrize("idle", [t + 0.5 * Z**2 - (t + 0.2 * Y**3), 1e-12 * t + Z, (t - X) * Y - t * Y])
def test_a_time_that_cancels_is_no_variable(idle):
    record = export_ode(ode([idle, Y, X]), dimension=3)
    assert (record.time, record.variables) == (None, ("X", "Y", "Z"))
    assert export_ode(read(record)).tokens == record.tokens


# --- tokens and systems from strangers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "position"),
    [
        ("inv 0", 0),
        ("u_0 | div u_0 + N000 E-2", 2),
        ("add u_0 " + "pow2 " * 40 + "3", 30),
        ("9" * 5000, 0),
        ("u_" + "9" * 5000, 0),
    ],
)
def test_what_has_no_value_is_refused_with_its_position(tokens, position):
    with pytest.raises(sn.ParseError, match=f"token {position}: ") as refused:
        read(tokens)
    assert refused.value.position == position


@pytest.mark.parametrize("tokens", ["sin " * 5000 + "u_0", "pow2 sin " * 60 + "u_0", "pow2 " * 400 + "add 1 u_0"])
def test_what_is_read_may_be_too_large_to_write(tokens):
    """Deep functions, and powers of functions whose tokens would fill any memory."""
    with pytest.raises(sn.ModelError, match=r"nested too deeply|or more tokens; PROSE holds 510"):
        sn.export(read(tokens), "prose")


def test_nested_functions_are_ranked_once():
    """Forty levels: twice the work a level would never end."""
    tokens = "sin " * 40 + "u_0"
    assert export_ode(read(tokens)).text == tokens


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": [1.0, 2.0]}, "a number for c_1, but placeholders are c_0"),
        ({"values": {"c_7": 1.0}}, "a number for c_7"),
        ({"values": 3.0}, "is no list of numbers"),
        ({"values": ["a"]}, "the value of c_0 is 'a'"),
        ({"initial": 3.0}, "is no list of values"),
        ({"dimension": "3"}, "is no number of variables"),
        ({"dialect": ["ode"]}, "is not known"),
    ],
)
def test_bad_values(options, message):
    with pytest.raises(sn.SymnumError, match=message):
        read("mul <PLACEHOLDER> u_0", **options)


def test_tokens_are_text():
    for tokens in (None, 3, b"u_0"):
        with pytest.raises(sn.ParseError, match="tokens are"):
            read(tokens)


def test_events_are_named_as_left_out():
    ball = ode([Y, -9.81])
    assert sn.export(ball, "prose").warnings == ()
    bouncing = ball.replace(events=[sn.Event(X <= 0, {Y: -Y})])
    assert sn.export(bouncing, "prose").warnings == ("events are not part of the tokens",)
