"""What an OpenID provider may say, and what of it is not believed."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwk, jwt

from registry.actor import Actor
from registry.auth import signin
from registry.auth.oidc import OpenId
from registry.errors import CandorError, Forbidden, Unavailable
from registry.extensions import Node
from registry.node import load_node
from registry.settings import Settings
from tests.registry.auth.people import person

ISSUER = "https://login.example.org"
CLIENT = "candor"
RSA = jwk.RSAKey.generate_key(2048, {"kid": "one"})
EC = jwk.ECKey.generate_key("P-256", {"kid": "two"})
SHARED = jwk.OctKey.import_key("x" * 32, {"kid": "one"})
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "one"})
ADA = "ada@lab.example"

# How a provider behaves is one thing, on whichever database.
pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


class Provider:
    """A provider as a transport: what it says can be bent."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        }
        self.keys = [RSA.as_dict(private=False), EC.as_dict(private=False)]
        self.id_token = ""
        self.asked: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self.facts)
            case "/keys":
                return httpx.Response(200, json={"keys": self.keys})
            case "/token":
                form = parse_qs(request.content.decode())
                assert form["code_verifier"], "no code without its verifier"
                body = {"access_token": "a", "token_type": "Bearer", "id_token": self.id_token}
                return httpx.Response(200, json=body)
        return httpx.Response(404)


@pytest.fixture
async def node(settings: Settings, database: Any) -> Node:
    update = {"oidc_issuer": ISSUER, "oidc_client_id": CLIENT}
    return await load_node(settings.model_copy(update=update), database)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def openid(node: Node, provider: Provider) -> OpenId:
    return OpenId(node, httpx.MockTransport(provider))


async def asked(openid: OpenId) -> tuple[str, dict[str, str]]:
    """Begin; the visit, and what the provider was asked."""
    visit = signin.visit()
    address = await openid.start(visit, "/records")
    return visit, {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def claims(nonce: str) -> dict[str, Any]:
    moment = int(time.time())
    return {
        "iss": ISSUER,
        "sub": "ada",
        "aud": CLIENT,
        "exp": moment + 60,
        "iat": moment,
        "nonce": nonce,
        "email": ADA,
        "email_verified": True,
    }


def sign(claims: dict[str, Any], alg: str = "RS256", key: Any = RSA) -> str:
    return jwt.encode({"alg": alg, "kid": key.kid}, claims, key, algorithms=[alg])


async def finish(openid: OpenId, visit: str, state: str, **more: str) -> signin.Begun:
    begun, back = await openid.finish(Actor(), visit, {"code": "c", "state": state, **more})
    assert back == "/records"
    return begun


Bend = Callable[[dict[str, Any]], str]


async def test_a_good_identity_is_believed(node: Node, openid: OpenId, provider: Provider) -> None:
    await person(node, ADA)
    moment = int(time.time())
    good: list[Bend] = [
        sign,
        lambda said: sign(said, "ES256", EC),
        lambda said: sign(said | {"aud": [CLIENT, "other"], "azp": CLIENT}),
        lambda said: sign(said | {"exp": moment - 20}),
        lambda said: sign(said | {"iat": moment + 20}),
    ]
    for bend in good:
        visit, sent = await asked(openid)
        provider.id_token = bend(claims(sent["nonce"]))
        assert (await finish(openid, visit, sent["state"])).email == ADA
    assert provider.asked.count("/keys") == 1, "what it says of itself is kept"


@pytest.mark.parametrize(
    "bend",
    [
        lambda said: sign(said | {"iss": "https://other.example.org"}),
        lambda said: sign(said | {"aud": "other"}),
        lambda said: sign(said | {"aud": [CLIENT, "other"]}),
        lambda said: sign(said | {"aud": [CLIENT, "other"], "azp": "other"}),
        lambda said: sign(said | {"azp": "other"}),
        lambda said: sign(said | {"exp": int(time.time()) - 40}),
        lambda said: sign(said | {"iat": int(time.time()) + 300}),
        lambda said: sign(said | {"nonce": "x"}),
        lambda said: sign({name: value for name, value in said.items() if name != "nonce"}),
        lambda said: sign({name: value for name, value in said.items() if name != "exp"}),
        lambda said: sign(said | {"sub": ""}),
        lambda said: sign(said | {"sub": 5}),
        lambda said: sign(said, key=OTHER),
        lambda said: sign(said)[:-8],
        lambda said: jwt.encode(
            {"alg": "HS256"}, said, jwk.OctKey.import_key("x" * 32), algorithms=["HS256"]
        ),
        lambda said: "eyJhbGciOiJub25lIn0." + sign(said).split(".")[1] + ".",
        lambda said: sign(said, "PS256"),
        lambda said: "",
        lambda said: "a.b.c",
    ],
)
async def test_an_identity_that_does_not_hold_is_refused(
    node: Node, openid: OpenId, provider: Provider, bend: Bend
) -> None:
    await person(node, ADA)
    visit, sent = await asked(openid)
    provider.id_token = bend(claims(sent["nonce"]))
    with pytest.raises(Forbidden) as refused:
        await finish(openid, visit, sent["state"])
    assert provider.id_token not in str(refused.value) or not provider.id_token
    with pytest.raises(Forbidden):
        await finish(openid, visit, sent["state"])


async def test_keys_that_were_changed_are_asked_for_anew(
    node: Node, openid: OpenId, provider: Provider
) -> None:
    await person(node, ADA)
    visit, sent = await asked(openid)
    provider.keys = [OTHER.as_dict(private=False)]
    provider.id_token = sign(claims(sent["nonce"]), key=OTHER)
    assert (await finish(openid, visit, sent["state"])).email == ADA


async def test_a_provider_that_names_itself_in_answers_has_to(
    node: Node, openid: OpenId, provider: Provider
) -> None:
    """RFC 9207: or another provider's answer could be taken for its."""
    await person(node, ADA)
    provider.facts["authorization_response_iss_parameter_supported"] = True
    for more, holds in (({}, False), ({"iss": "https://other.example.org"}, False), ({"iss": ISSUER}, True)):
        visit, sent = await asked(openid)
        provider.id_token = sign(claims(sent["nonce"]))
        if holds:
            assert (await finish(openid, visit, sent["state"], **more)).email == ADA
        else:
            with pytest.raises(Forbidden):
                await finish(openid, visit, sent["state"], **more)


@pytest.mark.parametrize(
    "facts",
    [
        {"issuer": "https://other.example.org"},
        {"issuer": None},
        {"token_endpoint": "http://login.example.org/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"jwks_uri": f"{ISSUER}/nothing"},
    ],
)
async def test_a_provider_that_contradicts_itself_is_not_asked(
    openid: OpenId, provider: Provider, facts: dict[str, Any]
) -> None:
    provider.facts |= facts
    with pytest.raises(Unavailable):
        await openid.start(signin.visit(), "/")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"keys": 5}', b"x" * 600_000])
async def test_a_provider_that_says_nothing_of_use_is_away(node: Node, body: bytes) -> None:
    async def say(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body)

    with pytest.raises(CandorError) as told:
        await OpenId(node, httpx.MockTransport(say)).start(signin.visit(), "/")
    assert isinstance(told.value, Unavailable)
