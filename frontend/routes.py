"""How the pages plug into the registry."""

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler

from frontend.pages import (
    about,
    campaigns,
    errors,
    evidence,
    feeds,
    files,
    home,
    notices,
    providers,
    record,
    records,
    searches,
    signin,
    taxonomies,
)
from frontend.site import Site
from frontend.templating import compiled
from registry.auth.oidc import OpenId
from registry.extensions import Extension, Node

PAGES: tuple[ControllerRouterHandler, ...] = (
    home.show_home,
    records.list_records,
    record.show_record,
    record.show_version,
    providers.list_providers,
    providers.show_provider,
    taxonomies.list_taxonomies,
    taxonomies.show_taxonomy,
    taxonomies.show_term,
    campaigns.show_campaigns,
    evidence.show_evidence,
    evidence.show_matrix,
    feeds.show_feeds,
    about.show_about,
    notices.show_form,
    notices.send_form,
    notices.show_notice,
    *signin.HANDLERS,
    *searches.HANDLERS,
    files.static_file,
    files.favicon,
    files.robots,
    files.sitemap,
    files.sitemap_part,
)


def routes(_: Node) -> Sequence[ControllerRouterHandler]:
    compiled()
    return PAGES


extension = Extension(
    name="frontend",
    routes=routes,
    provides={"site": Site, "openid": OpenId},
    error_page=errors.error_page,
)
