"""The AWS servers for tests: they answer, forget, come back on their port, and leave no process behind."""

import pytest

from clarivum.testing.aws import AwsServer, Kind, aws_server


@pytest.mark.parametrize("kind", ["ministack", "moto"])
def test_a_server_takes_messages_and_is_gone_afterwards(kind: Kind) -> None:
    with aws_server(kind) as server:
        sqs = server.client("sqs")
        url = sqs.create_queue(QueueName="a_queue")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]
        assert message["Body"] == "hello"
        assert server.environ["AWS_ENDPOINT_URL"] == server.url
        process = server._process
    assert process is not None
    assert process.returncode is not None


def test_a_server_that_comes_back_has_its_port_and_no_queues() -> None:
    server = AwsServer("ministack")
    try:
        server.start()
        server.client("sqs").create_queue(QueueName="a_queue")
        server.stop()
        server.start()
        assert not server.client("sqs").list_queues().get("QueueUrls")
    finally:
        server.close()


def test_a_taken_port_is_refused() -> None:
    with aws_server("ministack") as first:
        second = AwsServer("ministack", port=first.port)
        with pytest.raises(OSError, match="in use"):
            second.start()
        second.close()
