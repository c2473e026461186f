"""Postal addresses: streets with house numbers, as they are written in a dozen languages."""

import re
from collections.abc import Iterator

from registry.moderation.screening.page import Found, Page, masked
from registry.moderation.screening.personal import REMOVE, is_apart

_NAME = r"[A-ZÀ-ÖØ-Þ][\w'’.-]{0,30}"
_STREETS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (tuple(words.split()), re.compile(pattern))
    for words, pattern in (
        # 12 Rose Garden Lane, Flat 3; not the year before "The Wall Street Journal"
        (
            "street ave road rd lane drive dr. blvd boulevard court crescent close terrace square st.",
            rf"(?<![\w.,-])(?!(?:19|20)\d\d )\d{{1,5}}[A-Za-z]? (?:(?!The ){_NAME} ){{1,4}}"
            r"(?:Street|Avenue|Ave\.?|Road|Rd\.?|Lane|Drive|Dr\.|Boulevard|Blvd\.?|Court|Crescent|Close|Terrace"
            r"|Square|St\.)(?!\w)(?! Journal)",
        ),
        # Lindenstraße 12a, Am Alten Platz 3
        (
            "straße strasse str. gasse weg allee platz straat laan gracht plein gatan vägen gade vej katu",
            r"(?<!\w)[A-ZÄÖÜ][\wäöüß-]{0,40}(?:straße|strasse|str\.|gasse|weg|allee|platz|straat|laan|gracht"
            r"|plein|gatan|vägen|gade|vej|katu) \d{1,4}[a-z]?(?!\w)(?! (?:Prozent|Millionen|Jahre))",
        ),
        # 12 bis, rue des Lilas
        (
            "rue avenue boulevard place chemin impasse allée quai",
            r"(?<![\w.,-])\d{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|allée|quai)"
            rf" (?:d[eu]s? |de la |la |l['’])?{_NAME}",
        ),
        # Calle de Alcalá, 14; Via Roma 3; Rua Augusta, n.º 5
        (
            "calle avenida av. plaza paseo carrera rua travessa praça via piazza corso",
            r"(?<!\w)(?:Calle|Avenida|Av\.|Plaza|Paseo|Carrera|Rua|Travessa|Praça|Via|Viale|Piazza|Corso)"
            rf" (?:d[aeio]l?[sl]?a? ){{0,2}}{_NAME}(?: {_NAME}){{0,3}},? (?:n\.?[º°o]?\.? ?|# ?)?"
            r"\d{1,5}(?![\w%])",
        ),
        # ул. Ленина, д. 5; вул. Шевченка, 10
        (
            "ул. улица просп пр-т пер. переулок вул",
            r"(?<!\w)(?:ул\.|улица|просп\.|проспект|пр-т|пер\.|переулок|вул\.|вулиця)"
            r" ?[А-ЯЁІЇЄ][\wЀ-ӿ. -]{1,40},? ?(?:д\.|дом|буд\.)? ?\d{1,4}",
        ),
        # ul. Kwiatowa 7
        (
            "ul. al. os. ulica",
            rf"(?<!\w)(?:ul\.|al\.|os\.|ulica|Ulica) ?{_NAME}(?: {_NAME}){{0,2}} \d{{1,4}}[a-zA-Z]?"
            r"(?:/\d{1,4})?(?!\w)",
        ),
        # 中山路123号
        ("路 街 大道 巷 弄 胡同", r"[\u4e00-\u9fff]{2,12}(?:路|街|大道|巷|弄|胡同)\d{1,5}(?:号|號|弄)"),
        # 本町1丁目2番3号
        ("丁目 番地", r"[\u3040-\u30ff\u4e00-\u9fff]{1,12}\d{1,3}(?:丁目|番地)"),
        # 서울시 강남구 테헤란로 152
        ("로 길", r"[가-힣]{1,10}(?:시|도|구|군) (?:[가-힣]{1,10} ){0,2}[가-힣]{1,12}(?:로|길) ?\d{1,4}"),
        # شارع الملك فهد 12
        (
            "شارع زنقة نهج",
            r"(?:شارع|زنقة|نهج) [\u0600-\u06ff]{2,20}(?: [\u0600-\u06ff]{2,20}){0,3}[،,]? ?(?:رقم )?\d{1,5}",
        ),
        # רחוב הרצל 12
        ("רחוב רח'", r"(?:רחוב|רח') [\u0590-\u05ff]{2,20}(?: [\u0590-\u05ff]{2,20}){0,2} \d{1,4}"),
    )
)


def postal_addresses(page: Page) -> Iterator[Found]:
    """Streets with house numbers, as they are written in a dozen languages."""
    for words, pattern in _STREETS:
        if not page.holds(words):
            continue
        for text, match in page.matches(pattern):
            if not is_apart(text) and not page.in_url(match.start()):
                shown = masked(match[0], keep=3)
                yield Found(text.pointer, match[0], f"This looks like a postal address: {shown}.", REMOVE)
