"""Which engine the settings lead to."""

from pathlib import Path

import pytest

from registry.errors import Misconfigured
from registry.settings import Settings
from search.embedded import EmbeddedEngine
from search.meili import MeiliEngine
from search.open import RESTRICTED, open_engine


def test_the_embedded_engine_is_the_default(tmp_path: Path) -> None:
    assert isinstance(open_engine(Settings(data=tmp_path, _env_file=None)), EmbeddedEngine)


def test_an_address_leads_to_meilisearch(tmp_path: Path) -> None:
    elsewhere = Settings(data=tmp_path, search_url="http://search.example.org:7700/", _env_file=None)
    public, apart = open_engine(elsewhere), open_engine(elsewhere, index=RESTRICTED)
    assert isinstance(public, MeiliEngine)
    assert isinstance(apart, MeiliEngine)
    assert (public.uid, apart.uid) == ("candor-records", "candor-restricted")


@pytest.mark.parametrize(
    "url", ["search.example.org:7700", "ftp://search.example.org", "http://", "http://x/?key=1"]
)
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(Misconfigured, match="CANDOR_SEARCH_URL"):
        open_engine(Settings(data=tmp_path, search_url=url, _env_file=None))


def test_what_is_shared_lies_apart(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, _env_file=None)
    public, apart = open_engine(settings), open_engine(settings, index=RESTRICTED)
    assert isinstance(public, EmbeddedEngine)
    assert isinstance(apart, EmbeddedEngine)
    assert apart.store.folder == tmp_path / "index-restricted"
    assert public.store.folder == settings.index_folder
