"""Prints what cdk-nag finds in a template, as JSON: runs in an environment of its own, with node.

The packs are those for serverless applications and for AWS solutions in general.
"""

import json
import sys
import tempfile
from pathlib import Path

import aws_cdk
from aws_cdk.cloudformation_include import CfnInclude
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

PACKS = ("Serverless", "AwsSolutions")


def findings(template: str) -> list[list[str]]:
    """Return the name of a rule and of a resource that violates it, or on which it failed, for each violation."""
    with tempfile.TemporaryDirectory() as folder:
        app = aws_cdk.App(outdir=folder)
        CfnInclude(aws_cdk.Stack(app, "Stack"), "Template", template_file=template)
        aws_cdk.Validations.of(app).add_plugins(ServerlessChecks(), AwsSolutionsChecks())
        try:
            app.synth()
        except RuntimeError as error:
            if not str(error).startswith("ValidationFailed:"):
                raise
        report = json.loads(Path(folder, "validation-report.json").read_text())
    # The third report is the CDK's own, which knows no conditions; cfn-lint does.
    return [
        [violation["ruleName"], construct["constructPath"].rpartition("/")[2]]
        for found in report["pluginReports"]
        if found["pluginName"] in PACKS
        for violation in found["violations"]
        for construct in violation["violatingConstructs"]
    ]


if __name__ == "__main__":
    json.dump(findings(sys.argv[1]), sys.stdout)
