"""Signing in as people do: links by real mail, codes, and an OpenID provider that runs beside."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import lxml.html
import pyotp
import pytest
from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import SMTP
from oidc_provider_mock import User, init_app
from sqlalchemy import func, select, update
from werkzeug.serving import make_server

from frontend import extension
from registry import mail
from registry.app import Application, create_app
from registry.audit.models import Act
from registry.auth import links, signin, totp
from registry.auth.models import Identity, Link, Person, PersonSession, Visit
from registry.auth.people import ensure
from registry.auth.roles import Role
from registry.db import now
from registry.extensions import Node
from registry.node import load_node
from registry.settings import Settings
from tests.conftest import BASE_URL, Join, calling, running
from tests.frontend.conftest import BROWSER
from tests.registry.auth.people import person

# Nothing here depends on the database.
pytestmark = pytest.mark.one_database

HOME = {"Origin": BASE_URL, "Sec-Fetch-Site": "same-origin", **BROWSER}
ADA = "ada@lab.example"
COOKIE = "__Host-candor"


class Mailbox(MessageHandler):
    """What a real mail server was given."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.letters.append(message)


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    """A real mail server on loopback: what it was given, and its port."""
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, enable_SMTPUTF8=True), "127.0.0.1", 0)
    yield box, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def provider() -> Iterator[str]:
    """A real OpenID provider on loopback; its address."""
    import threading

    import flask

    app = flask.Flask("provider")
    claims = {"email": ADA, "email_verified": True}
    init_app(
        app,
        user_claims=[
            User(sub="ada", claims=claims),
            User(sub="other-ada", claims=claims),
            User(sub="unverified", claims={"email": ADA, "email_verified": False}),
            User(sub="texted", claims={"email": ADA, "email_verified": "true"}),
            User(sub="nobody", claims={"email": "nobody@else.example", "email_verified": True}),
        ],
    )
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture
def settings_of(settings: Settings, mailbox: tuple[Mailbox, int], provider: str) -> Settings:
    from pydantic import SecretStr

    return settings.model_copy(
        update={
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{mailbox[1]}"),
            "mail_from": "candor@registry.example",
            "oidc_issuer": provider,
            "oidc_client_id": "candor",
            "oidc_client_secret": SecretStr("s3cret"),
        }
    )


@pytest.fixture
async def node(settings_of: Settings, database: Any) -> Node:
    return await load_node(settings_of, database)


@pytest.fixture
async def browser(node: Node, app: Application, join: Join) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser; Ada is an author of `lab-one`."""
    await join("lab-one")
    await person(node, ADA, roles={"lab-one": [Role.AUTHOR]})
    async with calling(app) as client:
        client.headers.update(HOME)
        yield client


def csrf_of(page: httpx.Response) -> str:
    found = lxml.html.document_fromstring(page.text).xpath("//input[@name='csrf_token']/@value")
    assert found, page.text
    return str(found[0])


async def link(node: Node, email: str = ADA) -> str:
    async with node.database.write() as session:
        return (await links.make(session, await ensure(session, email))).token


async def by_link(browser: httpx.AsyncClient, token: str) -> httpx.Response:
    page = await browser.get("/sign-in/link", params={"token": token})
    assert page.status_code == 200, page.text
    return await browser.post("/sign-in/link", data={"token": token, "csrf_token": csrf_of(page)})


async def who(browser: httpx.AsyncClient) -> Any:
    answer = await browser.get("/api/v1/session")
    return answer.json() if answer.status_code == 200 else None


async def acts(node: Node) -> list[str]:
    async with node.database.read() as session:
        query = select(Act.action).where(Act.topic == "session").order_by(Act.pk)
        return list(await session.scalars(query))


# --- links ---


async def test_a_link_comes_by_mail_and_opens_once(
    browser: httpx.AsyncClient, node: Node, mailbox: tuple[Mailbox, int]
) -> None:
    assert "Send me a link" in (await browser.get("/sign-in")).text
    known = await browser.post("/sign-in", data={"email": " ADA@lab.example"})
    unknown = await browser.post("/sign-in", data={"email": "nobody@else.example"})
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text) == (200, known.text)
    await signin.settled()
    (letter,) = mailbox[0].letters
    assert letter["To"] == ADA
    address = re.search(rb"https://\S+", letter.get_payload(decode=True))
    assert address is not None
    token = parse_qs(urlsplit(address.group().decode()).query)["token"][0]

    # A scanner opens the address, with GET and with HEAD: nothing happens.
    for _ in range(3):
        opened = await browser.get("/sign-in/link", params={"token": token})
        assert ADA in opened.text
        assert opened.headers["referrer-policy"] == "same-origin"
        assert "no-store" in opened.headers["cache-control"]
    assert (await browser.head("/sign-in/link", params={"token": token})).status_code == 200
    assert await who(browser) is None

    done = await by_link(browser, token)
    assert done.status_code == 303
    assert done.headers["location"] == "/sign-in"
    cookie = next(line for line in done.headers.get_list("set-cookie") if line.startswith(f"{COOKIE}="))
    assert all(part in cookie for part in ("Path=/", "Secure", "HttpOnly")), cookie
    assert "samesite=lax" in cookie.lower()
    assert "Domain" not in cookie
    told = await who(browser)
    assert (told["name"], told["provider"]) == (ADA, "lab-one")
    assert told["organisations"] == [{"slug": "lab-one", "name": "Lab-One", "roles": ["author"]}]
    assert token not in (await browser.get("/sign-in")).text
    assert (await browser.get("/sign-in/link", params={"token": token})).status_code == 410
    assert (await acts(node))[-1] == "signed-in"


@pytest.mark.parametrize("how", ["used", "expired", "unknown", "empty", "huge", "odd"])
async def test_a_link_that_is_over(browser: httpx.AsyncClient, node: Node, how: str) -> None:
    token = await link(node)
    fresh = await link(node)
    page = await browser.get("/sign-in/link", params={"token": fresh})
    values: dict[str, Any] = {
        "used": {"used_at": now()},
        "expired": {"expires_at": now() - timedelta(seconds=1)},
    }
    if how in values:
        async with node.database.write() as session:
            await session.execute(update(Link).values(**values[how]))
    sent = {"unknown": "x" * 43, "empty": "", "huge": "x" * 5000, "odd": "\ud800é\x00"}.get(how, token)
    form = {"token": sent.encode("utf-8", "replace"), "csrf_token": csrf_of(page)}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.post("/sign-in/link", content=urlencode(form), headers=headers)
    assert answer.status_code == 410
    assert await who(browser) is None
    assert ("link-refused" in await acts(node)) is (how in values), "of a known person's link a note is kept"


async def test_two_who_use_a_link_at_once_are_one(browser: httpx.AsyncClient, node: Node) -> None:
    token = await link(node)
    page = await browser.get("/sign-in/link", params={"token": token})
    form = {"token": token, "csrf_token": csrf_of(page)}
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    browser.cookies.clear()
    answers = await asyncio.gather(
        *(browser.post("/sign-in/link", data=form, headers=headers) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 410, 410]


async def test_no_other_site_signs_somebody_in(browser: httpx.AsyncClient, node: Node) -> None:
    """Login CSRF: a form elsewhere with the attacker's own link, and the proof from their own page."""
    token = await link(node)
    page = await browser.get("/sign-in/link", params={"token": token})
    proof = csrf_of(page)
    browser.cookies.clear()
    form = {"token": token, "csrf_token": proof}
    assert (await browser.post("/sign-in/link", data=form)).status_code == 403, "without the cookie"
    await browser.get("/sign-in/link", params={"token": token})
    assert (await browser.post("/sign-in/link", data=form)).status_code == 403, "another's proof"
    assert (await browser.post("/sign-in/link", data={"token": token})).status_code == 403
    own = csrf_of(await browser.get("/sign-in/link", params={"token": token}))
    foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    form = {"token": token, "csrf_token": own}
    assert (await browser.post("/sign-in/link", data=form, headers=foreign)).status_code == 403
    assert (await browser.post("/sign-in", data={"email": ADA}, headers=foreign)).status_code == 403
    assert (await browser.post("/sign-in/link", data=form)).status_code == 303


async def test_signing_in_gives_a_new_id_and_ends_the_old(browser: httpx.AsyncClient, node: Node) -> None:
    await by_link(browser, await link(node))
    before = browser.cookies[COOKIE]
    await by_link(browser, await link(node))
    assert browser.cookies[COOKIE] != before
    async with node.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(PersonSession)) == 1


async def test_links_are_not_sent_without_end(
    browser: httpx.AsyncClient, node: Node, mailbox: tuple[Mailbox, int]
) -> None:
    answers = [await browser.post("/sign-in", data={"email": ADA}) for _ in range(21)]
    await signin.settled()
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert len(mailbox[0].letters) == links.MOST


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example,c@d.example",
        "<a@b.example>",
        "a b@c.example",
    ],
)
async def test_what_is_no_address_is_mailed_nowhere(
    browser: httpx.AsyncClient, mailbox: tuple[Mailbox, int], email: str
) -> None:
    assert (await browser.post("/sign-in", data={"email": email})).status_code == 422
    await signin.settled()
    assert mailbox[0].letters == []


@pytest.mark.parametrize("part", ["to", "subject", "mail_from"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x00", "\u2028", "\x85"])
def test_nothing_ends_a_header(settings_of: Settings, part: str, end: str) -> None:
    given = {"to": "a@b.example", "subject": "Hello", "mail_from": "c@d.example"}
    given[part] += f"{end}Bcc: x@y.example"
    made = settings_of.model_copy(update={"mail_from": given["mail_from"]})
    with pytest.raises(ValueError, match="header"):
        mail.message(made, given["to"], given["subject"], "text")


async def test_mail_in_every_script_arrives(settings_of: Settings, mailbox: tuple[Mailbox, int]) -> None:
    await mail.send(settings_of, "名前@xn--r8jz45g.example", "Grüße", "مرحبا")
    (letter,) = mailbox[0].letters
    assert "名前@xn--r8jz45g.example" in str(letter["X-RcptTo"])


async def test_a_mail_server_that_is_away_changes_no_answer(
    browser: httpx.AsyncClient, mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise OSError("away")

    monkeypatch.setattr(mail, "send", away)
    assert (await browser.post("/sign-in", data={"email": ADA})).status_code == 200
    await signin.settled()


# --- the second factor ---


async def enrol(browser: httpx.AsyncClient) -> tuple[str, list[str]]:
    page = await browser.get("/sign-in/second-factor")
    begun = await browser.post("/sign-in/second-factor", data={"csrf_token": csrf_of(page)})
    secret = lxml.html.document_fromstring(begun.text).xpath("//code[@class='key']/text()")[0]
    wrong = await browser.post(
        "/sign-in/second-factor/confirm", data={"code": "000000", "csrf_token": csrf_of(begun)}
    )
    assert (wrong.status_code, secret in wrong.text) == (422, True)
    done = await browser.post(
        "/sign-in/second-factor/confirm",
        data={"code": pyotp.TOTP(secret).now(), "csrf_token": csrf_of(wrong)},
    )
    assert done.status_code == 200, done.text
    codes = lxml.html.document_fromstring(done.text).xpath("//ul[contains(@class,'codes')]//code/text()")
    return str(secret), [str(code) for code in codes]


async def test_a_second_factor_is_asked_for_once_it_is_there(browser: httpx.AsyncClient, node: Node) -> None:
    await by_link(browser, await link(node))
    before = browser.cookies[COOKIE]
    secret, codes = await enrol(browser)
    assert browser.cookies[COOKIE] != before
    assert len(set(codes)) == totp.RECOVERY_CODES
    assert (await who(browser))["second_factor"] == "given"
    async with node.database.read() as session:
        held = await session.scalar(select(Person).where(Person.email == ADA))
        assert held is not None
        assert held.totp_sealed is not None
        assert secret.encode() not in held.totp_sealed
        assert not set(codes) & set(held.recovery)
    browser.cookies.clear()

    half = await by_link(browser, await link(node))
    assert half.headers["location"] == "/sign-in/totp"
    told = await who(browser)
    assert (told["second_factor"], told["scopes"], told["provider"]) == ("owed", [], None)
    halved = browser.cookies[COOKIE]
    for path in ("/sign-in/second-factor", "/sign-in"):
        assert (await browser.get(path)).status_code == 303, "half a session manages nothing"
    proof = {"csrf_token": csrf_of(await browser.get("/sign-in/totp"))}
    # The next step may have begun meanwhile.
    used = pyotp.TOTP(secret).at(held.totp_step * 30)
    replayed = await browser.post("/sign-in/totp", data={"code": used, **proof})
    assert replayed.status_code == 422, "this step was used to confirm"
    for wrong in ("000000", "", "１２３４５６", "x" * 40, used + "0"):
        assert (await browser.post("/sign-in/totp", data={"code": wrong, **proof})).status_code in (422, 429)
    async with node.database.write() as session:
        await session.execute(update(Person).values(totp_step=0))
    assert (await browser.post("/sign-in/totp", data={"code": used, **proof})).status_code == 429
    assert (await acts(node)).count("second-factor-refused") == totp.MOST_WRONG
    assert browser.cookies[COOKIE] == halved


async def test_a_recovery_code_opens_once(browser: httpx.AsyncClient, node: Node) -> None:
    await by_link(browser, await link(node))
    _, codes = await enrol(browser)
    for code, location in ((codes[0].upper(), "/records"), (codes[0], None), (codes[1], "/sign-in")):
        browser.cookies.clear()
        await by_link(browser, await link(node))
        proof = {"csrf_token": csrf_of(await browser.get("/sign-in/totp"))}
        back = "/records" if location == "/records" else "//elsewhere.example"
        answer = await browser.post("/sign-in/totp", data={"code": code, "next": back, **proof})
        assert answer.headers.get("location") == location
    page = await browser.get("/sign-in/second-factor")
    gone = await browser.post(
        "/sign-in/second-factor/remove", data={"code": codes[2], "csrf_token": csrf_of(page)}
    )
    assert gone.status_code == 303
    assert (await who(browser))["second_factor"] == "none"


async def test_stewards_are_asked_for_one_and_may_have_to(
    browser: httpx.AsyncClient, node: Node, settings_of: Settings, database: Any
) -> None:
    await person(node, "s@registry.example", steward=True)
    await by_link(browser, await link(node, "s@registry.example"))
    told = await who(browser)
    assert (told["steward"], told["asked_for_second_factor"]) == (True, True)
    assert "Add one" in (await browser.get("/sign-in")).text
    strict = await load_node(settings_of.model_copy(update={"steward_second_factor": True}), database)
    async with running(create_app(strict, (extension,), run_readers=False)) as other:
        other.headers.update(HOME)
        other.cookies.update(browser.cookies)
        assert (await who(other))["steward"] is False
        await enrol(other)
        assert (await who(other))["steward"] is True


# --- while signed in ---


async def test_switching_and_signing_out(browser: httpx.AsyncClient, node: Node, join: Join) -> None:
    await join("lab-two")
    pk = await person(node, "bo@lab.example", roles={"lab-one": [Role.AUTHOR], "lab-two": [Role.REVIEWER]})
    await by_link(browser, await link(node, "bo@lab.example"))
    before, told = browser.cookies[COOKIE], await who(browser)
    assert told["provider"] == "lab-one"
    page = await browser.get("/sign-in")
    switched = await browser.post(
        "/sign-in/organisation", data={"provider": "lab-two", "csrf_token": csrf_of(page)}
    )
    assert switched.status_code == 303
    told = await who(browser)
    assert (told["provider"], "records:review" in told["scopes"]) == ("lab-two", True)
    assert browser.cookies[COOKIE] != before
    api = {"X-CSRF-Token": told["csrf_token"]}
    refused = await browser.post(
        "/api/v1/session/organisation", json={"provider": "candor-editors"}, headers=api
    )
    assert refused.status_code == 403
    again = await browser.post("/api/v1/session/organisation", json={"provider": "lab-one"}, headers=api)
    assert again.json()["provider"] == "lab-one"
    api = {"X-CSRF-Token": again.json()["csrf_token"]}
    assert (await browser.delete("/api/v1/session")).status_code == 403, "without the token"
    assert (await browser.delete("/api/v1/session", headers=api)).status_code == 204
    assert await who(browser) is None

    for _ in range(2):
        browser.cookies.clear()
        await by_link(browser, await link(node, "bo@lab.example"))
    page = await browser.get("/sign-in")
    out = await browser.post("/sign-out/everywhere", data={"csrf_token": csrf_of(page)})
    assert out.status_code == 303
    async with node.database.read() as session:
        left = select(func.count()).select_from(PersonSession).where(PersonSession.person_pk == pk)
        assert await session.scalar(left) == 0
    assert {"switched", "signed-out", "signed-out-everywhere"} <= set(await acts(node))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/records?q=a&x=%2F", "/records?q=a&x=%2F"),
        ("/", "/"),
        *(
            (address, "/")
            for address in (
                None,
                "",
                "//elsewhere.example",
                "///elsewhere.example",
                "https://elsewhere.example",
                "/\\elsewhere.example",
                "\\\\elsewhere.example",
                "/\t/elsewhere.example",
                "/\n/elsewhere.example",
                "/a\r\nSet-Cookie: x=y",
                "javascript:alert(1)",
                "records",
                "/\u202eelsewhere",
                "/\x00",
                "/ /elsewhere.example",
                "/" + "a" * 2000,
            )
        ),
    ],
)
def test_nobody_is_sent_elsewhere(given: str | None, kept: str) -> None:
    assert signin.return_to(given) == kept


# --- an OpenID provider ---


async def begin(browser: httpx.AsyncClient, back: str = "/") -> httpx.URL:
    started = await browser.get("/sign-in/oidc", params={"next": back})
    assert started.status_code == 303, started.text
    return httpx.URL(started.headers["location"])


async def agree(address: httpx.URL, sub: str = "ada") -> dict[str, str]:
    """Say yes at the provider; the parameters that it sends somebody back with."""
    async with httpx.AsyncClient() as there:
        answer = await there.post(address, data={"sub": sub})
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def back(browser: httpx.AsyncClient, answer: dict[str, str]) -> httpx.Response:
    return await browser.get("/sign-in/oidc/callback", params=answer)


async def test_an_account_elsewhere_opens_and_is_known_by_its_subject(
    browser: httpx.AsyncClient, node: Node
) -> None:
    address = await begin(browser, "/records?q=a")
    asked = dict(address.params)
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid email"
    assert asked["redirect_uri"] == f"{BASE_URL}/sign-in/oidc/callback"
    done = await back(browser, await agree(address))
    assert (done.status_code, done.headers.get("location")) == (303, "/records?q=a"), done.text
    assert (await who(browser))["name"] == ADA
    async with node.database.write() as session:
        assert await session.scalar(select(Identity.subject)) == "ada"
        # Who they are there stays, whatever their address becomes here.
        await session.execute(update(Person).where(Person.email == ADA).values(email="a@lab.example"))
    browser.cookies.clear()
    assert (await back(browser, await agree(await begin(browser)))).status_code == 303
    assert (await who(browser))["name"] == "a@lab.example"
    assert "account-linked" in await acts(node)


@pytest.mark.parametrize("sub", ["nobody", "unverified", "texted"])
async def test_nobody_is_made_from_nothing(browser: httpx.AsyncClient, node: Node, sub: str) -> None:
    answer = await back(browser, await agree(await begin(browser), sub))
    assert answer.status_code == 403
    assert "Ask an administrator" in answer.text
    assert await who(browser) is None
    async with node.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Identity)) == 0
        assert await session.scalar(select(func.count()).select_from(Person)) == 1


async def test_another_account_with_the_same_address_is_not_the_same_person(
    browser: httpx.AsyncClient,
) -> None:
    assert (await back(browser, await agree(await begin(browser)))).status_code == 303
    browser.cookies.clear()
    assert (await back(browser, await agree(await begin(browser), "other-ada"))).status_code == 409
    assert await who(browser) is None


async def test_an_answer_to_another_request_is_refused(browser: httpx.AsyncClient, node: Node) -> None:
    """Login CSRF, replay, mixed-up providers, a nonce that is not ours, one that came too late."""
    first = await agree(await begin(browser))
    browser.cookies.clear()
    assert (await back(browser, first)).status_code == 403, "a code that somebody else asked for"
    second = await agree(await begin(browser))
    assert (await back(browser, {**second, "state": first["state"]})).status_code == 403
    assert (await back(browser, {**second, "state": ""})).status_code == 403
    assert (await back(browser, {**second, "state": "é\x00"})).status_code in (400, 403)
    assert (await back(browser, {"code": second["code"]})).status_code == 403
    mixed = await back(browser, {**second, "iss": "https://other.example"})
    assert mixed.status_code == 403
    assert (await back(browser, second)).status_code == 403, "each visit has one answer"

    # Another's code under one's own state: the verifier is not the one that it was asked with.
    browser.cookies.clear()
    mine = await begin(browser)
    stolen = {"code": first["code"], "state": dict(mine.params)["state"]}
    assert (await back(browser, stolen)).status_code == 403

    # A code that was asked for with another nonce.
    browser.cookies.clear()
    address = await begin(browser)
    other = await agree(address.copy_set_param("nonce", "0" * 64))
    assert (await back(browser, other)).status_code == 403

    browser.cookies.clear()
    late = await agree(await begin(browser))
    async with node.database.write() as session:
        await session.execute(update(Visit).values(expires_at=now() - timedelta(seconds=1)))
    assert (await back(browser, late)).status_code == 403

    no = await begin(browser)
    denied = {"error": "access_denied", "state": dict(no.params)["state"]}
    assert (await back(browser, denied)).status_code == 403
    assert await who(browser) is None


async def test_a_second_factor_is_asked_for_after_an_account_elsewhere_too(
    browser: httpx.AsyncClient, node: Node
) -> None:
    await by_link(browser, await link(node))
    await enrol(browser)
    browser.cookies.clear()
    done = await back(browser, await agree(await begin(browser)))
    assert done.headers["location"] == "/sign-in/totp"
    assert (await who(browser))["scopes"] == []
