"""``python -m symnum``: the command line."""

import sys

from symnum.cli import main

if __name__ == "__main__":
    sys.exit(main())
