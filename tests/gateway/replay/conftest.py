"""A server that answers and takes labels."""

from tests.gateway.labels.conftest import catalogue as catalogue  # noqa: PLC0414 - fixtures
from tests.gateway.labels.conftest import inbox as inbox  # noqa: PLC0414
from tests.gateway.labels.conftest import path as path  # noqa: PLC0414
from tests.gateway.labels.conftest import served as served  # noqa: PLC0414
