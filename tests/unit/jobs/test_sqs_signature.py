"""Our signatures are the ones that botocore makes."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from clarivum.jobs.transports.sqs.signature import Credentials, Signer

HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "host": "sqs.eu-central-1.amazonaws.com",
    "x-amz-target": "AmazonSQS.ReceiveMessage",
}


def by_botocore(body: bytes, credentials: Credentials, at: datetime) -> str:
    request = AWSRequest("POST", "https://sqs.eu-central-1.amazonaws.com/", headers=dict(HEADERS), data=body)
    signer = SigV4Auth(
        BotoCredentials(credentials.access_key, credentials.secret_key, credentials.token), "sqs", "eu-central-1"
    )
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))


@pytest.mark.parametrize("token", [None, "a/temporary+token=="])
@given(body=st.binary(max_size=200), day=st.datetimes(datetime(2020, 1, 1), datetime(2038, 1, 1)))
def test_the_signature_is_botocores(token: str | None, body: bytes, day: datetime) -> None:
    credentials, at = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY", token), day.replace(tzinfo=UTC)
    added = Signer("eu-central-1").sign(HEADERS, "/", body, credentials, at)
    assert added["authorization"].endswith(f"Signature={by_botocore(body, credentials, at)}")


def test_a_new_day_and_a_new_secret_have_a_new_key() -> None:
    signer, at = Signer("eu-central-1"), datetime(2026, 11, 26, 23, 59, 59, tzinfo=UTC)
    for credentials in (Credentials("A", "first"), Credentials("A", "second")):
        for moment in (at, datetime(2026, 11, 27, tzinfo=UTC)):
            added = signer.sign(HEADERS, "/", b"{}", credentials, moment)
            assert added["authorization"].endswith(by_botocore(b"{}", credentials, moment))
