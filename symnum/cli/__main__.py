"""``python -m symnum.cli`` is the command ``symnum``."""

import sys

from symnum.cli import main

if __name__ == "__main__":
    sys.exit(main())
