"""From bytes to text when the declared charset is missing, unknown or a lie (RFC 2045 section 5.2, RFC 2047 section 6.2).

What is plausible in the languages of our customers wins over what is declared; a declared charset that reads well is believed.
"""

import codecs
import re
from functools import lru_cache
from itertools import pairwise

_FALLBACKS = ("koi8-r", "cp1251", "cp1250", "iso-8859-2", "cp1252")
_NO_CHARSETS = frozenset(
    {
        "idna",
        "punycode",
        "undefined",
        "unicode_escape",
        "raw_unicode_escape",
        "oem",
        "mbcs",
        "charmap",
        "utf-7",
        "ascii",
        "utf-8",
        "utf-8-sig",
    }
)
"""Codecs of Python that no mail is written in, and those that are tried apart."""
_ALIASES = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "iso8859-1": "cp1252", "iso-8859-9": "cp1254"}
"""What is declared as Latin-1 is Windows-1252 in practice, as the WHATWG encoding standard has it."""
_SEVEN_BIT = frozenset({"iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_ext", "iso2022_kr", "hz"})
_WIDE = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})
_MULTIBYTE = frozenset(
    {"big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jp", "euc_kr", "gb2312", "gbk", "gb18030", "shift_jis", "johab"}
)
_SAMPLE = 4_000
"""So many bytes around the first ones with the eighth bit decide; the rest of the text is in the same charset."""

_CYRILLIC_COMMON = frozenset("оеаинтсрвлкмдпуяыьгзбч")
_LATIN_OURS = frozenset("äöüßàâçéèêëîïôùûœáíóőúűÄÖÜÀÂÇÉÈÊËÎÏÔÁÍÓŐÚŰ")
_SIGNS = frozenset("„“”‚‘’«»–—…€§°№·©®™\xa0´½¼×£¢¿¡†•")
_WORD = re.compile(r"\w+")
_SHIFTED = re.compile(rb"\+[A-Za-z0-9+/]{2,}-?")


def decode(data: bytes, declared: str | None) -> tuple[str, bool]:
    """Decode bytes of a text part or of a header field.

    Args:
        data: after the transfer encoding.
        declared: the charset as the mail names it, None when it names none.

    Returns:
        tuple[str, bool]: the text, never with lone surrogates, and whether the declaration was kept to.
    """
    name = _known(declared)
    for mark, codec in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return _clean(data.decode(codec, "replace").removeprefix("\ufeff")), name is not None
    if (wide := _wide(data, name)) is not None:
        return wide, name in _WIDE
    if data.isascii():
        return _seven_bit(data, name), name not in _WIDE
    if name not in _MULTIBYTE or name == "gb18030":
        try:
            return _clean(data.decode("utf-8")), name in {None, "utf-8", "ascii"}
        except UnicodeDecodeError as error:
            cut_off = name == "utf-8" and error.reason == "unexpected end of data"
            if cut_off or _nearly_utf8(data, declared=name == "utf-8"):
                return _clean(data.decode("utf-8", "replace")), name in {None, "utf-8"}
    if name in _MULTIBYTE or name in _SEVEN_BIT:
        text = data.decode(name, "replace")
        if text.count("\ufffd") * 10 <= len(text):
            return _clean(text), True
    return _plausible(data, name)


def _known(declared: str | None) -> str | None:
    if not declared:
        return None
    return _lookup(declared.strip(" \t\"'").lower()[:60])


@lru_cache(maxsize=256)
def _lookup(name: str) -> str | None:
    if not name.isascii():
        return None
    name = _ALIASES.get(name, name)
    if name in {"unicode-1-1-utf-7", "x-unicode-1-1-utf-7", "utf7"}:
        name = "utf-7"
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if not getattr(codec, "_is_text_encoding", True):
        return None
    canonical = _ALIASES.get(codec.name, codec.name)
    return canonical if canonical in {"utf-7", "ascii", "utf-8"} or canonical not in _NO_CHARSETS else None


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _wide(data: bytes, name: str | None) -> str | None:
    """UTF-16 or UTF-32 when the bytes have its pattern of zeros, or as declared when it reads as letters."""
    head = data[:_SAMPLE]
    if (len(head) >= 4 and len(head) % 2 == 0) or len(head) == _SAMPLE:
        zeros_odd, zeros_even = _high_bytes(head[1::2]), _high_bytes(head[0::2])
        half = len(head) // 2
        if zeros_odd * 2 > half and zeros_even * 10 < half:
            return _clean(data.decode("utf-16-le", "replace"))
        if zeros_even * 2 > half and zeros_odd * 10 < half:
            return _clean(data.decode("utf-16-be", "replace"))
    if name in _WIDE:
        codec = "utf-16-le" if name == "utf-16" else "utf-32-le" if name == "utf-32" else name
        text = data.decode(codec, "replace")
        if text and _worth(text[:_SAMPLE]) > 0.5 and not _printable(head):
            return _clean(text)
    return None


def _high_bytes(data: bytes) -> int:
    """How many bytes could be the upper half of a Latin (00) or Cyrillic (04) letter; neither stands in other text."""
    return data.count(0) + data.count(4)


def _printable(data: bytes) -> bool:
    return data.isascii() and all(byte >= 32 or byte in b"\t\r\n\f" for byte in data)


def _seven_bit(data: bytes, name: str | None) -> str:
    if name == "utf-7" or (name is None and b"+" in data and _SHIFTED.search(data)):
        text = data.decode("utf-7", "replace")
        if name == "utf-7" or (_worth(text) >= 1.0 and "\ufffd" not in text and not text.isascii()):
            return _clean(text)
    if name in _SEVEN_BIT and name is not None:
        return _clean(data.decode(name, "replace"))
    return data.decode("ascii")


def _nearly_utf8(data: bytes, *, declared: bool) -> bool:
    """Whether most of the bytes with the eighth bit are good UTF-8: a damaged text, not another charset."""
    high = sum(byte >= 0x80 for byte in data[:65536])
    text = data[:65536].decode("utf-8", "replace")
    return text.count("\ufffd") * (2 if declared else 8) <= high


def _plausible(data: bytes, name: str | None) -> tuple[str, bool]:
    first = next(position for position, byte in enumerate(data) if byte >= 0x80)
    sample = data[max(0, first - 200) : first + _SAMPLE]
    candidates = list(_FALLBACKS)
    if name and name not in {"utf-8", "ascii", "utf-7"} and name not in _WIDE:
        candidates.insert(0, name)
    best, worth = "cp1252", float("-inf")
    for candidate in candidates:
        value = _worth(sample.decode(candidate, "replace")) + (0.15 if candidate == name else 0.0)
        if value > worth:
            best, worth = candidate, value
    return _clean(data.decode(best, "replace")), best == name


def _worth(text: str) -> float:
    """How well a text reads in our languages: from below 0 to 1, judged on its characters beyond ASCII."""
    points = 0.0
    count = 0
    for found in _WORD.finditer(text):
        word = found[0]
        if word.isascii():
            continue
        cyrillic = sum("\u0400" <= letter <= "\u04ff" for letter in word)
        others = sum(letter > "\x7f" for letter in word) - cyrillic
        count += cyrillic + others
        if cyrillic:
            common = sum(letter in _CYRILLIC_COMMON for letter in word[1:].lower()) if len(word) > 1 else 0.5
            turned = sum(a.islower() and b.isupper() for a, b in pairwise(word))
            shouted = 0.9 if len(word) > 1 and word.isupper() else 1.0
            points += (
                cyrillic * (1.0 if not others and cyrillic == len(word) else -0.5) * shouted * (0.3 + 0.7 * common / max(1, len(word) - 1))
            )
            points -= 2.0 * turned
        else:
            ours = sum(letter in _LATIN_OURS for letter in word)
            dense = others * 2 > len(word) and len(word) > 2
            inner = sum(a.islower() and b.isupper() for a, b in pairwise(word))
            points += (ours - 1.0 * (others - ours)) * (-0.5 if dense else 1.0) - inner
    for sign in text:
        if sign > "\x7f" and not sign.isalnum():
            count += 1
            points += 0.5 if sign in _SIGNS else -1.0
    return points / count if count else 1.0
