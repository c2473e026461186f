"""What this registry is, how to read it, and where to report trouble."""

from litestar import Response, get

from frontend.pages.parameters import Sites
from frontend.site import NEVER, Page
from frontend.words import KINDS
from registry.http import AnyRequest


@get("/about", include_in_schema=False)
async def show_about(request: AnyRequest, site: Sites) -> Response[bytes]:
    contact = site.node.settings.contact or ""
    mail = f"mailto:{contact.removeprefix('mailto:')}" if contact else ""
    page = Page(
        title="About",
        path=site.urls.about(),
        description=f"What {site.name} is, who writes in it, and how to read a record.",
        feeds=[site.everything],
        json=site.urls.node_json(),
        section="about",
        crumbs=(("About", ""),),
    )
    return site.answer(
        request,
        "about.html",
        page,
        scopes=(NEVER,),
        kinds=list(KINDS.values()),
        contact=contact,
        contact_url=contact if "://" in contact else mail,
        origin=site.node.origin,
    )
