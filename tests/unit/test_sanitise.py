"""Hostile and clumsy text: what may stay of it."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sanitise import (
    ATTRIBUTES,
    TAGS,
    clean_html,
    plain_lines,
    plain_text,
    rich_html,
    safe_url,
)


class Found(HTMLParser):
    """The tags, attributes and addresses of a piece of HTML, as a parser sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.addresses: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name == "href"}


def assert_harmless(html: str) -> None:
    found = Found(html)
    assert found.tags <= TAGS
    for tag, name in found.attributes:
        assert name in ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set()) | {"rel"}
    for address in found.addresses:
        assert re.match(r"(https?|mailto):", address)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  two\n words ", "two words"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("Dr \u202egnp.exe", "Dr gnp.exe"),
        ("\u2066x\u2069\u200b\ufeff", "x"),
        ("\ud800x", "x"),
        ("नमस्\u200dते", "नमस्\u200dते"),
        ("tab\there", "tab here"),
    ],
)
def test_a_line_is_normalised_and_free_of_controls(text: str, kept: str) -> None:
    assert plain_text(text) == kept


def test_lines_keep_their_breaks() -> None:
    assert plain_lines("a\r\nb\rc\u2028d\x85e\x00") == "a\nb\nc\nd\ne"


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("", ""),
        ("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>"),
        ("**bold** & <plain>", "<p><strong>bold</strong> &amp; </p>"),
        ("* a\n* b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("<p>a\n\n    b</p>", "<p>a\n\n    b</p>"),
        ("# Big\n\n## Less", "<h3>Big</h3>\n<h4>Less</h4>"),
        ("<h3>kept</h3>", "<h3>kept</h3>"),
        (
            "[x](https://a.example 'T')",
            '<p><a href="https://a.example" title="T" rel="noopener noreferrer nofollow">x</a></p>',
        ),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](/sessions/1)", '<p><a rel="noopener noreferrer nofollow">x</a></p>'),
        ("&#x202e;x", "<p>x</p>"),
        ("<td colspan=9999999>x", "x"),
    ],
)
def test_rich_text(source: str, html: str) -> None:
    assert rich_html(source) == html


HOSTILE = [
    "<script>alert(1)</script>",
    "<p><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=1>'>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href=' &#14; javascript:alert(1)'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<p style='position:fixed;inset:0' class=overlay id=app onclick=alert(1)>x",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<form action=https://evil.example><input name=password></form>",
    "<base href=https://evil.example><meta http-equiv=refresh content='0;url=//evil.example'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><script>alert(1)</script></textarea>",
    "<template><script>alert(1)</script></template>",
    "<a title='<h1>' href='https://a.example'>x</a><h1>y</h1>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<object data=x></object><embed src=x><video src=x onerror=alert(1)></video>",
    "<table><td rowspan=65534 background=javascript:alert(1)>x</table>",
    "[x](<javascript:alert(1)>) ![x](x\" onerror='alert(1))",
    "<a href='https://a.example/" + "x" * 5000 + "'>x</a>",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_html_is_neutralised(source: str) -> None:
    for html in (rich_html(source), clean_html(source)):
        assert_harmless(html)
        assert "alert" not in " ".join(Found(html).addresses)
        assert "<script" not in html


markup = st.lists(st.sampled_from(["<", ">", "</", "h1", "p", " a=", "'", '"', "\n", "x", "&lt;"]))


@given(st.one_of(st.text(max_size=60), markup.map("".join), st.sampled_from(HOSTILE)))
def test_cleaning_is_harmless_and_twice_is_as_once(source: str) -> None:
    html = rich_html(source)
    assert_harmless(html)
    assert clean_html(html) == html


def test_a_deep_nest_ends() -> None:
    assert_harmless(rich_html("<blockquote>" * 1500))
    assert_harmless(rich_html(">" * 5_000))
    assert_harmless(rich_html("[" * 5_000))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (" https://a.example/x?y=1#z ", "https://a.example/x?y=1#z"),
        ("http://a.example", "http://a.example"),
        ("javascript:alert(1)", ""),
        ("https://bank.example@evil.example/", ""),
        ("https://", ""),
        ("//a.example", ""),
        ("a.example", ""),
        ("https://a.example/'onclick=x", ""),
        ("https://a.example/a b", ""),
        ("https://[::1", ""),
        ("https://a.example/" + "x" * 2000, ""),
        ("ftp://a.example", ""),
    ],
)
def test_only_web_addresses_are_addresses(text: str, url: str) -> None:
    assert safe_url(text) == url
