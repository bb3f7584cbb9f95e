"""``technical``: answers a message about something that does not work. The router's child, or by itself."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.contracts import AgentDescription
from workflows.stubs.children import as_own_failure
from workflows.stubs.router import MESSAGE_FORM, Message, Reply, answer_technical


@workflow.defn(name="technical")
class TechnicalAgent:
    @workflow.run
    async def run(self, request: Message) -> Reply:
        try:
            return await answer_technical(request, summary=request.message[:200])
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            raise as_own_failure(error) from error


DESCRIPTION = AgentDescription(
    name="technical",
    title="Technical",
    description="Answers a message about errors, crashes and logins.",
    workflow_type="technical",
    input_schema=MESSAGE_FORM,
    example={"message": "Since this morning the login page shows an error after I enter my password."},
)
