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
    """The larger of two: after records, lists, feeds and searches; and after it followed the whole import."""
    registry = stand.large()
    paths = [f"/api/v1/records/{id}" for id in registry.ids(RECORDS)]
    paths += [f"/api/v1/records?limit=100&kind={kind}" for kind in KINDS]
    feeds = ["all", *KINDS, f"provider/{PROVIDER}", *(f"tag/{quote(tag)}" for tag in TAGS)]
    paths += [f"/feeds/{feed}.{format}?limit=200" for feed in feeds for format in ("rss", "atom", "json")]
    paths += [f"/api/v1/search?{urlencode(question)}" for question in questions(SEARCHES)]
    with servers.candor(registry.folder) as (port, pid), Client(port) as client:
        before = servers.memory(pid)
        for number in stand.steps(len(paths), "memory"):
            client.get(paths[number])
        after = servers.memory(pid)
    said = (
        f"{before.own:.0f} MB after its start; {after.own:.0f} MB after {len(paths):,} reads, "
        f"{after.resident:.0f} MB with what is mapped of the index; "
        f"{registry.memory:.0f} MB after it had indexed all"
    )
    return {"memory": (max(after.own, registry.memory), said)}
