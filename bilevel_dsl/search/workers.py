"""Attempts side by side in other processes, taken in their order: the answer is that of one process, bit for bit.

A run of a method from a start depends on nothing but these, so it may be done ahead; whether it is taken, examined and
followed is decided when its turn comes, by counted work, as it is without other processes. What was done ahead and is not
needed is thrown away. Where a process fails the attempt is run here.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from time import perf_counter

from .attempt import Attempt
from .worker import Model, Task

PATIENCE = 2.0  # seconds beyond the end of a time limit that an answer is waited for
POLL = 0.2  # seconds: Ctrl-C is taken in between


class Workers:
    """So many processes; they begin to build the model at once.

    Use as a context: at its end all are gone, also after Ctrl-C.
    """

    def __init__(self, model: Model, jobs: int):
        given = pickle.dumps(model)
        self._processes = [_started() for _ in range(jobs)]
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="attempt")
        self._free = deque((p, self._threads.submit(_sent, p, given)) for p in self._processes)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()
        self._threads.shutdown()

    def ahead(self, tasks: Iterator[Task], end: float) -> Iterator[tuple[Task, Callable[[], Attempt | None]]]:
        """The tasks, each with what waits for its attempt (None: it failed); as many as there are processes are under way.

        Args:
            end: of `perf_counter`, after which an attempt counts as failed.
        """
        waiting: deque[tuple[Task, Future]] = deque()
        while True:
            while len(waiting) < len(self._processes) and (task := next(tasks, None)) is not None:
                waiting.append((task, self._threads.submit(self._run, task)))
            if not waiting:
                return
            task, future = waiting.popleft()
            yield task, lambda future=future: _waited(future, end)

    def _run(self, task: Task) -> Attempt | None:
        """In a thread, of which there are as many as processes: one is free."""
        process, ready = self._free.popleft()
        try:
            ready.result()
            _sent(process, pickle.dumps(task))
            return pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):  # it is gone
            return None
        finally:
            self._free.append((process, ready))


def _started() -> subprocess.Popen:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", "from bilevel_dsl.search.worker import main; main()"],  # `-m` would make its classes twice
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )


def _sent(process: subprocess.Popen, text: bytes) -> None:
    with suppress(OSError):  # it is gone, and gives no answer
        process.stdin.write(text)
        process.stdin.flush()


def _waited(future: Future, end: float) -> Attempt | None:
    while perf_counter() < end + PATIENCE:
        with suppress(TimeoutError):
            return future.result(timeout=POLL)
    return None
