"""The addresses of the pages. REST's objects name ``run``, ``question``, ``file`` and ``inbox``."""

from django.urls import path

from reviews.pages import (
    again,
    ask,
    bulk,
    controls,
    decisions,
    files,
    inbox,
    new_run,
    now,
    question,
    resets,
    run,
    runs,
    signin,
    timeouts,
    views,
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
    path("runs/cancellations/", bulk.cancellations, name="cancellations"),
    path("runs/terminations/", bulk.terminations, name="terminations"),
    path("runs/views/", views.views, name="views"),
    path("runs/views/<uuid:view_id>/name/", views.view_name, name="view_name"),
    path("runs/views/<uuid:view_id>/deletion/", views.view_deletion, name="view_deletion"),
    path("runs/<uuid:run_id>/", run.run, name="run"),
    path("runs/<uuid:run_id>/signals/", controls.signals, name="signals"),
    path("runs/<uuid:run_id>/cancellation/", controls.cancellation, name="cancellation"),
    path("runs/<uuid:run_id>/termination/", controls.termination, name="termination"),
    path("timeouts/", timeouts.timeouts, name="timeouts"),
    path("runs/<uuid:run_id>/updates/", controls.updates, name="updates"),
    path("runs/<uuid:run_id>/pause/", controls.pause, name="pause"),
    path("runs/<uuid:run_id>/unpause/", controls.unpause, name="unpause"),
    path("runs/<uuid:run_id>/again/", again.again, name="again"),
    path("runs/<uuid:run_id>/resets/", resets.resets, name="resets"),
    path("runs/<uuid:run_id>/now/", now.now, name="now"),
    path("runs/<uuid:run_id>/ask/", ask.ask, name="ask"),
    *(
        path(
            f"runs/<uuid:run_id>/activities/<path:activity_id>/{verb}/",
            controls.activity,
            {"verb": verb},
            name=f"{verb}_activity",
        )
        for verb in controls.ACTIVITY_VERBS
    ),
    path("files/", files.files, name="files"),
    path("files/<uuid:version_id>/", files.file, name="file"),
    path("files/<uuid:version_id>/content", files.content, name="file_content"),
]
