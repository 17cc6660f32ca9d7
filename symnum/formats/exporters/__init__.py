"""Formats that a system can be exported to, one file each.

A module offers ``export(system, **options)`` and, where there is a way back, ``read(source, **options)``.
"""

from __future__ import annotations

from symnum.catalogue import Catalogue


def formats() -> Catalogue:
    """All formats by name."""
    return Catalogue("format", package="symnum.formats.exporters")
