"""The fields of the tantivy index, and how a projection goes into them.

Words are cut by `search.text` before they get here, so the index only has to split at spaces. What is matched
stands in `body`; the other texts hold parts of the same words once more and only weigh. Each filter has a
field of keys to find by and one of values to count; a value and what it is called stand in one term, so that
both come out of one count.

What a record says now and what it said before lie in two indexes with the same fields, so that neither words
nor lengths of the past weigh on what is live. Asking for that costs the same however much is past.
"""

from zlib import crc32

import tantivy

from search import text
from search.document import FACETS, FILTERS, Key, Projection, Value, value
from search.relevance import WEIGHTS

BODY = "body"
ROWS = ("title", "names")
"""The weighing texts that know the order of their words."""

KEY = "key"
EXACT = "exact"
DOCUMENT = "document"
STATE = "state"
LIVE = "live"
COPY = "copy"
TRAIT = "trait"
AUDIENCE = "audience"
SINCE, UNTIL = "since", "until"
INTERVAL = "interval"
_SEPARATOR = "\x1f"
STATE_KEY = f"{_SEPARATOR}state"

_SECONDS_BITS = 34
_TIE_BITS = 24
_TOKENIZER = "spaced"


def filter_field(name: str) -> str:
    return f"by_{name}"


def facet_field(name: str) -> str:
    return f"of_{name}"


def make_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in (KEY, STATE):
        builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
    for name in (LIVE, COPY, EXACT, TRAIT, AUDIENCE, INTERVAL, *map(filter_field, FILTERS)):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in FACETS:
        builder.add_text_field(facet_field(name), fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(BODY, tokenizer_name=_TOKENIZER, index_option="position")
    for name in WEIGHTS:
        option = "position" if name in ROWS else "freq"
        builder.add_text_field(name, tokenizer_name=_TOKENIZER, index_option=option)
    for name in ("occurred_first", "occurred_last", "published"):
        builder.add_integer_field(name, fast=True, indexed=True)
    for name in ("newest", "updated", "severity", "month", SINCE, UNTIL):
        builder.add_unsigned_field(name, fast=True)
    builder.add_bytes_field(DOCUMENT, stored=True)
    return builder.build()


def register_tokenizers(index: tantivy.Index) -> None:
    """Tokenizers are not kept in an index: whoever opens one names them anew."""
    spaces = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    short = tantivy.Filter.remove_long(text.MAX_WORD_BYTES + 1)
    index.register_tokenizer(_TOKENIZER, spaces.filter(short).build())


def join_key(key: Key) -> str:
    return _SEPARATOR.join(key)


def split_key(joined: str) -> Key:
    origin, _, id = joined.partition(_SEPARATOR)
    return origin, id


def interval_key(record: Projection) -> str:
    return f"{join_key(record.key)}{_SEPARATOR}{record.since}"


def split_value(term: str) -> Value:
    """The value and its label, out of one term of a counted field."""
    spelt, _, label = term.partition(_SEPARATOR)
    return value(spelt, label or None)


def _join_value(held: Value) -> str:
    return f"{held.value}{_SEPARATOR}{held.label}" if held.label else held.value


def _order(seconds: int, key: Key) -> int:
    """What records are sorted by. The last bits are drawn from the id, so that hardly two sort alike."""
    tie = crc32(join_key(key).encode()) >> (32 - _TIE_BITS)
    return min(max(seconds, 0), (1 << _SECONDS_BITS) - 1) << _TIE_BITS | tie


def make_document(record: Projection) -> tantivy.Document:
    document = tantivy.Document()
    add = document.add_text
    add(KEY, join_key(record.key))
    add(LIVE, "1")
    document.add_unsigned(SINCE, record.since)
    if not record.live:
        add(INTERVAL, interval_key(record))
        document.add_unsigned(UNTIL, record.until)
    if record.copy:
        add(COPY, "1")
    for key in record.exact:
        add(EXACT, key)
    for trait in record.traits:
        add(TRAIT, trait)
    for audience in record.audience:
        add(AUDIENCE, audience)
    add("title", text.spaced(record.title))
    for name in record.names:
        add("names", text.spaced(name))
    if record.summary:
        add("summary", text.spaced(record.summary))
    for label in record.labels:
        add("labels", text.spaced(label))
    for whole in record.texts():
        add(BODY, text.spaced(whole))
    for name, values in record.values.items():
        field = facet_field(name)
        for held in values:
            add(field, _join_value(held))
    for name in FILTERS:
        field = filter_field(name)
        for key in record.keys(name):
            add(field, key)
    if record.occurred is not None:
        document.add_integer("occurred_first", record.occurred[0])
        document.add_integer("occurred_last", record.occurred[1])
    document.add_integer("published", record.published)
    newest = _order(record.published, record.key)
    document.add_unsigned("newest", newest)
    document.add_unsigned("updated", _order(record.updated, record.key))
    document.add_unsigned("severity", record.severity << (_SECONDS_BITS + _TIE_BITS) | newest)
    document.add_unsigned("month", record.month)
    document.add_bytes(DOCUMENT, record.document)
    return document


def make_state(state: str) -> tantivy.Document:
    document = tantivy.Document()
    document.add_text(KEY, STATE_KEY)
    document.add_text(STATE, state)
    return document
