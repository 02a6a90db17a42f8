from .harness import Case, client, corrects, unique
from .test_ec2_instances import image
from .test_ec2_network import address, gateway, subnet, vpc

KEY = [{"Name": "key", "Values": ["k"]}]


def tagged(kind):
    return [{"ResourceType": kind, "Tags": [{"Key": "k", "Value": "v"}]}]


class Tags(Case):
    def setUp(self):
        self.ec2 = client("ec2")

    def types(self, *filters):
        return sorted(t["ResourceType"] for t in self.ec2.describe_tags(Filters=[*KEY, *filters])["Tags"])

    @corrects("ec2.tag-types", "ec2.nat-filters", "ec2.nat-connectivity")
    def test_types(self):
        own = self.ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))["AllocationId"]
        network = vpc()
        gateway(network)
        ask = {"SubnetId": subnet(network), "AllocationId": own}
        made = self.ec2.create_nat_gateway(**ask, TagSpecifications=tagged("natgateway"))["NatGateway"]
        self.assertEqual("public", made["ConnectivityType"])
        ours = {"Name": "resource-id", "Values": [own, made["NatGatewayId"]]}
        self.assertEqual(["elastic-ip", "natgateway"], self.types(ours))
        self.assertEqual(["natgateway"], self.types(ours, {"Name": "resource-type", "Values": ["natgateway"]}))

        def found(value):
            mine = {"NatGatewayIds": [made["NatGatewayId"]], "Filter": [{"Name": "tag:k", "Values": [value]}]}
            return self.ec2.describe_nat_gateways(**mine)["NatGateways"]

        self.assertEqual((1, 0), (len(found("v")), len(found("other"))))

    @corrects("ec2.nat-filters")
    def test_nat_filters(self):
        inside = subnet(vpc())
        self.ec2.create_nat_gateway(SubnetId=inside, ConnectivityType="private", TagSpecifications=tagged("natgateway"))
        other = [{"Name": "tag:k", "Values": ["other"]}]
        self.assertEqual([], self.ec2.describe_nat_gateways(Filter=other)["NatGateways"])

    @corrects("ec2.nat-connectivity")
    def test_connectivity(self):
        made = self.ec2.create_nat_gateway(SubnetId=subnet(vpc()), AllocationId=address())["NatGateway"]
        self.assertEqual("public", made["ConnectivityType"])

    @corrects("ec2.tags-of-deleted")
    def test_tags_of_deleted(self):
        made = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
        ours = {"Name": "resource-id", "Values": [made]}
        self.assertEqual(["vpc"], self.types(ours))
        self.ec2.delete_vpc(VpcId=made)
        self.assertEqual([], self.types(ours))

        name = unique()
        template = self.ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={"InstanceType": "t3.micro"},
            TagSpecifications=tagged("launch-template"),
        )["LaunchTemplate"]["LaunchTemplateId"]
        ours = {"Name": "resource-id", "Values": [template]}
        self.assertEqual(["launch-template"], self.types(ours))
        self.ec2.delete_launch_template(LaunchTemplateName=name)
        self.assertEqual([], self.types(ours))

    @corrects("ec2.tag-keys-reserved")
    def test_reserved_keys(self):
        own = [{"Key": "aws:mine", "Value": "v"}]
        with self.refused("InvalidParameterValue", "reserved"):
            self.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": own}])
        with self.refused("InvalidParameterValue", "reserved"):
            self.ec2.create_tags(Resources=[vpc()], Tags=own)

    @corrects("ec2.address-absent-fields")
    def test_free_address(self):
        found = self.ec2.describe_addresses(AllocationIds=[address()])["Addresses"][0]
        self.assertNotIn("NetworkInterfaceId", found)
        self.assertNotIn("InstanceId", found)

    @corrects("ec2.security-group-names")
    def test_group_names(self):
        network, name = vpc(), unique("Group")
        self.ec2.create_security_group(VpcId=network, GroupName=name, Description="d")
        with self.refused("InvalidGroup.Duplicate"):
            self.ec2.create_security_group(VpcId=network, GroupName=name.upper(), Description="d")
        self.ec2.create_security_group(VpcId=vpc(), GroupName=name, Description="d")
        with self.refused("InvalidVpcID.NotFound"):
            self.ec2.create_security_group(VpcId="vpc-0123456789abcdef0", GroupName=name, Description="d")


class Templates(Case):
    def setUp(self):
        self.ec2 = client("ec2")
        self.name = unique()
        self.template = {"LaunchTemplateName": self.name}
        self.ec2.create_launch_template(
            **self.template, LaunchTemplateData={"InstanceType": "t3.micro", "KeyName": "kept"}
        )

    def numbers(self):
        found = self.ec2.describe_launch_template_versions(**self.template)["LaunchTemplateVersions"]
        return sorted(v["VersionNumber"] for v in found)

    @corrects("ec2.launch-template-unknown")
    def test_unknown(self):
        missing = "lt-0123456789abcdef0"
        with self.refused("InvalidLaunchTemplateId.NotFound"):
            self.ec2.describe_launch_templates(LaunchTemplateIds=[missing])
        with self.refused("InvalidLaunchTemplateId.NotFound"):
            self.ec2.delete_launch_template(LaunchTemplateId=missing)
        with self.refused("InvalidLaunchTemplateName.NotFoundException"):
            self.ec2.delete_launch_template(LaunchTemplateName=unique())

    @corrects("ec2.launch-template-source-version")
    def test_source_version(self):
        made = self.ec2.create_launch_template_version(
            **self.template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.small"}
        )["LaunchTemplateVersion"]
        self.assertEqual("kept", made["LaunchTemplateData"]["KeyName"])
        self.assertEqual("t3.small", made["LaunchTemplateData"]["InstanceType"])

    @corrects("ec2.launch-template-delete-versions")
    def test_delete_versions(self):
        for size in ("t3.small", "t3.large"):
            self.ec2.create_launch_template_version(**self.template, LaunchTemplateData={"InstanceType": size})
        answer = self.ec2.delete_launch_template_versions(**self.template, Versions=["1", "2", "9"])
        self.assertEqual([2], [v["VersionNumber"] for v in answer["SuccessfullyDeletedLaunchTemplateVersions"]])
        self.assertEqual([1, 9], [v["VersionNumber"] for v in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]])
        self.assertEqual([1, 3], self.numbers())
        found = self.ec2.describe_launch_template_versions(**self.template, Versions=["3"])
        self.assertEqual("t3.large", found["LaunchTemplateVersions"][0]["LaunchTemplateData"]["InstanceType"])
        self.ec2.create_launch_template_version(**self.template, LaunchTemplateData={"InstanceType": "t3.nano"})
        self.assertEqual([1, 3, 4], self.numbers())


class Profiles(Case):
    @corrects("ec2.instance-profile-shown")
    def test_profile_of_an_instance(self):
        iam, ec2, made = client("iam"), client("ec2"), {}
        for name in (unique(), unique()):
            made[name] = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        first, second = made
        ask = {"ImageId": image(), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet(vpc())}
        one = ec2.run_instances(**ask)["Instances"][0]["InstanceId"]

        def shown():
            found = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]
            return found["IamInstanceProfile"]["Arn"], found["IamInstanceProfile"]["Id"]

        joined = ec2.associate_iam_instance_profile(InstanceId=one, IamInstanceProfile={"Name": first})
        association = joined["IamInstanceProfileAssociation"]["AssociationId"]
        self.assertEqual((made[first]["Arn"], made[first]["InstanceProfileId"]), shown())
        ec2.replace_iam_instance_profile_association(AssociationId=association, IamInstanceProfile={"Name": second})
        self.assertEqual((made[second]["Arn"], made[second]["InstanceProfileId"]), shown())
