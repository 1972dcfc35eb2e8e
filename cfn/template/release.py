"""How traffic gets to a new version: gradually, by CodeDeploy, which goes back by itself if an alarm goes off.

The alias has an update policy, which acts only when an update of the stack changes its version.
"""

from typing import Any, Final

from troposphere import GetAtt, NoValue, Ref, Sub, Template, codedeploy
from troposphere.iam import Policy, Role

from cfn.template.conditions import TRAFFIC_SHIFTS_GRADUALLY
from cfn.template.role import document

#: The alarms that stop a release. All requests count, as the metrics of the gateway do not tell versions apart.
WATCHED: Final = ("ServerErrorsAlarm", "FunctionErrorsAlarm")


def add_release(template: Template) -> None:
    """Add the application and the deployment group of CodeDeploy, and the role that it moves the alias with."""
    template.add_resource(
        codedeploy.Application("ReleaseApplication", Condition=TRAFFIC_SHIFTS_GRADUALLY, ComputePlatform="Lambda")
    )
    template.add_resource(_role())
    template.add_resource(_group())


def alias_update_policy() -> dict[str, Any]:
    """Return the update policy of the alias, which is empty if traffic moves all at once."""
    policy = {"ApplicationName": Ref("ReleaseApplication"), "DeploymentGroupName": Ref("ReleaseGroup")}
    return {"CodeDeployLambdaAliasUpdate": {"Fn::If": [TRAFFIC_SHIFTS_GRADUALLY, policy, NoValue]}}


def _group() -> codedeploy.DeploymentGroup:
    events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
    return codedeploy.DeploymentGroup(
        "ReleaseGroup",
        Condition=TRAFFIC_SHIFTS_GRADUALLY,
        ApplicationName=Ref("ReleaseApplication"),
        ServiceRoleArn=GetAtt("ReleaseRole", "Arn"),
        DeploymentConfigName=Sub("CodeDeployDefault.Lambda${TrafficShift}"),
        DeploymentStyle=codedeploy.DeploymentStyle(
            DeploymentType="BLUE_GREEN", DeploymentOption="WITH_TRAFFIC_CONTROL"
        ),
        AlarmConfiguration=codedeploy.AlarmConfiguration(
            Enabled=True, Alarms=[codedeploy.Alarm(Name=Ref(name)) for name in WATCHED]
        ),
        AutoRollbackConfiguration=codedeploy.AutoRollbackConfiguration(Enabled=True, Events=events),
    )


def _role() -> Role:
    service = {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}
    # The part of AWSCodeDeployRoleForLambdaLimited that a deployment without hooks and without S3 uses.
    move = {
        "Effect": "Allow",
        "Action": ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
        "Resource": [GetAtt("Function", "Arn"), Sub("${Function.Arn}:*")],
    }
    watch = {
        "Effect": "Allow",
        "Action": "cloudwatch:DescribeAlarms",
        "Resource": Sub("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"),
    }
    return Role(
        "ReleaseRole",
        Condition=TRAFFIC_SHIFTS_GRADUALLY,
        Description=Sub("Moves the traffic of the stack ${AWS::StackName} to a new version"),
        AssumeRolePolicyDocument=document(service),
        Policies=[Policy(PolicyName="traffic", PolicyDocument=document(move, watch))],
    )
