"""How the demo model keeps up a conversation: it remembers a name, and says in a summary what was spoken of."""

import json
import re
from typing import Any

from workflows.llm.demo_prompt import Prompt, text_of

NAME = re.compile(
    r"(?i:\b(?:my|their) name is|\bcall me|\bi am called)\s+(?P<name>[A-ZÀ-ÖØ-Þ][\w'-]*(?: [A-ZÀ-ÖØ-Þ][\w'-]*)?)"
)
ASKS_FOR_NAME = re.compile(
    r"\b(?:what(?:'s| is| was)|do you (?:know|remember)|remember) my name\b|\bwho am i\b", re.IGNORECASE
)
ASKS_FOR_SUMMARY = re.compile(r"\bsummari[sz]e the conversation\b", re.IGNORECASE)
MOST_SUBJECTS = 8


def wants_summary(prompt: Prompt) -> bool:
    system = [text_of(one) for one in prompt.body["messages"] if one["role"] in ("system", "developer")]
    return bool(ASKS_FOR_SUMMARY.search("\n".join(system)))


def summary(prompt: Prompt) -> str:
    """The name that was told, and the subjects, the newest last."""
    lines = [
        line.removeprefix("user: ") for line in prompt.last_user.splitlines() if line.startswith("user: ")
    ]
    subjects = [line if len(line) <= 60 else f"{line[:59]}…" for line in lines[-MOST_SUBJECTS:]]
    name = _name_in(prompt.text)
    said = [f"The user said that their name is {name}."] if name else []
    said += [f"They spoke of: {'; '.join(subjects)}."] if subjects else []
    return " ".join(said) or "Nothing was said that has to be kept."


def small_talk(prompt: Prompt) -> str | None:
    """An answer to what is about the conversation itself; None where it is about something else."""
    if ASKS_FOR_NAME.search(prompt.last_user):
        name = _name_in(prompt.text)
        return f"You said that your name is {name}." if name else "You have not told me your name yet."
    if (told := _name_in(prompt.last_user)) is not None:
        return f"Nice to meet you, {told}. I will remember your name."
    return None


def tool_answer(prompt: Prompt) -> str:
    """What came of the tools that were called, in words."""
    results = [_in_words(result) for result in prompt.tool_results]
    did = "I could not do that" if any("not carried out" in result for result in results) else "Done"
    return f"{did}. For “{prompt.subject}” the tool answered: {' / '.join(results)[:500]}"


def _name_in(text: str) -> str | None:
    """The one that was told last."""
    told = [found.group("name") for found in NAME.finditer(text)]
    return told[-1] if told else None


def _in_words(result: str) -> str:
    try:
        value: Any = json.loads(result)
    except (ValueError, RecursionError):
        return result
    if not isinstance(value, dict):
        return result
    return ", ".join(f"{name.replace('_', ' ')}: {_plain(one)}" for name, one in value.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
