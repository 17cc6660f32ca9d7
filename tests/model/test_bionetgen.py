"""BioNetGen networks: what every kind of line means (against formulas written by hand), round trips, malformed files."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.model.bionetgen_expressions import CONSTANTS, Scope
from symnum.model.numeric import evaluate

SAMPLE = """# a small network with one line of every kind
substanceUnits("Number");
begin parameters
    1 Atot   100  # Constant
    2 kf     1.0e-2
    3 kr     kf*10^1  # ConstantExpression
    4 alias  kr
    5 kcat   2.0
    6 Km     40
    7 n      2
    8 V      (_pi()*2)/if(kf>1,3,4)
end parameters
begin functions
    1 slow() kcat/(Km+Afree)
    2 pulse() slow()*(time()<0.5)
end functions
begin molecule types
    1 A(b,y~0~P)
end molecule types
begin species
    1 A(b,y~0) Atot
    2 A(b,y~P) 2.5e+01
    3 E() 10
    4 A(b!1,y~0).E(a!1) 0   # a complex
    5 $Source() 7
    6 A(b!1).A(b!1) V
end species
begin reactions
    1 1,3 4 kf #bind
    2 4 1,3 alias #unbind
    3 1,1 6 0.5*kf #dimerise
    4 6 1,1 kr
    5 1,3 2,3 slow #functional
    6 5 5,1 kr
    7 0 2 kcat
    8 2 0 2*pulse
    9 1,3 2,3 Sat kcat Km
   10 2,3 1,3 3*MM kcat Km
   11 1,3 2,3 Hill kcat Km n
   12 1,1,3 6,3 1e-4
   13 2 1 kf*kr
   14 3 3 Ele kr
end reactions
begin groups
    1 Afree                1,2
    2 Amols                1,2,4,2*6
    3 none
end groups
"""


def reader(tmp_path):
    def read(text=SAMPLE, **options):
        path = tmp_path / "sample.net"
        path.write_text(text, "utf-8")
        return sn.ReactionNetwork.from_net(path, **options)

    return read


@pytest.fixture
def read(tmp_path):
    return reader(tmp_path)


def by_hand(time, y):
    """dy/dt of the sample, from the meaning of its lines."""
    kf, kr, kcat, km = 1e-2, 1e-1, 2.0, 40.0
    a, p, e, ae, source, aa = y
    slow = kcat / (km + a + p)
    b = p - e - km
    s = (b + math.sqrt(b * b + 4 * km * p)) / 2
    v = [kf * a * e, kr * ae, 0.5 * kf * a * a, kr * aa, slow * a * e, kr * source, kcat, 2 * slow * (time < 0.5) * p]
    v += [
        kcat * a * e / (km + a),
        3 * kcat * e * s / (km + s),
        kcat * a**2 / (km**2 + a**2) * e,
        1e-4 * a * a * e,
        kf * kr * p,
    ]
    da = -v[0] + v[1] - 2 * v[2] + 2 * v[3] - v[4] + v[5] - v[8] + v[9] - v[10] - 2 * v[11] + v[12]
    dp = v[4] + v[6] - v[7] + v[8] - v[9] + v[10] - v[12]
    return np.array([da, dp, -v[0] + v[1], v[0] - v[1], 0.0, v[2] - v[3] + v[11]])


def test_every_kind_of_line_has_its_meaning(read):
    network = read()
    found, random = sn.discretise(network), np.random.default_rng(2)
    np.testing.assert_allclose(found.initial_state(), [100, 25, 10, 0, 7, math.pi / 2], rtol=1e-15)
    for time in (0.2, 0.7):
        y = random.lognormal(2, 1, 6)
        np.testing.assert_allclose(found.rhs(time, y), by_hand(time, y), rtol=1e-12, atol=1e-12)


def test_the_solution_agrees_with_scipy(read):
    network = read(t=(0, 2))
    solution = sn.solve(network, method="Tsit5", rtol=1e-10, atol=1e-10, saveat=[0.5, 2.0])
    y = np.array([100, 25, 10, 0, 7, math.pi / 2])
    for k, span in enumerate(((0, 0.5), (0.5, 2))):
        side = sum(span) / 2
        y = solve_ivp(lambda _, x: by_hand(side, x), span, y, "DOP853", rtol=1e-12, atol=1e-12).y[:, -1]  # noqa: B023
        np.testing.assert_allclose([float(solution[s].values[k]) for s in network.fields], y, rtol=1e-8)
    seen = network.observe(solution, ["Amols", "none", "slow"])
    assert seen.Amols[-1] == pytest.approx(y[0] + y[1] + y[3] + 2 * y[5], rel=1e-8) and not seen.none.any()
    assert seen.slow[-1] == pytest.approx(2 / (40 + y[0] + y[1]), rel=1e-8)


def test_names_parameters_and_laws(read):
    network = read()
    assert [s.name for s in network.fields] == ["S1", "S2", "S3", "S4", "S5", "S6"]
    assert network["A(b!1,y~0).E(a!1)"] is network["S4"] and network.labels["S3"] == "E()"
    assert network.fixed == {network["S5"]} and network.name == "sample"
    assert list(network.parameters) == ["Atot", "kf", "kcat", "Km", "n"]
    assert str(network.derived["alias"]) == "10*kf" and network.parameters["kf"] == 0.01
    assert network.conservation_laws().tolist() == [[0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 0]]
    assert str(network.observables["Amols"]) == "S1 + S2 + S4 + 2*S6" and str(network.observables["none"]) == "0"
    changed = sn.discretise(network.with_parameters(kf=0.02)).rhs(1.0, np.ones(6))
    assert changed[2] == pytest.approx(-0.02 + 0.2, rel=1e-14)  # kr and alias follow kf


def test_bare_molecules_give_the_fields_their_names(read):
    network = read("begin species\n1 A() 1\n2 $B 0\nend species\nbegin reactions\n1 1 2 3\nend reactions\n")
    assert (
        [s.name for s in network.fields] == ["A", "B"]
        and network["A()"].name == "A"
        and network.fixed == {network["B"]}
    )


def test_a_network_written_and_read_again_is_equal(read, tmp_path):
    network = read(
        SAMPLE.replace(" 1e-4", " kf")
    )  # BioNetGen's simulator takes rates by name only: a number becomes a parameter
    again = sn.ReactionNetwork.from_net(network.to_net(tmp_path / "again.net"), name="sample")
    assert again.fields == network.fields and again.labels == network.labels and again.fixed == network.fixed
    assert again.initial == network.initial and again.parameters == network.parameters
    assert again.normal_form.rates == network.normal_form.rates  # equal terms are the same objects
    assert network.observables.items() <= again.observables.items()


def test_networks_made_in_python_can_be_written(tmp_path):
    text = "A + B <-> C, k1, k2\n 2 A -> B, k1*exp(-k2)*(t > 1)\n S => A, V*S/(2 + S)*min(B, 1)\n 0 -> S, 0.5\n C -> 0, log(1 + S)\n B -> B + S, 3*k1"
    network = sn.ReactionNetwork.from_text(
        text, {"A": 1, "B": "2*k1"}, (0, 3), {"k1": 0.7, "k2": "k1/4", "V": 2}, observables={"all": "A + 2*C"}
    )
    again = sn.ReactionNetwork.from_net(network.to_net(tmp_path / "made.net"), t=(0, 3))
    assert [s.name for s in again.fields] == [s.name for s in network.fields]
    y = np.random.default_rng(4).lognormal(0, 1, 4)
    np.testing.assert_allclose(sn.discretise(again).rhs(2.0, y), sn.discretise(network).rhs(2.0, y), rtol=1e-12)
    large = sn.ReactionNetwork.multisite(3)
    assert (
        sn.ReactionNetwork.from_net(large.to_net(tmp_path / "large.net")).normal_form.rates == large.normal_form.rates
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S => P, V*S/(1 + S) + 1", "does not hold S as a factor"),
        ("S -> P, erf(S)", "holds erf, which BioNetGen's expressions do not have"),
    ],
)
def test_rates_that_the_format_cannot_hold_are_refused(text, message, tmp_path):
    network = sn.ReactionNetwork.from_text(text, t=(0, 1), parameters={"V": 1.0} if "V" in text else None)
    with pytest.raises(sn.ModelError, match=message):
        network.to_net(tmp_path / "no.net")
    with pytest.raises(sn.FileError, match=r"expected \.net"):
        network.to_net(tmp_path / "no.txt")


# --- expressions -------------------------------------------------------------------------------------------------------

X, Y = 1.7, 0.3
EXPRESSIONS = [
    ("x+y*2-x/y", X + Y * 2 - X / Y),
    ("-x^2", -(X**2)),
    ("2**3^y", 2 ** (3**Y)),
    ("ln(x)+exp(-y)", math.log(X) + math.exp(-Y)),
    ("log10(x)*log2(y)", math.log10(X) * math.log2(Y)),
    ("sqrt(x)+abs(-y)+rint(x)", math.sqrt(X) + Y + 2),
    ("if(x>y&&y<0.5,1,2)", 1),
    ("if(x<y||y~=0.3,1,2)", 2),
    ("if(x-x,1,2)", 2),
    ("(x>=1)*5+(y==0.3)", 6),
    ("min(x,y,0.5)+max(x,y,3)", 3.3),
    ("sum(x,y,1)+avg(x,y)", X + Y + 1 + (X + Y) / 2),
    ("_pi()*_e+_pi*_e()", 2 * math.pi * math.e),
    ("atan(x)+tanh(y)+asin(y)+cosh(x)", math.atan(X) + math.tanh(Y) + math.asin(Y) + math.cosh(X)),
    ("1.5e-3*x+.5*y+2.*x", 1.5e-3 * X + 0.5 * Y + 2 * X),
]


@pytest.mark.parametrize(("text", "value"), EXPRESSIONS)
def test_expressions_have_bionetgens_meaning(text, value):
    x, y = sn.parameter("x"), sn.parameter("y")
    found = Scope({**CONSTANTS, "x": x, "y": y}, {}).parse(text)
    assert float(evaluate(found, {x: X, y: Y})) == pytest.approx(value, rel=1e-14)


# --- malformed files ---------------------------------------------------------------------------------------------------

# what is replaced in the sample, by what, the line of the error, and what the message says
MALFORMED = [
    ("begin parameters", "begin paramters", 3, "no block 'paramters'. Did you mean 'parameters'"),
    ("begin species", "begin seed species", 20, r"belongs to a BioNetGen model with rules \(.bngl\)"),
    ("end parameters\n", "", 12, "the block 'parameters' .line 3. has no 'end parameters'"),
    ("end functions", "end function", 16, "'end function' stands where 'end functions' is expected"),
    ("begin functions\n", "", 15, "'end functions' closes a block that was not begun"),
    ("begin groups", "begin species", 44, "the block 'species' is there twice .first on line 20."),
    ("end groups\n", "", 44, "the file ends inside the block 'groups'"),
    ("begin groups\n", "end groups\nbegin groups\n", 44, "'end groups' closes a block that was not begun"),
    ('substanceUnits("Number");', "simulate({})", 2, "outside of all blocks"),
    ("2 kf     1.0e-2", "2 kf", 5, "the parameter 'kf' has no value"),
    ("2 kf     1.0e-2", "3 kf 1", 5, "this parameter has the number 3, expected 2"),
    ("2 kf     1.0e-2", "2 k-f 1", 5, "expected an operator|the parameter 'k'|grammar|number, a name"),
    ("2 kf     1.0e-2", "2 Atot 1", 5, "the name 'Atot' is taken already .parameter, line 4."),
    ("2 kf     1.0e-2", "2 time 1", 5, "'time' is a word of BioNetGen's expressions"),
    ("2 kf     1.0e-2", "2 kf 1e400", 5, "the parameter 'kf' is inf"),
    ("2 kf     1.0e-2", "2 kf alias", 5, "'alias' is used before it is defined .line 7.; move its line up"),
    ("3 kr     kf*10^1", "3 kr kff*10", 6, "there is no name 'kff' here. Did you mean 'kf'"),
    ("3 kr     kf*10^1", "3 kr kf*(10", 6, "expected '\\)', found the end"),
    ("3 kr     kf*10^1", "3 kr kf$2", 6, "the character '\\$' is not part of the grammar"),
    ("3 kr     kf*10^1", "3 kr kf/0", 6, "division by zero"),
    ("3 kr     kf*10^1", "3 kr kf*time()", 6, "time\\(\\) stands in a constant"),
    ("3 kr     kf*10^1", "3 kr kf*Afree", 6, "'Afree' is used before it is defined .* a group"),
    ("3 kr     kf*10^1", "3 kr log(kf)", 6, "BioNetGen has no log; write ln"),
    ("3 kr     kf*10^1", "3 kr mratio(kf,1,2)", 6, "mratio: the ratio of two confluent"),
    ("3 kr     kf*10^1", "3 kr exq(kf)", 6, "there is no function 'exq' here. Did you mean 'exp'"),
    ("1 slow() kcat", "1 slow kcat", 14, "expected 'number name\\(\\) formula'"),
    ("1 slow() kcat", "1 slow(x) kcat", 14, "local functions do not stand in networks"),
    ("1 slow() kcat", "1 slow() pulse()+kcat", 14, "'pulse' is used before it is defined .line 15."),
    ("2 pulse()", "2 slow()", 15, "the name 'slow' is taken already .function, line 14."),
    ("2 A(b,y~P) 2.5e+01", "2 A(b,y~P)", 22, "a species has a name and an amount without spaces, no amount found"),
    ("2 A(b,y~P) 2.5e+01", "2 A(b,y~P) 2 * kf", 22, "4 entries found"),
    ("2 A(b,y~P) 2.5e+01", "2 A(b,y~0) 1", 22, "the species A\\(b,y~0\\) is there twice .first on line 21."),
    ("2 A(b,y~P) 2.5e+01", "3 A(b,y~P) 1", 22, "this species has the number 3, expected 2"),
    ("2 A(b,y~P) 2.5e+01", "2 A(b,y~P) Ktot", 22, "the amount of A\\(b,y~P\\): there is no name 'Ktot' here"),
    ("2 A(b,y~P) 2.5e+01", "2 A(b,y~P) nan", 22, "no name 'nan'"),
    ("1 1,3 4 kf #bind", "1 1,3 kf", 29, "3 entries, expected at least 4"),
    ("1 1,3 4 kf #bind", "1,3 4 kf #bind", 29, "the first entry, '1,3', is no number of a reaction"),
    ("1 1,3 4 kf #bind", "2 1,3 4 kf", 29, "this reaction has the number 2, expected 1"),
    ("1 1,3 4 kf #bind", "1 1,7 4 kf", 29, "there is no species 7; the species are 1 to 6"),
    ("1 1,3 4 kf #bind", "1 1,,3 4 kf", 29, "nothing between two commas stands where the number of a species"),
    ("1 1,3 4 kf #bind", "1 1;3 4 kf", 29, "'1;3' stands where the number of a species"),
    ("1 1,3 4 kf #bind", "1 -1 4 kf", 29, "'-1' stands where"),
    ("1 1,3 4 kf #bind", "1 0 0 kf", 29, "neither reactants nor products"),
    ("1 1,3 4 kf #bind", "1 1,3 4 kff", 29, "there is no rate constant 'kff'. Did you mean 'kf'"),
    ("1 1,3 4 kf #bind", "1 1,3 4 kf+kr", 29, r"A rate is \[factor\*\]name; write an expression as a parameter"),
    ("1 1,3 4 kf #bind", "1 1,3 4 q*kf", 29, "the factor 'q' in front of the rate is no number"),
    ("1 1,3 4 kf #bind", "1 1,3 4 Satt kf Km", 29, "there is no rate law 'Satt'. Did you mean 'Sat'"),
    ("1 1,3 4 kf #bind", "1 1 4 Sat kf Km Km", 29, "1 to 2 constants, 3 given"),
    ("1 1,3 4 kf #bind", "1 1 4 MM kf Km", 29, "MM takes the two constants kcat Km and two different reactants"),
    ("1 1,3 4 kf #bind", "1 1 4 Hill kf Km", 29, "Hill takes the three constants"),
    ("1 1,3 4 kf #bind", "1 1,3 4 Sat", 29, "the rate law Sat has 0 constants"),
    ("1 1,3 4 kf #bind", '1 1,3 4 FunctionProduct("f()","g()")', 29, "FunctionProduct is not supported; let BioNetGen"),
    ("1 Afree                1,2", "1 Afree 1,9", 45, "the group 'Afree' holds species 9; there are species 1 to 6"),
    ("1 Afree                1,2", "1 Afree 1,x*2", 45, "holds 'x\\*2', expected the number of a species or weight"),
    ("1 Afree                1,2", "1 1,2", 45, "expected 'number name species"),
    ("1 Afree                1,2", "1 Amols 1", 46, "the name 'Amols' is taken already .group, line 45."),
    ("3 none", "3 Km 1", 14, "'Km' is the name of a parameter and of a group; rename the group"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), MALFORMED)
def test_malformed_lines_are_named_errors_with_their_place(old, new, line, message, read):
    assert SAMPLE.count(old) == 1
    with pytest.raises(sn.ModelError, match=message) as caught:
        read(SAMPLE.replace(old, new))
    assert f"sample.net, line {line}:" in str(caught.value)


def test_files_that_are_no_networks_are_file_errors(read, tmp_path):
    for text, message in (
        ("", "has no 'begin' line"),
        ("begin species\n1 A() 1\nend species\n", "has no block 'begin reactions'"),
    ):
        with pytest.raises(sn.FileError, match=message):
            read(text)
    for text, message in (
        ("begin species\nend species\nbegin reactions\nend reactions\n", "the block 'species' is empty"),
        ("begin species\n1 A() 1\nend species\nbegin reactions\nend reactions\n", "the block 'reactions' is empty"),
    ):
        with pytest.raises(sn.ModelError, match=message):
            read(text)
    (tmp_path / "model.net").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(sn.FileError, match="is no text file"):
        sn.ReactionNetwork.from_net(tmp_path / "model.net")
    with pytest.raises(sn.FileError, match=r"there is no file .* Did you mean 'model.net'"):
        sn.ReactionNetwork.from_net(tmp_path / "modle.net")
    with pytest.raises(sn.FileError, match="holds rules, not a network"):
        sn.ReactionNetwork.from_net("model.bngl")
    with pytest.raises(sn.FileError, match="takes the path of a file"):
        sn.ReactionNetwork.from_net(3)


def test_windows_line_ends_and_missing_numbers_are_read(read):
    plain = read()
    assert read(SAMPLE.replace("\n", "\r\n")).normal_form.rates == plain.normal_form.rates
    loose = SAMPLE.replace("    2 kf     1.0e-2", "  kf = 1.0e-2").replace("    3 none", " none")
    assert read(loose).normal_form.rates == plain.normal_form.rates


CUTS = st.lists(
    st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 8), st.text("0123456789.,*+-/^()$# \nkfSat_", max_size=4)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CUTS)
def test_damaged_files_are_read_or_refused_by_name(tmp_path, cuts):
    text = SAMPLE
    for start, length, instead in cuts:
        text = text[:start] + instead + text[start + length :]
    try:
        assert len(reader(tmp_path)(text).normal_form.rates) > 0
    except sn.SymnumError as error:
        assert "sample.net" in str(error)
