"""Memory: what the serving process holds once it has answered everything that is asked of it."""

from urllib.parse import quote, urlencode

from benchmarks import servers
from benchmarks.load import Client
from benchmarks.questions import questions
from benchmarks.stand import PROVIDER, Found, Stand
from registry.records.content.submission import KINDS

RECORDS = 2000
SEARCHES = 300
TAGS = ("misuse:fraud", "misuse:spam", "weakness:jailbreak")


def measure(stand: Stand) -> Found:
    """Resident memory after records, pages of the list, feeds and searches, with the cache as it is by
    default.
    """
    registry = stand.large()
    paths = [f"/api/v1/records/{id}" for id in registry.ids(RECORDS)]
    paths += [f"/api/v1/records?limit=100&kind={kind}" for kind in KINDS]
    feeds = ["all", *KINDS, f"provider/{PROVIDER}", *(f"tag/{quote(tag)}" for tag in TAGS)]
    paths += [f"/feeds/{feed}.{format}?limit=200" for feed in feeds for format in ("rss", "atom", "json")]
    paths += [f"/api/v1/search?{urlencode(question)}" for question in questions(SEARCHES)]
    with servers.candor(registry.folder) as (port, pid), Client(port) as client:
        before = servers.memory_megabytes(pid)
        for number in stand.steps(len(paths), "memory"):
            client.get(paths[number])
        after = servers.memory_megabytes(pid)
    return {
        "memory": (
            after,
            (
                f"after {len(paths):,} reads; {before:.0f} MB before them; "
                f"{registry.memory:.0f} MB once it had indexed all"
            ),
        )
    }
