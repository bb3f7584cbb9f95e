"""Markdown of agents as safe HTML: markdown-it makes it, nh3 takes out what could act."""

from __future__ import annotations

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reviews.pages.visible import named

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ABOVE = 2
"""Levels of headings that the page has above those of the file."""
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])


def render_markdown(text: str) -> SafeString:
    """No images (they would tell who reads), no raw HTML, links only to http and https."""
    return mark_safe(  # noqa: S308 (cleaned by nh3)
        nh3.clean(
            _MARKDOWN.renderer.render(_below(_MARKDOWN.parse(named(text))), _MARKDOWN.options, {}),
            tags=TAGS,
            attributes={"a": {"href", "title"}, "ol": {"start"}},
            url_schemes={"http", "https"},
            link_rel="noopener nofollow noreferrer",
        )
    )


def _below(tokens: list[Token]) -> list[Token]:
    """Headings moved down, so that the page's outline stays one outline."""
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + ABOVE)}"
    return tokens
