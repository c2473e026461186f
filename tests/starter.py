"""Starts `candor` from a process that has imported it already: to import it takes a second or two, and the
tests call it hundreds of times.

A call is a process of its own all the same: with its words, its environment, its folder, its standard streams
and its exit code, and it ends as every other does. `python -m tests.starter FILE` listens at that socket for
as long as its standard input is open.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

REAL = Path(sys.executable).parent / "candor"
POSSIBLE = sys.platform == "linux"  # elsewhere, what is imported may not outlive a fork
_NUMBER = struct.Struct("!i")

# What stands in for the command. What goes on running is the command itself, and so is the first other call,
# which finds no file to say that there was one.
_COMMAND = """\
import json, os, socket, sys
def first():
    try:
        os.close(os.open({begun!r}, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
if {{*sys.argv[1:2]}} & {{"serve", "worker"}} or first():
    os.execv({real!r}, [{real!r}, *sys.argv[1:]])
asking = socket.socket(socket.AF_UNIX)
asking.connect({listening!r})
call = json.dumps([[{real!r}, *sys.argv[1:]], dict(os.environ), os.getcwd()]).encode()
socket.send_fds(asking, [len(call).to_bytes(4, "big")], [0, 1, 2])
asking.sendall(call)
with asking.makefile("rb") as answers:
    told = answers.read(8)
ended = told[4:]
sys.exit(int.from_bytes(ended, "big", signed=True) % 256 if ended else "the command was not run to its end")
"""


def command(folder: Path) -> None:
    """Makes a folder for PATH with a `candor` that is started without its imports."""
    folder.mkdir()
    begun, program, made = folder / "begun", folder / "candor.py", folder / "candor"
    program.write_text(_COMMAND.format(begun=str(begun), real=str(REAL), listening=str(_listening())))
    made.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{program}" "$@"\n')
    made.chmod(stat.S_IRWXU)


class Process:
    """A call of `candor`, as far as `subprocess.Popen` goes: its number, its end, and how to bring that
    about.
    """

    def __init__(
        self, words: Sequence[str], *, environment: Mapping[str, str], folder: Path, written: IO[bytes]
    ) -> None:
        call = json.dumps([[str(REAL), *words], dict(environment), str(folder)]).encode()
        self._asked = socket.socket(socket.AF_UNIX)
        self._asked.connect(str(_listening()))
        with open(os.devnull, "rb") as nothing:
            streams = [nothing.fileno(), written.fileno(), written.fileno()]
            socket.send_fds(self._asked, [len(call).to_bytes(4, "big")], streams)
        self._asked.sendall(call)
        self.pid = self._told()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""
        if self.returncode is None and select.select([self._asked], [], [], 0)[0]:
            self.returncode = self._told()
            self._asked.close()
        return self.returncode

    def wait(self, seconds: float) -> int:
        """Its exit code, once it has ended. Raises `TimeoutError`."""
        if self.returncode is None and not select.select([self._asked], [], [], seconds)[0]:
            raise TimeoutError(f"process {self.pid} did not end in {seconds} seconds")
        ended = self.poll()
        assert ended is not None
        return ended

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _told(self) -> int:
        told = self._asked.recv(_NUMBER.size, socket.MSG_WAITALL)
        assert len(told) == _NUMBER.size, "the starter ended"
        number: int = _NUMBER.unpack(told)[0]
        return number


Started = Process | subprocess.Popen[bytes]


def start(
    words: Sequence[str], *, environment: Mapping[str, str], folder: Path, written: IO[bytes]
) -> Started:
    """A process of `candor`, without its imports where that is possible; what it says goes into `written`."""
    if POSSIBLE:
        return Process(words, environment=environment, folder=folder, written=written)
    return subprocess.Popen(
        [REAL, *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=written,
        stderr=written,
    )


@cache
def _listening() -> Path:
    """The socket of a starter for this process, which ends with it."""
    file = Path(mkdtemp(prefix="candor-starter-")) / "socket"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.starter", str(file)],
        cwd=Path(__file__).parents[1],
        env=environment,
        stdin=subprocess.PIPE,
    )
    # It ends when this process, which holds its standard input open, does.
    atexit.register(process.communicate)
    end = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None, "the starter ended"
        assert time.monotonic() < end, "the starter does not listen"
        time.sleep(0.02)
    return file


# --- the starter itself ---


def _listen(file: Path) -> Callable[[], None]:
    """Listen until nobody is there any more; answers in each process that runs a call, with what to run."""
    server = socket.socket(socket.AF_UNIX)
    # Under its name once it listens: who sees it may call.
    server.bind(f"{file}.new")
    server.listen()
    os.rename(f"{file}.new", file)
    while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
        asked, _ = server.accept()
        if os.fork() == 0:
            server.close()
            return _begun(asked)
        asked.close()
        with suppress(ChildProcessError):  # those that ended
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    file.unlink()
    file.parent.rmdir()
    return lambda: None


def _begun(asked: socket.socket) -> Callable[[], None]:
    length, streams, _, _ = socket.recv_fds(asked, 4, 3)
    call = b""
    while len(call) < int.from_bytes(length, "big"):
        call += asked.recv(65536)
    words, environment, folder = json.loads(call)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    running = os.fork()
    if running:
        with suppress(BrokenPipeError):  # whoever called was ended
            asked.send(_NUMBER.pack(running))
            _, status = os.waitpid(running, 0)
            asked.send(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os._exit(0)
    asked.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = words

    def main() -> None:
        from registry.cli import main

        main()

    return main


def _import() -> None:
    from registry import cli
    from registry.extensions import load_extensions

    for module in ("granian", "registry.app", "registry.operate", *(module for module, _ in cli.ROOMS)):
        import_module(module)
    load_extensions()
    # What is looked through for cycles is copied: all of this, for each call.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _import()
    _listen(Path(sys.argv[1]))()
