"""Hands a template to CloudFormation: within the request if it is small enough, else through the bucket."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cfn.errors import CommandError
from cfn.stack.aws import Aws
from cfn.stack.small_template import Template, small_template
from cfn.template.build import BODY_LIMIT


@contextmanager
def handed_over(
    aws: Aws, stack: str, template: Template, parameters: Mapping[str, str | None], bucket: str | None
) -> Iterator[dict[str, str]]:
    """Yield the argument of CloudFormation that has the template, which stays in the bucket no longer than this.

    Without a bucket, as before the first deployment, it is made smaller.

    Raises:
        CommandError: There is no bucket, and the template is too large even so.

    """
    body = _compact(template)
    if len(body) > BODY_LIMIT and bucket is None:
        body = _compact(small_template(template, parameters))
        if len(body) > BODY_LIMIT:
            raise CommandError(
                "This template is too large for a plan without a bucket, and there is none yet: name one with --bucket."
            )
    if len(body) <= BODY_LIMIT:
        yield {"TemplateBody": body}
        return
    s3 = aws.client("s3")
    key = f"{stack}/template-{hashlib.sha256(body.encode()).hexdigest()}.json"
    target = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": aws.account}
    s3.put_object(**target, Body=body.encode(), ContentType="application/json")
    try:
        # With the bucket in the path, as the AWS CLI writes it.
        yield {"TemplateURL": f"{s3.meta.endpoint_url}/{bucket}/{key}"}
    finally:
        s3.delete_object(**target)


def _compact(template: Template) -> str:
    return json.dumps(template, separators=(",", ":"))
