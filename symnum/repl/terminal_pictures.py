"""Pictures in the terminal itself: kitty's graphics protocol, inline images of iTerm2. What a terminal can is read from the environment.

kitty: https://sw.kovidgoyal.net/kitty/graphics-protocol/      iTerm2: https://iterm2.com/documentation-images.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

_CHUNK = 4096  # characters of one kitty command


def protocol(environment: Mapping[str, str]) -> str:
    """"kitty", "iterm2" or "" (no pictures). Inside tmux or screen none: these do not pass pictures on by themselves."""
    if environment.get("SYMNUM_PICTURES") is not None:
        asked = environment["SYMNUM_PICTURES"].lower()
        return asked if asked in ("kitty", "iterm2") else ""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX") or term.startswith(("screen", "tmux")) or term == "dumb":
        return ""
    if environment.get("KITTY_WINDOW_ID") or "kitty" in term or "ghostty" in term or program == "ghostty":
        return "kitty"
    if program in ("iTerm.app", "WezTerm") or environment.get("LC_TERMINAL") == "iTerm2" or environment.get("KONSOLE_VERSION", "") >= "220370":
        return "iterm2"
    return ""


def escape_sequence(png: bytes, protocol: str, width: int) -> str:
    """What to write so that the picture appears, at most ``width`` columns wide."""
    if protocol == "kitty":
        return _kitty(png, min(width, 110))
    assert protocol == "iterm2", protocol
    data = base64.b64encode(png).decode("ascii")
    columns = min(width, 110)
    return f"\x1b]1337;File=inline=1;size={len(png)};width={columns};preserveAspectRatio=1:{data}\x07"


def _kitty(png: bytes, columns: int) -> str:
    """Transmit and show (a=T) a PNG (f=100) in chunks; m=1 says that more follow, q=2 that no answer is wanted."""
    data = base64.b64encode(png).decode("ascii")
    chunks = [data[k : k + _CHUNK] for k in range(0, len(data), _CHUNK)] or [""]
    parts = []
    for number, chunk in enumerate(chunks):
        first = f"a=T,f=100,q=2,c={columns}," if number == 0 else ""
        parts.append(f"\x1b_G{first}m={int(number < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(parts)
