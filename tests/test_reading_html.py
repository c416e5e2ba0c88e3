"""HTML: what a reader sees, what is hidden from him, what is quoted, in linear time."""

import time

import pytest
from reading_mails import mail, multipart, of_kind, raw, reading

from gateway.mail.html import read


@pytest.mark.parametrize(
    ("source", "visible"),
    [
        ("<p>you i<!-- x -->di<b></b>ot</p>", "you idiot"),
        ("id&shy;i<wbr>ot &#105;diot &#x69;diot &amp; &nonsense;", "idiot idiot idiot & &nonsense;"),
        ("<div>you</div><div>idiot</div>", "you\nidiot"),
        ("you<br>idiot<BR/>x</br>y", "you\nidiot\nx\ny"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("a\n   b\t c", "a b c"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\nb"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("a < b and c > d <", "a < b and c > d <"),
        ("<a href=\"x?a=1>2\" title='b>c'>link</a>", "link"),
        ("<html><head><title>t</title><style>.idiot{}</style><script>var idiot</script></head><body>hello</body></html>", "hello"),
        ("<![if !mso]>shown<![endif]><?xml version='1.0'?>", "shown"),
        ("<!-->shown<!--->, too<!-- a --!>!", "shown, too!"),
        ("<textarea>seen</textarea>", "seen"),
        ("&#99999999999999999999;&#x110000;" + "&#" + "9" * 5000 + ";x", None),
        ("<img src=x>a<img src=y>b", "a b"),
        ("", ""),
    ],
)
def test_what_a_reader_sees(source, visible):
    result = read(source).visible
    assert visible is None or result == visible


@pytest.mark.parametrize(
    "opening",
    [
        '<div style="display:none">',
        "<div style=display:none>",
        '<div style="color:red; DISPLAY : None !important">',
        "<div hidden>",
        '<span style="visibility:hidden">',
        '<span style="font-size:0">',
        '<span style="font-size:0.0px">',
        '<span style="font-size:1px">',
        '<span style="font:0/0 a">',
        '<span style="mso-hide:all">',
        '<span style="max-height:0px">',
        '<span style="opacity:0.0">',
        '<span style="height:0;overflow:hidden">',
        '<span style="text-indent:-9999px">',
        '<span style="position:absolute;left:-9999px">',
        '<span style="color:#fff">',
        '<span style="color:rgb(255, 254, 255)">',
        "<font color=white>",
        '<div style="background:#000"><span style="color:black">',
        '<table bgcolor="#123456"><tr><td style="color:#123456">',
        '<p class="x">',
        '<p id="y">',
        '<i class="a z b">',
        "<template>",
        "<object>",
    ],
)
def test_hidden_text_is_told_apart(opening):
    source = f"<style>/* c */ .x, #y {{display:none}} i.z{{font-size:0}}</style>see{opening}you idiot"
    page = read(source)
    assert "see" in page.visible
    assert "idiot" not in page.visible
    assert "you idiot" in page.hidden


@pytest.mark.parametrize(
    "opening",
    [
        '<div style="font-size:0"><span style="font-size:14px">',
        '<div style="visibility:hidden"><span style="visibility:visible">',
        '<div style="color:#fff;background:#000">',
        '<div style="background:url(x.png);color:#fff">',
        '<div style="font-size:1em">',
        '<div style="max-height:100px;opacity:0.9">',
        '<div class="x" style="display:block !important">',
        '<p class="m">',
        '<p class="d">',
        '<div style="display:none"></div>',
        '<span style="display:none"><p></span></p>',
        "</div></span></p>",
    ],
)
def test_visible_text_is_never_lost(opening):
    sheet = "<style>.x{display:none} @media (max-width:600px){.m{display:none}} .d{display:none} div .d{display:block}</style>"
    assert "you idiot" in read(f"{sheet}{opening}you idiot").visible


@pytest.mark.parametrize(
    "source",
    [
        """<div>No.</div><div class="gmail_quote"><div class="gmail_attr">On 3 Mar 2025 at 10:12, Bob &lt;b@x.example&gt; wrote:</div>
        <blockquote>get lost<br>moron</blockquote></div>""",
        '<p>No.</p><div class="moz-cite-prefix">Am 03.03.25 um 10:12 schrieb Bob:</div><blockquote type="cite"><p>moron</p></blockquote>',
        '<p>No.</p><hr><div id="divRplyFwdMsg"><b>Von:</b> Bob &lt;b@x.example&gt;<br><b>Gesendet:</b> Montag<br><b>Betreff:</b> x</div><div>moron</div>',
        '<p>No.</p><div style="border-top:solid"><p><b>From:</b> Bob &lt;b@x.example&gt;<br><b>Sent:</b> Monday<br><b>Subject:</b> x</p></div><p>moron</p>',
        '<p>No.</p><div class="yahoo_quoted"><div>On Monday, 3 March 2025, 10:12, Bob &lt;b@x.example&gt; wrote:</div><div>moron</div></div>',
    ],
)
def test_quotes_of_mail_programs_are_quoted(source):
    message = raw("Subject: RE: x\nIn-Reply-To: <1@x.example>\nContent-Type: text/html", source.encode())
    result = reading(message)
    assert result.own_text == "No."
    assert "moron" in of_kind(result, "quoted")


def test_a_blockquote_proves_nothing():
    assert "idiot" in reading(raw("Subject: hi\nContent-Type: text/html", b"<p>Hello</p><blockquote>you idiot</blockquote>")).own_text


def test_hidden_text_is_a_segment_of_its_kind():
    result = reading(raw("Subject: hi\nContent-Type: text/html", b'<p>you idiot</p><div style="display:none">thanks, great</div>'))
    assert result.own_text == "you idiot"
    assert of_kind(result, "hidden") == "thanks, great"


def test_html_that_is_declared_plain_is_read_as_html():
    assert reading(mail("<div>you id<b>iot</b></div>")).own_text == "you idiot"


# --- beside a plain part ------------------------------------------------------------------------------------------


def alternative(plain, markup):
    return reading(
        multipart("alternative", ("Content-Type: text/plain", plain), ("Content-Type: text/html", markup), header="Subject: hi\n")
    )


def test_what_only_the_html_part_says_is_seen():
    assert alternative("Hello, thank you.", "<p>Hello, thank you.</p><p>you idiot</p>").own_text == "Hello, thank you.\nyou idiot"


def test_the_same_words_are_not_read_twice():
    plain = "Hello *all*,\n\nsee <https://shop.example/a> for my order\n4711, it is late.\n\nJane"
    markup = '<p>Hello <b>all</b>,</p><p>see <a href="https://shop.example/a">for</a> my order 4711, it is late.</p><p>Jane</p>'
    assert alternative(plain, markup).own_text.count("late") == 1


def test_known_words_in_a_new_order_are_seen():
    plain = "You are kind, thank you. Idiots work at the other shop."
    assert "you idiots at work" in alternative(plain, "<p>you idiots at work</p>").own_text


def test_an_empty_plain_part_leaves_the_html():
    assert alternative("", "<p>you idiot</p>").own_text == "you idiot"


# --- linear -------------------------------------------------------------------------------------------------------

N = 1_000_000
HOSTILE = {
    "tags in tags": "<a <a " * (N // 3),
    "names": "<a" * (N // 2),
    "comments": "<!--" * (N // 2),
    "short tags": "<b>" * N,
    "deep": "<div>" * (N // 2),
    "unclosed end tags": "</x" * N,
    "attributes": "<a " + "a=b " * N + ">",
    "open quotes": '<a b="' * (N // 3),
    "mixed quotes": "<a b='\"" * (N // 3),
    "ampersands": "&" * N,
    "numbers": "&#9" * N,
    "styles": "<style>" * (N // 3),
    "braces": "<style>" + "a{" * N,
    "rules": "<style>" + ".a{x:y}" * 20_000 + "</style>" + '<p class="a b c">' * (N // 15),
    "scripts": "<script>" * (N // 3),
    "strange end tags": "<div>" * (N // 5) + "</span>" * (N // 5),
    "brackets": "<" * N,
    "styled": '<i style="color:red">x</i>' * (N // 20),
    "declarations": "<!" * N,
    "lines": "<pre>" + "\n" * N,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_is_read_in_linear_time(name):
    source = HOSTILE[name]

    def seconds(length):
        begun = time.process_time()
        read(source[:length])
        return time.process_time() - begun

    quarter, whole = seconds(min(len(source), N) // 4), seconds(len(source))
    assert whole < 10  # about 0.5 s where nothing else runs; quadratic would be minutes
    assert whole < max(0.3, quarter * 24)
