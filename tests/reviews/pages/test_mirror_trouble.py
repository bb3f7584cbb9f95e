"""A namespace that cannot be mirrored is said where its runs are, to those who may see them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from reviews.runs.models import MirroredNamespace, Run
from reviews.workspaces.models import Workspace

pytestmark = pytest.mark.django_db
TROUBLE = b"Temporal has no namespace"


@pytest.fixture
def trouble(home: Workspace) -> None:
    MirroredNamespace.objects.create(namespace=home.namespace, trouble=f"{TROUBLE.decode()} 'home'.")


@pytest.mark.usefixtures("trouble")
def test_it_stands_above_the_runs_and_on_each_run(as_bob: Client, run: Run) -> None:
    for address in (reverse("runs"), reverse("run", args=[run.id])):
        assert TROUBLE in as_bob.get(address).content


@pytest.mark.usefixtures("trouble")
def test_it_is_nobody_elses_business(as_charlie: Client) -> None:
    assert TROUBLE not in as_charlie.get(reverse("runs")).content


@pytest.mark.usefixtures("trouble")
def test_a_run_from_a_file_is_not_concerned(as_bob: Client, run: Run) -> None:
    Run.objects.filter(id=run.id).update(imported_at=run.created_at)
    assert TROUBLE not in as_bob.get(reverse("run", args=[run.id])).content


def test_without_trouble_nothing_is_said(as_bob: Client, run: Run) -> None:
    for address in (reverse("runs"), reverse("run", args=[run.id])):
        assert b"Not mirrored now" not in as_bob.get(address).content
