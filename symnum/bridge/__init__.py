"""The one door to Julia: the only part of symnum that imports juliacall, and only when a session is first needed.

```
  from symnum.bridge import guarded, session

  julia = session("SciMLBase")                 # opens Julia; BackendUnavailable with the remedy where there is none
  with guarded("the solve with Rodas5P"):      # Julia's errors become symnum's, Ctrl-C works
      julia.bridge.solve(...)
```

``status()`` says what would be used, without starting anything.
"""

from symnum.bridge.environment import Status, status
from symnum.bridge.errors import guarded
from symnum.bridge.session import Session, check, session

__all__ = ["Session", "Status", "check", "guarded", "session", "status"]
