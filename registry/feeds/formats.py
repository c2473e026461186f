"""The formats that every feed is written in. One more is one file and one line."""

from collections.abc import Callable
from dataclasses import dataclass

from registry.feeds import atom, jsonfeed, rss
from registry.feeds.feed import Feed


@dataclass(frozen=True, slots=True)
class Format:
    """`suffix` follows the last dot of an address; `media_type` is without its charset, always UTF-8."""

    suffix: str
    name: str
    media_type: str
    write: Callable[[Feed], bytes]

    @property
    def content_type(self) -> str:
        return f"{self.media_type}; charset=utf-8"


FORMATS = (
    Format(rss.SUFFIX, "RSS", rss.MEDIA_TYPE, rss.write_rss),
    Format(atom.SUFFIX, "Atom", atom.MEDIA_TYPE, atom.write_atom),
    Format(jsonfeed.SUFFIX, "JSON Feed", jsonfeed.MEDIA_TYPE, jsonfeed.write_json_feed),
)
BY_SUFFIX = {format.suffix: format for format in FORMATS}
