"""The index: how large it is, and how long it takes to build it anew, for a hundredth of the records, a tenth
and all.
"""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import servers
from benchmarks.stand import Found, Registry, Stand


def measure(stand: Stand) -> Found:
    """`candor reindex`, its start included, and what it leaves."""
    found: Found = {}
    parts: dict[str, Callable[[], Registry]] = {
        "hundredth": stand.small,
        "tenth": stand.tenth,
        "all": stand.large,
    }
    for (name, registry_of), _ in zip(parts.items(), stand.steps(len(parts), "indexes"), strict=True):
        registry = registry_of()
        seconds = rebuild(registry)
        size = sum(_bytes(path) for path in _serving(registry).rglob("*")) / 1e6
        said = f"{registry.records:,} records"
        found[f"index_size_{name}"] = (size, f"{said}, {size * 1e6 / registry.records / 1000:.1f} KB each")
        found[f"index_rebuild_{name}"] = (seconds, f"{said}, {registry.records / seconds:,.0f} a second")
    return found


def rebuild(registry: Registry, **settings: str) -> float:
    """Build the index anew; the seconds that it took."""
    given = servers.environment(data=str(registry.folder), log_level="error", **settings)
    begun = time.perf_counter()
    subprocess.run(  # noqa: S603  (our own command)
        [*servers.CANDOR, "reindex", "--json"],
        env=given,
        cwd=registry.folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - begun


def _serving(registry: Registry) -> Path:
    folder = registry.settings.index_folder
    return folder / (folder / "current").read_text().strip()


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
