"""translate.py TEMPLATE: prints the CloudFormation that a SAM template becomes.

The translation is AWS's own (aws-sam-translator). Code on this machine stands
for code that was uploaded; nothing is read from AWS.
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """Templates here name no managed policies; one that does fails."""

    def load(self):
        return {}


def main(path):
    with open(path, encoding="utf-8") as file:
        document = yaml_parse(file.read())
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function" and "CodeUri" in properties:
            properties["CodeUri"] = "s3://bucket/code"
        if properties.get("PackageType") == "Image":
            properties["ImageUri"] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/image:tag"
        if resource["Type"] == "AWS::Serverless::Application":
            properties["Location"] = "https://s3.amazonaws.com/bucket/template"
    json.dump(transform(document, {}, NoManagedPolicies()), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
