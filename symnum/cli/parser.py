"""Arguments of the commands. What cannot be parsed raises BadArguments with one paragraph that names the cause."""

from __future__ import annotations

import argparse
import math
import sys
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
    parser.set_defaults(command=lambda _: _alone(parser))
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
    session = _command(made, "repl", "the interactive session, which plain `symnum` opens too", "symnum.cli.repl")
    session.add_argument("file", nargs="?", metavar="FILE", help="run the lines of a file instead and stop at the first error")
    _view(_command(made, "view", "look at a saved run or a model in the browser, and change its parameters", "symnum.cli.view"))
    _generate(
        _command(
            made, "generate", "write a discretised model as source code that needs no symnum", "symnum.cli.generate"
        )
    )
    _draw(_command(made, "draw", "a picture of a model: its stencils, Jacobian, spectrum, phase plane, terms", "symnum.cli.draw"))
    _export(_command(made, "export", "write the equations in another language: tokens, LaTeX, JSON, ...", "symnum.cli.export"))
    _prose(_command(made, "prose", "data sets for transformers: `symnum prose generate`", "symnum.cli.prose", "generate"))
    _datasets(_command(made, "datasets", "inputs and solutions for neural operators, as public readers want them", "symnum.cli.datasets", "write"))
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
    _completion(_command(made, "completion", "a script that completes commands and names in a shell", "symnum.cli.completion"))
    for command in (listing, bench, doctor):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser, list(made.choices)


def _alone(parser: argparse.ArgumentParser) -> int:
    """Plain ``symnum``: the session on a terminal, else what there is."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        from symnum.cli.repl import open_session

        return open_session()
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
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say on stderr what is chosen, step by step; -vv says more")
    parser.add_argument("--out", metavar="FILE.nc", help="write the solution as netCDF")
    parser.add_argument("--plot", metavar="FILE.png", help="write a picture (.png, .pdf, .svg)")
    parser.add_argument("--kind", metavar="K", help="of the picture: phase, lines, space-time, slices, steps, ...")
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


def _draw(parser: _Parser) -> None:
    _model(parser)
    _settings(parser)
    parser.add_argument(
        "--what", required=True, metavar="W", help="stencil, sparsity, spectrum, steps, phase, expression or rewriting"
    )
    parser.add_argument("--resolution", type=_whole, metavar="N", help="number of cells along each coordinate")
    parser.add_argument("--order", type=_whole, metavar="P", help="order of the finite differences: 2, 4, ...")
    parser.add_argument("--scheme", metavar="S", help=_SCHEME)
    parser.add_argument("--out", metavar="FILE.png", help="MODEL_W.png if not given")


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


def _view(parser: _Parser) -> None:
    parser.add_argument("what", metavar="RUN.nc", help="a saved solution; or a model, which is solved first (a name, a .py, a .toml or a .net file)")
    parser.add_argument("--model", metavar="MODEL", help="the model of a saved run that does not hold its own")
    _settings(parser)
    _until(parser)
    parser.add_argument("--resolution", type=_whole, metavar="N", help="number of cells along each coordinate, for models")
    parser.add_argument("--port", type=_count, default=0, metavar="P", help="a port of this machine; the system chooses one if not given")
    parser.add_argument("--no-browser", action="store_false", dest="browser", help="print the address and open nothing")


def _completion(parser: _Parser) -> None:
    from symnum.cli.completion import SHELLS, where

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    lines = "\n".join(f"  {shell + ':':<6}{where(shell)}" for shell in SHELLS)
    parser.epilog = f"Put it where the shell looks for it:\n\n{lines}\n\nand again after an upgrade of symnum."
    parser.add_argument("shell", metavar="SHELL", help=", ".join(SHELLS))


def _prose(parser: _Parser) -> None:
    parser.add_argument("what", choices=["generate"], help="write a file of records, or go on with one")
    parser.add_argument("--families", default="ode15", metavar="F", help="ode15 (all fifteen), or names with commas between them")
    parser.add_argument("-n", type=_whole, required=True, metavar="N", dest="records", help="number of records")
    parser.add_argument("--seed", type=_count, default=0, metavar="S", help="of everything that is random; 0 if not given")
    parser.add_argument("--out", metavar="FILE", help="NAME.prefix, lines of JSON, or NAME.h5; FAMILIES_SEED.prefix if not given")
    parser.add_argument("--workers", type=_whole, default=1, metavar="W", help="processes; the file is the same for any number")
    parser.add_argument("--noise", type=_positive, default=0.0, metavar="L", help="add data with noise of this size, 0.02 for instance")
    parser.add_argument("--corruption", action="store_true", help="add tokens without numbers, one term more or less in three of ten")
    parser.add_argument("--overwrite", action="store_true", help="begin anew where the file exists")


def _datasets(parser: _Parser) -> None:
    parser.add_argument("what", metavar="WHAT", help="darcy, burgers, or with --draw a model")
    parser.add_argument("-n", type=_whole, required=True, metavar="N", dest="records", help="number of records")
    parser.add_argument("--layout", default="pdebench", metavar="L", help="pdebench (.hdf5, .h5) or neuraloperator (.h5, .pt, .mat)")
    parser.add_argument("--variant", default="fno", metavar="V", help="of darcy and burgers: fno or pdebench")
    parser.add_argument(
        "--draw", action="append", default=[], metavar="NAME=FROM", help="u=matern,length=0.1 (a field), a=0.1:1 (a parameter); may be repeated"
    )
    _settings(parser)
    parser.add_argument("--resolution", type=_whole, metavar="N", help="number of cells along each coordinate")
    parser.add_argument("--finer", type=_whole, default=1, metavar="K", help="solve on a grid K times finer than that of the records")
    parser.add_argument("--times", type=_whole, metavar="T", help="number of times of a solution")
    parser.add_argument("--seed", type=_count, default=0, metavar="S", help="of everything that is random; 0 if not given")
    parser.add_argument("--workers", type=_whole, default=1, metavar="W", help="processes; the file is the same for any number")
    parser.add_argument("--out", metavar="FILE", help="WHAT_SEED.hdf5 or .h5 if not given")
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
