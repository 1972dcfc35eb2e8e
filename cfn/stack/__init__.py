"""The commands on a deployed stack: create, update, delete and watch it, on AWS or on an emulator.

Start with `deploy.py`. It builds on `cfn.template` and `cfn.package`, which know neither stacks nor each other.
"""
