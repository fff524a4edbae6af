import pytest

from app.billing.access import Scope, allows


@pytest.mark.parametrize("needed", Scope)
def test_a_scope_allows_itself_and_all_allows_everything(needed: Scope) -> None:
    assert allows({needed}, needed)
    assert allows([Scope.ALL], needed)
    assert not allows((), needed)


@pytest.mark.parametrize("granted", [scope for scope in Scope if scope is not Scope.ALL])
@pytest.mark.parametrize("needed", Scope)
def test_no_other_scope_allows_it(granted: Scope, needed: Scope) -> None:
    assert allows({granted}, needed) is (granted is needed)
