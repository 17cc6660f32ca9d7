"""``symnum view``: a run in the browser. A small server on this machine alone; the page scrubs time and changes parameters.

run.nc, or a solution      what is looked at
    |  data.py             fields cut into frames, curves and tables; large files are read piece by piece
    v
solving.py                 one solve at a time with other parameters; a newer one cancels the older
    |
    v
api.py                     what a page may ask, checked: [path, query, body] -> [Reply]
    |
    v
server.py                  HTTP on the loopback interface, behind a token: [bytes] -> [bytes]
"""

from symnum.view.server import ViewServer
from symnum.view.session import Session

__all__ = ["Session", "ViewServer"]
