"""Error pages that help: what happened in words, and what to do next."""

from collections.abc import Callable
from typing import Any

from litestar import Response

from frontend.site import HTML, Page, Site
from registry.extensions import Node
from registry.http import AnyRequest

HELP: dict[int, tuple[str, str]] = {
    400: ("This address cannot be read", "Something in it is mistyped or cut off."),
    401: ("Sign in first", "This page is not for everybody."),
    403: ("Not allowed", "You are known here, but may not see this."),
    404: ("Nothing here", "The address may be mistyped, or what stood here was never public."),
    405: ("Not that way", "This address answers other methods."),
    410: ("Erased", "What stood here was erased. That cannot be undone."),
    429: ("Too many requests", "Wait a little, then try again."),
    451: ("Withheld by a legal order", "This registry may not show it here."),
    500: ("A mistake of ours", "It was logged. Trying again may help."),
    503: (
        "Not available at the moment",
        "A part of the registry does not answer. There may well be something here.",
    ),
}


def error_page(node: Node) -> Callable[[AnyRequest, int, dict[str, Any]], Response[Any]]:
    """What `registry.problems` calls for a person in a browser: the page for a status and its problem
    document.
    """
    site = Site(node)

    def show(request: AnyRequest, status: int, body: dict[str, Any]) -> Response[Any]:
        heading, help = HELP.get(status, (str(body.get("title", "Something went wrong")), ""))
        page = Page(title=heading, path=request.url.path, feeds=[site.everything], indexed=False)
        searching = request.url.path.rstrip("/").endswith("/records")
        html = site.html(
            "error.html",
            page,
            status=status,
            heading=heading,
            help=help,
            detail=body.get("detail", ""),
            findings=body.get("findings", []),
            searching=searching,
            q=request.query_params.get("q", "") if searching else "",
        )
        return Response(html, status_code=status, media_type=HTML)

    return show
