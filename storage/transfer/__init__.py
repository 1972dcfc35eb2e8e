"""Export of all data to JSON lines, and import of such a file through conditional writes that keep the invariant.

`form.py` defines the file, `export.py` writes it, `load.py` imports it, and `admission.py` decides about its
registrations. `command.py` has the commands `export` and `import` of `events-api`.
"""
