"""Models from TOML files: the fields of ``from_text`` under the same names.

name = "heat"
equations = ["dt(u) = D*dxx(u)"]
conditions = ["u = 0 @ x=0", "u = 0 @ x=pi"]
initial = ["u = sin(x)"]
domain = { t = [0, 1], x = [0, "pi"] }
parameters = { D = 0.1 }
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symnum.errors import FileError, ModelError, did_you_mean

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

_KEYS: dict[str, tuple[tuple[type, ...], str]] = {
    "name": ((str,), 'text such as name = "heat"'),
    "equations": ((list, str), 'a list of texts such as equations = ["dt(u) = D*dxx(u)"]'),
    "domain": ((dict,), 'a table such as domain = { t = [0, 1], x = [0, "pi"] }'),
    "conditions": ((list, str), 'a list of texts such as conditions = ["u = 0 @ x=0", "periodic y"]'),
    "initial": ((list, str, dict), 'a list of texts such as initial = ["u = sin(x)"]'),
    "parameters": ((dict,), "a table such as parameters = { D = 0.1 }"),
    "fields": ((dict,), 'a table such as fields = { w = "x" }'),
    "time": ((str,), 'text such as time = "tau"'),
}


_OF_A_RUN = dict.fromkeys(
    ("resolution", "method", "scheme", "order", "rtol", "atol"),
    " It belongs to a run, not to the model: symnum run --resolution 64 --method CVODE, or sn.solve(system, resolution=64).",
)


def load(path: str | Path) -> PDESystem:
    """Read a model from a ``.toml`` file. Nothing in the file is executed.

    Raises FileError for a missing file, another suffix or broken TOML; ModelError for unknown keys, wrong types and
    ill-posed models.
    """
    import tomllib

    from symnum.model.text import from_text

    path = _existing(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(
            f'{path} is not valid TOML: {error}; write texts in quotes and lists in brackets: initial = ["u = sin(x)"]'
        ) from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    try:
        _check(data)
        return from_text(**{"name": path.stem, **data})
    except ModelError as error:
        raise type(error)(f"{path}: {_in_words_of_toml(str(error))}") from None


def _in_words_of_toml(message: str) -> str:
    message = re.sub(r'(parameters|initial|fields)=\{"(\w+)": ([^{}]+)\}', r"\1 = { \2 = \3 }", message)
    message = re.sub(r'write "(\w+)": \((.+?)\)', r"write \1 = [\2]", message)
    return re.sub(r"(conditions|initial|equations)=\[", r"\1 = [", message)


def _existing(path: Any) -> Path:
    if not isinstance(path, (str, Path)):
        raise FileError(f'load takes the path of a file, not {path!r}; write sn.load("model.toml")')
    path = Path(path)
    if path.suffix.lower() != ".toml":
        raise FileError(
            f"{path} has the suffix {path.suffix or 'none'!r}, expected .toml; models in Python are run, not loaded: "
            f"symnum run {path.name}"
        )
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else None
        near = (
            did_you_mean(path.name, [p.name for p in folder.glob("*.toml")])
            if folder
            else f" The folder {path.parent} does not exist."
        )
        raise FileError(f"there is no file {path}.{near}")
    return path


def _check(data: dict[str, Any]) -> None:
    for key, value in data.items():
        if key not in _KEYS:
            hint = _OF_A_RUN.get(key) or did_you_mean(key, _KEYS)
            raise ModelError(f"unknown key {key!r}.{hint} Keys: {', '.join(_KEYS)}")
        types, expected = _KEYS[key]
        if not isinstance(value, types):
            raise ModelError(f"the key {key} is {value!r}, expected {expected}")
        if isinstance(value, list):
            for item in value:
                if not isinstance(item, str):
                    raise ModelError(f"the key {key} holds {item!r}, expected {expected}")
    for key in ("equations", "domain"):
        if key not in data:
            raise ModelError(f"the key {key} is missing; it is {_KEYS[key][1]}")
