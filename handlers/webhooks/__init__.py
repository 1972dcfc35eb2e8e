"""Tells others what changed: a notification of `storage.notifications` becomes a CloudEvent, signed and posted.

- `cloud_event`: the document that the contract describes in `x-webhooks`.
- `endpoint`: the URL and the secrets; `addresses` keeps what is sent out of the network of the service.
- `delivery`: one attempt to deliver a document, and what its outcome means.
- `publisher` and `sender` run on AWS; `local`, `local_sender` and `dead_letters` on one machine.
"""
