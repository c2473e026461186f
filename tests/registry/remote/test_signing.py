"""`candor signing-key`, and publishing with a signature, against a registry that is served."""

import json
import stat
from pathlib import Path

from registry.actor import Scope
from registry.client import calls
from registry.commands.remote.signing import sign_with
from registry.signing.jws import verify_signature
from tests.registry.calling import Call
from tests.registry.remote.conftest import ALL, Served, joined, log_in
from tests.registry.remote.test_push import ids, lesson, push


def test_a_key_is_made_registered_used_and_ended(outside: Call, home: Path, served: Served) -> None:
    provider = joined(served, *ALL, Scope.PROVIDER_ADMIN)
    log_in(home, provider)
    made = outside("signing-key", "new", "key.json", "--json").json
    assert stat.S_IMODE(Path("key.json").stat().st_mode) == 0o600
    assert "d" in json.loads(Path("key.json").read_text())
    assert "not overwritten" in outside("signing-key", "new", "key.json").err
    lesson("cases/one.md")
    lesson("cases/two.md")
    push(outside)
    unknown = outside("publish", "cases/one.md", "--sign", "key.json")
    assert unknown.code == 1
    assert "has registered no key" in " ".join((unknown.out + unknown.err).split())
    assert outside("signing-key", "add", "key.json", "--json").json["kid"] == made["kid"]
    assert outside("publish", "cases/one.md", "--sign", "key.json", "--json").json["state"] == "published"
    assert made["kid"] in outside("signing-key", "list", "--json").out
    assert "knows no domain" in " ".join(outside("signing-key", "check").err.split())
    two = ids()["two.md"]
    with provider.client() as client:
        (key,) = client.run(calls.get(f"/api/v1/providers/{provider.slug}/jwks.json"))["keys"]
        body, etag = client.run(calls.draft_bytes(two))
        signature = sign_with(Path("key.json"), body)
        client.run(calls.sign_draft(two, signature, if_match=etag))
    document = json.loads(body)
    document.pop("prev")
    verify_signature(json.dumps(document).encode(), None, signature, key)
    ended = outside("signing-key", "end", made["kid"])
    assert ended.code == 0, ended.err
    late = outside("publish", "cases/two.md", "--sign", "key.json")
    assert "ended at" in " ".join((late.out + late.err).split())
    Path("key.json").write_text("{}")
    assert "no private Ed25519 key" in " ".join(outside("signing-key", "add", "key.json").err.split())
