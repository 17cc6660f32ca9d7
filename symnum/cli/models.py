"""MODEL on the command line: a name from the catalogue, the user's own .py file, a .toml file, or a .net file (BioNetGen).

A model file (.py) defines ``system()``, a function that returns a PDESystem (or a variable ``system`` that is one),
and may state ``resolution`` and ``solve_options``. It is the user's own code and is executed; a .toml file and a .net
file never are. A .net file holds no times: they come from the command line.
"""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import FileError, ModelError, SymnumError, UnknownName

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

DEFAULT_RESOLUTION = 64


@dataclass(frozen=True)
class Loaded:
    """A model ready to be solved. ``resolution``: None for systems without space."""

    name: str
    title: str
    system: PDESystem
    resolution: int | None
    options: Mapping[str, Any]


def catalogue() -> Catalogue:
    """The models that come with symnum."""
    return Catalogue("model", folder=shipped_folder("models"))


def find_model(text: str, settings: list[tuple[str, float]] | None = None, until: float | None = None) -> Loaded:
    """The model that ``text`` names, with parameters set. ``until``: the end of the time interval of a .net file, which starts at 0.

    Raises UnknownName, FileError, ParseError or ModelError.
    """
    path = Path(text)
    if until is not None and path.suffix != ".net":
        raise ModelError(
            f"--until is for .net files, which hold no times; the times of {text} stand in the model. Leave --until out."
        )
    if path.suffix == ".toml":
        from symnum.model.toml import load

        loaded = _loaded(load(path), path.stem, "", {})
    elif path.suffix == ".net":
        from symnum.model.reactions import ReactionNetwork

        network = ReactionNetwork.from_net(path, t=(0.0, 1.0 if until is None else until))
        loaded = _loaded(network, path.stem, "a reaction network of BioNetGen", {})
    elif path.suffix == ".py":
        loaded = _from_module(_execute(path), path.stem, str(path))
    elif path.suffix or len(path.parts) > 1:
        raise FileError(
            f"{text!r} is no model. A model is a name from `symnum list`, a .py file, a .toml file or a .net file."
        )
    else:
        loaded = _from_catalogue(text)
    if not settings:
        return loaded
    system = loaded.system.with_parameters(**dict(settings))
    return Loaded(loaded.name, loaded.title, system, loaded.resolution, loaded.options)


def _from_catalogue(name: str) -> Loaded:
    models = catalogue()
    try:
        module = models.load(name)
    except UnknownName as error:
        beside = next((f for f in (f"{name}.py", f"{name}.toml", f"{name}.net") if Path(f).is_file()), None)
        hint = (
            f"There is a file {beside} here: symnum run {beside}."
            if beside
            else "Your own model: give a .py, .toml or .net file."
        )
        raise UnknownName(f"{error} {hint}") from None
    return _from_module(module, name, str(models.path(name)))


def _from_module(module: ModuleType, name: str, where: str) -> Loaded:
    from symnum.model.system import PDESystem

    system = getattr(module, "system", None)
    named = {key: value for key, value in vars(module).items() if isinstance(value, PDESystem)}
    if system is None and len(set(map(id, named.values()))) == 1:  # a script with one model, whatever it calls it
        system = next(iter(named.values()))
    if callable(system):
        try:
            system = system()
        except Exception as error:
            raise _in_users_words(error, where) from error
    if not isinstance(system, PDESystem):
        seen = "no name 'system'" if system is None else f"'system' of type {type(system).__name__}"
        seen += f" (and the models {', '.join(named)}: call one of them system)" if named else ""
        raise ModelError(
            f"{where} holds {seen}; expected a function system() that returns sn.PDESystem(...) or sn.ODESystem(...)."
        )
    title = ((module.__doc__ or "").strip().splitlines() or [""])[0]
    return _loaded(system, name, title, vars(module))


def _loaded(system: PDESystem, name: str, title: str, stated: Mapping[str, Any]) -> Loaded:
    resolution = (stated.get("resolution") or DEFAULT_RESOLUTION) if system.space else None
    return Loaded(system.name or name, title, system, resolution, dict(stated.get("solve_options") or {}))


def _execute(path: Path) -> ModuleType:
    """Import the user's file under a name of its own. Whatever goes wrong in it is told with its line."""
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*.py")) if path.parent.is_dir() else []
        beside = f" Beside it there are: {', '.join(near[:5])}." if near else ""
        raise FileError(f"there is no file {str(path)!r}.{beside}")
    spec = importlib.util.spec_from_file_location(f"symnum_model_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise _in_users_words(error, str(path)) from error
    return module


def _in_users_words(error: BaseException, where: str) -> SymnumError:
    """The error with the file's own line in front; an error of symnum keeps its words."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename == where or f.filename == str(Path(where).resolve())
    ]
    line = frames[-1].lineno if frames else getattr(error, "lineno", None)
    place = f"{where}, line {line}" if line else where
    if isinstance(error, SymnumError):
        return ModelError(f"{place}: {error}")
    text = getattr(error, "msg", None) or str(error)
    return ModelError(f"{place}: {type(error).__name__}: {text}")
