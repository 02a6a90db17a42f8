import base64

from .harness import Case, client, control, corrects, unique
from .test_ec2_network import address, group, subnet, vpc


def image():
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    return client("ssm").get_parameter(Name=name)["Parameter"]["Value"]


class Instances(Case):
    @classmethod
    def setUpClass(cls):
        cls.image = image()
        cls.ec2 = client("ec2")
        cls.subnet = subnet(vpc())

    def run_one(self, **more):
        ask = {"ImageId": self.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
        if "NetworkInterfaces" not in ask:
            ask.setdefault("SubnetId", self.subnet)
        return self.ec2.run_instances(**ask)["Instances"][0]["InstanceId"]

    def read(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def wait(self, instance, state):
        return self.eventually(lambda: (r := self.read(instance))["State"]["Name"] == state and r)

    @corrects("ec2.instance-states")
    def test_states(self):
        one = self.run_one()
        self.assertEqual("pending", self.read(one)["State"]["Name"])
        self.wait(one, "running")
        self.ec2.stop_instances(InstanceIds=[one])
        self.assertEqual("stopping", self.read(one)["State"]["Name"])
        with self.refused("IncorrectInstanceState"):
            self.ec2.start_instances(InstanceIds=[one])
        self.wait(one, "stopped")
        self.ec2.start_instances(InstanceIds=[one])
        self.wait(one, "running")
        self.ec2.terminate_instances(InstanceIds=[one])
        self.assertEqual("shutting-down", self.read(one)["State"]["Name"])
        self.wait(one, "terminated")
        self.ec2.terminate_instances(InstanceIds=[one])
        with self.refused("IncorrectInstanceState"):
            self.ec2.stop_instances(InstanceIds=[one])

    @corrects("ec2.client-token")
    def test_token_of_a_terminated_instance(self):
        ask = {"ClientToken": unique()}
        one = self.run_one(**ask)
        self.assertEqual(one, self.run_one(**ask))
        self.assertEqual(ask["ClientToken"], self.read(one)["ClientToken"])
        self.ec2.terminate_instances(InstanceIds=[one])
        self.wait(one, "terminated")
        with self.refused("IdempotentInstanceTerminated"):
            self.run_one(**ask)

    @corrects("ec2.instance-modify-stopped")
    def test_type_changes_while_stopped(self):
        one = self.run_one()
        self.wait(one, "running")
        with self.refused("IncorrectInstanceState"):
            self.ec2.modify_instance_attribute(InstanceId=one, InstanceType={"Value": "t3.small"})
        self.ec2.stop_instances(InstanceIds=[one])
        self.wait(one, "stopped")
        self.ec2.modify_instance_attribute(InstanceId=one, InstanceType={"Value": "t3.small"})
        self.assertEqual("t3.small", self.read(one)["InstanceType"])

    @corrects("ec2.instance-termination")
    def test_what_a_terminated_instance_leaves(self):
        ec2 = self.ec2
        one, own = self.run_one(), address()
        self.wait(one, "running")
        ec2.associate_address(AllocationId=own, InstanceId=one)
        later = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
        self.eventually(lambda: ec2.describe_volumes(VolumeIds=[later])["Volumes"][0]["State"] == "available")
        ec2.attach_volume(InstanceId=one, VolumeId=later, Device="/dev/sdf")
        root = next(d for d in self.read(one)["BlockDeviceMappings"] if d["DeviceName"] != "/dev/sdf")
        eni = self.read(one)["NetworkInterfaces"][0]["NetworkInterfaceId"]
        ec2.terminate_instances(InstanceIds=[one])
        self.wait(one, "terminated")
        self.assertNotIn("AssociationId", ec2.describe_addresses(AllocationIds=[own])["Addresses"][0])
        with self.refused("InvalidNetworkInterfaceID.NotFound"):
            ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])
        with self.refused("InvalidVolume.NotFound"):
            ec2.describe_volumes(VolumeIds=[root["Ebs"]["VolumeId"]])
        self.assertEqual("available", ec2.describe_volumes(VolumeIds=[later])["Volumes"][0]["State"])

    @corrects("ec2.instance-public-address")
    def test_public_address(self):
        own = address()
        given = {"DeviceIndex": 0, "SubnetId": self.subnet, "AssociatePublicIpAddress": True}
        one, two = self.run_one(NetworkInterfaces=[given]), self.run_one(NetworkInterfaces=[given])
        self.wait(one, "running")
        self.wait(two, "running")
        self.ec2.associate_address(AllocationId=own, InstanceId=one)
        elastic, before = self.read(one)["PublicIpAddress"], self.read(two)["PublicIpAddress"]
        for each in (one, two):
            self.ec2.stop_instances(InstanceIds=[each])
            self.wait(each, "stopped")
        self.assertEqual(elastic, self.read(one)["PublicIpAddress"])
        self.assertNotIn("PublicIpAddress", self.read(two))
        for each in (one, two):
            self.ec2.start_instances(InstanceIds=[each])
            self.wait(each, "running")
        self.assertEqual(elastic, self.read(one)["PublicIpAddress"])
        self.assertNotEqual(before, self.read(two)["PublicIpAddress"])

    @corrects("ec2.ami-root-device")
    def test_root_device_of_the_image(self):
        found = self.ec2.describe_images(ImageIds=[self.image])["Images"][0]
        self.assertEqual("/dev/xvda", found["RootDeviceName"])
        root = next(d for d in found["BlockDeviceMappings"] if d["DeviceName"] == "/dev/xvda")
        self.assertTrue(root["Ebs"]["DeleteOnTermination"])
        self.assertEqual("gp3", root["Ebs"]["VolumeType"])

    @corrects("ec2.run-devices", "ec2.volume-defaults")
    def test_devices(self):
        one = self.run_one(
            BlockDeviceMappings=[
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30}},
                {
                    "DeviceName": "/dev/sdb",
                    "Ebs": {"VolumeSize": 5, "VolumeType": "gp3", "Iops": 4000, "Throughput": 200},
                },
            ],
            TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "k", "Value": "v"}]}],
        )
        mine = [{"Name": "attachment.instance-id", "Values": [one]}]
        volumes = {v["Attachments"][0]["Device"]: v for v in self.ec2.describe_volumes(Filters=mine)["Volumes"]}
        self.assertEqual({"/dev/xvda", "/dev/sdb"}, set(volumes))
        root, data = volumes["/dev/xvda"], volumes["/dev/sdb"]
        self.assertEqual((30, "gp3", 3000, 125), (root["Size"], root["VolumeType"], root["Iops"], root["Throughput"]))
        self.assertEqual((5, 4000, 200), (data["Size"], data["Iops"], data["Throughput"]))
        self.assertEqual([{"Key": "k", "Value": "v"}], data["Tags"])

    @corrects("ec2.run-groups-network")
    def test_groups_of_another_network(self):
        ask = {"ImageId": image(), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        network = vpc()
        place, own, foreign = subnet(network), group(network), group(vpc())
        with self.refused("InvalidParameter", "different networks"):
            self.ec2.run_instances(SubnetId=place, SecurityGroupIds=[own, foreign], **ask)
        self.ec2.run_instances(SubnetId=place, SecurityGroupIds=[own], **ask)

    @corrects("ec2.run-launch-template")
    def test_from_a_launch_template(self):
        name = unique()
        client("iam").create_instance_profile(InstanceProfileName=name)
        script = base64.b64encode(b"#!/bin/sh").decode()
        self.ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={
                "ImageId": self.image,
                "InstanceType": "t3.small",
                "UserData": script,
                "IamInstanceProfile": {"Name": name},
                "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
                "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20}}],
                "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "k", "Value": "v"}]}],
            },
        )
        self.settle()
        ask = {"LaunchTemplate": {"LaunchTemplateName": name}, "MinCount": 1, "MaxCount": 1, "SubnetId": self.subnet}
        one = self.read(self.ec2.run_instances(**ask)["Instances"][0]["InstanceId"])
        self.assertTrue(one["IamInstanceProfile"]["Arn"].endswith(name))
        self.assertEqual("t3.small", one["InstanceType"])
        self.assertEqual("required", one["MetadataOptions"]["HttpTokens"])
        self.assertEqual(2, one["MetadataOptions"]["HttpPutResponseHopLimit"])
        self.assertEqual(1, len(one["BlockDeviceMappings"]))
        root = one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        found = self.ec2.describe_volumes(VolumeIds=[root])["Volumes"][0]
        self.assertEqual((20, [{"Key": "k", "Value": "v"}]), (found["Size"], found["Tags"]))
        told = self.ec2.describe_instance_attribute(InstanceId=one["InstanceId"], Attribute="userData")
        self.assertEqual(script, told["UserData"]["Value"])

    def settle(self):
        """New instance profiles reach EC2 late."""
        control("settle", "POST")

    @corrects("ec2.run-termination-protection")
    def test_termination_protection(self):
        one = self.run_one(DisableApiTermination=True)
        self.wait(one, "running")
        with self.refused("OperationNotPermitted"):
            self.ec2.terminate_instances(InstanceIds=[one])
        self.ec2.modify_instance_attribute(InstanceId=one, DisableApiTermination={"Value": False})
        self.ec2.terminate_instances(InstanceIds=[one])

    @corrects("ec2.metadata-options")
    def test_metadata_options_keep_the_rest(self):
        one = self.run_one(MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3})
        self.ec2.modify_instance_metadata_options(InstanceId=one, InstanceMetadataTags="enabled")
        options = self.read(one)["MetadataOptions"]
        self.assertEqual(
            ("required", 3, "enabled"),
            (options["HttpTokens"], options["HttpPutResponseHopLimit"], options["InstanceMetadataTags"]),
        )

    @corrects("ec2.monitoring")
    def test_monitoring(self):
        one = self.run_one()
        self.ec2.monitor_instances(InstanceIds=[one])
        self.assertEqual("enabled", self.read(one)["Monitoring"]["State"])
        self.ec2.unmonitor_instances(InstanceIds=[one])
        self.assertEqual("disabled", self.read(one)["Monitoring"]["State"])

    @corrects("ec2.run-profile-unknown")
    def test_unknown_profile(self):
        with self.refused("InvalidParameterValue", "Invalid IAM Instance Profile name"):
            self.run_one(IamInstanceProfile={"Name": unique()})

    @corrects("ec2.run-profile-propagation")
    def test_fresh_profile(self):
        name = unique()
        client("iam").create_instance_profile(InstanceProfileName=name)
        with self.refused("InvalidParameterValue", "Invalid IAM Instance Profile"):
            self.run_one(IamInstanceProfile={"Name": name})
        self.settle()
        one = self.read(self.run_one(IamInstanceProfile={"Name": name}))
        self.assertTrue(one["IamInstanceProfile"]["Arn"].endswith(name))


class Volumes(Case):
    def setUp(self):
        self.ec2 = client("ec2")

    def read(self, volume):
        return self.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]

    def volume(self, zone="a", size=5):
        made = self.ec2.create_volume(AvailabilityZone=f"eu-west-1{zone}", Size=size, VolumeType="gp3")["VolumeId"]
        self.eventually(lambda: self.read(made)["State"] == "available")
        return made

    def instance(self):
        ask = {"ImageId": image(), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        one = self.ec2.run_instances(SubnetId=subnet(vpc()), **ask)["Instances"][0]["InstanceId"]
        found = {"InstanceIds": [one]}
        self.eventually(
            lambda: (
                self.ec2.describe_instances(**found)["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
            )
        )
        return one

    @corrects("ec2.volume-states")
    def test_states(self):
        one = self.instance()
        made = self.ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
        self.assertEqual("creating", self.read(made)["State"])
        with self.refused("IncorrectState"):
            self.ec2.attach_volume(VolumeId=made, InstanceId=one, Device="/dev/sdf")
        self.eventually(lambda: self.read(made)["State"] == "available")
        self.ec2.delete_volume(VolumeId=made)

    @corrects("ec2.volume-states", "ec2.volume-detach-by-id", "ec2.volume-attach-zone")
    def test_attachment(self):
        one, here, there = self.instance(), self.volume(), self.volume("b")
        with self.refused("InvalidVolume.ZoneMismatch"):
            self.ec2.attach_volume(VolumeId=there, InstanceId=one, Device="/dev/sdf")
        self.ec2.attach_volume(VolumeId=here, InstanceId=one, Device="/dev/sdf")
        with self.refused("VolumeInUse"):
            self.ec2.attach_volume(VolumeId=here, InstanceId=one, Device="/dev/sdg")
        with self.refused("VolumeInUse"):
            self.ec2.delete_volume(VolumeId=here)
        self.ec2.detach_volume(VolumeId=here)
        self.assertEqual("in-use", self.read(here)["State"])
        self.eventually(lambda: self.read(here)["State"] == "available")
        self.ec2.delete_volume(VolumeId=here)

    @corrects("ec2.volume-attach-zone")
    def test_zone(self):
        one, there = self.instance(), self.volume("b")
        with self.refused("InvalidVolume.ZoneMismatch"):
            self.ec2.attach_volume(VolumeId=there, InstanceId=one, Device="/dev/sdf")

    @corrects("ec2.volume-detach-by-id")
    def test_detach_by_id(self):
        one, here = self.instance(), self.volume()
        self.ec2.attach_volume(VolumeId=here, InstanceId=one, Device="/dev/sdf")
        self.assertEqual(one, self.ec2.detach_volume(VolumeId=here)["InstanceId"])

    @corrects("ec2.volume-modify")
    def test_modify(self):
        made = self.volume()
        with self.refused("InvalidParameterValue", "smaller"):
            self.ec2.modify_volume(VolumeId=made, Size=4)
        self.ec2.modify_volume(VolumeId=made, Size=9)
        with self.refused("IncorrectModificationState"):
            self.ec2.modify_volume(VolumeId=made, Size=10)

        def state():
            found = self.ec2.describe_volumes_modifications(VolumeIds=[made])["VolumesModifications"]
            return found[0]["ModificationState"]

        self.assertEqual("modifying", state())
        self.assertEqual(5, self.read(made)["Size"])
        self.eventually(lambda: state() == "completed")
        self.assertEqual(9, self.read(made)["Size"])
        through = [{"Name": "modification-state", "Values": ["completed"]}]
        found = self.ec2.describe_volumes_modifications(Filters=through)["VolumesModifications"]
        self.assertIn(made, [change["VolumeId"] for change in found])
