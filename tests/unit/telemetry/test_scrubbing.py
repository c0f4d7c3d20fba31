"""Nothing secret or personal survives `scrub`, wherever it stands; ordinary text does."""

import base64
import json
from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clarivum.telemetry import scrub, scrub_value
from clarivum.telemetry.scrubbing import MAX_TEXT_CHARACTERS, is_secret_key

MARKER = "q7Zx9Kw2"
SURROUNDING = st.text(max_size=30)
OPAQUE = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~+/-", min_size=8, max_size=60).map(
    MARKER.__add__
)


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


JWT = st.builds(
    lambda claims, signature: f"{segment({'alg': 'RS256'})}.{segment(claims)}.{signature.hex()}",
    st.dictionaries(st.text(max_size=5), st.text(max_size=10), min_size=1, max_size=3),
    st.binary(min_size=8, max_size=40),
)


@given(before=SURROUNDING, email=st.emails(), after=SURROUNDING)
def test_no_address_survives(before: str, email: str, after: str):
    assert email not in scrub(before + email + after)
    assert email not in scrub(f"{before} {email} {after}")


@given(before=SURROUNDING, token=JWT, after=SURROUNDING)
def test_no_signed_token_survives(before: str, token: str, after: str):
    parts = token.split(".")
    assume(not any(part in before or part in after for part in parts))
    scrubbed = scrub(before + token + after)
    assert token not in scrubbed
    assert all(part not in scrubbed for part in parts)


@given(before=SURROUNDING, scheme=st.sampled_from(["Bearer", "bearer", "BEARER", "DPoP"]), token=OPAQUE)
def test_no_bearer_credential_survives(before: str, scheme: str, token: str):
    assert token not in scrub(f"{before} {scheme} {token}")
    assert token not in scrub(f"Authorization: {scheme} {token}")


@given(password=st.text(st.characters(categories=("L", "N", "P", "S")), max_size=200))
def test_no_password_of_a_url_survives(password: str):
    secret = MARKER + password
    text = scrub(f"could not connect to postgresql://app:{secret}@db.internal:5432/clarivum")
    assert MARKER not in text
    assert text.endswith("@db.internal:5432/clarivum")


@given(before=st.text(max_size=60), after=st.text(max_size=60))
def test_no_row_value_in_postgres_details_survives(before: str, after: str):
    value = before + MARKER + after
    for template in (
        'duplicate key value violates "leads_email"\nDETAIL:  Key (lower(email), source)=({}) already exists.',
        "DETAIL:  Key (lead_id)=({}) is not present in table leads.",
        "DETAIL:  Failing row contains ({}, null, 2026-01-01).",
        'invalid input syntax for type uuid: "{}"',
        'date/time field value out of range: "{}"',
        'value "{}" is out of range for type integer',
        'CONTEXT:  COPY leads, line 1, column email: "{}"',
    ):
        assert MARKER not in scrub(template.format(value))


@given(value=st.text())
def test_no_bound_parameter_survives(value: str):
    quoted = (MARKER + value + MARKER).replace("'", "''")
    assert MARKER not in scrub(f"CONTEXT:  unnamed portal with parameters: $1 = '{quoted}', $2 = '3'")


def test_the_constraint_stays_readable():
    text = scrub('violates unique constraint "leads_email"\nDETAIL:  Key (email)=(a@b.co) already exists.')
    assert text == 'violates unique constraint "leads_email"\nDETAIL:  Key (email)=(***) already exists.'


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: ***"),
        ("Set-Cookie: authjs.session-token=abc; Path=/; HttpOnly", "Set-Cookie: ***"),
        ("host=db user=app password=hunter2 dbname=x", "host=db user=app password=*** dbname=x"),
        ("host=db password='two words' dbname=x", "host=db password=*** dbname=x"),
        ('{"client_secret": "s p a c e", "id": 1}', '{"client_secret": ***, "id": 1}'),
        ("POST /oauth/token?access_token=abc&x=1", "POST /oauth/token?access_token=***&x=1"),
        ("X-Api-Key: 123-456", "X-Api-Key: ***"),
        ("AUTH_SECRET=abc123", "AUTH_SECRET=***"),
        ("to=alice@example.com", "to=***"),
        ("alice%40example.com signed in", "*** signed in"),
        ('"john doe"@example.com', "***"),
        ("/@example.com", "***"),
        ("user@[192.168.2.1]", "***"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic ***"),
    ],
)
def test_shapes(text: str, scrubbed: str):
    assert scrub(text) == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lead captured",
        "GET /api/v1/leads/{id} 200",
        "3 of 4 jobs done (75 %)",
        "the token has expired",
        "basic set-up finished",
        "a bearer is missing?"[:8],
        "worker 7: queue leads_enrich is empty",
        "2026-11-20T10:00:00Z",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "eyes on the ball",
        "key (primary) of the table",
    ],
)
def test_ordinary_text_stays(text: str):
    assert scrub(text) == text


@given(at=st.integers(MAX_TEXT_CHARACTERS - 40, MAX_TEXT_CHARACTERS + 40))
def test_a_secret_across_the_cut_is_not_left_as_a_stump(at: int):
    text = "x " * (at // 2) + "alice.liddell@example.com" + " y" * 1_000
    scrubbed = scrub(text)
    assert "alice" not in scrubbed
    assert len(scrubbed) <= MAX_TEXT_CHARACTERS + 1


@pytest.mark.parametrize(
    "key",
    [
        *("password", "Password", "db_password", "PASSWD", "access_token", "tokens", "Authorization", "Set-Cookie"),
        *(
            "cookie",
            "client_secret",
            "api_key",
            "apikey",
            "X-API-Key",
            "private_key",
            "session_id",
            "AUTH_SECRET",
            "jwt",
        ),
        "credentials",
    ],
)
def test_keys_that_hide_their_value(key: str):
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    ["event", "source", "job", "status", "duration_ms", "token_type", "tokens_dropped", "keyboard", "author", "route"],
)
def test_keys_that_do_not(key: str):
    assert not is_secret_key(key)


@dataclass
class Person:
    email: str


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("alice@example.com")


NESTED = st.recursive(
    st.just(MARKER + "@example.com"),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=5), inner, min_size=1, max_size=3)
        | inner.map(lambda value: {"password": value})
        | inner.map(lambda value: {MARKER + "@example.com": value})
        | inner.map(ValueError)
        | inner.map(lambda value: Person(str(value)))
        | inner.map(lambda value: str(value).encode())
        | inner.map(lambda value: frozenset([str(value)]))
    ),
    max_leaves=8,
)


@given(NESTED)
def test_nothing_survives_in_any_structure(value: object):
    assert MARKER not in json.dumps(scrub_value(value))


def test_structures_are_bounded():
    deep: list[object] = []
    for _ in range(1_000):
        deep = [deep]
    assert len(json.dumps(scrub_value(deep))) < 100
    assert len(scrub_value(list(range(100_000)))) == 201
    assert len(scrub_value({str(i): i for i in range(100_000)})) == 200
    assert scrub_value(Unprintable()) == "<Unprintable>"


def test_values_that_hide_nothing_keep_their_type():
    assert scrub_value({"a": [1, 2.5, True, None, "x"]}) == {"a": [1, 2.5, True, None, "x"]}
    assert scrub_value({"password": None}) == {"password": None}
