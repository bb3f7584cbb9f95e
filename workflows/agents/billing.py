"""``billing``: answers a message about money. The router's child, or by itself."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.contracts import AgentDescription
from workflows.stubs.children import as_own_failure
from workflows.stubs.router import MESSAGE_FORM, Message, Reply, answer_billing


@workflow.defn(name="billing")
class BillingAgent:
    @workflow.run
    async def run(self, request: Message) -> Reply:
        try:
            return await answer_billing(request, summary=request.message[:200])
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            raise as_own_failure(error) from error


DESCRIPTION = AgentDescription(
    name="billing",
    title="Billing",
    description="Answers a message about invoices, charges and refunds.",
    workflow_type="billing",
    input_schema=MESSAGE_FORM,
    example={"message": "Invoice 2081 lists the pallets twice. Which of the two charges do I pay?"},
)
