"""Any table by a mapping: where values come from, how they are read, and what is said when they cannot be."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from registry.errors import Malformed
from registry.exchange.item import Item, Options
from registry.exchange.table import count, read
from registry.exchange.table.mapping import parse_mapping
from registry.exchange.table.values import read_date
from registry.records.content.check import check

BASE = """
[source]
scheme = "tracker"
id = "ID"
[constants]
kind = "incident"
license = "CC-BY-4.0"
[[field]]
to = "title"
from = "Title"
"""


def items(
    folder: Path, data: str | bytes, more: str = "", *, name: str = "t.csv", base: str = BASE
) -> list[Item]:
    source = folder / name
    source.write_bytes(data if isinstance(data, bytes) else data.encode())
    (folder / "map.toml").write_text(base + more, "utf-8")
    return list(read(source, Options(mapping=folder / "map.toml")))


def one(folder: Path, data: str | bytes, more: str = "", **how: str) -> dict[str, Any]:
    (item,) = items(folder, data, more, **how)
    assert item.submission is not None, item.findings
    return item.submission


def trouble(folder: Path, data: str, more: str = "") -> list[tuple[str, str]]:
    (item,) = items(folder, data, more)
    assert item.submission is None
    return [(finding.code, finding.message) for finding in item.findings]


class TestRecord:
    def test_the_least(self, tmp_path: Path) -> None:
        assert one(tmp_path, "ID,Title\n7,A thing\n") == {
            "kind": "incident",
            "license": "CC-BY-4.0",
            "basis": "imported",
            "title": "A thing",
            "content": {"assertion": {"status": "alleged"}},
            "source": {"scheme": "tracker", "id": "7"},
        }

    def test_what_the_mapping_says_of_certainty_stands(self, tmp_path: Path) -> None:
        more = '[[field]]\nto = "content.assertion.status"\nfrom = "Sure"\nmap = { yes = "confirmed" }\n'
        assert one(tmp_path, "ID,Title,Sure\n1,T,yes\n", more)["content"]["assertion"] == {
            "status": "confirmed"
        }

    def test_the_source_may_have_an_address_and_a_date(self, tmp_path: Path) -> None:
        base = BASE.replace(
            'id = "ID"',
            'id = "ID"\nurl = "https://example.org/cases/{ID}?x={Title}"\n'
            'published = { from = "Added", date = "%d/%m/%Y" }',
        )
        source = one(tmp_path, "ID,Title,Added\na b,A & B,03/02/2024\n", base=base)["source"]
        assert source["url"] == "https://example.org/cases/a%20b?x=A%20%26%20B"
        assert source["published"] == "2024-02-03"

    def test_a_title_stands_on_one_line(self, tmp_path: Path) -> None:
        assert one(tmp_path, 'ID,Title\n1,"A\n thing"\n')["title"] == "A thing"

    def test_a_row_without_id_is_rejected(self, tmp_path: Path) -> None:
        assert trouble(tmp_path, "ID,Title\n,A thing\n")[0][0] == "missing-id"

    def test_required_columns(self, tmp_path: Path) -> None:
        base = 'required = ["Title", "Date"]\n' + BASE
        (item,) = items(tmp_path, "ID,Title,Date\n1,,n/a\n", base=base)
        assert [(finding.code, finding.pointer) for finding in item.findings] == [
            ("missing", "/Title"),
            ("missing", "/Date"),
        ]

    def test_dates_of_toml_become_text(self, tmp_path: Path) -> None:
        base = BASE.replace("[constants]", "[constants]\nknown_as_of = 2024-05-17")
        assert one(tmp_path, "ID,Title\n1,T\n", base=base)["known_as_of"] == "2024-05-17"

    def test_all_that_is_wrong_with_a_row_is_said_at_once(self, tmp_path: Path) -> None:
        more = (
            '[[field]]\nto = "content.times.started"\nfrom = "Date"\ndate = "%Y"\n'
            '[[field]]\nto = "content.critical_infrastructure"\nfrom = "Critical"\ntype = "boolean"\n'
        )
        found = trouble(tmp_path, "ID,Title,Date,Critical\n1,T,soon,perhaps\n", more)
        assert [code for code, _ in found] == ["wrong-date", "not-boolean"]
        assert found[0][1] == "Row at line 2, column 'Date': 'soon' fits none of: %Y."


class TestValues:
    def field(self, tmp_path: Path, cell: str, rule: str, column: str = "X") -> Any:
        data = f'ID,Title,{column}\n1,T,"{cell}"\n'
        (item,) = items(tmp_path, data, f'[[field]]\nto = "x"\n{rule}\n')
        assert item.submission is not None, item.findings
        return item.submission.get("x")

    def test_null_markers_are_nothing(self, tmp_path: Path) -> None:
        for cell in ("", "  ", "N/A", "-", "null"):
            assert self.field(tmp_path, cell, 'from = "X"') is None

    def test_the_first_of_several_columns_that_holds(self, tmp_path: Path) -> None:
        assert one(tmp_path, "ID,Title,A,B\n1,T,,b\n", '[[field]]\nto = "x"\nfrom = ["A", "B"]\n')["x"] == "b"

    def test_splitting(self, tmp_path: Path) -> None:
        assert self.field(tmp_path, "a; b;;a ", 'from = "X"\nsplit = ";"') == ["a", "b"]
        assert self.field(tmp_path, "a;b", 'from = "X"\nsplit = ";"\njoin = ", "') == "a, b"

    def test_value_maps(self, tmp_path: Path) -> None:
        rule = 'from = "X"\nmap = { High = "severity:high", low = "" }\notherwise = "drop"'
        assert self.field(tmp_path, "high", rule) == "severity:high"
        assert self.field(tmp_path, "low", rule) is None
        assert self.field(tmp_path, "other", rule) is None

    def test_a_value_that_must_be_in_the_table(self, tmp_path: Path) -> None:
        more = '[[field]]\nto = "x"\nfrom = "X"\nmap = { a = "b" }\notherwise = "error"\n'
        ((code, message),) = trouble(tmp_path, "ID,Title,X\n1,T,c\n", more)
        assert (code, message) == (
            "unknown-value",
            "Row at line 2, column 'X': 'c' is in no table of values.",
        )

    def test_named_maps(self, tmp_path: Path) -> None:
        rule = 'from = "X"\nmap = "levels"\n[values.levels]\nhigh = "severity:high"'
        assert self.field(tmp_path, "HIGH", rule) == "severity:high"

    def test_matching(self, tmp_path: Path) -> None:
        assert (
            self.field(tmp_path, "case 17 of 20", 'from = "X"\nmatch = \'case (\\d+)\'\ntype = "integer"')
            == 17
        )
        assert self.field(tmp_path, "none here", "from = \"X\"\nmatch = '\\d+'") is None

    def test_templates(self, tmp_path: Path) -> None:
        assert self.field(tmp_path, "b", 'from = "X"\ntemplate = "{Title}: {value}"') == "T: b"
        assert self.field(tmp_path, "", 'template = "{Title}: {X}"') is None

    @pytest.mark.parametrize(
        ("cell", "kind", "value"),
        [
            ("1,234", "integer", 1234),
            ("1 234.5", "number", 1234.5),
            ("Yes", "boolean", True),
            ("0", "boolean", False),
            (" a  b ", "line", "a b"),
            ("use __init__ *now*", "plain", r"use \_\_init\_\_ \*now\*"),
        ],
    )
    def test_types(self, tmp_path: Path, cell: str, kind: str, value: Any) -> None:
        assert self.field(tmp_path, cell, f'from = "X"\ntype = "{kind}"') == value

    @pytest.mark.parametrize("cell", ["many", "1e400", "12.5", "1_"])
    def test_numbers_that_are_none(self, tmp_path: Path, cell: str) -> None:
        more = '[[field]]\nto = "x"\nfrom = "X"\ntype = "integer"\n'
        assert trouble(tmp_path, f"ID,Title,X\n1,T,{cell}\n", more)[0][0] == "not-a-number"

    @pytest.mark.parametrize(
        ("text", "formats", "date"),
        [
            ("2024-05", (), "2024-05"),
            ("2024-05~", (), "2024-05~"),
            ("17.05.2024", ("%d.%m.%Y",), "2024-05-17"),
            ("May 2024", ("%d %B %Y", "%B %Y"), "2024-05"),
            ("2024", ("%Y",), "2024"),
            ("17 May 2024 14:30", ("%d %B %Y %H:%M",), "2024-05-17T14:30:00Z"),
            ("2024-05-17T14:30:00+0200", ("%Y-%m-%dT%H:%M:%S%z",), "2024-05-17T12:30:00Z"),
            ("31.02.2024", ("%d.%m.%Y",), None),
            ("soon", (), None),
            ("0001", ("%Y",), None),
        ],
    )
    def test_dates(self, text: str, formats: tuple[str, ...], date: str | None) -> None:
        assert read_date(text, formats) == date

    def test_precision_from_another_column(self, tmp_path: Path) -> None:
        more = '[[field]]\nto = "content.times.started"\nfrom = "D"\ndate = true\nprecision = "P"\n'
        assert one(tmp_path, "ID,Title,D,P\n1,T,2024-12-01,month\n", more)["content"]["times"] == {
            "started": "2024-12"
        }


class TestLists:
    def test_one_object_for_the_row(self, tmp_path: Path) -> None:
        more = (
            '[[list]]\nto = "systems"\nneeds = ["name"]\nwith = { access = "api" }\n'
            '[[list.field]]\nto = "name"\nfrom = "System"\n[[list.field]]\nto = "developer"\nfrom = "Maker"\n'
        )
        data = "ID,Title,System,Maker\n1,T,demo,Example Lab\n"
        assert one(tmp_path, data, more)["systems"] == [
            {"access": "api", "name": "demo", "developer": "Example Lab"}
        ]
        assert "systems" not in one(tmp_path, "ID,Title,System,Maker\n1,T,,Example Lab\n", more)

    def test_one_for_each_part_of_a_cell(self, tmp_path: Path) -> None:
        more = (
            '[[list]]\nto = "references"\nfrom = "Links"\nsplit = " "\n'
            '[[list.field]]\nto = "url"\nfrom = "value"\n'
            '[[list.field]]\nto = "title"\nfrom = "^Title"\n'
        )
        record = one(tmp_path, "ID,Title,Links\n1,T,https://example.org/a https://example.org/b\n", more)
        assert record["references"] == [
            {"url": "https://example.org/a", "title": "T"},
            {"url": "https://example.org/b", "title": "T"},
        ]

    def test_one_for_each_nested_object(self, tmp_path: Path) -> None:
        row = {
            "ID": 1,
            "Title": "T",
            "links": [{"u": "https://example.org"}, {"u": None}],
            "deep": {"who": ["a", "b"]},
        }
        more = (
            '[[list]]\nto = "references"\neach = "links"\n[[list.field]]\nto = "url"\nfrom = "u"\n'
            '[[list]]\nto = "content.affected"\neach = "deep.who"\n'
            '[[list.field]]\nto = "group"\nfrom = "value"\n'
        )
        record = one(tmp_path, json.dumps([row]), more, name="t.json")
        assert record["references"] == [{"url": "https://example.org"}]
        assert record["content"]["affected"] == [{"group": "a"}, {"group": "b"}]

    def test_paths_through_lists(self, tmp_path: Path) -> None:
        row = {"ID": 1, "Title": "T", "links": [{"u": "a"}, {"u": "b"}], "a.b": "dotted", "n": [["x"]]}
        more = (
            '[[field]]\nto = "x"\nfrom = "links.*.u"\n[[field]]\nto = "y"\nfrom = "links.1.u"\n'
            '[[field]]\nto = "z"\nfrom = "a.b"\n[[field]]\nto = "w"\nfrom = "links.9.u"\n'
        )
        record = one(tmp_path, json.dumps([row]), more, name="t.json")
        assert (record["x"], record["y"], record["z"], "w" in record) == (["a", "b"], "b", "dotted", False)


class TestTags:
    def tags(self, tmp_path: Path, cell: str, rule: str) -> list[dict[str, Any]]:
        data = f'ID,Title,X\n1,T,"{cell}"\n'
        found: list[dict[str, Any]] = one(tmp_path, data, f"[[tag]]\n{rule}\n").get("classifications", [])
        return found

    def test_from_a_column(self, tmp_path: Path) -> None:
        rule = (
            'from = "X"\nsplit = ","\notherwise = "drop"\nby = "Example"\n'
            'map = { Fraud = "misuse:fraud", Spam = "misuse:spam" }'
        )
        assert self.tags(tmp_path, "Fraud, spam, other", rule) == [
            {"tag": "misuse:fraud", "by": "Example", "method": "import"},
            {"tag": "misuse:spam", "by": "Example", "method": "import"},
        ]

    def test_by_conditions(self, tmp_path: Path) -> None:
        rule = (
            'tag = "misuse:fraud"\n'
            'when = [{ from = "X", matches = "(?i)voice clone" }, { from = "Title", equals = "t" }]'
        )
        assert [each["tag"] for each in self.tags(tmp_path, "A Voice Clone called", rule)] == ["misuse:fraud"]
        assert self.tags(tmp_path, "a mail", rule) == []

    def test_presence(self, tmp_path: Path) -> None:
        rule = 'tag = "misuse:fraud"\nwhen = [{ from = "X", present = false }]'
        assert len(self.tags(tmp_path, "", rule)) == 1
        assert self.tags(tmp_path, "x", rule) == []

    def test_what_is_no_tag_is_told_with_its_column(self, tmp_path: Path) -> None:
        ((code, message),) = trouble(tmp_path, "ID,Title,X\n1,T,just words\n", '[[tag]]\nfrom = "X"\n')
        assert code == "wrong-tag"
        assert "column 'X'" in message


class TestFiles:
    def test_tsv(self, tmp_path: Path) -> None:
        assert one(tmp_path, "ID\tTitle\n1\tA, B\n", name="t.tsv")["title"] == "A, B"

    def test_another_separator_and_encoding(self, tmp_path: Path) -> None:
        base = '[file]\ndelimiter = ";"\nencoding = "cp1252"\n' + BASE
        assert one(tmp_path, "ID;Title\n1;Café\n".encode("cp1252"), base=base)["title"] == "Café"

    def test_json_lines(self, tmp_path: Path) -> None:
        found = items(
            tmp_path, '{"ID": 1, "Title": "T"}\n\nnot json\n{"ID": 2, "Title": "U"}', name="t.jsonl"
        )
        assert [item.name for item in found] == ["t.jsonl:1", "t.jsonl:3", "t.jsonl:4"]
        assert [item.submission is not None for item in found] == [True, False, True]

    def test_json_with_the_rows_inside(self, tmp_path: Path) -> None:
        base = '[file]\nrows = "data.items"\n' + BASE
        text = json.dumps({"data": {"items": [{"ID": "a", "Title": "T"}, "text"]}})
        good, bad = items(tmp_path, text, name="t.json", base=base)
        assert good.key == ("tracker", "a")
        assert bad.findings[0].code == "not-an-object"

    def test_rows_that_are_not_where_they_should_be(self, tmp_path: Path) -> None:
        base = '[file]\nrows = "items"\n' + BASE
        (item,) = items(tmp_path, "{}", name="t.json", base=base)
        assert item.findings[0].code == "no-rows"

    def test_a_half_written_file(self, tmp_path: Path) -> None:
        (item,) = items(tmp_path, '[{"ID": 1, "Title": "T"}, {"ID"', name="t.json")
        assert item.rejected
        assert "line 1, column" in item.findings[0].message

    def test_a_control_character_rejects_its_row_alone(self, tmp_path: Path) -> None:
        bad, good = items(
            tmp_path, '[{"ID": 1, "Title": "T\\u0000"}, {"ID": 2, "Title": "U"}]', name="t.json"
        )
        assert [finding.code for finding in bad.findings] == ["control-character"]
        assert good.submission is not None

    def test_a_folder_of_yaml_and_json(self, tmp_path: Path) -> None:
        folder = tmp_path / "cases"
        (folder / "sub").mkdir(parents=True)
        (folder / "a.yaml").write_text("ID: 1\nTitle: From YAML\nWhen: 2024-05-17\n")
        (folder / "b.json").write_text('{"ID": 2, "Title": "From JSON"}')
        (folder / "sub" / "c.yml").write_text("- {ID: 3, Title: One}\n- {ID: 4, Title: Two}\n")
        (folder / "d.yaml").write_text("a: &a [x]\nb: *a\n")
        (tmp_path / "map.toml").write_text(BASE)
        options = Options(mapping=tmp_path / "map.toml")
        found = list(read(folder, options))
        assert [(item.name, item.submission is not None) for item in found] == [
            ("a.yaml", True),
            ("b.json", True),
            ("d.yaml", False),
            ("sub/c.yml:1", True),
            ("sub/c.yml:2", True),
        ]
        assert {finding.code for finding in found[2].findings} >= {"yaml-anchor", "yaml-alias"}
        assert count(folder, options) == 4

    def test_ragged_rows(self, tmp_path: Path) -> None:
        short, long, good = items(tmp_path, "ID,Title,X\n1,T\n2,T,x,y\n3,T,x\n")
        assert short.findings[0].suggestion == "The first column that is missing is 'X'."
        assert long.findings[0].message == "Row at line 3: 4 cells under 3 headings."
        assert good.submission is not None

    def test_an_unknown_kind_of_file(self, tmp_path: Path) -> None:
        with pytest.raises(Malformed, match="not known by its name"):
            items(tmp_path, "x", name="t.xlsx")

    def test_count(self, tmp_path: Path) -> None:
        items(tmp_path, 'ID,Title\n1,"a\nb"\n2,T\n')
        assert count(tmp_path / "t.csv", Options(mapping=tmp_path / "map.toml")) == 2


class TestMapping:
    def faults(self, text: str) -> dict[str, str]:
        with pytest.raises(Malformed) as caught:
            parse_mapping(tomllib.loads(text))
        return {
            finding.pointer: finding.message + (finding.suggestion or "") for finding in caught.value.findings
        }

    def test_everything_that_is_wrong_is_said_at_once(self) -> None:
        found = self.faults(
            BASE + "[[field]]\nto = 'a b'\nfrom = 'X'\n[[field]]\nto = 'x'\nform = 'X'\nmatch = '('\n"
        )
        assert set(found) == {"/field/1/to", "/field/2/form", "/field/2/match"}
        assert "Nearest: from." in found["/field/2/form"]

    def test_a_licence_must_be_named(self) -> None:
        assert "/constants/license" in self.faults(BASE.replace('license = "CC-BY-4.0"\n', ""))

    def test_a_kind_must_be_named(self) -> None:
        assert "incident" in self.faults(BASE.replace('"incident"', '"event"'))["/constants/kind"]

    def test_what_an_import_sets_itself(self) -> None:
        assert "/constants/basis" in self.faults(
            BASE.replace("[constants]", '[constants]\nbasis = "first-party"')
        )

    def test_a_map_that_is_not_there(self) -> None:
        text = BASE + '[[field]]\nto = "x"\nfrom = "X"\nmap = "levls"\n[values.levels]\na = "b"\n'
        assert "Nearest: levels." in self.faults(text)["/field/1/map"]

    def test_values_from_nowhere(self) -> None:
        assert "/field/1" in self.faults(BASE + '[[field]]\nto = "x"\n')

    def test_a_field_inside_another(self) -> None:
        text = (
            BASE
            + '[[field]]\nto = "content.times"\nfrom = "X"\n'
            + '[[field]]\nto = "content.times.started"\nfrom = "Y"\n'
        )
        assert "cannot hold a value" in self.faults(text)["/field"]

    def test_columns_that_the_table_has_not(self, tmp_path: Path) -> None:
        with pytest.raises(Malformed) as caught:
            items(tmp_path, "ID,Headline\n1,T\n", "")
        assert [(finding.pointer, finding.code) for finding in caught.value.findings] == [
            ("/field/0/from", "unknown-column")
        ]

    def test_text_that_is_no_toml(self, tmp_path: Path) -> None:
        with pytest.raises(Malformed, match="not TOML"):
            items(tmp_path, "ID,Title\n1,T\n", "[[")

    def test_no_mapping_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text("ID\n")
        with pytest.raises(Malformed, match="--suggest-map"):
            list(read(tmp_path / "t.csv", Options()))


def test_a_real_table_in_seven_languages(tmp_path: Path, corpora: Path) -> None:
    (tmp_path / "map.toml").write_text(
        '[file]\nrows = "incidents"\n[source]\nscheme = "orca"\nid = "id"\n'
        '[constants]\nkind = "incident"\nlicense = "CC-BY-4.0"\nlanguage = "en"\n'
        '[[field]]\nto = "title"\nfrom = "title"\n[[field]]\nto = "summary"\nfrom = "summary"\n'
        '[[field]]\nto = "content.times.started"\nfrom = "date"\ndate = true\nprecision = "date_precision"\n'
        '[[field]]\nto = "content.severity"\nfrom = "severity"\n'
        'map = { high = "severity:high", medium = "severity:moderate", low = "severity:low" }\n'
        '[[list]]\nto = "translations"\nwith = { language = "ja" }\nneeds = ["title"]\n'
        '[[list.field]]\nto = "title"\nfrom = "title_ja"\n'
        '[[list.field]]\nto = "summary"\nfrom = "summary_ja"\n',
        "utf-8",
    )
    path = corpora / "orca-multilingual-sample" / "incidents_sample.json"
    found = list(read(path, Options(mapping=tmp_path / "map.toml")))
    assert len(found) == 3
    first = found[0].submission
    assert first is not None
    assert first["content"]["times"] == {"started": "2024-12"}
    assert first["content"]["severity"] == "severity:high"
    assert first["translations"][0]["title"].startswith("Storm-2139による")
    for item in found:
        checked = check(item.submission, vocabulary=None, lenient=True)
        assert checked.submission is not None
        assert checked.findings == ()


def test_a_real_table_of_two_thousand_rows(tmp_path: Path, corpora: Path) -> None:
    (tmp_path / "map.toml").write_text(
        'required = ["Risk category"]\n[source]\nscheme = "mit-risk-database"\nid = "Ev_ID"\n'
        '[constants]\nkind = "weakness"\nlicense = "CC-BY-4.0"\n'
        '[[field]]\nto = "title"\ntemplate = "{Risk category}"\n'
        '[[field]]\nto = "narrative"\nfrom = "Description"\ntype = "plain"\n'
        '[[tag]]\nfrom = "Sub-domain"\nmatch = "^[0-9].[0-9]"\n'
        'template = "mit-risk:{value}"\nby = "MIT AI Risk Repository"\n',
        "utf-8",
    )
    path = corpora / "mit-ai-risk-repository" / "ai_risk_database_v3.csv"
    found = list(read(path, Options(mapping=tmp_path / "map.toml")))
    assert len(found) == 2242
    assert {finding.code for item in found for finding in item.findings} <= {"missing"}
    record = next(item.submission for item in found if item.key == ("mit-risk-database", "01.01.00"))
    assert record is not None
    assert record["title"] == "Type 1: Diffusion of responsibility"
    assert record["classifications"][0]["tag"] == "mit-risk:6.5"
