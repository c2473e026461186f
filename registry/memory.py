"""How a process of ours uses memory: told to Python and to the C library once, at its start."""

import atexit
import contextlib
import ctypes
import gc

_M_ARENA_MAX = -8  # <malloc.h> of glibc


def share_heaps() -> None:
    """Let threads share two heaps, where the C library is glibc: it would give each thread one of its own.

    What one thread frees there, no other uses. Following an import, a web process held twice the memory.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def collect_seldom() -> None:
    """Look for cycles after 50,000 new objects, not after 700.

    Records are trees, which are freed without it: a sixth of an import was spent looking.
    """
    gc.set_threshold(50_000, 20, 50)


def end_at_once() -> None:
    """Let the process end without a last look for cycles among all that was imported.

    The system takes the memory back as a whole; the look took a third of a command's time.
    """
    atexit.register(gc.freeze)
