"""The addresses of the pages. REST's objects name ``run``, ``question``, ``file`` and ``inbox``."""

from django.urls import path

from reviews.pages import (
    controls,
    decisions,
    events,
    family,
    files,
    histories,
    inbox,
    new_run,
    question,
    run,
    runs,
    signin,
    steps,
)

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("sign-in/<str:secret>/", signin.signin_link, name="signin_link"),
    path("theme/", signin.theme, name="theme"),
    path("questions/<uuid:question_id>/", question.question, name="question"),
    path("questions/<uuid:question_id>/decisions/", decisions.decisions, name="decisions"),
    path("questions/<uuid:question_id>/claims/", question.claims, name="claims"),
    path("questions/<uuid:question_id>/claims/mine/release/", question.release, name="release"),
    path("decisions/<uuid:decision_id>/undoing/", decisions.undoing, name="undoing"),
    path("runs/", runs.runs, name="runs"),
    path("runs/new/", new_run.new_run, name="new_run"),
    path("runs/imports/", histories.imports, name="imports"),
    path("runs/<uuid:run_id>/", run.run, name="run"),
    path("runs/<uuid:run_id>/steps/", steps.steps, name="run_steps"),
    path("runs/<uuid:run_id>/events/", events.events, name="run_events"),
    path("runs/<uuid:run_id>/events/<int:event_id>/", events.event, name="run_event"),
    path("runs/<uuid:run_id>/children/", family.children, name="run_children"),
    path("runs/<uuid:run_id>/history", histories.history, name="history"),
    path("runs/<uuid:run_id>/signals/", controls.signals, name="signals"),
    path("runs/<uuid:run_id>/cancellation/", controls.cancellation, name="cancellation"),
    path("runs/<uuid:run_id>/termination/", controls.termination, name="termination"),
    path("files/", files.files, name="files"),
    path("files/<uuid:version_id>/", files.file, name="file"),
    path("files/<uuid:version_id>/content", files.content, name="file_content"),
]
