"""The command line: ``symnum run brusselator --plot b.png``.

Exit status 0: success, 1: a solve failed, 2: a bad model or bad options.

    symnum                  arguments
       |  parser.py         -> namespace, or one sentence and status 2
       v
    run, list, explain, generate, bench, doctor    one file each
       |  console.py        -> a short report, or one JSON object (--json), on stdout; all else on stderr
       v
    exit status
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from symnum.errors import SymnumError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0 success, 1 a solve failed, 2 a bad model or bad options, 130 interrupted."""
    from symnum.cli.console import show_error
    from symnum.cli.parser import BadArguments, parse

    given = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in given
    write_every_character()
    try:
        arguments = parse(given)
        return int(arguments.command(arguments))
    except (SymnumError, BadArguments) as error:
        show_error(error, as_json)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except MemoryError as error:
        show_error(MemoryError(f"this needs more memory than there is ({error}). Lower --resolution."), as_json)
        return 1
    except BrokenPipeError:  # the reader (head, less) has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - keeps the interpreter from flushing into the closed pipe
        return 0
    except SystemExit as error:  # --help and --version
        return int(error.code or 0)
    except Exception as error:
        if os.environ.get("SYMNUM_TRACEBACK"):
            raise
        show_error(error, as_json, internal=True)
        return 1


def write_every_character() -> None:
    """Where stdout is not in UTF-8 (an ASCII locale, a Windows pipe), what it lacks is written as \\u2202 instead of ending the command."""
    if isinstance(sys.stdout, io.TextIOWrapper) and "utf" not in sys.stdout.encoding.lower() and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
