"""The registrations ledger: events, users and registrations in three DynamoDB tables.

The key layout. One event lives in two items, so that the hot counters stay out of the indexes; a registration is
found from its event, from its user and, while it waits, from the queue::

    Events         eventId        part
                   e              DETAILS           the event's own fields, version, index keys (date, status)
                   e              SEATS             confirmed, waitlisted, nextSeq, how often they changed; capacity,
                                                    status, hasWaitlist and version as in DETAILS

    Users          userId
                   u                                name, createdAt

    Registrations  pk             sk
                   EVENT#e        USER#u            the registration: status, registeredAt, seq while waitlisted
                   EVENT#e        WAIT#000000004217 number 4217 in the queue: userId, registeredAt
                   EVENT#e        LEFT#0000000042   which of the numbers 4200 to 4299 left the queue: numbers
                   USER#u         EVENT#e           a pointer, so that a user's registrations can be listed

Everything that changes SEATS is a transaction whose conditions verify what the rule relied on (`storage.rules`). Only
`storage.dynamodb.tables` speaks to boto3; only `storage.items` knows how a model becomes an item.
"""
