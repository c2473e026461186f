"""Markdown: what it renders, and that nothing in it becomes active on a page."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.markdown import code_css, plain, render

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<style>*{display:none}</style>",
    '<a href="javascript:alert(1)">x</a>',
    "<math><mtext></p><style><img src onerror=alert(1)>",
    "<!--><script>alert(1)</script>-->",
    "<details open ontoggle=alert(1)>",
    "<form action=//evil.example><input name=password>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A&#x61&#x76&#x61script:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\u0001javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/)",
    "[x](/console/publish)",
    "[x](#id)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    '![x](https://example.org/x.png "\\" onerror=\\"alert(1)")',
    '[x](https://example.org "\\"onmouseover=\\"alert(1)")',
    '[x](https://example.org/"onmouseover="alert(1))',
    "[a](https://example.org/`onmouseover=alert(1)`)",
    "```html onload=alert(1)\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "[^1]\n\n[^1]: <img src=x onerror=alert(1)>",
    '[^"><script>]\n\n[^"><script>]: x',
    "| <script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "# <svg onload=alert(1)>",
    "[![x](javascript:alert(1))](javascript:alert(1))",
    "\\<script>alert(1)\\</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
]
ELEMENTS = set(
    """a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre s section span strong sup
    table tbody td th thead tr ul""".split()  # noqa: SIM905
)


class Page(HTMLParser):
    """What a browser would see: elements, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def inert(text: str) -> None:
    for tag, attributes in Page(text).elements:
        assert tag in ELEMENTS
        assert set(attributes) <= {"href", "rel", "title", "class", "id", "start"}
        href = attributes.get("href")
        if href is not None:
            assert re.match(r"(?i)(https?://|mailto:|#fn)", href), href
            assert attributes["rel"] == "nofollow noopener ugc"


@pytest.mark.parametrize("text", ATTACKS)
def test_attacks_stay_text(text: str) -> None:
    inert(render(text, prefix="r"))


@given(st.text(st.sampled_from("<>[]()!`*_#&;:\"'/\\ \n|~^-=javscriptdonl1.x"), max_size=80))
def test_any_text_is_inert(text: str) -> None:
    inert(render(text, prefix="r"))


@given(st.text(max_size=100))
def test_rendering_and_plain_words_never_fail(text: str) -> None:
    inert(render(text))
    assert "\n" not in plain(text)


def test_raw_html_is_shown_as_text() -> None:
    assert render("<b>x</b>") == "<p>&lt;b&gt;x&lt;/b&gt;</p>\n"


def test_headings_fit_beneath_the_page_title() -> None:
    made = render("# One\n\n### Three\n\n###### Six\n\nSetext\n---")
    assert re.findall(r"<(h\d)>", made) == ["h2", "h4", "h6", "h3"]
    assert "<h3>One</h3>" in render("# One", shift=2)


def test_tables_keep_their_alignment_as_classes() -> None:
    made = render("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |\n")
    assert '<th class="left">a</th>' in made
    assert '<td class="center">2</td>' in made
    assert '<td class="right">3</td>' in made
    assert "style" not in made


def test_strikethrough() -> None:
    assert render("~~gone~~") == "<p><s>gone</s></p>\n"


def test_bare_addresses_are_not_made_links() -> None:
    assert "<a" not in render("See https://example.org and www.example.org")


def test_links_leave_without_passing_anything_on() -> None:
    expected = '<a href="https://example.org/?a=1&amp;b=2" rel="nofollow noopener ugc">x</a>'
    assert expected in render("[x](https://example.org/?a=1&b=2)")
    assert 'href="mailto:desk@example.org"' in render("<desk@example.org>")


def test_images_become_links() -> None:
    made = render("![A chart](https://example.org/chart.png)")
    assert made == '<p><a href="https://example.org/chart.png" rel="nofollow noopener ugc">A chart</a></p>\n'


def test_an_image_in_a_link_becomes_its_words() -> None:
    made = render("[![A chart](https://example.org/chart.png)](https://example.org)")
    assert made.count("<a ") == 1
    assert ">A chart</a>" in made


def test_footnotes_of_two_texts_can_share_a_page() -> None:
    text = "A[^x] and B[^x].\n\n[^x]: *Note*."
    one, other = render(text, prefix="a-1"), render(text, prefix="b")
    ids = re.findall(r'id="([^"]+)"', one)
    assert ids == ["fnrefa-1-1", "fnrefa-1-1:1", "fna-1-1"]
    assert not set(ids) & set(re.findall(r'id="([^"]+)"', other))
    for target in re.findall(r'href="#([^"]+)"', one):
        assert target in ids


def test_a_prefix_cannot_break_out() -> None:
    with pytest.raises(ValueError, match="prefix"):
        render("x", prefix='"><script>')


def test_code_is_highlighted_by_classes() -> None:
    made = render('```python\nprint("<b>")\n```')
    assert '<pre class="code"><code><span class="k-nb">print</span>' in made
    assert "&lt;b&gt;" in made
    assert "style=" not in made


@pytest.mark.parametrize("language", ["nosuchlanguage", "", '"><script>'])
def test_code_in_an_unknown_language_is_escaped(language: str) -> None:
    assert "&lt;script&gt;" in render(f"```{language}\n<script>\n```")


def test_the_style_sheet_styles_only_code() -> None:
    lines = code_css().splitlines()
    assert lines
    assert all(line.startswith(".code ") for line in lines)
    assert all(line.startswith("pre.dark ") for line in code_css("monokai", "pre.dark").splitlines())


def test_plain_words() -> None:
    text = (
        "# Title\n\nSome *emphasised* [link](https://example.org), `code`.[^1]\n\n- one\n- two\n\n[^1]: Note."
    )
    assert plain(text) == "Title Some emphasised link, code. one two"


def test_plain_words_are_cut_between_words() -> None:
    assert plain("one two three", 100) == "one two three"
    assert plain("one two three", 13) == "one two three"
    assert plain("one two three", 12) == "one two…"
    assert plain("one, two three", 6) == "one…"
    assert plain("abcdefghij", 5) == "abcd…"


@given(st.text(max_size=200), st.integers(1, 50))
def test_plain_words_keep_the_limit(text: str, limit: int) -> None:
    assert len(plain(text, limit)) <= limit


@pytest.mark.parametrize(
    "text", ["[" * 5000, "![[](" * 1000, "*a_ " * 2000, "> " * 2000, "`" * 5000, "- " * 2000]
)
def test_hostile_nesting_ends(text: str) -> None:
    inert(render(text))
