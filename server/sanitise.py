"""Turns text from outside into text that is safe to keep: plain lines, web addresses, and the two rich fields.

It knows no field, no length and no feature; limits belong to whoever owns the field. What it returns is safe to show as
it stands: `rich_html` gives markup for `|safe`, everything else is text that a template still escapes.
"""

import re
import unicodedata
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt

TAGS = frozenset(
    "a abbr b blockquote br caption cite code dd del dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li ol p"
    " pre q s samp small strong sub sup table tbody td tfoot th thead tr u ul var".split()
)
"""No img, video or iframe: fetching them would tell a third party who is reading, and when."""

HIDDEN_CONTENT = {
    "script",
    "style",
    "template",
    "noscript",
    "title",
    "textarea",
    "xmp",
    "svg",
    "math",
}
"""Tags that vanish with what is inside them: their text was never meant to be read."""

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
"""Programme tools store plain text, Markdown and HTML in one field. Plain text keeps its line breaks."""

BLOCK_START = re.compile(
    r"\s*<(?:address|article|blockquote|center|div|dl|figure|h[1-6]|header|hr|ol|p|pre|section|table|ul)\b",
    re.IGNORECASE,
)
"""Text that begins with a block tag is HTML throughout: Markdown would see its indented lines as code."""

HEADING = re.compile(r"(</?)h([1-6])(?=[ >])")
OUTERMOST_HEADING = 3
"""The page has h1, its parts h2: headings that come with a text begin below them."""

FORBIDDEN_CATEGORIES = {"Cc", "Cs", "Co", "Cn"}
FORBIDDEN = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\ufff9\ufffa\ufffb"
)
"""Bidi overrides and isolates can make a name read as another; LRM, RLM and the joiners stay, languages need them."""

LINE_BREAKS = str.maketrans(
    {"\u2028": "\n", "\u2029": "\n", "\x85": "\n", "\x0b": "\n", "\x0c": "\n"}
)


def plain_lines(text: str) -> str:
    """NFC text with its line breaks, without control, bidi override and unassigned characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(LINE_BREAKS)
    kept = "".join(character for character in text if _may_stay(character))
    return unicodedata.normalize("NFC", kept).strip()


def plain_text(text: str) -> str:
    """One line of NFC text: a title, a name. Any run of white space is one space."""
    return " ".join(plain_lines(text).split())


def rich_html(source: str) -> str:
    """Allowed HTML from Markdown, HTML or plain text: the content of a rich field, safe to show unescaped."""
    source = plain_lines(source)
    if not source:
        return ""
    return clean_html(source if BLOCK_START.match(source) else MARKDOWN.render(source))


def clean_html(html: str) -> str:
    """What the allow-list leaves of `html`. Applying it twice changes nothing."""
    cleaned = nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags=HIDDEN_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes=LINK_SCHEMES,
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )
    # Only now are character references characters: `&#x202e;` passed the first look at the source.
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
    # Names and passwords in an address serve only to disguise where it leads.
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return ""
    return text


def _may_stay(character: str) -> bool:
    if character in "\n\t":
        return True
    if character in FORBIDDEN:
        return False
    return (
        character < "\x7f"
        and character >= " "
        or unicodedata.category(character) not in FORBIDDEN_CATEGORIES
    )


def _filter_attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute in ("colspan", "rowspan"):
        return (
            value if value.isascii() and value.isdigit() and int(value[:4]) <= WIDEST_SPAN else None
        )
    if attribute == "href" and tag == "a" and len(value) > LONGEST_URL:
        return None
    return value


def _is_lowered(html: str) -> bool:
    """Whether the outermost headings are already below the page's own, so that cleaning twice changes nothing."""
    return all(int(level) >= OUTERMOST_HEADING for _, level in HEADING.findall(html))


def _lower_heading(heading: re.Match[str]) -> str:
    level = min(6, int(heading[2]) + OUTERMOST_HEADING - 1)
    return f"{heading[1]}h{level}"
