"""A person at the pages of a whole site, without a browser: forms are sent as they came, with what was filled in."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Self

import httpx

from tests.support.site import Site


class Visitor:
    """Signed in by a one-time link."""

    def __init__(self, site: Site, name: str = "owner") -> None:
        self._client = httpx.Client(base_url=site.web, timeout=30, follow_redirects=True)
        link = site.signin_link(name)
        self.send(link, r'method="post"')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, address: str) -> httpx.Response:
        return self._client.get(address).raise_for_status()

    def send(self, address: str, which: str, **filled: str) -> httpx.Response:
        """Send the form of the page whose markup fits ``which``; the answer, after redirects."""
        forms = re.findall(r"<form.*?</form>", self.get(address).text, re.DOTALL)
        form = _Form()
        form.feed(next(one for one in forms if re.search(which, one)))
        answer = self._client.post(form.action or address, data=form.fields | filled)
        return answer.raise_for_status()


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self.action = said.get("action") or ""
        elif tag == "input" and (name := said.get("name")):
            self.fields[name] = said.get("value") or ""
