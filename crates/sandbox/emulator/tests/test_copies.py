import json
import os
import signal
import time
import urllib.request

import boto3

from .harness import Case, bare, client, control, unique

ACCOUNT = "222233334444"


def tags(kind, address):
    marks = {"terrace:stack": "shop/main", "terrace:id": address, "terrace:gen": "1"}
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in marks.items()]}]


class Likeness(Case):
    def make(self, account, flip):
        ec2 = client("ec2", account)
        names = ["vpc.one", "vpc.two"]
        for name in reversed(names) if flip else names:
            vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", name))["Vpc"]["VpcId"]
            cidr = "10.0.1.0/24" if name == "vpc.one" else "10.0.2.0/24"
            marks = tags("subnet", f"subnet.{name[4:]}")
            ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone="eu-west-1a", TagSpecifications=marks)
        client("ssm", account).put_parameter(Name="/one", Value="1", Type="String")

    def take(self, account):
        return [line.replace(account, "ACCOUNT") for line in control(f"likeness?account={account}&region=eu-west-1")]

    def test_worlds_made_alike_are_alike(self):
        if bare():
            self.skipTest("moto alone puts all into one account")
        self.make("222200000001", flip=False)
        self.make("222200000002", flip=True)
        one, other = self.take("222200000001"), self.take("222200000002")
        self.assertEqual(one, other)
        self.assertTrue(any("<vpc vpc.one 1>" in line and line.split()[1] == "subnet" for line in one), one)

    def test_what_differs_is_seen(self):
        if bare():
            self.skipTest("moto alone puts all into one account")
        self.make("222200000003", flip=False)
        before = self.take("222200000003")
        client("ssm", "222200000003").put_parameter(Name="/one", Value="2", Type="String", Overwrite=True)
        changed = self.take("222200000003")
        self.assertNotEqual(before, changed)
        client("ec2", "222200000003").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", "vpc.one"))
        twin = [line for line in self.take("222200000003") if line.split()[1] == "vpc" and "vpc.one" in line]
        self.assertEqual(2, len(twin), twin)


class Forks(Case):
    def test_a_copy_goes_its_own_way(self):
        if bare():
            self.skipTest("moto alone puts all into one account")
        name = unique()
        iam = client("iam", ACCOUNT)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        copy = control("fork?identity=copy", "POST")
        address = f"http://127.0.0.1:{copy['port']}"
        with urllib.request.urlopen(f"{address}/terrace/identity") as answer:
            said = json.load(answer)
        self.assertEqual(("copy", copy["pid"]), (said["identity"], said["pid"]))
        other = boto3.client(
            "iam",
            region_name="eu-west-1",
            endpoint_url=address,
            aws_access_key_id=f"TERRACE{ACCOUNT}",
            aws_secret_access_key="any",
        )
        roles = lambda iam: [role["RoleName"] for role in iam.list_roles()["Roles"]]
        self.assertIn(name, roles(other))
        other.delete_role(RoleName=name)
        self.assertNotIn(name, roles(other))
        self.assertIn(name, roles(iam))
        again = json.load(
            urllib.request.urlopen(urllib.request.Request(f"{address}/terrace/fork?identity=again", method="POST"))
        )
        os.kill(copy["pid"], signal.SIGKILL)
        for _ in range(100):
            try:
                os.kill(again["pid"], 0)
            except ProcessLookupError:
                break
            time.sleep(0.05)
        else:
            self.fail("a copy outlives what it was copied from")
