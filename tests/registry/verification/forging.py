"""Makes small logs with everything behind them, honest and otherwise, as `candor dump --log` writes them."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.canonical import canonical, commitment
from registry.dumps.tree import TilesOut
from registry.transparency.leaves import EraseLeaf, RecordLeaf
from registry.transparency.merkle import leaf_hash, root_of
from registry.transparency.notes import Checkpoint, Signer, sign_checkpoint
from registry.verification.documents import versions_file

ORIGIN = "registry.example/log"
SIGNER = Signer(ORIGIN, bytes(range(32)))
KEY = SIGNER.verifier


def quietly(total: int) -> AbstractContextManager[None]:
    """A progress bar that nobody looks at."""
    return nullcontext()


@dataclass
class Forge:
    """A log in the making. Whatever a rogue registry could enter, `enter` enters."""

    origin: str = ORIGIN
    entries: list[bytes] = field(default_factory=list)
    lines: dict[int, dict[str, Any] | bytes] = field(default_factory=dict)
    newest: dict[str, bytes] = field(default_factory=dict)
    _last: dict[str, bytes] = field(default_factory=dict)

    def enter(self, entry: bytes) -> int:
        self.entries.append(entry)
        return len(self.entries) - 1

    def publish(
        self, id: str, version: int, *, prev: str | None = None, text: str = "What was learnt."
    ) -> int:
        document = canonical({"id": id, "origin": self.origin, "summary": text, "version": version})
        salt = hashlib.sha256(document).digest()
        before = self._last.get(id)
        named = prev or (before.hex() if before else None)
        leaf = RecordLeaf(self.origin, id, version, named, commitment(salt, document)).encode()
        index = self.enter(leaf)
        self._last[id] = leaf_hash(leaf)
        self.newest[id] = document
        self.lines[index] = b'{"document":%b,"index":%d,"salt":"%b"}' % (document, index, salt.hex().encode())
        return index

    def erase(self, target: int, id: str) -> int:
        index = self.enter(EraseLeaf(self.origin, target, "personal-data").encode())
        self.lines[target] = {"erased": index, "index": target}
        self.newest.pop(id, None)
        return index

    def write(self, folder: Path, signer: Signer = SIGNER) -> Path:
        """All of it as a dump."""
        files: dict[str, bytes] = {}
        tiles = TilesOut(lambda path, body: files.__setitem__(f"log/{path}", body))
        hashes = [leaf_hash(entry) for entry in self.entries]
        for start in range(0, len(self.entries), 256):
            end = start + 256
            tiles.bundle(start // 256, self.entries[start:end], hashes[start:end])
            files[versions_file(start // 256)] = self._lines(range(start, end))
        tiles.end()
        root = root_of(hashes)
        note = sign_checkpoint(Checkpoint(self.origin, len(hashes), root), [signer])
        files["log/checkpoint"] = note
        files["records.ndjson"] = b"".join(document + b"\n" for document in self.newest.values())
        files["manifest.json"] = json.dumps(
            {
                "software": "candor",
                "made": "2026-05-04T00:00:00Z",
                "origin": self.origin,
                "size": len(hashes),
                "root": root.hex(),
                "checkpoint": note.decode(),
                "log": True,
                "counts": {"versions": len(self.lines)},
            }
        ).encode()
        sums = [f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in files.items()]
        files["SHA256SUMS"] = "".join(sums).encode()
        for name, body in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(body)
        return folder

    def _lines(self, indices: Sequence[int]) -> bytes:
        told = [self.lines[index] for index in indices if index in self.lines]
        return b"".join((line if isinstance(line, bytes) else canonical(line)) + b"\n" for line in told)


def honest(records: int = 300) -> Forge:
    """Records of which some are revised, erased or withheld."""
    forge = Forge()
    for number in range(records):
        id = f"CIR-{number:010}"
        first = forge.publish(id, 1)
        if number % 7 == 0:
            second = forge.publish(id, 2, text="What was learnt since.")
            if number % 14 == 0:
                forge.erase(first, id)
                forge.erase(second, id)
        elif number % 11 == 0:
            forge.lines[first] = {"index": first, "suppressed": "a-court-said-so"}
            del forge.newest[id]
    return forge
