"""The joined styles and scripts: whole, in order, kept by browsers as long as they stay the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from reviews.pages import assets
from reviews.pages.assets import FOLDER, address_of, join_modules


@pytest.mark.parametrize("name", ["agentsite.css", "agentsite.js"])
def test_a_page_names_them_and_a_browser_keeps_them(name: str) -> None:
    answer = Client().get(address_of(name))
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    other = Client().get(f"/assets/000000000000/{name}")
    assert other.content == answer.content
    assert other["Cache-Control"] == "no-cache", "a page from before a deployment must not keep what is new"


def test_each_module_and_each_style_is_in_them_once() -> None:
    scripts = Client().get(address_of("agentsite.js")).content.decode()
    for path in FOLDER.glob("js/*.js"):
        assert scripts.count(f"// {path.name}\n") == 1, path
    styles = Client().get(address_of("agentsite.css")).content.decode()
    every_page = [FOLDER / "css/tokens.css", FOLDER / "css/base.css", *FOLDER.glob("css/components/*.css")]
    for path in every_page:
        assert styles.count(path.read_text()) == 1, path


def test_modules_stand_behind_what_they_import(tmp_path: Path) -> None:
    (tmp_path / "entry.js").write_text('import "./one.js";\nimport "./two.js";\n')
    (tmp_path / "one.js").write_text('import { add, twice } from "./sums.js";\n\nsaid(add(1, twice(2)));\n')
    (tmp_path / "two.js").write_text('import { add } from "./sums.js";\n')
    (tmp_path / "sums.js").write_text("export function add(a, b) {}\nexport async function twice(a) {}\n")
    joined = join_modules(tmp_path / "entry.js")
    assert [line for line in joined.splitlines() if line.startswith("// ")] == [
        "// sums.js",
        "// one.js",
        "// two.js",
        "// entry.js",
    ]
    assert "const { add, twice } = (() => {\nfunction add(a, b) {}\nasync function twice(a) {}" in joined
    assert "import" not in joined
    assert "export" not in joined


def test_nothing_else_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/assets/000000000000/settings.py").status_code == 404
    with pytest.raises(KeyError):
        assets.address_of("settings.py")
