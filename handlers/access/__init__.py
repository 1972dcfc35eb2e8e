"""Who may do what: tokens of an issuer, the roles in them, and what the contract requires of each operation.

The contract is the one source: `security` of an operation lists the roles that may call it; `requirements` reads it.
Before a request is read, its token is verified (401) and its role compared (403); when it is read, a person must have
named themself (403). Both are calls in `handlers.pipeline.operations`. An event's owner is verified by the storage, in
the transaction that it protects. Without an issuer there are no tokens, and everyone may do everything.

Not at the gateway: its 401 and 403 are outside the contract, and the other servers would need a second verifier. Not
connexion's security middleware: it costs 31 µs a request, sends no `WWW-Authenticate`, and does not see the body.
"""
