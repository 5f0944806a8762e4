"""The other process of `workers.py`: runs one method from one start after the other, until its input ends.

Tasks come in at stdin, answers go out at stdout, pickled. The problem comes as the model that was read, without CasADi, and
is built anew: the same numbers, in the same order.
Ctrl-C is for the process that began; where that is gone, so that the input ends, this one ends at once.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections import deque
from dataclasses import dataclass
from typing import BinaryIO

from ..functions.oracles import Oracles
from ..methods import METHODS
from ..model.build import build
from ..semantics.checked import Checked
from .attempt import Attempt, Runner, Start


@dataclass(frozen=True, kw_only=True)
class Model:
    """What attempts are of.

    Attributes:
        settings: by method.
        executor, scaling, detailed: as of `Runner`.
    """

    checked: Checked
    settings: dict[str, dict[str, float]]
    executor: str
    scaling: bool
    detailed: bool


@dataclass(frozen=True, kw_only=True)
class Task:
    method: str
    reason: str
    start: Start
    seconds: float | None


class Inbox:
    """What comes in, read by a thread of its own: the end of it is noticed within a run too."""

    def __init__(self, source: BinaryIO):
        self._source, self._waiting, self._more = source, deque(), threading.Semaphore(0)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                self._waiting.append(pickle.load(self._source))
                self._more.release()
        except Exception:  # the end, or half of something
            os._exit(0)

    def take(self) -> object:
        self._more.acquire()
        return self._waiting.popleft()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a solver may print is no answer
    inbox = Inbox(sys.stdin.buffer)
    model = inbox.take()
    assert isinstance(model, Model)
    runner = Runner(
        Oracles(build(model.checked)),
        lambda info: model.settings[info.name],
        model.executor,
        scaling=model.scaling,
        detailed=model.detailed,
    )
    while True:
        pickle.dump(_answer(runner, inbox.take()), out)
        out.flush()


def _answer(runner: Runner, task: Task) -> Attempt | None:
    """The attempt; None where it ends in an error, which then the first process meets by itself."""
    try:
        return runner.run(METHODS[task.method], task.reason, task.start, task.seconds)
    except Exception:
        return None
