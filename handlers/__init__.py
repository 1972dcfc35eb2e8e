"""HTTP: one module per tag of the contract, one function per operation, and the entry points that serve them.

A request goes through the middlewares of `handlers.app` (log, headers, deadline, CORS, problems, routing, validation)
to the function that its operationId names, which calls `storage` and returns a dict and a status.
"""

import warnings

# connexion 3.3 imports starlette's test client in production, which then asks everybody for httpx2.
warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")
