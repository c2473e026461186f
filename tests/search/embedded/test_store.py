"""One writer, many readers: swaps, commits, damage and what every process sees of them."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry.errors import Unavailable
from search.document import SHAPE
from search.embedded import EmbeddedEngine, store
from search.embedded.states import BROKEN, Broken
from search.embedded.store import CURRENT
from search.engine import Place
from tests.search.documents import asked, document, engine_with, fill, named, numbers, place, update


def serving(engine: EmbeddedEngine) -> Path:
    folder = engine.store.folder
    return folder / (folder / CURRENT).read_text().strip()


def damage(folder: Path, suffix: str) -> None:
    """Overwrite the middle of the largest file of a sort, leaving its length."""
    path = max(folder.glob(f"*{suffix}"), key=lambda path: path.stat().st_size)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4)
        file.write(os.urandom(max(size // 2, 1)))


async def test_the_position_is_written_with_what_it_covers(tmp_path: Path) -> None:
    engine = await engine_with(tmp_path, named("One"))
    assert (await engine.place()).position == 1
    await update(engine, named("One", "Two"), position=7)
    assert (await engine.search(asked())).position == 7
    assert (await engine.place()).seq == 14
    reopened = EmbeddedEngine(tmp_path / "index")
    assert await reopened.place() == place(7)


async def test_upserts_replace_and_deletions_remove(tmp_path: Path) -> None:
    engine = await engine_with(tmp_path, named("One", "Two"))
    await update(engine, [document("CIR-0000000001", title="Uno")], ["CIR-0000000002"], position=2)
    answer = await engine.search(asked())
    assert [json.loads(hit.document)["title"] for hit in answer.hits] == ["Uno"]
    assert (await engine.search(asked("one "))).total == 0


async def test_other_readers_see_each_commit_and_each_swap_at_once(tmp_path: Path) -> None:
    writer = await engine_with(tmp_path, named("One"))
    readers = [EmbeddedEngine(tmp_path / "index") for _ in range(2)]
    for number in range(2, 6):
        await update(writer, named(*["Title"] * number), position=number)
        for reader in readers:
            answer = await reader.search(asked())
            assert (answer.total, answer.position) == (number, number)
    await fill(writer, named("Other", "Other"), position=9)
    for reader in readers:
        answer = await reader.search(asked("other"))
        assert (answer.total, answer.position) == (2, 9)


async def test_a_swap_while_serving_shows_one_state_or_the_other(tmp_path: Path) -> None:
    engine = await engine_with(tmp_path, [document(f"CIR-{number:010}", title="Old") for number in range(30)])
    reader = EmbeddedEngine(tmp_path / "index")
    seen: set[tuple[int, int, int, int]] = set()
    done = False

    async def ask() -> None:
        while not done:
            answer = await reader.search(asked(facets="kind", limit=100))
            seen.add((answer.position, answer.total, len(answer.hits), answer.facets["kind"][0].count))

    asking = asyncio.create_task(ask())
    for position in range(2, 6):
        size = position * 10
        await fill(engine, [document(f"CIR-{number:010}") for number in range(size)], position=position)
        await asyncio.sleep(0.01)
    done = True
    await asking
    assert seen <= {(1, 30, 30, 30), *((p, p * 10, p * 10, p * 10) for p in range(2, 6))}
    assert (5, 50, 50, 50) in seen


async def test_an_answer_comes_from_one_state_while_another_is_written(tmp_path: Path) -> None:
    engine = await engine_with(tmp_path, named("One"))
    snapshot = engine.store.snapshot()
    await update(engine, named("One", "Two"), position=2)
    assert snapshot.place.position == 1
    assert snapshot.searcher.num_docs == 2  # the record and the place
    assert engine.store.snapshot().place.position == 2


async def test_a_rebuild_that_is_left_leaves_nothing(tmp_path: Path) -> None:
    engine = await engine_with(tmp_path, named("One"))

    async def killed() -> None:
        async with engine.rebuild() as rebuild:
            await rebuild.add([])
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await killed()
    assert (await engine.search(asked())).total == 1
    assert [path for path in engine.store.folder.iterdir() if path.is_dir()] == [serving(engine)]


async def test_old_indexes_are_removed_once_nobody_can_be_reading_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await engine_with(tmp_path, named("One"))
    old = serving(engine)
    await fill(engine, named("Two"))
    assert not await engine.idle()
    assert old.exists()
    monkeypatch.setattr(store, "KEEP_SECONDS", -1)
    assert await engine.idle()
    assert not old.exists()
    assert (await engine.search(asked())).total == 1


async def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    first, second = await engine_with(tmp_path, named("One")), EmbeddedEngine(tmp_path / "index")
    order: list[str] = []

    async def write(engine: EmbeddedEngine, name: str) -> None:
        async with engine.writing():
            order.append(name)
            await asyncio.sleep(0.05)
            order.append(name)

    await asyncio.gather(write(first, "a"), write(second, "b"), write(first, "c"))
    assert all(order[index] == order[index + 1] for index in (0, 2, 4))


async def test_writers_take_turns_after_resting(tmp_path: Path) -> None:
    first, second = await engine_with(tmp_path, named("One")), EmbeddedEngine(tmp_path / "index")
    await update(first, named("One", "Two"), position=2)
    await first.idle()
    await update(second, named("One", "Two", "Three"), position=3)
    await second.idle()
    await update(first, named("A", "B", "C", "D"), position=4)
    assert (await second.search(asked())).total == 4


async def test_without_an_index_there_is_no_answer(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "index")
    for question in (engine.search(asked()), engine.suggest("x", limit=1), engine.place()):
        with pytest.raises(Unavailable) as caught:
            await question
        assert caught.value.retry_after
    assert not await engine.check()
    assert engine.health()["answers"] is False


@pytest.mark.parametrize("suffix", [".store", ".idx", ".term", ".fast", ".pos", ".fieldnorm"])
async def test_flipped_bits_are_found_and_never_answered_from_again(tmp_path: Path, suffix: str) -> None:
    engine = await engine_with(
        tmp_path, [document(f"CIR-{number:010}", title=f"T {number}") for number in range(80)]
    )
    assert await engine.check()
    damage(serving(engine), suffix)
    fresh = EmbeddedEngine(tmp_path / "index")
    assert not await fresh.check()
    for reader in (fresh, engine, EmbeddedEngine(tmp_path / "index")):
        if reader is engine:
            reader.store._generation = None
        with pytest.raises(Unavailable):
            await reader.search(asked("title"))
    await fill(fresh, named("Back"))
    assert (await engine.search(asked())).total == 1


@pytest.mark.parametrize("what", ["truncated", "missing", "meta", "pointer", "empty pointer", "shape"])
async def test_an_index_that_cannot_be_opened_is_unavailable_until_it_is_built(
    tmp_path: Path, what: str
) -> None:
    engine = await engine_with(tmp_path, named("One", "Two"))
    folder = serving(engine)
    segment = next(folder.glob("*.store"))
    if what == "truncated":
        os.truncate(segment, 10)
    elif what == "missing":
        segment.unlink()
    elif what == "meta":
        (folder / "meta.json").write_text("{")
    elif what == "pointer":
        (tmp_path / "index" / CURRENT).write_text("../elsewhere\n")
    elif what == "empty pointer":
        (tmp_path / "index" / CURRENT).write_text("")
    else:
        async with engine.writing():
            await engine.update([], [], Place(1, 1, f"{SHAPE + 1}:other"))
        await engine.idle()
    reader = EmbeddedEngine(tmp_path / "index")
    with pytest.raises(Unavailable):
        await reader.search(asked())
    assert not await reader.check()
    await fill(reader, named("Built"))
    assert numbers(await reader.search(asked())) == [1]


async def test_damage_met_by_a_question_takes_the_index_down(tmp_path: Path) -> None:
    documents = [
        document(f"CIR-{number:010}", narrative="lorem ipsum " * 300 + str(number)) for number in range(200)
    ]
    engine = await engine_with(tmp_path, documents)
    damage(serving(engine), ".store")
    reader = EmbeddedEngine(tmp_path / "index")
    with pytest.raises(Unavailable):
        await reader.search(asked(limit=100, offset=50))
    assert (serving(engine) / BROKEN).exists()
    with pytest.raises(Unavailable):
        await EmbeddedEngine(tmp_path / "index").search(asked())


async def test_a_mistake_of_ours_does_not_take_a_sound_index_down(tmp_path: Path) -> None:
    engine = await engine_with(tmp_path, named("One"))
    snapshot = engine.store.snapshot()
    with pytest.raises(Broken), engine.store.asking(snapshot):
        raise ValueError("a wrong query")
    assert (await engine.search(asked())).total == 1


_ROOT = Path(__file__).resolve().parents[3]
_READER = """
import asyncio, sys, time
from pathlib import Path
from search.embedded import EmbeddedEngine
from search.request import parse

async def main():
    engine = EmbeddedEngine(Path(sys.argv[1]))
    wanted, until = int(sys.argv[2]), time.monotonic() + 30
    last = 0
    while time.monotonic() < until:
        answer = await engine.search(parse({"q": ["title"], "facets": ["kind"]}))
        assert answer.total == answer.position == answer.facets["kind"][0].count, answer
        assert answer.position >= last
        last = answer.position
        if last == wanted:
            return
        await asyncio.sleep(0.005)
    raise SystemExit(f"saw only {last}")

asyncio.run(main())
"""


async def test_two_reading_processes_follow_one_writer(tmp_path: Path) -> None:
    """Positions equal totals, so a torn state would show."""
    engine = await engine_with(tmp_path, named("Title"))
    last = 12
    command = [sys.executable, "-c", _READER, str(tmp_path / "index"), str(last)]
    readers = [
        await asyncio.create_subprocess_exec(*command, cwd=_ROOT, stderr=subprocess.PIPE) for _ in range(2)
    ]
    for position in range(2, last + 1):
        documents = named(*["Title"] * position)
        if position % 4:
            await update(engine, documents[-1:], position=position)
        else:
            await fill(engine, documents, position=position)
        await asyncio.sleep(0.02)
    started = time.monotonic()
    for process in readers:
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    assert time.monotonic() - started < 30
