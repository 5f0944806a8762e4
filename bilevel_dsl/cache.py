"""The folders of what is made once and kept: compiled solvers, the parser.

What is kept there is run when it is loaded. So a folder is used only if it is ours and closed to
others; where there is none, the caller does without.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def own_folder(name: str) -> Path | None:
    """The folder `name` in BILEVELDSL_CACHE, or in `bileveldsl` under XDG_CACHE_HOME or ~/.cache; made if need be."""
    chosen = os.environ.get("BILEVELDSL_CACHE")
    try:
        if not chosen:
            chosen = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
            chosen = Path(chosen, "bileveldsl")
        folder = Path(chosen, name).absolute()
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder if closed_to_others(folder.stat()) else None
    except (OSError, RuntimeError):  # no home
        return None


def closed_to_others(info: os.stat_result) -> bool:
    """Whether a file or folder is ours and nobody else can write to it; elsewhere than on POSIX that is assumed."""
    return os.name != "posix" or (info.st_uid == os.geteuid() and not stat.S_IMODE(info.st_mode) & 0o022)
