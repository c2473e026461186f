"""Starts `candor` from a process that has imported it already: to import it takes most of a second, and the
pages call it a hundred times.

A call is a process of its own all the same: with its words, its environment, its folder, its standard streams
and its exit code, and it ends as every other does. `python -m tests.docs.starter FILE` listens at that
socket.
"""

import gc
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

REAL = Path(sys.executable).parent / "candor"
POSSIBLE = sys.platform == "linux"  # elsewhere, what is imported may not outlive a fork

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
told = asking.recv(1)
sys.exit(told[0] if told else "the command was not run to its end")
"""


def command(folder: Path, listening: Path) -> None:
    """Makes a folder for PATH with a `candor` that is started by whoever listens there."""
    folder.mkdir()
    begun, program, made = folder / "begun", folder / "candor.py", folder / "candor"
    program.write_text(_COMMAND.format(begun=str(begun), real=str(REAL), listening=str(listening)))
    made.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{program}" "$@"\n')
    made.chmod(stat.S_IRWXU)


@contextmanager
def listening(file: Path, environment: dict[str, str]) -> Iterator[Path]:
    """Listens at the socket in a process of its own, which holds no thread and no open database."""
    words = [sys.executable, "-m", "tests.docs.starter", str(file)]
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], env=environment) as process:
        try:
            end = time.monotonic() + 60
            while not file.exists():
                assert process.poll() is None, "the starter ended"
                assert time.monotonic() < end, "the starter does not listen"
                time.sleep(0.02)
            yield file
        finally:
            process.terminate()


def _listen(file: Path) -> Callable[[], None]:
    """Listen for ever; answers in each process that is to run a call, with what to run."""
    server = socket.socket(socket.AF_UNIX)
    # Under its name once it listens: who sees it may call.
    server.bind(f"{file}.new")
    server.listen()
    os.rename(f"{file}.new", file)
    while True:
        asked, _ = server.accept()
        if os.fork() == 0:
            server.close()
            return _begun(asked)
        asked.close()
        with suppress(ChildProcessError):  # those that ended
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


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
        _, status = os.waitpid(running, 0)
        asked.send(bytes([os.waitstatus_to_exitcode(status) % 256]))
        os._exit(0)
    asked.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = words

    def main() -> None:
        from registry.cli import main

        sys.exit(main())

    return main


def _import() -> None:
    from registry import cli
    from registry.extensions import load_extensions

    for module, _ in cli.ROOMS:
        import_module(module)
    load_extensions()
    # What is looked through for cycles is copied: all of this, for each call.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _import()
    _listen(Path(sys.argv[1]))()
