"""The import run: what is written, what waits, what a second run finds, what a killed one leaves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.errors import Finding
from registry.exchange import aiid, atlas, avid
from registry.exchange.item import Format, Item, Options, left_out, refused
from registry.exchange.references import references_in, resolved, source_key
from registry.exchange.run import Report, digest_of, run
from tests.registry.exchange.sink import Killed, MemorySink


def lesson(number: int, *refers: int, **more: Any) -> Item:
    relations = [{"type": "related", "target": {"id": f"source:test:{other}"}} for other in refers]
    submission = {
        "kind": "lesson",
        "basis": "imported",
        "title": f"Lesson {number}",
        "source": {"scheme": "test", "id": str(number)},
        "content": {"what_happened": "Something happened."},
        **({"relations": relations} if relations else {}),
        **more,
    }
    return Item(f"file:{number}", ("test", str(number)), submission)


async def bring(sink: MemorySink, *items: Item, batch: int = 3, strict: bool = False) -> Report:
    return await run(items, sink, vocabulary=None, batch=batch, strict=strict)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.revised, report.unchanged, len(report.rejected)


def targets(sink: MemorySink, number: int) -> list[str]:
    return [each["target"]["id"] for each in sink.submissions["test", str(number)].get("relations", [])]


class TestOutcomes:
    async def test_new_items_are_created_in_batches(self) -> None:
        sink = MemorySink()
        report = await bring(sink, *(lesson(number) for number in range(7)))
        assert counts(report) == (7, 0, 0, 0)
        assert sink.batches == [3, 3, 1]

    async def test_a_second_run_changes_nothing(self) -> None:
        sink = MemorySink()
        items = [lesson(1, 2), lesson(2, 1), lesson(3, 9)]
        await bring(sink, *items)
        assert counts(await bring(sink, *items)) == (0, 0, 3, 0)

    async def test_a_newer_snapshot_revises_what_changed_and_nothing_else(self) -> None:
        sink = MemorySink()
        await bring(sink, lesson(1), lesson(2), lesson(3))
        report = await bring(sink, lesson(1), lesson(2, title="Another title"), lesson(3), lesson(4))
        assert counts(report) == (1, 1, 2, 0)
        assert sink.submissions["test", "2"]["title"] == "Another title"

    async def test_when_it_was_fetched_makes_no_revision(self) -> None:
        sink = MemorySink()
        source = {"scheme": "test", "id": "1"}
        await bring(sink, lesson(1, source={**source, "retrieved": "2026-01-01", "sha256": "0" * 64}))
        report = await bring(
            sink, lesson(1, source={**source, "retrieved": "2026-02-02", "sha256": "1" * 64})
        )
        assert counts(report) == (0, 0, 1, 0)

    async def test_what_is_wrong_is_rejected_and_the_rest_goes_in(self) -> None:
        sink = MemorySink()
        bad = refused("file:2", Finding("not-json", "", "Not JSON."))
        report = await bring(sink, lesson(1), bad, lesson(3, kind="event"), lesson(4))
        assert counts(report) == (2, 0, 0, 2)
        assert [(each.item, each.findings[0].code) for each in report.rejected] == [
            ("file:2", "not-json"),
            ("file:3", "unknown-kind"),
        ]

    async def test_what_is_left_out_on_purpose_is_no_rejection(self) -> None:
        report = await bring(MemorySink(), left_out("file:1", "duplicate", "A duplicate."), lesson(2))
        assert counts(report) == (1, 0, 0, 0)
        assert report.notes["duplicate"].count == 1

    async def test_two_items_of_one_id(self) -> None:
        report = await bring(MemorySink(), lesson(1), lesson(1, title="Again"))
        assert counts(report) == (1, 0, 0, 1)
        assert report.rejected[0].findings[0].code == "duplicate-key"

    async def test_an_item_without_an_id(self) -> None:
        report = await bring(MemorySink(), Item("file:1", None, {"kind": "lesson"}))
        assert report.rejected[0].findings[0].code == "missing-id"

    async def test_what_the_sink_refuses_is_rejected(self) -> None:
        report = await bring(MemorySink(refuse=frozenset([("test", "2")])), lesson(1), lesson(2))
        assert counts(report) == (1, 0, 0, 1)

    @pytest.mark.parametrize(
        "more",
        [
            {"handling": {"tlp": "AMBER"}},
            {"handling": {"embargo_until": "2030-01-01T00:00:00Z"}},
            {"restricted": [{"id": "1", "tlp": "RED", "content": {}}]},
        ],
    )
    async def test_what_is_not_for_all_is_never_published_by_an_import(self, more: dict[str, Any]) -> None:
        sink = MemorySink()
        report = await bring(sink, lesson(1, **more))
        assert report.rejected[0].findings[0].code == "not-for-all"
        assert sink.records == {}

    async def test_strict_runs_refuse_what_lenient_ones_keep(self) -> None:
        item = lesson(1, no_such_field="x")
        assert counts(await bring(MemorySink(), item)) == (1, 0, 0, 0)
        assert counts(await bring(MemorySink(), item, strict=True)) == (0, 0, 0, 1)

    async def test_progress_is_told_of_every_item(self) -> None:
        told: list[int] = []
        items = [
            lesson(1),
            lesson(2, 3),
            refused("x", Finding("bad", "", "Bad.")),
            left_out("y", "z", "Left."),
            lesson(3),
        ]
        await run(items, MemorySink(), vocabulary=None, progress=told.append, batch=2)
        assert sum(told) == len(items)

    async def test_findings_name_the_line_where_the_format_knows_it(self) -> None:
        item = lesson(1, kind="event")
        item = Item(item.name, item.key, item.submission, (), lambda pointer: 17 if pointer == "/kind" else 1)
        report = await bring(MemorySink(), item, strict=True)
        assert report.rejected[0].findings[0].message.startswith("Line 17: ")

    async def test_the_report_as_json(self) -> None:
        report = await bring(MemorySink(), lesson(1, 9), lesson(1))
        told = report.as_json()
        assert {key: told[key] for key in ("created", "revised", "unchanged")} == {
            "created": 1,
            "revised": 0,
            "unchanged": 0,
        }
        assert told["rejected"][0]["item"] == "file:1"
        assert told["notes"][0] == {
            "code": "unresolved-reference",
            "count": 1,
            "item": "file:1",
            "message": "'source:test:9' leads to no record here; the reference is left out.",
        }


class TestReferences:
    async def test_forward_and_backward_in_one_batch(self) -> None:
        sink = MemorySink()
        await bring(sink, lesson(1, 2), lesson(2, 1))
        assert targets(sink, 1) == [sink.id_for(("test", "2"))]
        assert targets(sink, 2) == [sink.id_for(("test", "1"))]
        assert sink.batches == [2]

    async def test_forward_over_batches_waits(self) -> None:
        sink = MemorySink()
        report = await bring(sink, lesson(1, 5), *(lesson(number) for number in range(2, 6)), batch=2)
        assert counts(report) == (5, 0, 0, 0)
        assert targets(sink, 1) == [sink.id_for(("test", "5"))]

    async def test_each_other_over_batches(self) -> None:
        sink = MemorySink()
        report = await bring(sink, lesson(1, 4), lesson(2), lesson(3), lesson(4, 1), batch=2)
        assert counts(report) == (4, 0, 0, 0)
        assert targets(sink, 1) == [sink.id_for(("test", "4"))]
        assert targets(sink, 4) == [sink.id_for(("test", "1"))]

    async def test_to_nothing_are_left_out_with_a_warning(self) -> None:
        sink = MemorySink()
        report = await bring(sink, lesson(1, 9))
        assert targets(sink, 1) == []
        assert list(report.notes) == ["unresolved-reference"]

    async def test_to_what_was_rejected_lead_nowhere(self) -> None:
        sink = MemorySink()
        await bring(sink, lesson(1, 2), lesson(2, kind="event"))
        assert targets(sink, 1) == []

    async def test_that_lead_somewhere_later_revise_the_record(self) -> None:
        sink = MemorySink()
        await bring(sink, lesson(1, 2))
        report = await bring(sink, lesson(1, 2), lesson(2))
        assert counts(report) == (1, 1, 0, 0)
        assert targets(sink, 1) == [sink.id_for(("test", "2"))]

    async def test_to_records_of_an_earlier_run(self) -> None:
        sink = MemorySink()
        sink.records["test", "7"] = ("CIR-7GQ2M4KX9X", "digest")
        await bring(sink, lesson(1, 7))
        assert targets(sink, 1) == ["CIR-7GQ2M4KX9X"]

    async def test_a_response_to_nothing_is_rejected(self) -> None:
        response = lesson(
            1, kind="response", content={"about": {"id": "source:test:9"}, "stance": "endorses"}
        )
        report = await bring(MemorySink(), response)
        assert counts(report) == (0, 0, 0, 1)

    async def test_to_itself_is_rejected(self) -> None:
        report = await bring(MemorySink(), lesson(1, 1))
        assert "self-relation" in [finding.code for finding in report.rejected[0].findings]

    async def test_in_a_circle_end(self) -> None:
        sink = MemorySink()
        items = [lesson(number, number % 9 + 1) for number in range(1, 10)]
        assert counts(await bring(sink, *items, batch=2)) == (9, 0, 0, 0)
        assert all(targets(sink, number) for number in range(1, 10))

    def test_where_they_may_stand(self) -> None:
        submission = {
            "narrative": "source:test:1",
            "content": {
                "derived_from": ["source:test:2", {"id": "source:test:3"}],
                "safeguards": [{"mitigation": "source:test:4", "outcome": "worked"}],
                "recommendations": [{"text": "x", "mitigations": [{"id": "source:test:5"}]}],
            },
        }
        assert [key[1] for _, key in references_in(submission)] == ["2", "3", "4", "5"]
        gone, findings = resolved(submission, lambda key: None)
        assert gone == {
            "narrative": "source:test:1",
            "content": {
                "derived_from": [],
                "safeguards": [{"outcome": "worked"}],
                "recommendations": [{"text": "x", "mitigations": []}],
            },
        }
        assert [finding.pointer for finding in findings][:2] == [
            "/content/derived_from/0",
            "/content/derived_from/1/id",
        ]

    @pytest.mark.parametrize(
        "text", ["source:Test:1", "source:test:", "source::1", "CIR-7GQ2M4KX9X", 7, None]
    )
    def test_what_is_none(self, text: Any) -> None:
        assert source_key(text) is None


class TestInterruption:
    async def test_a_killed_run_is_taken_up_without_duplicates(self) -> None:
        items = [lesson(number, (number + 3) % 10) for number in range(10)]
        whole = MemorySink()
        await bring(whole, *items, batch=2)
        sink = MemorySink(kill_after=2)
        with pytest.raises(Killed):
            await bring(sink, *items, batch=2)
        assert 0 < len(sink.records) < 10
        sink.kill_after = None
        report = await bring(sink, *items, batch=2)
        assert report.created + report.unchanged == 10
        assert sink.records == whole.records
        assert sink.submissions == whole.submissions

    async def test_the_order_of_items_decides_nothing(self) -> None:
        items = [lesson(number, (number + 3) % 10) for number in range(10)]
        forward, backward = MemorySink(), MemorySink()
        await bring(forward, *items, batch=2)
        await bring(backward, *reversed(items), batch=4)
        assert forward.submissions == backward.submissions

    async def test_a_source_is_read_as_it_is_written(self) -> None:
        """Memory must not grow with the source: no more than a batch is taken before it is written."""
        sink = MemorySink()
        ahead = 0

        def source() -> Iterator[Item]:
            nonlocal ahead
            for number in range(60):
                ahead = max(ahead, number + 1 - len(sink.records))
                yield lesson(number)

        await run(source(), sink, vocabulary=None, batch=5)
        assert ahead <= 5


CORPORA = [
    (avid.FORMAT, "avid-db", 1763),
    (atlas.FORMAT, "mitre-atlas", 92),
    (aiid.FORMAT, "aiid-2025-03", 988),
]


@pytest.mark.parametrize(("format", "folder", "records"), CORPORA, ids=[each[1] for each in CORPORA])
async def test_the_corpora_come_in_once(corpora: Path, format: Format, folder: str, records: int) -> None:
    sink = MemorySink()
    first = await run(format.read(corpora / folder, Options()), sink, vocabulary=None)
    assert counts(first) == (records, 0, 0, 0)
    again = await run(format.read(corpora / folder, Options(retrieved="2026-11-21")), sink, vocabulary=None)
    assert counts(again) == (0, 0, records, 0)


async def test_a_newer_avid_revises_one_record(corpora: Path, tmp_path: Path) -> None:
    old = (corpora / "avid-db" / "reports.jsonl").read_bytes().splitlines(keepends=True)[:300]
    file = tmp_path / "reports.jsonl"
    sink = MemorySink()
    file.write_bytes(b"".join(old))
    await run(avid.read(file, Options()), sink, vocabulary=None)
    # White space and the order of fields are no change; a word is.
    new = [line.replace(b'{"data_type"', b'{ "data_type"', 1) for line in old]
    new[7] = new[7].replace(b"remote code execution", b"execution of code from afar", 1)
    assert new[7] != old[7]
    file.write_bytes(b"".join(new))
    report = await run(avid.read(file, Options()), sink, vocabulary=None)
    assert counts(report) == (0, 1, 299, 0)


def test_the_digest_does_not_see_order_or_fetching() -> None:
    one = {"a": 1, "source": {"id": "x", "retrieved": "2024"}}
    other = {"source": {"retrieved": "2025", "id": "x"}, "a": 1}
    assert digest_of(one) == digest_of(other) != digest_of({"a": 2, "source": {"id": "x"}})
