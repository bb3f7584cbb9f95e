"""What the demo model says to the router, the lead and the pipeline: JSON, by the words of the prompt."""

import re
from typing import Any

from workflows.llm.demo_prompt import Prompt

CATEGORY_WORDS = {
    "billing": re.compile(r"\b(?:invoice|refund|charge|bill|payment|price|paid)(?:s|d|ed)?\b"),
    "technical": re.compile(r"\b(?:error|crash|login|password|bug|broken|outage|timeout)(?:s|ed|es)?\b"),
}
SPECIALISTS = (
    ("Analyst", "Say what {topic} costs, what it saves, and by when."),
    ("Lawyer", "Say which contracts and rules bear on {topic}, and what has to be agreed first."),
    ("Operations planner", "Lay out how {topic} would go in practice, week by week."),
    ("Risk officer", "List what can go wrong with {topic}, and what would be the first sign of it."),
    ("Customer advocate", "Say what {topic} changes for customers, and how they should hear of it."),
    ("Engineer", "Find out which systems {topic} touches, and what has to be rebuilt."),
)
HOW_MANY = re.compile(r"\b([2-6])\s+(?:specialists|assignments|experts)\b", re.IGNORECASE)
ORDER = re.compile(
    r"""^[-*•\s]*(?P<customer>[A-Z][\w&.' ]*?)\s*(?::|,|\bwants\b|\borders\b)\s*
    (?P<quantity>\d+|an?\s+dozen|some|a\s+few)\s*(?:x\s|×\s|of\s)?\s*
    (?P<item>[^@,;(]+?)\s*(?:(?:@|\bat\b|,)\s*(?P<price>price\ to\ be\ agreed|\d+(?:[.,]\d+)?)?.*)?$""",
    re.VERBOSE,
)


def patterns_answer(prompt: Prompt) -> Any:
    """None for a prompt of anybody else."""
    asked = "\n".join(
        str(message.get("content")) for message in prompt.body["messages"] if message["role"] == "system"
    )
    if '"category"' in asked:
        return _classification(prompt)
    if '"assignments"' in asked:
        return {"assignments": _assignments(prompt)}
    if '"rows"' in asked:
        return {"rows": _rows(prompt)}
    return None


def _classification(prompt: Prompt) -> dict[str, Any]:
    """Sure where the words are of one kind, in doubt between two, and lost without any."""
    message = prompt.last_user.split("\n\n", 1)[-1]
    found = {name: words.findall(message.lower()) for name, words in CATEGORY_WORDS.items()}
    likely = max(found, key=lambda name: len(found[name]))
    if not found[likely]:
        return {"category": "unknown", "confidence": 0.2, "why": "No word of it says what it is about."}
    others = sum(len(words) for name, words in found.items() if name != likely)
    why = f"It says {', '.join(f'“{word}”' for word in dict.fromkeys(found[likely]))}."
    if others:
        return {"category": likely, "confidence": 0.55, "why": f"{why} It could be something else as well."}
    return {"category": likely, "confidence": min(0.99, 0.86 + 0.04 * len(found[likely])), "why": why}


def _assignments(prompt: Prompt) -> list[dict[str, str]]:
    """As many as the goal wishes, else 3 or 4."""
    wished = HOW_MANY.search(prompt.last_user)
    count = int(wished.group(1)) if wished else prompt.random("assignments").randint(3, 4)
    topic = HOW_MANY.sub("", prompt.subject).strip(" ,;") or "the goal"
    return [
        {"specialist": name, "task": task.replace("{topic}", f"“{topic}”")}
        for name, task in SPECIALISTS[:count]
    ]


def _rows(prompt: Prompt) -> list[dict[str, str]]:
    lines = [line.strip() for line in prompt.last_user.splitlines()[1:]]
    return [
        {
            "source": found.string,
            "customer": found["customer"],
            "item": found["item"],
            "quantity": found["quantity"],
            "unit_price": found["price"] or "",
        }
        for found in map(ORDER.match, lines)
        if found
    ]
