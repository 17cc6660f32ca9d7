"""take a model: of this session, of symnum, or a file; or list them"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError
from symnum.repl.arguments import Arguments
from symnum.repl.draft import Draft, Number
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":model [NAME | FILE.toml | FILE.py | FILE.net]"
EXAMPLE = ":model lorenz"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Switch, load or list. A .py file is the user's own program and is run, as by `symnum run`."""
    from symnum.repl.commands.show import model_lines

    arguments.check_names("model", OPTIONS)
    if not arguments.words:
        return _listed(session)
    if len(arguments.words) > 1:
        raise arguments.wrong(f"one model; usage: {USAGE}", arguments.words[1])
    name = arguments.words[0].text
    if name in session.state.drafts and name:
        session.change(session.state.drafts[name], name)
        return model_lines(session)
    noted: list[Text] = []
    with session.noting(noted):
        found = session.host.find_model(name)
        draft = draft_of(found, name)
    session.change(draft, draft.name)
    title = [Text(f"  {found.title.rstrip('.')}.", Tone.STRONG)] if found.title else []
    return [*title, *model_lines(session), *noted]


@dataclass(frozen=True)
class Found:
    """A model that was looked up: as the command line's own, see ``Host.find_model``."""

    name: str
    title: str
    system: Any
    resolution: int | None
    options: Mapping[str, Any]


def draft_of(found: Found, origin: str) -> Draft:
    """A system that was found as a draft: as text where it has one, so that it can be changed; else as it is."""
    from symnum.model.system import ODESystem, PDESystem

    system = found.system
    options = dict(found.options)
    if found.resolution and system.space:
        options["resolution"] = found.resolution
    name = found.name if found.name.isidentifier() else "model"
    fields = {u.name: tuple(c.name for c in u.info.coordinates) for u in system.fields}
    values = {n: Number(v) for n, v in system.parameters.items()}
    common: dict[str, Any] = {"name": name, "fields": fields, "values": values, "options": options, "origin": origin, "time": system.time.name}
    whole = {len(on) for on in fields.values()} == {1 + len(system.space)}
    if type(system) in (PDESystem, ODESystem) and whole and not system.events and len(fields) <= 50:
        try:
            text = system.to_text()
        except ModelError:
            return Draft(base=system, **common)
        return Draft(
            equations=tuple(text["equations"]), domain=dict(text["domain"]), conditions=tuple(text["conditions"]),
            initial=tuple(text["initial"]), **common,
        )  # fmt: skip
    return Draft(base=system, **common)


def _listed(session: Session) -> Output:
    own = [name for name in session.state.drafts if name]
    rows: list[Text] = [Text(f"  in this session: {', '.join(own)}")] if own else []
    rows += [Text(f"  {name:<20} {session.host.model_title(name)}", Tone.PLAIN, 23) for name in session.host.model_names()]
    return [*rows, Text("  `:model NAME` takes one; a .toml, .py or .net file serves as well", Tone.FAINT)]
