"""The Lambda package: a reproducible zip of locked wheels and the service's own files.

Start with `build.py`. `contents.py` selects the files, and `runtime.lock` pins the versions.
"""
