"""HTTP: one module per tag of the contract, one function per operation, and the entry points that serve them.

- Operations: `events`, `users`, `registrations`, `system`. Each function takes validated models, calls `storage`, and
  returns a dict, or a tuple of body, status and headers; `bodies` makes the dicts.
- `models`: the types of requests (pydantic) and answers (TypedDict), generated from the contract.
- `pipeline`: the middlewares that a request passes on its way to its operation, in the order that `app` lists.
- `contract` reads `openapi.yaml`; `problems` maps each refusal to its error document.
- `promotions` continues on a thread the promotions that requests leave unfinished; `continuation` does so on Lambda.
- `documents` serves Swagger UI and the contract beside the operations.
- Entry points: `aws_lambda` (API Gateway), `wsgi` (gunicorn), `local` (the command `events-api`).
"""
