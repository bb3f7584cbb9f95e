import pytest

# Outside of test files pytest explains a failed assertion only where it is asked to.
pytest.register_assert_rewrite("tests.faults.judge", "tests.faults.reviewer")
