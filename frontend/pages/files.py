"""What is no page: static files, and what crawlers ask for."""

from xml.sax.saxutils import escape

from litestar import Response, get
from litestar.params import FromPath

from frontend import queries, statics
from frontend.pages.parameters import Reading, Sites
from frontend.site import ALL, NEVER
from registry.canonical import digest
from registry.changelog.append import public_head
from registry.errors import NotFound
from registry.http import IMMUTABLE, AnyRequest, prepared

XML = "application/xml; charset=utf-8"
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
# Of public sequence numbers; the protocol allows 50,000 addresses in one file.
PART = 10_000


@get("/static/{address:str}", include_in_schema=False)
async def static_file(request: AnyRequest, address: FromPath[str]) -> Response[bytes]:
    found = statics.by_address().get(address)
    if found is None:
        raise NotFound("There is no such file. Its address changes with its content: reload the page.")
    return prepared(
        request, found.body, found.media_type, etag=found.digest[:32], scopes=(NEVER,), cache=IMMUTABLE
    )


@get("/favicon.svg", include_in_schema=False)
async def favicon(request: AnyRequest) -> Response[bytes]:
    found = statics.by_name()["favicon.svg"]
    return prepared(request, found.body, found.media_type, etag=found.digest[:32], scopes=(NEVER,))


@get("/robots.txt", include_in_schema=False)
async def robots(request: AnyRequest, site: Sites) -> Response[bytes]:
    """Everything is open, except what has endless variants and says nothing new."""
    base = site.urls.paths.base
    text = (
        "User-agent: *\n"
        f"Disallow: {base}/records?\n"
        f"Disallow: {base}/feeds?\n"
        f"Disallow: {base}/api/\n"
        f"Disallow: {base}/oauth/\n"
        f"Sitemap: {site.urls.base}/sitemap.xml\n"
    ).encode()
    return prepared(request, text, "text/plain", etag=digest(text)[:32], scopes=(NEVER,))


@get("/sitemap.xml", include_in_schema=False)
async def sitemap(request: AnyRequest, reading: Reading, site: Sites) -> Response[bytes]:
    """An index of parts, each of which never grows past its share of the sequence."""
    head = await public_head(reading)
    base = site.urls.base
    parts = [f"{base}/sitemaps/pages.xml"]
    parts += [f"{base}/sitemaps/{number}.xml" for number in range(1, -(-head // PART) + 1)]
    lines = "".join(f"<sitemap><loc>{escape(part)}</loc></sitemap>\n" for part in parts)
    return _xml(request, f'<sitemapindex xmlns="{_SITEMAP}">\n{lines}</sitemapindex>\n')


@get("/sitemaps/{name:str}", include_in_schema=False)
async def sitemap_part(
    request: AnyRequest, reading: Reading, site: Sites, name: FromPath[str]
) -> Response[bytes]:
    stem, _, suffix = name.rpartition(".")
    if suffix != "xml" or not (stem == "pages" or (stem.isascii() and stem.isdigit() and len(stem) < 8)):
        raise NotFound("There is no such part of the sitemap.")
    urls = site.urls
    if stem == "pages":
        pages = [urls.home(), urls.records(), urls.taxonomies(), urls.providers(), urls.feeds_page()]
        pages.append(urls.about())
        terms = await site.terms()
        pages += [urls.taxonomy(namespace) for namespace in terms.vocabulary.namespaces]
        addresses = [(urls.whole(page), "") for page in pages]
    else:
        first = (int(stem) - 1) * PART
        if first < 0 or first >= await public_head(reading):
            raise NotFound("There is no such part of the sitemap.")
        found = await queries.listed_between(reading, site.node.origin, first, first + PART)
        addresses = [(urls.absolute.record(one.id), one.at.date().isoformat()) for one in found]
    lines = "".join(
        f"<url><loc>{escape(address)}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</url>\n"
        for address, day in addresses
    )
    return _xml(request, f'<urlset xmlns="{_SITEMAP}">\n{lines}</urlset>\n')


def _xml(request: AnyRequest, text: str) -> Response[bytes]:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return prepared(request, body, XML, etag=digest(body)[:32], scopes=(ALL,))
