"""``specialist``: one assignment of a lead. The child of ``delegation``."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.stubs.children import as_own_failure
from workflows.stubs.delegation import Assignment, Work, carry_out_assignment


@workflow.defn(name="specialist")
class SpecialistAgent:
    @workflow.run
    async def run(self, assignment: Assignment) -> Work:
        try:
            return await carry_out_assignment(assignment, summary=assignment.specialist[:200])
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            raise as_own_failure(error) from error
