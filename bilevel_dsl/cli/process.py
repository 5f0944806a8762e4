"""The command as a process: it begins and ends as fast as it can.

Most of a small model's time was Python's: importing makes many objects that stay, which the collector of cycles went through
again and again (a tenth of it), and at the end everything was taken apart piece by piece (another tenth).
"""

from __future__ import annotations

import gc
import os
import sys

from . import main

OBJECTS = 50_000  # made and not released before the collector looks; 700 by itself


def command() -> int:
    """`main`, and the end of the process as soon as all output is out."""
    gc.set_threshold(OBJECTS)
    status = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # Python says what became of the output
        return status
    os._exit(status)
