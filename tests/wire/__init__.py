import pytest

pytest.register_assert_rewrite("wire.matrix.checks", "wire.matrix.arrived", "wire.sdks")
