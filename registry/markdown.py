"""Markdown to HTML that may stand on any page, and to plain words.

CommonMark with tables, footnotes and strikethrough. Raw HTML is shown as text; images become links, so that
no reader's browser asks a third party for anything; links go to http, https and mailto only. What markdown-it
makes passes through nh3 with an explicit list of elements, so that a mistake in a renderer cannot become a
script on a page.
"""

import html
import re
from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.footnote import footnote_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

SCHEMES = frozenset(("http", "https", "mailto"))
REL = "nofollow noopener ugc"
CODE_CLASS = "code"
_MAX_HIGHLIGHTED = 50_000
_MAX_NESTING = 40

_CLASSES = {
    "pre": {CODE_CLASS},
    "sup": {"footnote-ref"},
    "hr": {"footnotes-sep"},
    "section": {"footnotes"},
    "ol": {"footnotes-list"},
    "li": {"footnote-item"},
    "a": {"footnote-backref"},
    "th": {"left", "center", "right"},
    "td": {"left", "center", "right"},
}
_BLOCKS = {
    "blockquote",
    "br",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "ul",
}
_TABLES = {"table", "tbody", "td", "th", "thead", "tr"}
_INLINE = {"a", "code", "em", "s", "span", "strong", "sup"}
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title", "id"},
    "li": {"id"},
    "ol": {"start"},
}
_SAFE_ADDRESS = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_PREFIX = re.compile(r"[A-Za-z0-9-]+")
_FOOTNOTE_ANCHOR = re.compile(r"#[A-Za-z0-9:-]+")


def render(text: str, *, prefix: str = "", shift: int = 1) -> str:
    """The HTML of a text.

    `prefix` (letters, digits, hyphens) goes before the ids of footnotes, so that several texts may stand on
    one page. Headings move down by `shift` levels, to fit beneath the page's own title.
    """
    if prefix and not _PREFIX.fullmatch(prefix):
        raise ValueError("a prefix has letters, digits and hyphens only")
    made = _parser().render(text, {"prefix": prefix, "shift": shift})
    return _CLEANER.clean(made)


def plain(text: str, limit: int | None = None) -> str:
    """The words of a text on one line: no markup, no code blocks' fences, no footnote marks.

    With `limit`, at most so many characters, cut between words and ended by an ellipsis.
    """
    words: list[str] = []
    for token in _parser().parse(text, {"prefix": "", "shift": 0}):
        if token.type == "footnote_block_open":
            break
        if token.type == "inline":
            words.append(_words(token.children or []))
        elif token.type in ("fence", "code_block"):
            words.append(token.content)
    line = " ".join(" ".join(words).split())
    if limit is None or len(line) <= limit:
        return line
    cut = line[: max(limit - 1, 0)]
    between = cut.rpartition(" ")[0] if line[len(cut) : len(cut) + 1] != " " else cut
    return (between or cut).rstrip(" ,;:–—-") + "…"


def _words(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline", "html_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_words(token.children or []))
    return "".join(parts)


@lru_cache(maxsize=8)
def code_css(style: str = "default", selector: str = f".{CODE_CLASS}") -> str:
    """The style sheet for highlighted code, in one of Pygments' styles."""
    made: str = HtmlFormatter(style=style, classprefix="k-").get_style_defs(selector)  # type: ignore[no-untyped-call]
    return "\n".join(line for line in made.splitlines() if line.startswith(selector))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    parser.use(footnote_plugin, inline=False)
    parser.options["highlight"] = _highlight
    parser.validateLink = _is_safe  # type: ignore[method-assign,assignment]
    parser.core.ruler.push("house", _adapt)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("footnote_anchor_name", _footnote_name)
    return parser


def _is_safe(address: str) -> bool:
    return _SAFE_ADDRESS.match(address) is not None


def _adapt(state: StateCore) -> None:
    """Headings move down; alignment becomes a class, as inline styles are forbidden; no link stands in a
    link.
    """
    shift = int(state.env.get("shift", 0))
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + shift, 6)}"
        elif token.type in ("th_open", "td_open") and (style := token.attrs.pop("style", "")):
            token.attrSet("class", str(style).removeprefix("text-align:"))
        elif token.type == "inline":
            _flatten_images(token.children or [])


def _flatten_images(tokens: list[Token]) -> None:
    depth = 0
    for index, token in enumerate(tokens):
        if token.type in ("link_open", "link_close"):
            depth += token.nesting
        elif token.type == "image" and depth:
            tokens[index] = Token("text", "", 0, content=_words(token.children or []))


def _image(
    self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    token = tokens[index]
    address = str(token.attrs.get("src", ""))
    label = self.renderInlineAsText(token.children, options, env) or address
    return f'<a href="{html.escape(address)}">{html.escape(label)}</a>'


def _footnote_name(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Mapping[str, Any]
) -> str:
    number = int(tokens[index].meta["id"]) + 1
    return f"{env['prefix']}-{number}" if env.get("prefix") else str(number)


@lru_cache(maxsize=1)
def _formatter() -> HtmlFormatter[str]:
    return HtmlFormatter(nowrap=True, classprefix="k-")


def _highlight(code: str, language: str, _attributes: str) -> str:
    """Coloured by classes; never by inline styles, which a content security policy forbids."""
    if language and len(code) <= _MAX_HIGHLIGHTED:
        try:
            inner = highlight(code, get_lexer_by_name(language, stripnl=False), _formatter())
        except ClassNotFound:
            inner = html.escape(code)
    else:
        inner = html.escape(code)
    return f'<pre class="{CODE_CLASS}"><code>{inner}</code></pre>\n'


def _attribute(element: str, attribute: str, value: str) -> str | None:
    """What an attribute may say. nh3 asks this of every one that its own rules let through."""
    if attribute == "href":
        return value if _is_safe(value) or _FOOTNOTE_ANCHOR.fullmatch(value) else None
    if attribute == "class" and element == "span":
        return value if re.fullmatch(r"k-[a-z0-9]+", value) else None
    if attribute == "id":
        return value if re.fullmatch(r"fn(?:ref)?[A-Za-z0-9:-]+", value) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=_BLOCKS | _TABLES | _INLINE,
    attributes={**_ATTRIBUTES, "span": {"class"}},
    allowed_classes=_CLASSES,
    attribute_filter=_attribute,
    url_schemes=set(SCHEMES),
    link_rel=REL,
    strip_comments=True,
)
