"""The CloudFormation template: one file per family of resources, written with troposphere.

Start with `build.py`, which combines the families; `parameters.py` lists what can be set at each deployment.
"""
