"""Whether the files of an index are those that tantivy wrote, by the checksums in them.

tantivy itself checks nothing of the sort: flipped bits make it answer wrongly or panic.
"""

import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search.embedded.writing import PAST

_FOOTER_MAGIC = 1337


def whole(folder: Path) -> bool:
    """Whether every file of an index is whole. Reads everything. Raises `OSError` where there is none."""
    try:
        for _ in range(5):
            meta = (folder / "meta.json").read_bytes()
            found = _are_whole(folder, json.loads(meta)["segments"]) and _past_whole(folder)
            if found or (folder / "meta.json").read_bytes() == meta:
                return found
            # A commit replaced files while they were read.
    except (ValueError, KeyError):
        pass
    return False


def _past_whole(folder: Path) -> bool:
    past = folder / PAST
    meta = (past / "meta.json").read_bytes()
    whole = _are_whole(past, json.loads(meta)["segments"])
    return whole or (past / "meta.json").read_bytes() != meta


def _are_whole(folder: Path, listed: Sequence[dict[str, Any]]) -> bool:
    names = {segment["segment_id"].replace("-", "") for segment in listed}
    try:
        files = [path for path in folder.iterdir() if path.name.partition(".")[0] in names]
        stores = {path.stem for path in files if path.suffix == ".store"}
        return names == stores and all(map(footer_fits, files))
    except (OSError, ValueError, KeyError):
        return False


def footer_fits(path: Path) -> bool:
    """Whether the checksum at the end of a segment's file fits what stands before it (tantivy's `Footer`)."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        tail = file.read(8)
        length, magic = int.from_bytes(tail[:4], "little"), int.from_bytes(tail[4:], "little")
        body = path.stat().st_size - 8 - length
        if magic != _FOOTER_MAGIC or body < 0:
            return False
        file.seek(body)
        expected = json.loads(file.read(length))["crc"]
        file.seek(0)
        crc = 0
        while body > 0:
            chunk = file.read(min(body, 1 << 20))
            if not chunk:
                return False
            crc = zlib.crc32(chunk, crc)
            body -= len(chunk)
    return bool(crc == expected)
