"""The worker is killed in the middle of task 47 of 50: the next one goes on there, and asks nothing twice."""

from __future__ import annotations

import time

from agentsite.drills.course import Course, Outcome
from agentsite.drills.demo import DemoModel
from reviews.artifacts.queries import of_run
from reviews.runs.models import Attempt, Run, Step, StepStatus

TASKS = 50
STRUCK = 47
HELD = 20.0
"""Seconds for which the model holds the answer to that task back, so that the kill meets it on its way."""
LOOK = 0.25
"""Between two looks at the model's counter, which tells of its last 500 calls each time."""
STEP = "execute_research_task"


def strike_worker(course: Course) -> Outcome:
    model = DemoModel.of(course.site, course.token)
    model.slow_down(0, calls=STRUCK)  # the plan, and each task before
    model.slow_down(HELD, calls=1)
    query = f"surviving a crash (drill {course.token}), in {TASKS} tasks"
    run = course.start("research", {"query": query}, tasks=TASKS, task=STRUCK)
    course.say(f"A research run of {TASKS} tasks begins: {run.workflow_id}.")
    tasks = Tasks(course, model)
    course.until(lambda: tasks.is_in_flight(STRUCK), f"the model is asked task {STRUCK}", every=LOOK)
    name = course.until(lambda: _worker_of(course, run), f"a worker says that it is at task {STRUCK}")
    struck = time.monotonic()
    pid = course.site.kill(name)
    course.struck(f"kill -9 {pid}: the worker dies while the model answers task {STRUCK}.")
    back = _another_worker(course, name, pid, struck)
    course.until(lambda: tasks.asked(STRUCK) > 1, f"task {STRUCK} is asked again", every=LOOK)
    resumed = time.monotonic() - struck
    course.say(f"Task {STRUCK} is asked again after {resumed:.1f} s. The run goes on where it was.", "good")
    course.until(tasks.are_answered, f"all {TASKS} tasks are answered", every=LOOK)
    return _judged(course.closed(run), tasks, {"back_seconds": back, "resumed_seconds": round(resumed, 1)})


class Tasks:
    """The run's tasks by number, as the model counted them. Its first prompt is the plan's, the last the report's."""

    def __init__(self, course: Course, model: DemoModel) -> None:
        self._course = course
        self._model = model

    def is_in_flight(self, number: int) -> bool:
        self._look()
        prompts = self.prompts
        return len(prompts) >= number and self._model.is_answering(prompts[number - 1])

    def asked(self, number: int) -> int:
        self._look()
        return self._model.asked(self.prompts[number - 1])

    def are_answered(self) -> bool:
        self._look()
        return self.answered == TASKS

    @property
    def prompts(self) -> list[str]:
        return self._model.prompts[1 : TASKS + 1]

    @property
    def calls(self) -> int:
        return sum(self._model.asked(prompt) for prompt in self.prompts)

    @property
    def answered(self) -> int:
        return sum(1 for prompt in self.prompts if self._model.answered(prompt))

    @property
    def asked_again(self) -> list[int]:
        """Numbers of the tasks that were asked more than once."""
        return [number for number, prompt in enumerate(self.prompts, 1) if self._model.asked(prompt) > 1]

    @property
    def answered_again(self) -> list[int]:
        return [number for number, prompt in enumerate(self.prompts, 1) if self._model.answered(prompt) > 1]

    def _look(self) -> None:
        self._model.look()
        before, now = self._course.drill.done, self.answered
        self._course.count(now)
        if now // 10 > before // 10:
            self._course.say(f"{now} of {TASKS} tasks are answered.")


def _worker_of(course: Course, run: Run) -> str | None:
    """The name of the process that is at the struck task; None until its first attempt was noted."""
    begun = Attempt.objects.filter(run=run, activity_type=STEP).order_by("started_at", "id")
    attempt = begun[STRUCK - 1 : STRUCK].first()
    return course.site.worker_named(attempt.worker) if attempt else None


def _another_worker(course: Course, name: str, lost: int, since: float) -> float:
    def another() -> int | None:
        return pid if (pid := course.site.pid(name)) != lost else None

    pid = course.until(another, "another worker runs")
    seconds = round(time.monotonic() - since, 1)
    course.say(
        f"Another worker, process {pid}, runs after {seconds} s. Temporal waits for a sign of life of the lost one.",
        "running",
    )
    return seconds


def _judged(run: Run, tasks: Tasks, seconds: dict[str, float]) -> Outcome:
    """By the model's counter, and by what Temporal's history says of the run."""
    steps = Step.objects.filter(run=run, name=STEP)
    done = steps.filter(status=StepStatus.COMPLETED).count()
    retried = steps.filter(attempts__gt=1).count()
    again, twice = tasks.asked_again, tasks.answered_again
    report = of_run(run).first()
    promises = {
        f"The run is {run.status}.": run.status == "completed",
        f"The model answered {tasks.answered} of {TASKS} tasks.": tasks.answered == TASKS,
        f"The model was asked again for the tasks {_listed(again)}.": set(again) <= {STRUCK},
        f"The model answered twice for the tasks {_listed(twice)}.": not twice,
        f"{done} of {TASKS} steps are completed.": done == TASKS,
        f"{retried} steps were tried again.": retried <= 1,
        "No report is stored.": report is not None,
    }
    repeated = (
        f"Task {STRUCK}, in flight at the kill, was asked again" if again else "No task was asked again"
    )
    return Outcome(
        f"All {TASKS} tasks are answered. {repeated}{', and no other' if again else ''}.",
        {
            "asked": tasks.calls,
            "answered": tasks.answered,
            "repeated": len(again),
            "answered_twice": len(twice),
            "steps_retried": retried,
            "report": report.artifact.path if report else None,
            **seconds,
        },
        [broken for broken, kept in promises.items() if not kept],
    )


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers)) or "–"
