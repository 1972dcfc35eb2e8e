"""The boundary with boto3: no other package of `storage` imports boto3 or botocore.

The rest of `storage` sees plain dicts, the steps of a transaction and the exceptions of `storage.errors`. So its code
states the conditions of a write and nothing about the client, and a test or the simulation can put another store behind
`Tables`.

- `tables`: get, query, and transactions, with retries
- `connection`: the client, its timeouts, retries and connections
- `threads`: concurrent calls
- `steps`: the steps of a transaction, and what a failed condition of each means
- `attributes`: items and expressions in DynamoDB's form
- `requests`, `responses`: requests and responses as JSON, without botocore's serializer and parser
- `transport`: HTTP on kept connections, in place of urllib3's pool
- `retries`: backoff with full jitter between attempts
- `recent`: the transactions that were answered last
- `deadline`: the deadline of a request, applied to every call
- `outages`: boto3's errors as refusals, with advice for the operator
- `hand_over`, `invocation`: what remains to do after a response, by another invocation of the function
- `bus`, `message_queue`, `secret`: the other services that notifications use, whose clients `services` makes
- `consumption`: items and read units of each read, for the audit's progress
"""
