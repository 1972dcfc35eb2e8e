"""Events, users and registrations in three DynamoDB tables.

The key layout: an event is two items, which keeps the hot counters out of the indexes. A registration is found from its
event, from its user and, while it waits, from the queue:

    Events         eventId        part
                   e              DETAILS           the event's own fields, version, index keys (date, status)
                   e              SEATS             confirmed, waitlisted, nextSeq, number of changes; capacity,
                                                    status, hasWaitlist and version as in DETAILS

    Users          userId
                   u                                name, createdAt

    Registrations  pk             sk
                   EVENT#e        USER#u            the registration: status, registeredAt; seq while waitlisted,
                                                    promotedAt since a promotion
                   EVENT#e        WAIT#000000004217 number 4217 in the queue: userId, registeredAt
                   EVENT#e        LEFT#0000000004   the numbers from 4000 to 4999 whose owners left the queue: numbers
                   USER#u         EVENT#e           a pointer, which lists a user's registrations

Every change of SEATS is a transaction whose conditions verify what the decision relied on (`storage.rules`). Only
`storage.dynamodb` imports boto3; only `storage.items` converts between models and items. `README.md` in this folder
explains the transactions, their cost and the queue.
"""
