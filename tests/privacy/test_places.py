"""Every column that can hold something about a person is declared, and an erasure does what is said of it."""

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.core.management import call_command
from django.db import models
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from helpdesk.privacy import erasure
from helpdesk.privacy.places import PLACES, Fate, fates
from tests.privacy.test_erasure import EMAIL, NAME, NUMBER, QUESTION, WAIT, boss, lived, zeb  # noqa: F401

HOLD = (
    models.CharField,
    models.TextField,
    models.JSONField,
    models.FileField,
    models.GenericIPAddressField,
    ArrayField,
)
HOLD += (SearchVectorField, models.BinaryField)


def columns() -> dict[tuple[str, str], models.Field]:
    """All that can hold a text, an address, a number or a file; a choice among the product's own words can't."""
    return {
        (model._meta.label, field.name): field
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, HOLD) and not field.is_relation
    }


def is_choice(field: models.Field) -> bool:
    return bool(field.choices)


def test_every_column_is_declared_with_what_becomes_of_it():
    undeclared = {name for name, field in columns().items() if not is_choice(field)} - set(fates())
    assert sorted(undeclared) == [], "say in helpdesk/privacy/places.py what an erasure does with these, and do it"


def test_nothing_is_declared_that_is_not_there_or_twice():
    declared = [column for place in PLACES for column in place]
    assert sorted(set(declared) - set(columns())) == []
    assert sorted({column for column in declared if declared.count(column) > 1}) == []


def test_each_declaration_says_why():
    assert [place for place in PLACES if len(place.why) < 20] == []


def test_the_table_can_be_printed_for_whoever_asks(capsys):
    call_command("personal_data")
    assert "helpdesk.User: email, full_name" in capsys.readouterr().out


@pytest.mark.django_db
def test_after_an_erasure_a_name_stands_only_where_it_is_said_to_stay(zeb, boss, now):  # noqa: F811
    lived(zeb, boss, now)
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    assert erasure.erase_due(now=now + WAIT) == 1
    stays = {column for column, fate in fates().items() if fate is Fate.KEPT}
    found = Q()
    for text in (NAME, EMAIL, NUMBER, QUESTION):
        found |= Q(as_text__icontains=text)
    left = [
        (label, column)
        for label, column in columns()
        if apps.get_model(label).objects.annotate(as_text=Cast(column, TextField())).filter(found).exists()
    ]
    assert sorted(set(left) - stays) == []
