"""Which engine the settings lead to."""

from pathlib import Path

import pytest

from registry.errors import Misconfigured
from registry.settings import Settings
from search.embedded import EmbeddedEngine
from search.open import open_engine


def test_the_embedded_engine_is_the_default(tmp_path: Path) -> None:
    assert isinstance(open_engine(Settings(data=tmp_path, _env_file=None)), EmbeddedEngine)


def test_an_engine_that_is_not_here_is_refused(tmp_path: Path) -> None:
    elsewhere = Settings(data=tmp_path, search_url="http://search.example.org:7700", _env_file=None)
    with pytest.raises(Misconfigured, match="CANDOR_SEARCH_URL"):
        open_engine(elsewhere)
