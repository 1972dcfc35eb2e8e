"""Makes the embedded store durable: every change of an item is in a log on disk before its request is answered.

ministack keeps its tables in memory. Its process appends the items that each write has changed, as they are after it,
to the log in the data folder, and reads the log at its next start. So nothing depends on a clean stop: what was
answered survives the end of any process, and that of the machine once the log is synced, `log.SYNC_SECONDS` later.

    items-000001.log    the log before: kept until the one after it is replaced too, and all of it is told
    items-000002.log    the log
    webhook/            up to where it was told (`position.py`), and what telling needs

A log is a header and one line for each write: a checksum, and a JSON document (`log.py` has its form). It depends on
nothing but DynamoDB's JSON for items. A start rewrites a log of which more than half is outdated (`folder.py`).
"""
