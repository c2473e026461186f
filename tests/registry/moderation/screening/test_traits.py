"""What records have in common that few others have."""

from typing import Any

import pytest

from registry.moderation.screening.traits import host_of, normal_value, traits


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("hxxps[:]//Evil[.]Example/Path/", "evil.example/path"),
        ("EVIL(dot)example", "evil.example"),
        ("203.0.113.9", None),
        ("8.8.8.8", "8.8.8.8"),
        ("127.0.0.1", None),
        ("n/a", None),
        ("ab", None),
        ("Злой.Пример", "злой.пример"),
    ],
)
def test_normal_values(value: str, normal: str | None) -> None:
    assert normal_value(value) == normal


@pytest.mark.parametrize(
    ("plain", "host"),
    [
        ("pay.example.net/login?x=1", "pay.example.net"),
        ("ann@pay.example.net", "pay.example.net"),
        ("ftp://pay.example.net:21/x", "pay.example.net"),
        ("t.me/somebody", None),
        ("somebody@gmail.com", None),
        ("example.org", None),
        ("8.8.8.8", None),
        ("say that it is urgent. thanks", None),
    ],
)
def test_hosts(plain: str, host: str | None) -> None:
    assert host_of(plain) == host


def test_traits_have_one_normal_form_and_nobody_is_no_actor() -> None:
    def about(*actors: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return {"content": {"actors": list(actors)}, **fields}

    one = about(
        {"name": "CopyCop", "ref": "actor:named/storm-1516"},
        {"name": "Unknown scammers", "ref": "actor:unknown"},
        {"name": "Deepfake creators"},
        {"name": "Example Chat users"},
        {"ref": "actor:criminal/organised"},
        source={"scheme": "AIID", "id": "12"},
        aliases=[{"scheme": "cve", "id": "CVE-2024-1"}, {"scheme": "x", "id": "1", "type": "part"}, 7],
    )
    two = about({"name": "Storm 1516", "aliases": ["copycop"]}, aliases=[{"scheme": "aiid", "id": "12"}])
    assert {(trait.kind, trait.value) for trait in traits(one)} == {
        ("actor", "storm 1516"),
        ("actor", "copycop"),
        ("alias", "aiid:12"),
        ("alias", "cve:cve-2024-1"),
    }
    assert [shown for trait, shown in traits(two).items() if trait in traits(one)] == [
        "aiid:12",
        "Storm 1516",
        "copycop",
    ]
    assert traits({"content": {"indicators": ["x", {"value": 3}], "actors": "x"}, "aliases": {}}) == {}
