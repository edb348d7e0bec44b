"""Markdown of template authors into HTML that cannot run anything: raw HTML is shown as text, links only lead to the web."""

import re

from markdown_it import MarkdownIt
from markupsafe import Markup

# markdown-it refuses javascript:, vbscript:, file: and data: links (but for images) by itself.
_READER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_LEAST_LEVEL = 6
_MOST = 256 * 1024
# What a README says of itself to programs: `name: value` lines between two fences, at its very beginning.
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(?=[\w-]+:)(?:[^\n]*\n){1,100}?---[ \t]*(?:\r?\n|$)")


def render_markdown(text: str) -> Markup:
    """Return the HTML of a text without its front matter; what is beyond 256 KiB is cut off.

    Headings go below the page's own, which is the first.
    """
    tokens = _READER.parse(_FRONT_MATTER.sub("", text[:_MOST], count=1) if text.startswith("---") else text[:_MOST])
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 2, _LEAST_LEVEL)}"
    html: str = _READER.renderer.render(tokens, _READER.options, {})
    # Code is wider than a phone: who has no pointer scrolls it by the keyboard. No text can look like this tag.
    html = html.replace("<pre>", '<pre tabindex="0">')
    return Markup(html)  # noqa: S704 raw HTML is off, so the renderer escapes everything


def render_inline(text: str) -> Markup:
    """Return the HTML of one line, such as a parameter's description."""
    return Markup(_READER.renderInline(text[:8192]))  # noqa: S704 as above
