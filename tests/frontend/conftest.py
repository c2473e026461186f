"""A registry with pages, and a reader who looks at what a browser would get."""

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import lxml.html
import pytest

from frontend import extension
from registry.extensions import Extension
from registry.records.content.examples import EXAMPLES
from tests.conftest import Join, Member, Publish

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
# Whom it is shared with would keep it from the public.
NOT_PUBLIC = ("handling", "restricted", "co_providers", "restricted_commits")


@dataclass(frozen=True)
class Seen:
    """A page as it came over HTTP."""

    response: httpx.Response
    tree: Any

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def words(self) -> str:
        """Everything that can be read on it, with spaces as one."""
        return " ".join(self.tree.text_content().split())

    @property
    def main(self) -> str:
        return " ".join(self.tree.xpath("//main")[0].text_content().split())

    def all(self, path: str) -> list[Any]:
        return list(self.tree.xpath(path))

    def one(self, path: str) -> Any:
        found = self.all(path)
        assert len(found) == 1, (path, len(found))
        return found[0]

    def texts(self, path: str) -> list[str]:
        return [" ".join(element.text_content().split()) for element in self.all(path)]


Look = Callable[..., Awaitable[Seen]]


@pytest.fixture
def extensions() -> tuple[Extension, ...]:
    return (extension,)


@pytest.fixture
def look(client: httpx.AsyncClient) -> Look:
    """Open a page as a browser does."""

    async def open_page(address: str, **headers: str) -> Seen:
        response = await client.get(address, headers={**BROWSER, **headers})
        assert response.headers["content-type"] == "text/html; charset=utf-8", response.text[:300]
        return Seen(response, lxml.html.document_fromstring(response.content))

    return open_page


def example(kind: str) -> dict[str, Any]:
    """A submission with every field of its kind, as everybody may read it."""
    made = {name: copy.deepcopy(value) for name, value in EXAMPLES[kind].items() if name not in NOT_PUBLIC}
    if kind == "response":
        # What it speaks of is not here: another registry is believed that it is there.
        made["content"]["about"]["origin"] = "peer.example/log"
    return made


@pytest.fixture
async def member(join: Join) -> Member:
    return await join("example-lab", name="Example Lab", domain="lab.example.org")


@pytest.fixture
async def shelf(member: Member, publish: Publish) -> dict[str, dict[str, Any]]:
    """One published record of each kind, with every field."""
    return {kind: await publish(member, **example(kind)) for kind in EXAMPLES}
