import base64

from .harness import Case, client, corrects
from .test_ec2_instances import image
from .test_ec2_network import group, subnet, vpc


class Attributes(Case):
    @classmethod
    def setUpClass(cls):
        cls.ec2, cls.image, cls.vpc = client("ec2"), image(), vpc()
        cls.subnet, cls.groups = subnet(cls.vpc), [group(cls.vpc), group(cls.vpc)]

    def run_one(self, **more):
        ask = {"ImageId": self.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
        made = self.ec2.run_instances(SubnetId=self.subnet, SecurityGroupIds=self.groups[:1], **ask)
        return made["Instances"][0]["InstanceId"]

    def read(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def groups_of(self, instance):
        found = self.read(instance)
        shown = {g["GroupId"] for g in found["SecurityGroups"]}
        return shown, {g["GroupId"] for g in found["NetworkInterfaces"][0]["Groups"]}

    @corrects("ec2.instance-shutdown-behavior")
    def test_shutdown_behavior(self):
        one = self.run_one()
        told = {"InstanceInitiatedShutdownBehavior": {"Value": "terminate"}}
        self.ec2.modify_instance_attribute(InstanceId=one, **told)
        ask = {"InstanceId": one, "Attribute": "instanceInitiatedShutdownBehavior"}
        self.assertEqual(
            "terminate", self.ec2.describe_instance_attribute(**ask)["InstanceInitiatedShutdownBehavior"]["Value"]
        )
        self.assertEqual({self.groups[0]}, self.groups_of(one)[0])

    @corrects("ec2.instance-user-data")
    def test_user_data(self):
        one = self.run_one(UserData="one")
        self.eventually(lambda: self.read(one)["State"]["Name"] == "running")
        self.ec2.stop_instances(InstanceIds=[one])
        self.eventually(lambda: self.read(one)["State"]["Name"] == "stopped")
        self.ec2.modify_instance_attribute(InstanceId=one, UserData={"Value": b"two"})
        found = self.ec2.describe_instance_attribute(InstanceId=one, Attribute="userData")["UserData"]["Value"]
        self.assertEqual(b"two", base64.b64decode(found))

    @corrects("ec2.instance-groups")
    def test_groups(self):
        one, (first, second) = self.run_one(), self.groups
        self.assertEqual(({first}, {first}), self.groups_of(one))
        self.ec2.modify_instance_attribute(InstanceId=one, Groups=[second])
        self.assertEqual(({second}, {second}), self.groups_of(one))
        eni = self.read(one)["NetworkInterfaces"][0]["NetworkInterfaceId"]
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Groups=[first])
        self.assertEqual(({first}, {first}), self.groups_of(one))

    @corrects("ec2.instance-source-dest-check")
    def test_source_dest_check(self):
        one = self.run_one()
        self.ec2.modify_instance_attribute(InstanceId=one, SourceDestCheck={"Value": False})
        found = self.read(one)
        self.assertFalse(found["SourceDestCheck"])
        self.assertFalse(found["NetworkInterfaces"][0]["SourceDestCheck"])

    @corrects("ec2.run-interface-tags")
    def test_interface_tags(self):
        tags = [{"Key": "k", "Value": "v"}]
        one = self.run_one(TagSpecifications=[{"ResourceType": "network-interface", "Tags": tags}])
        mine = [{"Name": "attachment.instance-id", "Values": [one]}]
        found = self.ec2.describe_network_interfaces(Filters=mine)["NetworkInterfaces"]
        self.assertEqual(tags, found[0]["TagSet"])

    @corrects("ec2.credit-specification")
    def test_credits(self):
        one = self.run_one(CreditSpecification={"CpuCredits": "unlimited"})

        def credits():
            found = self.ec2.describe_instance_credit_specifications(InstanceIds=[one])
            return found["InstanceCreditSpecifications"][0]["CpuCredits"]

        self.assertEqual("unlimited", credits())
        change = {"InstanceId": one, "CpuCredits": "standard"}
        self.ec2.modify_instance_credit_specification(InstanceCreditSpecifications=[change])
        self.assertEqual("standard", credits())

    @corrects("ec2.attachment-delete-on-termination")
    def test_attachment(self):
        one = self.run_one()
        mine = [{"Name": "attachment.instance-id", "Values": [one]}]
        root = self.ec2.describe_volumes(Filters=mine)["Volumes"][0]
        self.assertTrue(root["Attachments"][0]["DeleteOnTermination"])


class Regions(Case):
    @corrects("ec2.enabled-regions")
    def test_only_those_that_are_enabled(self):
        told = {region["RegionName"] for region in client("ec2").describe_regions()["Regions"]}
        self.assertEqual(17, len(told))
        self.assertLessEqual({"us-east-1", "eu-west-3"}, told)
        self.assertFalse(told & {"cn-north-1", "us-gov-west-1", "af-south-1"})
