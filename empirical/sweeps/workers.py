"""Workers: chunks of seeds trained side by side, each on one thread.

Most tensors here are too small to be worth splitting over threads, but there are many chunks, and both
numpy's random numbers and torch's products release the interpreter lock. So on a CPU there is a worker for
each thread that torch would use, and torch itself is held to one thread while they run; a GPU has one worker.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def count(device: str) -> int:
    """How many chunks are trained at a time."""
    return torch.get_num_threads() if device == "cpu" else 1


@contextmanager
def one_thread() -> Iterator[None]:
    """For many operations on small tensors in turn: threads would wait for each other more than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def spread(
    function: Callable[[T], R], tasks: Iterable[T], device: str, stopped: threading.Event | None = None
) -> Generator[tuple[T, R]]:
    """Each task with its result, as they are done. What a task raises, and an interrupt, ends all.

    Tasks are taken from both ends. In order of size the small ones, which hold the interpreter lock most of their time,
    so meet the large ones, which seldom want it, instead of one another; and no large one is left to the end.

    Tasks that are running are waited for. Long ones may look at `stopped`, which is set by what ends all: an interrupt
    reaches no thread but the main one.
    """
    threads = count(device)
    left, turns, own = deque(tasks), itertools.count(), threading.local()

    def begin() -> None:
        own.take = left.pop if next(turns) % 2 else left.popleft

    def work() -> tuple[T, R]:
        task: T = own.take()
        return task, function(task)

    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(threads, initializer=begin)
    done = SimpleQueue[Future[tuple[T, R]]]()  # in the order of their ends, which `as_completed` does not keep
    try:
        for _ in range(total := len(left)):
            pool.submit(work).add_done_callback(done.put)
        for _ in range(total):
            yield done.get().result()
    finally:
        if stopped:
            stopped.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
