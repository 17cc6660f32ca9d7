"""``symnum view run.nc`` or ``symnum view MODEL``: a page on this machine to look at a run, scrub time and change parameters."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Any

from symnum.cli.console import quiet_stdout
from symnum.cli.models import Loaded, find_model
from symnum.errors import FileError, ModelError

if TYPE_CHECKING:
    from symnum.view import Session, ViewServer


def view(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C; 0 then. A model that is named is solved first; where that solve fails, what it has is shown."""
    with (
        quiet_stdout(False),
        contextlib.closing(_session(arguments)) as session,
        _server(session, arguments.port) as server,
    ):
        _serve(server, arguments.browser)
    return 0


def _serve(server: ViewServer, browser: bool) -> None:
    print(
        f"{server.session.label} is at\n\n    {server.address}\n\nfor this machine alone. Ctrl-C ends it.", flush=True
    )
    if browser and _can_open():
        threading.Thread(target=webbrowser.open, args=(server.opening,), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever(poll_interval=0.2)
    print("\nClosed.", flush=True)


def _session(arguments: argparse.Namespace) -> Session:
    from symnum.view import Session

    if arguments.what.endswith(".nc"):
        if arguments.settings and arguments.model is None:
            raise ModelError(
                "--set changes a model before it is solved; a saved run is looked at as it is. Change parameters on the page."
            )
        named = (
            None
            if arguments.model is None
            else _recipe(find_model(arguments.model, arguments.settings, arguments.until), arguments)
        )
        return Session.of_file(arguments.what, named)
    if arguments.model is not None:
        raise ModelError(
            f"--model names the model of a saved run, such as run.nc; {arguments.what!r} is a model itself. Leave --model out."
        )
    model = find_model(arguments.what, arguments.settings, arguments.until)
    return Session.of_solution(_solve(model, arguments), _recipe(model, arguments), label=model.name)


def _recipe(model: Loaded, arguments: argparse.Namespace) -> Any:
    from symnum.provenance import Recipe

    return Recipe(model.system, _options(model, arguments))


def _options(model: Loaded, arguments: argparse.Namespace) -> dict[str, Any]:
    options = dict(model.options)
    if model.system.space:
        options["resolution"] = arguments.resolution or model.resolution
    return options


def _solve(model: Loaded, arguments: argparse.Namespace) -> Any:
    from symnum.pipeline import solve

    solution = solve(model.system, progress=sys.stderr.isatty(), **_options(model, arguments))
    if not solution.success:
        print(f"symnum: {solution.message}", file=sys.stderr)
    return solution


def _server(session: Session, port: int) -> ViewServer:
    from symnum.view import ViewServer

    try:
        return ViewServer(session, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(
            f"port {port} cannot be used: {reason}. Leave --port out and the system chooses one."
        ) from error


def _can_open() -> bool:
    """Whether there is a screen: without one, a browser for terminals would take this terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
