"""Five registries, each a process of its own, that follow each other while they publish, and are killed.

In a ring with cross-links: each follows the next two at their own addresses, and the other two through the
copies that those keep. What happens is drawn from a seed, and so is who is killed when: `CANDOR_TEST_SEED`
draws another course of events, `CANDOR_TEST_STEPS` a longer one.
"""

import asyncio
import base64
import hashlib
import json
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.actor import Scope
from registry.canonical import commitment
from registry.federation import service as federation
from registry.node import init_node, open_node
from registry.settings import Settings
from registry.transparency.keys import prepare
from registry.transparency.merkle import leaf_hash, verify_inclusion
from registry.transparency.notes import Verifier, open_checkpoint
from tests.registry.serving import Running, Writer, free_port, serving, submission, until

NODES = 5
STEPS = int(os.environ.get("CANDOR_TEST_STEPS", "24"))
SEED = int(os.environ.get("CANDOR_TEST_SEED", "69"))
MOST_DOWN = 2
ACTIONS = ("publish", "publish", "revise", "withdraw", "erase", "respond", "kill", "kill")


@dataclass
class Registry:
    """One of the five: its key, who writes in it, its records, and the process that runs it, if any does."""

    settings: Settings
    key: Verifier
    writer: Writer
    steward: Writer
    live: list[str] = field(default_factory=list)
    """Ids of its records that are neither withdrawn nor erased."""
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))
    stack: ExitStack | None = None
    running: Running | None = None

    @property
    def origin(self) -> str:
        return self.key.name

    @property
    def url(self) -> str:
        return self.settings.url

    @property
    def copy(self) -> str:
        """Where others keep its log and documents."""
        return f"mirror/{hashlib.sha256(self.origin.encode()).hexdigest()}"

    def start(self) -> "Registry":
        if self.stack is None:
            environment = {
                "CANDOR_BASE_URL": self.url,
                "CANDOR_FEDERATION_ALLOW_PRIVATE": "true",
                "CANDOR_FOLLOW_SECONDS": "1",
                "CANDOR_LIMITS": "false",
                "CANDOR_EXTENSIONS": "",
                "CANDOR_LOG_LEVEL": "error",
            }
            self.stack = ExitStack()
            self.running = self.stack.enter_context(
                serving(self.settings, port=self.settings.port, **environment)
            )
        return self

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing given back."""
        if self.stack is not None:
            self.stack.close()
            self.stack = self.running = None

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(f"{self.url}/{path}", params=query)


def made(folder: Path, number: int) -> Registry:
    port = free_port()
    settings = Settings(
        data=folder / f"node-{number}",
        origin=f"n{number}.example/log",
        base_url=f"http://127.0.0.1:{port}",
        port=port,
        federation_allow_private=True,
        _env_file=None,
    )
    origin = asyncio.run(init_node(settings))
    (key,) = prepare(settings, origin).verifiers
    steward = (Scope.REGISTRY_STEWARD, Scope.RECORDS_READ)
    return Registry(settings, key, Writer.of(settings), Writer.of(settings, "stewards", *steward))


async def follow(one: Registry, others: dict[str, Registry]) -> None:
    async with open_node(one.settings) as node, node.database.write() as session:
        for url, other in others.items():
            await federation.add(session, url, other.key, other.origin, own=one.origin)


@pytest.fixture
def registries(tmp_path: Path) -> Iterator[list[Registry]]:
    five = [made(tmp_path, number) for number in range(NODES)]
    for place, one in enumerate(five):
        after = [five[(place + step) % NODES] for step in range(1, NODES)]
        near, far = after[:2], after[2:]
        direct = {other.url: other for other in near}
        # The last but one is near to the first of our neighbours, the last to the second.
        copies = {f"{through.url}/{other.copy}": other for through, other in zip(near, far, strict=True)}
        asyncio.run(follow(one, direct | copies))
    try:
        yield five
    finally:
        for one in five:
            one.kill()
            one.client.close()


class Week:
    """A course of events, drawn from a seed."""

    def __init__(self, registries: list[Registry], seed: int) -> None:
        self.registries = registries
        self.random = random.Random(seed)
        self.told: list[str] = []
        self.erased: list[tuple[str, str]] = []

    def step(self, number: int) -> None:
        one = self.random.choice(self.registries)
        action = self.random.choice(ACTIONS)
        self.told.append(f"{number}: {action} at {one.origin}")
        down = [each for each in self.registries if each.stack is None]
        if action == "kill":
            if one in down:
                one.start()
            elif len(down) < MOST_DOWN:
                one.kill()
            return
        one.start()
        if action == "publish" or (action != "respond" and not one.live):
            one.live.append(self.published(one, submission(f"Lesson {number}")))
        elif action == "revise":
            self.revise(one, self.random.choice(one.live), number)
        elif action == "withdraw":
            gone = one.live.pop(self.random.randrange(len(one.live)))
            words = {"code": "error", "text": "It was wrong."}
            self.act(one, one.writer, gone, "withdraw", words)
        elif action == "erase":
            gone = one.live.pop(self.random.randrange(len(one.live)))
            ground = {"code": "personal-data", "reason": "A person asked."}
            self.act(one, one.steward, gone, "erase", ground)
            self.erased.append((one.origin, gone))
        else:
            self.respond(one, number)

    def respond(self, one: Registry, number: int) -> None:
        known = [(each.origin, id) for each in self.registries if each is not one for id in each.live]
        if not known:
            return
        origin, id = self.random.choice(known)
        answer = {
            "kind": "response",
            "title": f"Response {number}",
            "summary": "We saw it, too.",
            "content": {"about": {"origin": origin, "id": id}, "stance": "confirms"},
        }
        one.live.append(self.published(one, answer))

    def published(self, one: Registry, body: dict[str, Any]) -> str:
        with signed_in(one, one.writer) as client:
            made = client.post("/api/v1/records", json=body)
            assert made.status_code == 201, made.text
            id: str = made.json()["id"]
            done = client.post(
                f"/api/v1/records/{id}/actions/publish", headers={"If-Match": made.headers["etag"]}
            )
            assert done.status_code == 200, done.text
            return id

    def revise(self, one: Registry, id: str, number: int) -> None:
        with signed_in(one, one.writer) as client:
            draft = client.get(f"/api/v1/records/{id}/draft")
            stamped = ("schema", "id", "origin", "provider", "provider_sector", "prev")
            body = {name: value for name, value in draft.json().items() if name not in stamped}
            body |= {"title": f"Revised {number}", "revision": {"type": "editorial", "note": "A new title."}}
            put = client.put(
                f"/api/v1/records/{id}/draft", json=body, headers={"If-Match": draft.headers["etag"]}
            )
            assert put.status_code == 200, put.text
            done = client.post(
                f"/api/v1/records/{id}/actions/publish", headers={"If-Match": put.headers["etag"]}
            )
            assert done.status_code == 200, done.text

    def act(self, one: Registry, who: Writer, id: str, action: str, body: dict[str, Any]) -> None:
        with signed_in(one, who) as client:
            read = client.get(f"/api/v1/records/{id}")
            done = client.post(
                f"/api/v1/records/{id}/actions/{action}",
                json=body,
                headers={"If-Match": read.headers["etag"]},
            )
            assert done.status_code == 200, done.text


def signed_in(one: Registry, who: Writer) -> httpx.Client:
    return httpx.Client(base_url=one.url, headers=who.headers(one.url), timeout=60)


def documents(one: Registry, place: str) -> list[dict[str, Any]]:
    """All that a registry tells of a log, by index."""
    found: list[dict[str, Any]] = []
    while True:
        start = found[-1]["index"] + 1 if found else 0
        answer = one.get(f"{place}/documents", **{"from": start, "limit": 500})
        if answer.status_code == 404:
            return []
        assert answer.status_code == 200, answer.text
        lines = [json.loads(line) for line in answer.text.splitlines()]
        if not lines:
            return found
        found += lines


def verify_everywhere(registries: list[Registry], of: Registry, lines: list[dict[str, Any]]) -> int:
    """Every version of one registry proves at each that it is what its origin signed."""
    verified = 0
    for at in registries:
        for line in lines:
            if "document" not in line:
                continue
            document = line["document"]
            path = f"api/v1/records/{document['id']}/versions/{document['version']}"
            body = at.get(path, origin=of.origin)
            proof = at.get(f"{path}/proof", origin=of.origin)
            assert (body.status_code, proof.status_code) == (200, 200), (at.origin, body.text, proof.text)
            shown = proof.json()
            leaf = json.loads(shown["leaf"])
            assert commitment(bytes.fromhex(shown["salt"]), body.content) == leaf["commit"]
            assert (leaf["origin"], leaf["id"], leaf["ver"]) == (
                of.origin,
                document["id"],
                document["version"],
            )
            signed, _, _ = open_checkpoint(shown["checkpoint"].encode(), origin=of.origin, verifiers=[of.key])
            hashes = [base64.b64decode(each) for each in shown["path"]]
            verify_inclusion(
                leaf_hash(shown["leaf"].encode()), shown["index"], signed.size, hashes, signed.root
            )
            verified += 1
    return verified


def test_five_registries_come_to_hold_the_same(registries: list[Registry]) -> None:
    week = Week(registries, SEED)
    for number in range(STEPS):
        week.step(number)
    for one in registries:
        one.start()
    running = registries[0].running
    assert running is not None

    def settled() -> bool:
        for of in registries:
            own = documents(of, "federation/v1")
            for at in registries:
                if at is not of and documents(at, of.copy) != own:
                    return False
        return True

    try:
        until(settled, running)
    except AssertionError:
        raise AssertionError("they differ after\n" + "\n".join(week.told)) from None
    verified = 0
    for of in registries:
        verified += verify_everywhere(registries, of, documents(of, "federation/v1"))
    assert verified >= NODES * 5
    assert len(week.erased) >= 2 or SEED != 69
    for origin, id in week.erased:
        answers = [at.get(f"api/v1/records/{id}", origin=origin).status_code for at in registries]
        assert answers == [410] * NODES
