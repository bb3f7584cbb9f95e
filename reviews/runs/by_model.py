"""Figures by model, as the environment gives them: a JSON object, or the path of a file that holds one.

A key stands for each model whose name begins with it, up to a whole word: ``gpt-4.1`` for ``gpt-4.1-2025-04-14``
and not for ``gpt-4.10``. Of several the longest counts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
Figures = dict[str, Decimal]


def read(given: str, names: Collection[str], setting: str) -> dict[str, Figures | None]:
    """``{model: {name: figure}}``, of these names alone, each 0 or more; null stands for a model of which none is known.

    Raises ``ImproperlyConfigured`` with what is wrong with the ``setting``.
    """
    if not given.strip():
        return {}
    try:
        text = given if given.lstrip().startswith("{") else Path(given).read_text()
        table = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"{setting} is no JSON, nor the path of a file with JSON: {error}"
        ) from error
    if not isinstance(table, dict):
        raise ImproperlyConfigured(f"{setting} is not an object with a key for each model.")
    return {model: _figures(model, said, names, setting) for model, said in table.items()}


def _figures(model: str, said: object, names: Collection[str], setting: str) -> Figures | None:
    if said is None:
        return None
    if not isinstance(said, dict) or not said.keys() <= set(names):
        raise ImproperlyConfigured(f"{setting}: {model!r} needs an object of {', '.join(names)}.")
    for name, figure in said.items():
        if not isinstance(figure, Decimal) or figure < 0:
            raise ImproperlyConfigured(f"{setting}: {name!r} of {model!r} is not a number of 0 or more.")
    return dict(said)


def of(table: Mapping[str, T], model: str) -> tuple[str, T] | None:
    """The key that stands for the model, and what is said there."""
    keys = [key for key in table if _stands_for(key, model)]
    key = max(keys, key=len, default=None)
    return (key, table[key]) if key is not None else None


def _stands_for(key: str, model: str) -> bool:
    return model.startswith(key) and not model[len(key) : len(key) + 1].isalnum()


def _refuse(constant: str) -> Decimal:
    raise ValueError(f"{constant} is no figure")
