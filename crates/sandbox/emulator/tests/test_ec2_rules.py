from .harness import Case, client, corrects, unique
from .test_ec2_network import group, subnet, vpc

KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFvNQq3S4wiS7qz2yTsvRJ8ShmObMHMWyVUXWsgCO1uP ops"


def tcp(**peer):
    return {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **peer}


def permissions(of):
    found = client("ec2").describe_security_groups(GroupIds=[of])["SecurityGroups"][0]["IpPermissions"]
    return found[0]


class Rules(Case):
    @corrects("ec2.rule-descriptions")
    def test_a_description_is_taken_away(self):
        ec2, mine = client("ec2"), group(vpc())
        ec2.authorize_security_group_ingress(
            GroupId=mine, IpPermissions=[tcp(IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "x"}])]
        )
        ec2.update_security_group_rule_descriptions_ingress(
            GroupId=mine, IpPermissions=[tcp(IpRanges=[{"CidrIp": "10.0.0.0/8"}])]
        )
        self.assertNotIn("Description", permissions(mine)["IpRanges"][0])

    @corrects("ec2.rule-descriptions")
    def test_a_description_tells_no_rule_from_another(self):
        ec2, network = client("ec2"), vpc()
        mine, other = group(network), group(network)
        peer = {"GroupId": other}
        ec2.authorize_security_group_ingress(
            GroupId=mine, IpPermissions=[tcp(UserIdGroupPairs=[{**peer, "Description": "x"}])]
        )
        ec2.update_security_group_rule_descriptions_ingress(
            GroupId=mine, IpPermissions=[tcp(UserIdGroupPairs=[{**peer, "Description": "y"}])]
        )
        self.assertEqual("y", permissions(mine)["UserIdGroupPairs"][0]["Description"])
        with self.refused("InvalidPermission.Duplicate"):
            ec2.authorize_security_group_ingress(GroupId=mine, IpPermissions=[tcp(UserIdGroupPairs=[peer])])
        ec2.revoke_security_group_ingress(GroupId=mine, IpPermissions=[tcp(UserIdGroupPairs=[peer])])

    @corrects("ec2.rule-descriptions")
    def test_a_prefix_list_keeps_its_description(self):
        ec2, mine = client("ec2"), group(vpc())
        peer = {"PrefixListId": ec2.describe_managed_prefix_lists()["PrefixLists"][0]["PrefixListId"]}
        ec2.authorize_security_group_ingress(
            GroupId=mine, IpPermissions=[tcp(PrefixListIds=[{**peer, "Description": "x"}])]
        )
        self.assertEqual("x", permissions(mine)["PrefixListIds"][0]["Description"])


class KeyPairs(Case):
    @corrects("ec2.key-pair-delete-by-id")
    def test_deleted_by_its_id(self):
        ec2, name = client("ec2"), unique()
        made = ec2.import_key_pair(KeyName=name, PublicKeyMaterial=KEY)
        ec2.delete_key_pair(KeyPairId=made["KeyPairId"])
        with self.refused("InvalidKeyPair.NotFound"):
            ec2.describe_key_pairs(KeyNames=[name])


class Subnets(Case):
    @corrects("ec2.subnet-delete-disassociates")
    def test_a_deleted_subnet_lets_go_of_its_table(self):
        ec2, network = client("ec2"), vpc()
        inside = subnet(network)
        table = ec2.create_route_table(VpcId=network)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=inside)
        ec2.delete_subnet(SubnetId=inside)
        ec2.delete_route_table(RouteTableId=table)
