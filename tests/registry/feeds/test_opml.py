"""A list of feeds that readers take in."""

from registry.feeds.opml import Group, Outline, write_opml
from tests.registry.feeds.rules import is_absolute, strict


def test_groups_become_folders_of_feeds() -> None:
    feed = Outline(
        "Tom & <Jerry>\x00", "https://registry.example/feeds/all.atom", "https://registry.example/"
    )
    body = write_opml("Candor", [Group("General", [feed]), Group("Empty", []), Group("Kinds", [feed, feed])])
    root = strict(body)
    assert (root.tag, root.get("version"), root.findtext("head/title")) == ("opml", "2.0", "Candor")
    assert [folder.get("text") for folder in root.findall("body/outline")] == ["General", "Kinds"]
    outlines = root.findall("body/outline/outline")
    assert len(outlines) == 3
    for outline in outlines:
        assert outline.get("type") == "rss"
        assert outline.get("text") == outline.get("title") == "Tom & <Jerry>"
        assert is_absolute(outline.get("xmlUrl"))
        assert is_absolute(outline.get("htmlUrl"))
