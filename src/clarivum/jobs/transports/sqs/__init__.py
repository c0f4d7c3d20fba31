"""The SQS transport: names, wire, messages, and the relay that drains the outbox. boto3 is loaded when it connects."""
