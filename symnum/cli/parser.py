"""Arguments of the commands. What cannot be parsed raises BadArguments with one paragraph that names the cause."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

from symnum.errors import did_you_mean

_SCHEME = (
    "in space: central, upwind, finite_volume, fourier or fourier_dealiased; chosen from the structure if not given"
)


class BadArguments(Exception):
    """The command line cannot be understood."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadArguments(f"{message[:1].lower()}{message[1:].rstrip('.')}. {self.prog} --help lists what there is.")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The namespace with ``.command``, a function of the namespace. Raises BadArguments; SystemExit after --help."""
    parser, commands = _parser()
    first = next((a for a in argv if not a.startswith("-")), None)
    if first is not None and first not in commands:
        raise BadArguments(
            f"unknown command {first!r}.{did_you_mean(first, commands)} The commands are: {', '.join(commands)}."
        )
    arguments, rest = parser.parse_known_args(argv)
    if hasattr(arguments, "rest"):  # a bench has options of its own: see bench_options
        arguments.rest = rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return arguments


def bench_options(name: str, known: Mapping[str, str], given: Sequence[str]) -> dict[str, str]:
    """The options that one bench takes, ``{"net": "file of reactions"}``, as written: ``--net PATH``. Raises BadArguments for any other."""
    parser = _Parser(prog=f"symnum bench {name}", allow_abbrev=False, add_help=False)
    for option, purpose in known.items():
        parser.add_argument(f"--{option}", help=purpose, default=argparse.SUPPRESS)
    try:
        return dict(vars(parser.parse_args(given)))
    except BadArguments as refused:
        listed = "; ".join(f"--{option}: {purpose}" for option, purpose in known.items()) or "none"
        text = str(refused).partition(f" {parser.prog} --help")[0]
        raise BadArguments(f"{text} Options of the bench {name}: {listed}.") from None


def _parser() -> tuple[_Parser, list[str]]:
    from symnum import __version__

    parser = _Parser(
        prog="symnum", description="Write a differential equation as mathematics, get its solution.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"symnum {__version__}")
    parser.set_defaults(command=lambda _: _help(parser))
    made = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    _run(_command(made, "run", "solve a model", "symnum.cli.run"))
    listing = _command(made, "list", "the models that come with symnum", "symnum.cli.listing", "list_models")
    explain = _command(
        made, "explain", "what a model is: orders, linearity, type, what is missing", "symnum.cli.listing", "explain"
    )
    _model(explain)
    _settings(explain)
    explain.add_argument(
        "--rewrite",
        action="store_true",
        help="cost of the right-hand side before and after rewriting, and the rules that fired",
    )
    _generate(
        _command(
            made, "generate", "write a discretised model as source code that needs no symnum", "symnum.cli.generate"
        )
    )
    _export(_command(made, "export", "write the equations in another language: tokens, LaTeX, JSON, ...", "symnum.cli.export"))
    _prose(_command(made, "prose", "data sets for transformers: `symnum prose generate`", "symnum.cli.prose", "generate"))
    bench = _command(made, "bench", "measure against other tools on this machine", "symnum.cli.bench")
    bench.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="which bench; without it they are listed; its own options follow it, a wrong one lists them",
    )
    bench.set_defaults(rest=[])
    doctor = _command(
        made, "doctor", "what works on this machine, and the line that installs what does not", "symnum.cli.doctor"
    )
    doctor.add_argument("--julia", action="store_true", help="start Julia and try it: versions, terms, a solution")
    for command in (listing, bench, doctor):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser, list(made.choices)


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _command(commands: Any, name: str, purpose: str, module: str, function: str = "") -> _Parser:
    """A command; its module is imported when it is run. ``function``: the name there, else that of the command."""
    parser: _Parser = commands.add_parser(
        name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", allow_abbrev=False
    )
    parser.set_defaults(command=lambda arguments: getattr(import_module(module), function or name)(arguments))
    return parser


def _model(parser: _Parser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a name from `symnum list`, a .py, a .toml or a .net file")


def _settings(parser: _Parser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=_setting,
        dest="settings",
        help="give a parameter another value; may be repeated",
    )


def _until(parser: _Parser) -> None:
    parser.add_argument(
        "--until", type=_positive, metavar="T", help="end of the time interval of a .net file (1 if not given)"
    )


def _run(parser: _Parser) -> None:
    _model(parser)
    _settings(parser)
    _until(parser)
    parser.add_argument("--resolution", type=_whole, metavar="N", help="number of cells along each coordinate")
    parser.add_argument("--order", type=_whole, metavar="P", help="order of the finite differences: 2, 4, ...")
    parser.add_argument(
        "--method", metavar="M", help="integrator, for instance Tsit5 or CVODE; chosen from the structure if not given"
    )
    parser.add_argument(
        "--backend", metavar="B", help="embedded, sundials, scipy or julia; that of the method if not given"
    )
    parser.add_argument("--scheme", metavar="S", help=_SCHEME)
    parser.add_argument(
        "--target", metavar="T", help="code of the right-hand side: llvm (if not given), c, julia or numpy; cuda: solve on a GPU"
    )
    parser.add_argument("--rtol", type=_positive, metavar="TOL", help="relative tolerance")
    parser.add_argument("--atol", type=_positive, metavar="TOL", help="absolute tolerance")
    parser.add_argument(
        "--dt", type=_positive, metavar="DT", help="first time step; all steps of Verlet, Yoshida4, Yoshida6, EM, Milstein"
    )
    parser.add_argument("--seed", type=_whole, metavar="N", help="of the random path of equations with noise")
    parser.add_argument("--out", metavar="FILE.nc", help="write the solution as netCDF")
    parser.add_argument("--plot", metavar="FILE.png", help="write a picture")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _generate(parser: _Parser) -> None:
    _model(parser)
    _settings(parser)
    _until(parser)
    parser.add_argument("--target", default="c", metavar="T", help="c (default), julia, numpy or llvm")
    parser.add_argument("--resolution", type=_whole, metavar="N", help="number of cells along each coordinate")
    parser.add_argument("--order", type=_whole, metavar="P", help="order of the finite differences: 2, 4, ...")
    parser.add_argument("--scheme", metavar="S", help=_SCHEME)
    parser.add_argument("--out", metavar="FILE", help="write there instead of to the terminal")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that symnum did not generate")
    parser.add_argument("--openmp", action="store_true", help="share loops among threads (C)")
    parser.add_argument(
        "--jacobian",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="with the sparse Jacobian (C); it is unless --no-jacobian",
    )


def _export(parser: _Parser) -> None:
    _model(parser)
    _settings(parser)
    _until(parser)
    parser.add_argument(
        "--format", required=True, metavar="F", help="prose, json, latex, sympy, symbolics_jl, c, julia or numpy"
    )
    parser.add_argument(
        "--resolution", type=_whole, metavar="N", help="discretise first, with N cells along each coordinate (prose, c, julia, numpy)"
    )
    parser.add_argument("--order", type=_whole, metavar="P", help="order of the finite differences: 2, 4, ...")
    parser.add_argument("--scheme", metavar="S", help=_SCHEME)
    parser.add_argument("--out", metavar="FILE", help="write there instead of to the terminal")


def _prose(parser: _Parser) -> None:
    parser.add_argument("what", choices=["generate"], help="write a file of records, or go on with one")
    parser.add_argument("--families", default="ode15", metavar="F", help="ode15 (all fifteen), or names with commas between them")
    parser.add_argument("-n", type=_whole, required=True, metavar="N", dest="records", help="number of records")
    parser.add_argument("--seed", type=_count, default=0, metavar="S", help="of everything that is random; 0 if not given")
    parser.add_argument("--out", metavar="FILE.prefix", help="FAMILIES_SEED.prefix if not given")
    parser.add_argument("--workers", type=_whole, default=1, metavar="W", help="processes; the file is the same for any number")
    parser.add_argument("--noise", type=_positive, default=0.0, metavar="L", help="add data with noise of this size, 0.02 for instance")
    parser.add_argument("--corruption", action="store_true", help="add tokens without numbers, one term more or less in three of ten")
    parser.add_argument("--overwrite", action="store_true", help="begin anew where the file exists")


def _count(text: str) -> int:
    return 0 if text.strip() == "0" else _whole(text)


def _setting(text: str) -> tuple[str, float]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE; write for instance --set a=4")
    number = _number(value, f"the value {value!r} of {name} is not a number; write for instance --set {name}=4")
    return name, number


def _positive(text: str) -> float:
    value = _number(text, f"{text!r} is not a number; write for instance 1e-6")
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number; write for instance 1e-6")
    return value


def _whole(text: str) -> int:
    message = f"{text!r} is not a positive whole number"
    value = _number(text, message, int)
    if value < 1:
        raise argparse.ArgumentTypeError(message)
    return int(value)


def _number(text: str, message: str, kind: Callable[[str], float] = float) -> float:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(message) from None
