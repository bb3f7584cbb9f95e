"""``extract``: the first stage of ``pipeline``. Reads orders out of a document, and tells the next stage where."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.stubs.children import as_own_failure
from workflows.stubs.pipeline import Extracted, ExtractInput, Extraction, extract_rows, hand_on


@workflow.defn(name="extract")
class ExtractStage:
    @workflow.run
    async def run(self, request: ExtractInput) -> Extracted:
        path = f"{request.folder}/1-extracted.json"
        try:
            extracted = await extract_rows(Extraction(request.document, path), summary=path)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            raise as_own_failure(error) from error
        await hand_on(extracted.file, request.then)
        return extracted
