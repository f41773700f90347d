"""`officina`, and `python -m server`, which is the same."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    # Loading leaves no rubbish behind, and looking for some costs a tenth of the start.
    gc.disable()
    from .cli import app

    if sys.argv[1:2] != ["start"]:
        gc.enable()
    app()


if __name__ == "__main__":
    main()
