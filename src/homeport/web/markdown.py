"""Markdown of template authors into HTML that cannot run anything: raw HTML is shown as text, links only lead to the web."""

from markdown_it import MarkdownIt
from markupsafe import Markup

# markdown-it refuses javascript:, vbscript:, file: and data: links (but for images) by itself.
_READER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_MOST = 256 * 1024


def render_markdown(text: str) -> Markup:
    """Return the HTML of a text; what is beyond 256 KiB is cut off."""
    return Markup(_READER.render(text[:_MOST]))  # noqa: S704 raw HTML is off, so the renderer escapes everything


def render_inline(text: str) -> Markup:
    """Return the HTML of one line, such as a parameter's description."""
    return Markup(_READER.renderInline(text[:8192]))  # noqa: S704 as above
