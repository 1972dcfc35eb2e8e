"""The infrastructure: from `storage.schema` and one file per resource family to a CloudFormation template and a running stack."""
