"""The tagging API."""

import time

from .harness import REGION, Case, bare, client, control, corrects, unique


def found(name: str, region: str = REGION) -> dict[str, dict[str, str]]:
    """The tags of all that has the tag `name`, by ARN."""
    pages = client("resourcegroupstaggingapi", region=region).get_paginator("get_resources")
    listed = [one for page in pages.paginate(TagFilters=[{"Key": name}]) for one in page["ResourceTagMappingList"]]
    return {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in listed}


class Tagging(Case):
    @corrects("tagging.rds-groups")
    def test_groups_of_rds_are_found(self):
        rds, ec2, name = client("rds"), client("ec2"), unique()
        tags = [{"Key": name, "Value": "v"}]
        vpc = ec2.create_vpc(CidrBlock="10.61.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.61.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")
            for n, zone in enumerate("ab")
        ]
        made = rds.create_db_subnet_group(
            DBSubnetGroupName=name,
            DBSubnetGroupDescription="d",
            SubnetIds=[subnet["Subnet"]["SubnetId"] for subnet in subnets],
            Tags=tags,
        )["DBSubnetGroup"]["DBSubnetGroupArn"]
        parameters = rds.create_db_parameter_group(
            DBParameterGroupName=name, DBParameterGroupFamily="mysql8.0", Description="d", Tags=tags
        )["DBParameterGroup"]["DBParameterGroupArn"]
        self.assertEqual({made: {name: "v"}, parameters: {name: "v"}}, found(name))

    @corrects("tagging.regions")
    def test_a_bucket_is_found_in_its_region(self):
        s3, name = client("s3"), unique()
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": name, "Value": "v"}]})
        self.assertEqual({f"arn:aws:s3:::{name}": {name: "v"}}, found(name))
        self.assertEqual({}, found(name, region="eu-west-2"))

    def test_the_index_may_be_behind(self):
        if bare():
            self.skipTest("weather is ours")
        ssm, name = client("ssm"), unique()
        tagged = lambda value: ssm.add_tags_to_resource(
            ResourceType="Parameter", ResourceId=name, Tags=[{"Key": name, "Value": value}]
        )
        ssm.put_parameter(Name=name, Value="v", Type="String")
        control("lateness?seconds=0.6", "POST")
        self.addCleanup(control, "lateness?seconds=0", "POST")
        self.assertEqual({}, found(name))
        tagged("new")
        self.assertEqual({}, found(name))
        time.sleep(0.7)
        self.assertEqual([{name: "new"}], list(found(name).values()))
