"""The steps of a request between the server and its operation.

connexion loads the contract, checks that it is valid OpenAPI, resolves each operationId to a function, and routes
requests. The modules here replace its other middlewares and the application behind them. A request passes them in this
order, which `handlers.app` sets up:

1. `logs`: give the request an id, and log one line when it is answered. Outermost, so that every answer is logged.
2. `headers`: add security and cache headers to every response, including errors and CORS preflights.
3. `deadline`: give the request one deadline for all its calls to the store, so that it answers before Lambda ends it.
4. CORS (starlette's): outside the handling of errors, so that browsers can read error documents too.
5. Exceptions (starlette's, with `handlers.problems`): turn each refusal into its problem document.
6. `handlers.documents`: serve Swagger UI and the contract as a file, which are not operations.
7. `routing`: connexion's router, made strict. By default it redirects `/events/` to `/events`, takes `%2F` in an id for
   a separator, and names only one method in `Allow`.
8. `operations`: find out who sends the request and refuse those who may not (`handlers.access`), read it and validate
   it by its models (`validation`, with `json_text` and `field_errors`), call the function, and turn its result into a
   response. An update or deletion of an event takes turns with others
   of the same event (`turns`). Registrations and departures wait for the event's writer (`writers`), which puts those
   that arrive meanwhile into one transaction.

Most replacements are in the last step. connexion's validation answers 400 where the contract promises 422, reports one
error at a time, fails with 500 on a body that is not UTF-8 or is nested too deeply, and accepts repeated query
parameters, `limit=+5`, NUL and half surrogate pairs. Its application then parses parameters and body a second time,
builds validators and decorators in every request, and guesses the content type from all media types of the operation:
500 where success is JSON and errors are problem documents (spec-first/connexion#1956).
"""
