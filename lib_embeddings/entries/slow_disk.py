"""Ask a slow disk for many things at once: a share then answers nearly that many times faster.

Each answer holds Python's lock for a moment, so a caller that must leave room for others asks for
one thing at a time, and rests after each.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from operator import sub
from typing import TypeVar

from lib_embeddings.limits import LIMITS

_T = TypeVar("_T")
_Answer = TypeVar("_Answer")

# Returns how many things may be asked for at once, until its next call.
Width = Callable[[], int]

# The first of so many things show whether the disk is slow, as each folder may have its own disk.
_AT_A_TIME, _PROBES = 256, 4
# Who asks for one thing at a time rests so many times as long as an answer took, but never longer
# than this many seconds.
_RESTS, _LONGEST_REST = 3, 0.1


def wide() -> int:
    """Return the width for a caller that waits for the disk alone."""
    return LIMITS.slow_calls


def _waited() -> float:
    return time.perf_counter() - time.thread_time()


def ask_each(
    ask: Callable[[_T], _Answer],
    things: Iterable[_T],
    width: Width = wide,
    waited: Callable[[], float] = _waited,
) -> Generator[_Answer, None, None]:
    """Ask for things one by one, or for many at once where the disk is slow and *width* allows it.

    Whatever `ask` raises ends it, after the answers to all open questions.

    Args:
        waited: returns the seconds, from any beginning, for which this thread has not worked.
    """
    left = iter(things)
    while block := list(islice(left, _AT_A_TIME)):
        waits = list[float]()
        for thing in block[:_PROBES]:
            began = waited()
            answer = ask(thing)
            waits.append(waited() - began)
            yield answer
        if min(waits) > LIMITS.slow_call_seconds:
            yield from _ask_at_once(ask, block[_PROBES:], width)
        else:
            for thing in block[_PROBES:]:
                yield _ask_and_rest(ask, thing) if width() == 1 else ask(thing)


def ask_ahead(
    ask: Callable[[_T], _Answer], things: Sequence[_T], width: Width = wide
) -> list[_Answer]:
    """Return the answers to the first things, and where the disk is slow, to all."""
    answers, times = list[_Answer](), [time.perf_counter()]
    for thing in things[:_PROBES]:
        answers.append(ask(thing))
        times.append(time.perf_counter())
    rest = things[_PROBES:]
    if rest and min(map(sub, times[1:], times)) > LIMITS.slow_call_seconds:
        answers.extend(_ask_at_once(ask, rest, width))
    return answers


def _ask_at_once(
    ask: Callable[[_T], _Answer], things: Iterable[_T], width: Width
) -> Generator[_Answer, None, None]:
    """Ask for things in threads, and yield the answers in the order of the things."""
    asked = deque[Future[_Answer]]()
    with ThreadPoolExecutor(LIMITS.slow_calls) as threads:
        for thing in things:
            most = width()
            while len(asked) >= most:
                yield asked.popleft().result()
            if most == 1:
                yield _ask_and_rest(ask, thing)  # the answer need not wake another thread
            else:
                asked.append(threads.submit(ask, thing))
        for each in asked:
            yield each.result()


def _ask_and_rest(ask: Callable[[_T], _Answer], thing: _T) -> _Answer:
    began = time.perf_counter()
    answer = ask(thing)
    time.sleep(min(_RESTS * (time.perf_counter() - began), _LONGEST_REST))
    return answer
