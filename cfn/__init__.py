"""The deployment: the CloudFormation template, the Lambda package, and the commands that manage a stack.

`python -m cfn` runs the commands; README.md in this folder describes them.
"""
