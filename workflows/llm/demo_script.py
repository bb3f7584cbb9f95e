"""What the demo model says: natural sentences about the prompt's own words, the same for the same prompt."""

import json
import re
from dataclasses import dataclass
from typing import Any

from workflows.llm.demo_patterns import patterns_answer
from workflows.llm.demo_prompt import Prompt
from workflows.llm.demo_schema import example_of
from workflows.llm.demo_support import at_the_desk
from workflows.llm.demo_talk import small_talk, summary, tool_answer, wants_summary

INVENTED = "(figure invented by the demo model)"

ASPECTS = (
    ("Current state", "Describe where {topic} stands today and who is affected."),
    ("Causes", "Find out what drives {topic} and which causes people agree on."),
    ("Costs", "Estimate what {topic} costs, who pays, and what is left out of the usual sums."),
    ("Benefits", "Collect what {topic} brings, to whom, and how it has been shown."),
    ("Risks", "List what can go wrong with {topic}, how likely it is and how bad."),
    ("Alternatives", "Compare {topic} with the choices that people weigh against it."),
    ("History", "Trace how {topic} came to be what it is, with the turning points."),
    ("Regulation", "Summarise the rules that bear on {topic} and those on the way."),
    ("Evidence quality", "Judge how good the studies on {topic} are, and where they disagree."),
    ("Case studies", "Pick instructive cases of {topic}, one of them a failure."),
    ("Open questions", "Name what nobody knows yet about {topic} and how it could be found out."),
    ("Outlook", "Say where {topic} is likely to go over the next five years, and why."),
    ("Key people", "Find who shapes {topic}: practitioners, critics, funders."),
    ("Methods", "Explain how {topic} is measured and what the measures miss."),
    ("Ethics", "Set out the moral objections to {topic} and the answers given."),
    ("Supply", "Follow what {topic} depends on and where it is scarce."),
    ("Adoption", "See who has taken up {topic}, how fast, and who held back."),
    ("Side effects", "Look for effects of {topic} that nobody intended."),
    ("Maintenance", "Ask what keeping {topic} going takes once the novelty is over."),
    ("Recommendations", "Gather what experts would do about {topic} next."),
)  # fmt: skip
SCOPES = (
    "in cities", "in rural areas", "for small firms", "for public bodies", "for households",
    "since 2015", "in northern Europe", "in South-East Asia", "at large scale", "under tight budgets",
)  # fmt: skip

OPENINGS = (
    "What is known about {topic} is less settled than it looks at first.",
    "Most accounts of {topic} start from the same few sources, and those agree on the main point.",
    "Two things stand out about {topic}: how fast the debate moves, and how little of it is measured.",
    "The short version: {topic} can be understood in outline; the details are thin.",
)
EVIDENCE = (
    "In the sample considered, {number} % of the cases filed under “{word}” followed this pattern {invented}.",
    "Costs that sources put down to “{word}” fell by about {number} % over {years} years {invented}.",
    "Of {count} sources that mention “{word}”, {number} % point the same way {invented}.",
    "Where “{word}” was tracked for {years} years, the median change was {number} % {invented}.",
)
CAVEATS = (
    "The main doubt is whether this holds outside the places where “{word}” has been studied.",
    "Critics object that “{word}” is defined differently from one study to the next.",
    "Nobody has shown what becomes of “{word}” when budgets shrink, which is when it matters most.",
    "Better records on “{word}” would change the picture faster than more opinions.",
)
CLOSINGS = (
    "For a decision, the figures deserve a second look; the direction is clear enough.",
    "The next useful step is to talk to those who deal with it every day.",
    "On balance the case for acting is stronger than the case for waiting.",
)
REPLIES = (
    "Here is a first answer to “{topic}”; have somebody check it before it goes out.",
    "On “{topic}”: it can be done in three steps, and only the last one cannot be taken back.",
    "My view on “{topic}”: the small version is worth doing today.",
)
ADVICE = (
    "Write down what a good outcome looks like, in one sentence that has “{word}” in it.",
    "Start with the smallest part that somebody is waiting for: “{word}”.",
    "Ask the person who last dealt with “{word}” what surprised them.",
    "Set a date on which “{word}” will be looked at again, whatever happens.",
    "Keep the step that cannot be undone for last, and have a second person look at it.",
)


@dataclass(frozen=True)
class ToolCall:
    """A function that the model wants called; `arguments` is a JSON object as text."""

    id: str
    name: str
    arguments: str


def answer(prompt: Prompt) -> str | ToolCall:
    """The demo model's answer: text (JSON in JSON mode) or a tool call."""
    match at_the_desk(prompt):
        case str(said):
            return said
        case name, arguments:
            return ToolCall(f"call_{prompt.digest}", name, json.dumps(arguments, ensure_ascii=False))
    match prompt.wanted:
        case "tool_call":
            return _tool_call(prompt)
        case "plan":
            return json.dumps({"tasks": plan(prompt)}, ensure_ascii=False)
        case "json":
            return json.dumps(_json_answer(prompt), ensure_ascii=False)
        case "report":
            return _report(prompt)
        case "findings":
            return _findings(prompt)
        case "tool_result":
            return tool_answer(prompt)
        case "answer":
            return summary(prompt) if wants_summary(prompt) else small_talk(prompt) or _advice(prompt)


def plan(prompt: Prompt) -> list[dict[str, str]]:
    """Tasks with distinct names, none of which is part of another's."""
    topic, rng = prompt.subject, prompt.random("plan")
    count = prompt.task_count
    if count <= len(ASPECTS):
        chosen = sorted(rng.sample(range(len(ASPECTS)), count))
        return [_task(*ASPECTS[index], topic) for index in chosen]
    return [
        _task(f"{name} {scope}", f"{description[:-1]} {scope}.", topic)
        for scope in SCOPES
        for name, description in ASPECTS
    ][:count]


def _task(name: str, description: str, topic: str) -> dict[str, str]:
    return {"name": f"{name}: {topic}", "description": description.replace("{topic}", topic)}


def _findings(prompt: Prompt) -> str:
    rng, words = prompt.random("findings"), prompt.keywords
    evidence = rng.sample(EVIDENCE, rng.randint(2, 3))
    caveats = rng.sample(CAVEATS, len(evidence))
    paragraphs = [f"{rng.choice(OPENINGS)} {evidence[0]}"]
    paragraphs += [f"{more} {caveat}" for more, caveat in zip(evidence[1:], caveats[1:], strict=True)]
    paragraphs.append(f"{caveats[0]} {rng.choice(CLOSINGS)}")
    return "\n\n".join(
        _fill(paragraph, prompt, words[i % len(words)]) for i, paragraph in enumerate(paragraphs)
    )


def _fill(template: str, prompt: Prompt, word: str) -> str:
    rng = prompt.random(template)
    filled = template.format(
        topic=prompt.topic, word=word, invented=INVENTED,
        number=rng.randint(6, 84), years=rng.randint(2, 12), count=rng.randint(11, 240),
    )  # fmt: skip
    return filled[0].upper() + filled[1:]


def _report(prompt: Prompt) -> str:
    titles = _finding_titles(prompt)
    shown, rng = titles[:12], prompt.random("report")
    rows = [
        f"| {title} | {rng.randint(6, 84)} % | {rng.choice(['low', 'fair', 'good'])} |" for title in shown
    ]
    rest = [f"- … and {len(titles) - len(shown)} more"] if len(titles) > len(shown) else []
    return "\n".join([
        f"# {prompt.subject[0].upper()}{prompt.subject[1:]}", "",
        "*Written by the demo model; every figure is invented.*", "",
        "## Summary", "", _fill(rng.choice(OPENINGS), prompt, prompt.keywords[0]),
        _fill(rng.choice(CLOSINGS), prompt, prompt.keywords[-1]), "",
        "## Findings", "",
        *(f"- **{title}.** {_fill(rng.choice(CAVEATS), prompt, _word(title, prompt))}" for title in shown), *rest, "",
        "## Figures", "",
        "| Finding | Share (invented) | Confidence |", "| --- | ---: | --- |", *rows, "",
        "## What to do next", "",
        *(f"{n}. {_fill(step, prompt, prompt.keywords[0])}" for n, step in enumerate(rng.sample(ADVICE, 3), 1)),
        "",
    ])  # fmt: skip


def _finding_titles(prompt: Prompt) -> list[str]:
    named = re.findall(
        r"^(?:#{1,6}\s+|\d+[.)]\s+|[-*]\s+|Task:\s*)(.{3,120})$", prompt.last_user, re.MULTILINE
    )
    titles = list(dict.fromkeys(title.strip(" *:.|").replace("|", "/") for title in named))
    return titles or [name for name, _ in ASPECTS[:4]]


def _word(title: str, prompt: Prompt) -> str:
    """What a finding is about: the angle before the colon."""
    return title.split(":", 1)[0] if ":" in title else prompt.keywords[0]


def _advice(prompt: Prompt) -> str:
    rng, words = prompt.random("advice"), prompt.keywords
    steps = [
        f"{n + 1}. {_fill(step, prompt, words[n % len(words)])}"
        for n, step in enumerate(rng.sample(ADVICE, 3))
    ]
    return "\n".join([_fill(rng.choice(REPLIES), prompt, words[0]), "", *steps])


def _json_answer(prompt: Prompt) -> Any:
    if (said := patterns_answer(prompt)) is not None:
        return said
    if prompt.json_schema:
        return example_of(prompt.json_schema, prompt)
    return {"answer": _advice(prompt), "confidence": round(prompt.random("json").uniform(0.5, 0.95), 2)}


def _tool_call(prompt: Prompt) -> ToolCall:
    tool = _chosen_tool(prompt)
    arguments = example_of(tool.get("parameters") or {"type": "object"}, prompt)
    return ToolCall(f"call_{prompt.digest}", str(tool["name"]), json.dumps(arguments, ensure_ascii=False))


def _chosen_tool(prompt: Prompt) -> dict[str, Any]:
    """The tool that the request names, else the one whose words the user used most."""
    choice = prompt.body.get("tool_choice")
    named = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    said = set(re.findall(r"\w+", prompt.last_user.lower()))

    def fit(tool: dict[str, Any]) -> tuple[bool, bool, int]:
        words = re.findall(r"[^\W_]+", f"{tool['name']} {tool.get('description', '')}".lower())
        return tool["name"] == named, prompt.fits(tool), len(said.intersection(words))

    return max(prompt.tools, key=fit)
