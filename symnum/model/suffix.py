"""Names of derivatives: ``dxxy`` is ``d`` and coordinates. A module of its own because it needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def split_suffix(name: str, coordinates: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The ways to read ``d`` + coordinate names: ``dxxy`` -> [("x", "x", "y")]; orders of writing count once."""
    if not name.startswith("d") or len(name) < 2 or len(name) > 60:
        return []
    suffix = name[1:]
    ways: list[set[tuple[str, ...]]] = [set() for _ in range(len(suffix) + 1)]
    ways[0].add(())
    for end in range(1, len(suffix) + 1):
        for c in coordinates:
            if suffix.endswith(c, 0, end) and len(c) <= end:
                ways[end] |= {tuple(sorted((*way, c))) for way in ways[end - len(c)]}
        if len(ways[end]) > 50:
            break
    return sorted(ways[-1])
