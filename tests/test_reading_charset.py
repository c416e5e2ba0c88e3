"""Charsets that are missing, unknown or a lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.charset import decode

TEXTS = [
    "Здравствуйте! Ты идиот и мразь, где мой заказ №5?",
    "ты идиот",
    "ВЫ ВСЕ ИДИОТЫ",
    "Önök hülyék, őrült űrhajósok",
    "hülye",
    "Vous êtes complètement à côté, espèce de gâchis. Ça suffit",
    "Sie sind größenwahnsinnig, schöne Grüße",
    "Jy is sê'n gek, môre",
    "you’re an idiot – £5",
    "plain words",
]
CHARSETS = ["utf-8", "koi8-r", "cp1251", "cp1250", "iso-8859-2", "cp1252", "utf-16-le", "utf-16-be"]


def encodable():
    for text in TEXTS:
        for charset in CHARSETS:
            try:
                yield text, charset, text.encode(charset)
            except UnicodeEncodeError:
                continue


@pytest.mark.parametrize("declared", [None, "us-ascii", "utf-8", "iso-8859-1", "x-unknown", "idna", "the truth"])
@pytest.mark.parametrize(("text", "charset", "data"), list(encodable()))
def test_text_is_read_whatever_the_mail_says_of_it(text, charset, data, declared):
    assert decode(data, charset if declared == "the truth" else declared)[0] == text


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        (b"du bist +AOQ-rsch", "utf-7", "du bist ärsch"),
        (b"1 + 1 = 2 and +AOQ- stays", "us-ascii", "1 + 1 = 2 and +AOQ- stays"),
        (b"you idiot!!", "utf-16", "you idiot!!"),
        ("\ufeffты".encode("utf-16-le"), None, "ты"),
        ("\ufeffhülye".encode(), "iso-8859-1", "hülye"),
        (b"\x1b$B%P%+\x1b(B", "iso-2022-jp", "バカ"),
        ("バカ野郎".encode("shift_jis"), "shift_jis", "バカ野郎"),
        ("笨蛋".encode("gb18030"), "gb2312", "笨蛋"),
        ("hülye".encode("iso-8859-2"), '"ISO-8859-2"', "hülye"),
        (b"", "utf-8", ""),
        ("ä".encode()[:1], "utf-8", "\ufffd"),
        (b"abc", "\u0430\u0431", "abc"),
        (b"abc", "x" * 10_000, "abc"),
        (b"abc", "unicode_escape", "abc"),
        (b"\\u0041", "raw_unicode_escape", "\\u0041"),
        (b"nop", "rot13", "nop"),
    ],
)
def test_special_charsets(data, declared, text):
    assert decode(data, declared)[0] == text


def test_it_says_whether_the_declaration_was_kept_to():
    assert decode("hülye".encode(), "utf-8")[1]
    assert not decode("ты идиот".encode("koi8-r"), "utf-8")[1]


@given(
    st.binary(max_size=200),
    st.one_of(st.none(), st.sampled_from([*CHARSETS, "utf-7", "utf-32", "big5", "hz", "idna", "punycode"]), st.text(max_size=20)),
)
def test_any_bytes_become_clean_text(data, declared):
    decode(data, declared)[0].encode("utf-8")
