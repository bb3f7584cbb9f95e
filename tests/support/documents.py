"""Code blocks of the documentation, so that tests do what it says."""

from __future__ import annotations

from pathlib import Path

from markdown_it import MarkdownIt


def blocks_under(page: Path, heading: str) -> dict[str, str]:
    """The code blocks between this heading and the next one, by the name behind the language: ```` ```sh start````."""
    tokens = MarkdownIt().parse(page.read_text())
    found: dict[str, str] = {}
    is_here = False
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before is not None and before.type == "heading_open":
            is_here = token.content == heading
        elif is_here and token.type == "fence":
            _, _, name = token.info.partition(" ")
            assert name not in found, f"two blocks are called {name!r}"
            found[name] = token.content
    assert found, f"{page} has no code under {heading!r}"
    return found


def patched(text: str, diff: str) -> str:
    """``text`` with a diff applied whose hunks begin with ``@@`` alone: they are found by what they replace."""
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(old) == 1, f"this does not stand there once:\n{old}"
        text = text.replace(old, new)
    return text
