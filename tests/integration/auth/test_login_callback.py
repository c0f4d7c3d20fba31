"""A login that comes back: once, in the database of all processes."""

import pytest

from clarivum.api.login.callback import Callback
from clarivum.api.login.serving import Visit
from clarivum.api.login.start import AttemptCookie
from clarivum.auth.audit import AuditRecorder
from clarivum.auth.oidc import LoginAttempt, seal_attempt
from clarivum.auth.seal import Seal
from clarivum.errors import LOGIN_FAILED, RequestError
from tests.integration.auth.session_world import SECRET, World


async def refusal(callback: Callback, visit: Visit, set_cookies: list[str]) -> RequestError:
    with pytest.raises(RequestError) as refused:
        await callback(visit, set_cookies)
    return refused.value


async def test_an_attempt_is_used_up_by_coming_back_with_its_state_whatever_comes_of_it(world: World) -> None:
    seal = Seal([SECRET], "login attempt")
    attempts, attempt = AttemptCookie(seal, secure=True), LoginAttempt.begin("/", mfa=False, now=world.now)
    process = await world.process()
    callback = Callback(process.parts, attempts, AuditRecorder(process.parts.database))

    def visit(**parameters: str) -> Visit:
        return Visit("GET", "0" * 32, {}, [(attempts.name, seal_attempt(attempt, seal))], parameters)

    another_state = await refusal(callback, visit(state="another", code="c"), [])
    set_cookies: list[str] = []
    mixed_up = await refusal(callback, visit(state=attempt.state, code="c", iss="https://evil.example/"), set_cookies)
    replayed = await refusal(callback, visit(state=attempt.state, code="c"), [])
    assert {error.code for error in (another_state, mixed_up, replayed)} == {LOGIN_FAILED}
    assert another_state.log == "state is not the attempt's"
    assert mixed_up.log == "iss is not our issuer"
    assert replayed.log == "the callback was answered before"
    assert set_cookies == [attempts.clear()]
    assert world.endpoint.sent == []
