"""What the demo model answers to the agents' prompts, and what it counts."""

import json
from typing import Any

import httpx
import pytest
from openai import OpenAI

from .conftest import Demo

JSON = {"type": "json_object"}
PLANNER = (
    'You plan research. Answer with JSON {"tasks": [{"name": str, "description": str}]}, at most 200 tasks.'
)
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {"customer": {"type": "string"}, "amount": {"type": "number"}},
                "required": ["customer", "amount"],
            },
        },
    }
    for name, description in (("send_letter", "Write to a customer"), ("pay_refund", "Refund an amount"))
]


def text(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def plan(demo: Demo, query: str) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": PLANNER}, {"role": "user", "content": f"Query: {query}"}]
    return list(json.loads(text(demo.ask("", messages=messages, response_format=JSON)))["tasks"])


def test_a_plan_has_three_to_five_tasks_about_the_query(demo: Demo) -> None:
    plans = [
        plan(demo, f"the future of {topic}")
        for topic in ("bees", "ferries", "salt", "glass", "wool", "chess", "rope", "ink")
    ]

    assert {len(tasks) for tasks in plans} == {3, 4, 5}
    assert all("bees" in task["name"] and "bees" in task["description"] for task in plans[0])


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("explain tides in 50 tasks", 50),
        ("explain tides, 7 research tasks", 7),
        ("explain tides in 200 steps", 200),
        ("explain tides in 900 tasks", 200),
        ("explain tides in 1 tasks", 1),
    ],
)
def test_a_plan_has_as_many_tasks_as_the_query_wishes(demo: Demo, query: str, count: int) -> None:
    tasks = plan(demo, query)

    assert len(tasks) == count
    names = [task["name"] for task in tasks]
    assert not any(one in other for one in names for other in names if one is not other)
    assert len({task["description"] for task in tasks}) == count


@pytest.mark.parametrize("limits", ["Plan 3 to 5 tasks.", "Plan 3-5 tasks.", "Plan at most 200 tasks."])
def test_the_prompts_own_limits_are_no_wish(demo: Demo, limits: str) -> None:
    [answer] = [
        demo.ask(f'{limits} JSON: {{"tasks": []}}\nQuery: tides {n}', response_format=JSON) for n in range(1)
    ]

    assert 3 <= len(json.loads(text(answer))["tasks"]) <= 5


def test_findings_are_paragraphs_whose_figures_are_marked_as_invented(demo: Demo) -> None:
    findings = text(
        demo.ask("Research this task.\nTask: Costs: night trains\nEstimate what night trains cost.")
    )

    assert findings.count("\n\n") >= 2
    assert "night trains" in findings
    assert findings.count(" %") == findings.count("(figure invented by the demo model)") >= 2


def test_a_report_is_markdown_about_the_findings(demo: Demo) -> None:
    messages = [
        {"role": "system", "content": "You synthesise findings into one Markdown report."},
        {"role": "user", "content": "Query: night trains\n\n## Costs\nHigh.\n\n## Risks\nFew."},
    ]

    report = text(demo.ask("", messages=messages))

    assert report.startswith("# Night trains\n")
    assert "\n## Findings\n" in report and "\n- **Costs.** " in report
    assert "\n| Costs | " in report and "\n| Risks | " in report


def test_the_same_prompt_gets_the_same_answer_and_another_prompt_another(demo: Demo) -> None:
    first, again, other = (
        text(demo.ask(f"Draft a reply about {what}")) for what in ("parcels", "parcels", "eggs")
    )

    assert first == again != other
    assert "parcels" in first and "eggs" in other


@pytest.mark.parametrize("oddity", ["\ud800", "\x00", "\u202e", "%s {topic}", "x" * 1_000_000, ""], ids=ascii)
def test_odd_words_are_answered(demo: Demo, oddity: str) -> None:
    messages = [{"role": "user", "content": f"Draft {oddity}"}]
    for format_ in ({"type": "text"}, JSON):
        body = json.dumps({"model": "demo-model", "messages": messages, "response_format": format_})
        response = demo.http.post(f"{demo.base_url}/chat/completions", content=body)
        assert text(response.json())
    assert demo.stats()["completed"] == 2


def test_content_in_parts_is_read(demo: Demo) -> None:
    parts = [{"type": "text", "text": "Draft a reply"}, {"type": "text", "text": "about parcels"}]

    assert "Draft a reply" in text(demo.ask("", messages=[{"role": "user", "content": parts}]))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_tool_that_fits_is_called_and_its_result_read(demo: Demo, stream: bool) -> None:
    client = OpenAI(base_url=demo.base_url, api_key="any", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": "Please refund the amount of 12.5 to Alice"}]

    if stream:
        with client.chat.completions.stream(model="demo-model", messages=messages, tools=TOOLS) as events:
            choice: Any = events.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(model="demo-model", messages=messages, tools=TOOLS).choices[0]

    [call] = choice.message.tool_calls
    assert (choice.finish_reason, call.function.name) == ("tool_calls", "pay_refund")
    arguments = json.loads(call.function.arguments)
    assert arguments["amount"] == 12.5 and isinstance(arguments["customer"], str)
    messages += [
        choice.message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": "paid as no. 7"},
    ]
    final = client.chat.completions.create(model="demo-model", messages=messages, tools=TOOLS).choices[0]
    assert final.finish_reason == "stop" and "paid as no. 7" in str(final.message.content)
    client.close()


def test_a_named_tool_is_called_and_none_when_tools_are_off(demo: Demo) -> None:
    choice = {"type": "function", "function": {"name": "send_letter"}}

    named = demo.ask("Refund the amount", tools=TOOLS, tool_choice=choice)
    off = demo.ask("Refund the amount", tools=TOOLS, tool_choice="none")

    assert named["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "send_letter"
    assert "tool_calls" not in off["choices"][0]["message"]


def test_json_follows_a_schema_with_references_and_bounds(demo: Demo) -> None:
    schema = {
        "type": "object",
        "properties": {
            "category": {"enum": ["billing", "technical"]},
            "score": {"type": "integer", "minimum": 1, "maximum": 5},
            "people": {"type": "array", "minItems": 3, "items": {"$ref": "#/$defs/person"}},
            "due": {"type": ["string", "null"], "format": "date"},
        },
        "$defs": {"person": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "triage", "schema": schema}}

    triage = json.loads(text(demo.ask("Sort this letter about parcels", response_format=wanted)))

    assert triage["category"] in ("billing", "technical")
    assert triage["score"] in range(1, 6)
    assert len(triage["people"]) == 3 and all(len(person["name"]) <= 9 for person in triage["people"])
    assert triage["due"] == "2026-03-14"


@pytest.mark.parametrize("word", ["rate_limit", "error", "drop", "malformed_json"])
def test_a_magic_word_strikes_twice_and_then_lets_pass(demo: Demo, word: str) -> None:
    question = f"Draft a reply [demo:{word}]"
    for _ in range(2):
        with pytest.raises((httpx.HTTPError, ValueError)):
            demo.ask(question)

    assert "demo:" not in text(demo.ask(question))
    with pytest.raises((httpx.HTTPError, ValueError)):
        demo.ask(question)


def test_a_magic_word_can_fail_for_ever(demo: Demo) -> None:
    for _ in range(6):
        with pytest.raises(httpx.HTTPStatusError, match="500"):
            demo.ask("Draft a reply [demo:fail]")


def test_a_fault_strikes_only_the_prompts_it_matches(demo: Demo) -> None:
    demo.inject("error", match="parcels", times=2)

    assert text(demo.ask("Draft a reply about eggs"))
    for _ in range(2):
        with pytest.raises(httpx.HTTPStatusError):
            demo.ask("Draft a reply about parcels")
    assert text(demo.ask("Draft a reply about parcels"))


def test_the_statistics_show_each_call_and_any_repetition(demo: Demo) -> None:
    demo.inject("error", match="parcels")
    with pytest.raises(httpx.HTTPStatusError):
        demo.ask("about parcels")
    demo.ask("about parcels")
    demo.ask("about eggs")
    demo.ask("about eggs")

    stats = demo.stats()

    assert (stats["received"], stats["completed"], stats["in_flight"]) == (4, 3, 0)
    assert (stats["failed"], stats["repeated"]) == ({"error": 1}, 1)
    assert sorted(stats["completed_by_prompt"].values()) == [1, 2]
    assert [(call["prompt"], call["status"], call["outcome"], call["match"]) for call in stats["calls"]] == [
        ("about parcels", 500, "error", "parcels"),
        ("about parcels", 200, "completed", None),
        ("about eggs", 200, "completed", None),
        ("about eggs", 200, "completed", None),
    ]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"model": "m"},
        {"model": "m", "messages": []},
        {"model": "m", "messages": [1]},
        {"model": "m", "messages": [{"role": "user"}], "tools": [{"type": "function"}]},
        {"model": "m", "messages": [{"role": "user"}], "response_format": "json"},
    ],
)
def test_a_request_that_is_none_is_refused_as_openai_does(demo: Demo, body: Any) -> None:
    response = demo.http.post(f"{demo.base_url}/chat/completions", json=body)

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert demo.stats()["failed"] == {"invalid": 1}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "flood"},
        {"kind": "error", "status": 200},
        {"kind": "error", "times": 0},
        {"kind": "error", "times": True},
        {"kind": "slow", "seconds": -1},
        {"kind": "slow", "second": 1},
        {"kind": "rate_limit", "retry_after": [1]},
    ],
)
def test_a_fault_that_is_none_is_refused(demo: Demo, fault: dict[str, Any]) -> None:
    assert demo.control("inject", **fault).status_code == 422


def test_a_limit_answers_what_is_above_it_with_when_to_come_back(demo: Demo) -> None:
    demo.control("limit", requests_per_minute=60).raise_for_status()
    assert text(demo.ask("about eggs"))
    with pytest.raises(httpx.HTTPStatusError) as above:
        demo.ask("about eggs")
    assert above.value.response.status_code == 429
    assert 0 < int(above.value.response.headers["retry-after-ms"]) <= 1000
    demo.control("limit", requests_per_minute=None).raise_for_status()
    assert text(demo.ask("about eggs"))


@pytest.mark.parametrize("a_minute", [0, -1, "many", [1]])
def test_a_limit_that_is_none_is_refused(demo: Demo, a_minute: Any) -> None:
    assert demo.control("limit", requests_per_minute=a_minute).status_code == 422


def test_the_models_are_listed(demo: Demo) -> None:
    models = demo.http.get(f"{demo.base_url}/models").json()

    assert "gpt-4o-mini" in [model["id"] for model in models["data"]]


def said(demo: Demo, system: str, user: str) -> Any:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return json.loads(text(demo.ask("", messages=messages, response_format=JSON)))


@pytest.mark.parametrize(
    ("message", "category", "sure"),
    [
        ("Please refund one of the two charges", "billing", True),
        ("The login crashes with an error", "technical", True),
        ("I paid, and the login fails", "billing", False),
        ("Hello, is somebody there?", "unknown", False),
    ],
)
def test_a_message_is_sorted_by_its_words(demo: Demo, message: str, category: str, sure: bool) -> None:
    found = said(demo, 'Sort. {"category": …}', f"Sort this message.\n\n{message}")

    assert (found["category"], found["confidence"] > 0.7) == (category, sure)
    assert found["why"]


def test_a_goal_has_as_many_specialists_as_it_wishes(demo: Demo) -> None:
    system = 'Lead. {"assignments": […]}'
    wished = said(demo, system, "Give out.\nTopic: Move the warehouse, 5 specialists")["assignments"]
    usual = said(demo, system, "Give out.\nTopic: Move the warehouse")["assignments"]

    assert len({one["specialist"] for one in wished}) == 5 and len(usual) in (3, 4)
    assert all("Move the warehouse”" in one["task"] for one in wished)


def test_orders_are_read_as_they_stand(demo: Demo) -> None:
    lines = "Orders by phone\n- Northwind: 12 x euro pallets @ 8.40\nFabrikam wants a dozen reels, 17,50 a piece\nThanks!"
    rows = said(demo, 'Read. {"rows": […]}', f"Piece 1 of 1:\n{lines}")["rows"]

    read = [(row["customer"], row["quantity"], row["item"], row["unit_price"]) for row in rows]
    assert read == [("Northwind", "12", "euro pallets", "8.40"), ("Fabrikam", "a dozen", "reels", "17,50")]
