"""The infrastructure: one file per resource family, put together to a template, and deployed as a stack."""
