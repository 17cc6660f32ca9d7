"""What happens before a first session: juliapkg is told what symnum needs, the user what it will take, and why it failed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from symnum.bridge.environment import Status, read_json, requirements
from symnum.bridge.errors import first_line
from symnum.errors import FileError

_OWN = "set PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT to a Julia and a project of your own"
NOT_LOADED = "PythonCall.jl did not start properly"  # juliacall's message once Julia itself runs


def declare(project: Path) -> bool:
    """Add symnum's requirements to the file that ``juliapkg.add`` keeps in its project; True if that changed it.

    They stand there and not in a file that juliapkg finds by itself, so that only symnum's own use of Julia brings
    them in, once for all users of the project. Raises FileError.
    """
    path = project / "pyjuliapkg" / "juliapkg.json"
    before, wanted = read_json(path), requirements()
    after = {**before, "packages": {**before.get("packages", {}), **wanted["packages"]}}
    after.setdefault("julia", wanted["julia"])
    if after == before:
        return False
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(after, indent=2), "utf-8")
        draft.replace(path)
    except OSError as error:
        raise FileError(
            f"The Julia project {project} cannot be written ({error.strerror}); name another folder with "
            f"PYTHON_JULIAPKG_PROJECT, or {_OWN}."
        ) from None
    return True


def announcement(found: Status) -> str:
    """The lines printed before anything is installed."""
    names = found.missing or tuple(requirements()["packages"])
    what = f"{len(names)} Julia packages ({', '.join(names[:3])}, ...)" if len(names) > 3 else ", ".join(names)
    julia = "" if found.executable else "Julia, where there is none, and "
    return (
        f"symnum: installing {julia}{what} in {found.project}, once.\n"
        "symnum: estimate: 10 to 30 minutes, most of it compiling (more cores, less time), and 2 to 3 GB of disk; "
        "what follows are juliapkg's and Pkg's own messages."
    )


def failed_start(found: Status, error: BaseException) -> str:
    """Why juliacall could not be imported: one sentence with the remedy."""
    line = first_line(str(error)).rstrip(".")
    if line == NOT_LOADED:
        return (
            f"Julia {found.julia} started, but PythonCall did not load (Julia's own message is above); unless that was Ctrl-C, "
            f"rebuild it with: {found.line('Pkg.instantiate(); Pkg.precompile()')}"
        )
    if isinstance(error, ValueError):  # of juliacall and juliapkg: an option with a value that they do not know
        return f"juliacall refuses a setting ({line}); correct this variable, or unset it."
    if found.own:
        if isinstance(error, subprocess.CalledProcessError):
            said = first_line(str(error.stderr or line))
            return f"{found.executable} did not run as Julia ({said}); write a working julia executable into PYTHON_JULIACALL_EXE."
        return f"Julia at {found.executable} did not start ({line}); `symnum doctor --julia` tries it step by step."
    if "is not a Julia executable" in line:
        return f"PYTHON_JULIAPKG_EXE names no Julia ({line}); write a working julia executable there, or unset it."
    if "could not find Julia" in line:
        return f"No Julia {requirements()['julia']} was found; install it from julialang.org, or {_OWN}."
    if isinstance(error, subprocess.CalledProcessError):
        return (
            f"Pkg could not install the Julia packages in {found.project} (its own message is above); connect to the internet if it "
            f"could not reach a server, else delete this folder, and try again, or {_OWN}."
        )
    if isinstance(error, OSError):
        return f"Julia could not be downloaded or run ({line}); connect to the internet and try again, or {_OWN}."
    return f"juliacall could not start Julia ({line}); `symnum doctor --julia` tries it step by step."
