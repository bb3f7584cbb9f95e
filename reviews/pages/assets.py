"""The styles and scripts that every page has, joined to one file of each kind: they are written as many small ones.

Their address holds a digest of what is in them, so that a browser keeps them until they change.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

STYLES = (
    "css/tokens.css",
    "css/base.css",
    "css/components/shell.css",
    "css/components/pieces.css",
    "css/components/forms.css",
    "css/components/tables.css",
    "css/components/prose.css",
)
SCRIPTS = "js/agentsite.js"
"""Names its modules by import, as they name each other."""
FOLDER = Path(settings.STATICFILES_DIRS[0])
A_YEAR = 365 * 24 * 3600

_IMPORT = re.compile(r'^import (?:\{ (?P<names>[\w, ]+) \} from )?"\./(?P<file>[\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function (?P<name>\w+))", re.MULTILINE)


@dataclass(frozen=True)
class Asset:
    media_type: str
    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def address_of(name: str) -> str:
    """Raises ``KeyError`` for another name than ``agentsite.css`` and ``agentsite.js``."""
    return reverse("asset", args=[_assets()[name].digest, name])


@require_safe
def asset(request: HttpRequest, digest: str, name: str) -> HttpResponse:
    """Whatever the digest: a page from before a deployment gets what there is now, and nobody keeps that."""
    found = _assets().get(name)
    if found is None:
        raise Http404
    lasting = digest == found.digest
    headers = {"Cache-Control": f"public, max-age={A_YEAR}, immutable" if lasting else "no-cache"}
    return HttpResponse(found.text, content_type=f"{found.media_type}; charset=utf-8", headers=headers)


def _assets() -> dict[str, Asset]:
    return _joined() if settings.DEBUG else _kept()


@cache
def _kept() -> dict[str, Asset]:
    return _joined()


def _joined() -> dict[str, Asset]:
    styles = "".join(f"/* {name} */\n{(FOLDER / name).read_text()}\n" for name in STYLES)
    return {
        "agentsite.css": Asset("text/css", styles),
        "agentsite.js": Asset("text/javascript", f'"use strict";\n{join_modules(FOLDER / SCRIPTS)}'),
    }


def join_modules(entry: Path) -> str:
    """The entry's modules in the order in which a browser would run them, each in a function of its own.

    What they may use of the language of modules: ``import "./x.js";``, ``import { a, b } from "./x.js";`` and
    ``export function``. An exported name is seen by all that follow, so each is given once.
    """
    parts: dict[str, str] = {}
    _add(entry, parts)
    return "\n".join(parts.values())


def _add(path: Path, parts: dict[str, str]) -> None:
    if path.name in parts:
        return
    text = path.read_text()
    for match in _IMPORT.finditer(text):
        _add(path.parent / match["file"], parts)
    names = [match["name"] for match in _EXPORT.finditer(text)]
    body = _EXPORT.sub("", _IMPORT.sub("", text))
    taken = f"const {{ {', '.join(names)} }} = " if names else ""
    given = f"  return {{ {', '.join(names)} }};\n" if names else ""
    parts[path.name] = f"// {path.name}\n{taken}(() => {{\n{body}{given}}})();\n"
