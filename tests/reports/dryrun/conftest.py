"""The people of a dry run."""

import pytest

from tests.factories import DesignatedFactory, StaffFactory


@pytest.fixture
def ada():
    return StaffFactory()


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager")


@pytest.fixture
def member():
    return DesignatedFactory()
