"""Text from outside, shown so that nothing in it hides: controls, zero-width and bidirectional characters."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe

# Category Cf, the C0 and C1 controls but tab and newline, line and paragraph separators, letters that show
# nothing (Hangul fillers, Braille blank), and the variation selectors that can smuggle data.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\U000110bd\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
NAMED = 8


def visible(text: object) -> SafeString:
    """Escaped HTML in which each run of hidden characters is a mark that names them."""
    value = str(text).replace("\r\n", "\n")
    if HIDDEN.search(value) is None:
        return conditional_escape(value)
    pieces, end = [], 0
    for found in HIDDEN.finditer(value):
        pieces += [escape(value[end : found.start()]), _mark(found.group())]
        end = found.end()
    return mark_safe("".join([*pieces, escape(value[end:])]))  # noqa: S308 (every piece is escaped)


def named(text: object) -> str:
    """The same without markup, for where none can stand: a page's title, Markdown."""
    return HIDDEN.sub(lambda found: f"⟦{_codes(found.group())}⟧", str(text).replace("\r\n", "\n"))


def hides(text: object) -> bool:
    return HIDDEN.search(str(text).replace("\r\n", "\n")) is not None


def _mark(run: str) -> SafeString:
    name = unicodedata.name(run[0], "control character").lower()
    return format_html('<b class="hidden-character" title="hidden: {}">{}</b>', name, _codes(run))


def _codes(run: str) -> str:
    codes = " ".join(f"U+{ord(character):04X}" for character in islice(run, NAMED))
    return f"{codes} and {len(run) - NAMED:,} more" if len(run) > NAMED else codes
