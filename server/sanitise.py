"""Turns text from outside into text that is safe to keep: lines, addresses, the two rich fields.

It knows no field, no length and no feature; limits belong to whoever owns the field. `rich_html`
returns markup that is safe to show as it stands; everything else is text a template still escapes.
"""

import re
import unicodedata
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt

TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "dl", "dt"),
    *("em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "ol", "p", "pre"),
    *("q", "s", "samp", "small", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th"),
    *("thead", "tr", "u", "ul", "var"),
}
"""No img, video or iframe: fetching them would tell a third party who is reading, and when."""

VANISHING = {"script", "style", "template", "noscript", "title", "textarea", "xmp", "svg", "math"}
"""Tags that go with what is inside them: their text was never meant to be read."""

ATTRIBUTES = {
    "*": {"lang"},
    "a": {"href", "title"},
    "abbr": {"title"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
WIDEST_SPAN = 20
"""A colspan of a million cells is a way to freeze a browser, not a table."""

LINK_SCHEMES = {"http", "https", "mailto"}
LONGEST_URL = 2000

MARKDOWN = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable("table")
"""Programme tools keep plain text, Markdown and HTML in one field; plain text keeps its lines."""

BLOCK_START = re.compile(
    r"\s*<(?:article|blockquote|center|div|dl|figure|h[1-6]|header|hr|ol|p|pre|section|table|ul)\b",
    re.IGNORECASE,
)
"""What begins with a block is HTML throughout: Markdown would see its indented lines as code."""

HEADING = re.compile(r"(</?)h([1-6])(?=[ >])")
OUTERMOST_HEADING = 3
"""The page has h1, its parts h2: headings that come with a text begin below them."""

FORBIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls, but not tab and line break
    "\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb"  # bidi, invisible, annotations
    "\ud800-\udfff\ue000-\uf8ff\ufffe\uffff\U000f0000-\U0010ffff]"  # surrogates, private use
)
"""Bidi overrides and isolates make a name read as another. Marks (LRM, RLM) and joiners stay:
Arabic, Persian and Indic text and emoji are misspelt without them."""

LINE_BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def plain_lines(text: str) -> str:
    """NFC text with its line breaks, without control and bidi override characters."""
    return unicodedata.normalize("NFC", FORBIDDEN.sub("", LINE_BREAK.sub("\n", text))).strip()


def plain_text(text: str) -> str:
    """One line of NFC text: a title, a name. Any run of white space is one space."""
    return " ".join(plain_lines(text).split())


def rich_html(source: str) -> str:
    """The content of a rich field from Markdown, HTML or plain text, safe to show unescaped."""
    source = plain_lines(source)
    if not source:
        return ""
    return clean_html(source if BLOCK_START.match(source) else MARKDOWN.render(source))


def clean_html(html: str) -> str:
    """What the allow-list leaves of `html`. Applying it twice changes nothing."""
    cleaned = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=VANISHING,
        attributes=ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes=LINK_SCHEMES,
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )
    # Only now are character references characters: `&#x202e;` passed the look at the source.
    cleaned = plain_lines(cleaned)
    return cleaned if _is_lowered(cleaned) else HEADING.sub(_lower_heading, cleaned)


def safe_url(text: str) -> str:
    """A web address that may stand in an `href`, or the empty string."""
    text = plain_text(text)
    if len(text) > LONGEST_URL or any(mark in text for mark in " \"'<>\\`"):
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return ""
    # A name before an @ only disguises where an address leads.
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return ""
    return text


def _filter_attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute in ("colspan", "rowspan"):
        narrow = re.fullmatch("[0-9]{1,3}", value) is not None and int(value) <= WIDEST_SPAN
        return value if narrow else None
    if tag == "a" and attribute == "href" and len(value) > LONGEST_URL:
        return None
    return value


def _is_lowered(html: str) -> bool:
    return all(int(level) >= OUTERMOST_HEADING for _, level in HEADING.findall(html))


def _lower_heading(heading: re.Match[str]) -> str:
    return f"{heading[1]}h{min(6, int(heading[2]) + OUTERMOST_HEADING - 1)}"
