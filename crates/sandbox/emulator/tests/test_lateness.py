import time

from .harness import Case, bare, client, control, unique


class Lateness(Case):
    def setUp(self):
        if bare():
            self.skipTest("weather is ours")
        control("lateness?seconds=0.6", "POST")
        self.addCleanup(control, "lateness?seconds=0", "POST")

    def test_what_was_just_made_is_not_seen(self):
        ec2 = client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.44.0.0/16")["Vpc"]["VpcId"]
        seen = lambda: vpc in [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]]
        self.assertFalse(seen())
        with self.refused("InvalidVpcID.NotFound"):
            ec2.describe_vpcs(VpcIds=[vpc])
        with self.refused("InvalidVpcID.NotFound"):
            ec2.create_subnet(VpcId=vpc, CidrBlock="10.44.0.0/24")
        filtered = ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
        self.assertEqual([], filtered["Vpcs"])
        time.sleep(0.7)
        self.assertTrue(seen())
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.44.0.0/24")["Subnet"]["SubnetId"]
        # What it stands in is seen all the same.
        self.assertTrue(seen())
        with self.refused("InvalidSubnetID.NotFound"):
            ec2.delete_subnet(SubnetId=subnet)

    def test_machines_are_not_seen_with_their_reservation(self):
        ec2 = client("ec2")
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        machine = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro")["Instances"][0]
        listed = lambda: [i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
        self.assertNotIn(machine["InstanceId"], listed())
        self.eventually(lambda: time.sleep(0.2) or machine["InstanceId"] in listed())

    def test_roles_are_not_seen_and_can_be_written_to(self):
        iam, name = client("iam"), unique()
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        listed = lambda: [role["RoleName"] for role in iam.list_roles()["Roles"]]
        self.assertNotIn(name, listed())
        with self.refused("NoSuchEntity"):
            iam.get_role(RoleName=name)
        iam.tag_role(RoleName=name, Tags=[{"Key": "k", "Value": "v"}])
        time.sleep(0.7)
        self.assertIn(name, listed())
