import time

from . import harness
from .harness import Case, client, control, corrects
from .test_ec2_network import address, gateway, group, subnet, vpc


def interfaces(description):
    named = [{"Name": "description", "Values": [description]}, {"Name": "requester-managed", "Values": ["true"]}]
    return client("ec2").describe_network_interfaces(Filters=named)["NetworkInterfaces"]


class NatGateways(Case):
    def nat(self, network, **more):
        made = client("ec2").create_nat_gateway(SubnetId=subnet(network), AllocationId=address(), **more)
        return made["NatGateway"]["NatGatewayId"]

    def read(self, nat):
        named = [{"Name": "nat-gateway-id", "Values": [nat]}]
        found = client("ec2").describe_nat_gateways(Filter=named)["NatGateways"]
        return found[0] if found else None

    def until(self, nat, state):
        for _ in range(200):
            if self.read(nat)["State"] == state:
                return
            time.sleep(0.02)
        self.fail(f"never {state}")

    @corrects("ec2.managed-interfaces", "ec2.nat-interface", "ec2.nat-reaped")
    def test_its_interface(self):
        ec2, network = client("ec2"), vpc()
        out = gateway(network)
        nat = self.nat(network)
        found = interfaces(f"Interface for NAT Gateway {nat}")
        self.assertEqual([("nat_gateway", "in-use")], [(i["InterfaceType"], i["Status"]) for i in found])
        with self.refused("InvalidParameterValue", "in use"):
            ec2.delete_network_interface(NetworkInterfaceId=found[0]["NetworkInterfaceId"])
        with self.refused("OperationNotPermitted"):
            ec2.detach_network_interface(AttachmentId=found[0]["Attachment"]["AttachmentId"])
        ec2.delete_nat_gateway(NatGatewayId=nat)
        with self.refused("DependencyViolation"):
            ec2.detach_internet_gateway(InternetGatewayId=out, VpcId=network)
        self.eventually(lambda: not interfaces(f"Interface for NAT Gateway {nat}"))
        ec2.detach_internet_gateway(InternetGatewayId=out, VpcId=network)
        self.eventually(lambda: self.read(nat) is None)

    @corrects("ec2.nat-failed")
    def test_without_a_way_out(self):
        ec2, own = client("ec2"), address()
        made = ec2.create_nat_gateway(SubnetId=subnet(vpc()), AllocationId=own)["NatGateway"]
        nat = made["NatGatewayId"]
        self.assertEqual("pending", made["State"])
        control("pace?seconds=0.2", "POST")
        self.addCleanup(control, f"pace?seconds={harness.PACE}", "POST")
        other = self.nat(vpc())
        self.until(other, "failed")
        self.assertEqual("Gateway.NotAttached", self.read(other)["FailureCode"])
        ec2.delete_nat_gateway(NatGatewayId=other)
        self.until(other, "deleted")
        control("settle", "POST")
        self.assertIsNone(self.read(other))
        self.assertIsNone(self.read(nat))
        ec2.release_address(AllocationId=own)


class Endpoints(Case):
    SSM = "com.amazonaws.eu-west-1.ssm"
    S3 = "com.amazonaws.eu-west-1.s3"

    def network(self):
        network = vpc()
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            client("ec2").modify_vpc_attribute(VpcId=network, **{attribute: {"Value": True}})
        return network, [subnet(network), subnet(network, "10.0.2.0/24", "b")]

    def endpoint(self, network, subnets, **more):
        ask = {"VpcId": network, "ServiceName": self.SSM, "VpcEndpointType": "Interface", "PrivateDnsEnabled": False}
        return client("ec2").create_vpc_endpoint(**{**ask, "SubnetIds": subnets, **more})["VpcEndpoint"]

    def read(self, name):
        return client("ec2").describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"][0]

    @corrects("ec2.endpoint-interfaces", "ec2.endpoint-modify")
    def test_interfaces(self):
        ec2 = client("ec2")
        network, pair = self.network()
        made = self.endpoint(network, pair[:1])
        name = made["VpcEndpointId"]
        self.assertEqual(["default"], [g["GroupName"] for g in made["Groups"]])
        with self.refused("IncorrectState"):
            ec2.modify_vpc_endpoint(VpcEndpointId=name, AddSubnetIds=pair[1:])
        self.eventually(lambda: self.read(name)["State"] == "available")
        own = group(network)
        ec2.modify_vpc_endpoint(
            VpcEndpointId=name,
            AddSubnetIds=pair[1:],
            AddSecurityGroupIds=[own],
            RemoveSecurityGroupIds=[made["Groups"][0]["GroupId"]],
        )
        found = interfaces(f"VPC Endpoint Interface {name}")
        self.assertEqual(set(pair), {i["SubnetId"] for i in found})
        self.assertEqual({own}, {g["GroupId"] for i in found for g in i["Groups"]})
        self.assertEqual(set(self.read(name)["NetworkInterfaceIds"]), {i["NetworkInterfaceId"] for i in found})
        ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
        with self.refused("DependencyViolation"):
            ec2.delete_security_group(GroupId=own)
        self.assertEqual(2, len(interfaces(f"VPC Endpoint Interface {name}")))
        self.eventually(lambda: not interfaces(f"VPC Endpoint Interface {name}"))
        ec2.delete_security_group(GroupId=own)

    @corrects("ec2.endpoint-modify")
    def test_routes(self):
        ec2, network = client("ec2"), vpc()
        tables = [ec2.create_route_table(VpcId=network)["RouteTable"]["RouteTableId"] for _ in range(2)]
        made = ec2.create_vpc_endpoint(VpcId=network, ServiceName=self.S3, RouteTableIds=tables[:1])["VpcEndpoint"]
        name = made["VpcEndpointId"]
        self.eventually(lambda: self.read(name)["State"] == "available")
        ec2.modify_vpc_endpoint(VpcEndpointId=name, AddRouteTableIds=tables[1:], RemoveRouteTableIds=tables[:1])

        def routed():
            found = ec2.describe_route_tables(RouteTableIds=tables)["RouteTables"]
            return [t["RouteTableId"] for t in found if any(r.get("GatewayId") == name for r in t["Routes"])]

        self.assertEqual((tables[1:], tables[1:]), (routed(), self.read(name)["RouteTableIds"]))
        ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
        self.assertEqual([], routed())

    @corrects("ec2.endpoint-private-dns")
    def test_private_dns(self):
        ec2 = client("ec2")
        network, pair = self.network()
        with self.refused("InvalidParameter", "enableDnsHostnames"):
            plain = vpc()
            self.endpoint(plain, [subnet(plain)], PrivateDnsEnabled=True)
        first = self.endpoint(network, pair[:1], PrivateDnsEnabled=True)["VpcEndpointId"]
        with self.refused("InvalidParameter", "conflicting DNS domain"):
            self.endpoint(network, pair[1:], PrivateDnsEnabled=True)
        self.eventually(lambda: self.read(first)["State"] == "available")
        ec2.modify_vpc_endpoint(VpcEndpointId=first, PrivateDnsEnabled=False)
        self.assertFalse(self.read(first)["PrivateDnsEnabled"])
        self.endpoint(network, pair[1:], PrivateDnsEnabled=True)

    @corrects("ec2.endpoint-service-unknown")
    def test_unknown_service(self):
        network, pair = self.network()
        with self.refused("InvalidServiceName"):
            self.endpoint(network, pair, ServiceName="com.amazonaws.eu-west-1.no-such-thing")


class Templates(Case):
    @corrects("ec2.launch-template-tags-apart")
    def test_tags_are_no_data(self):
        tags = [{"Key": "k", "Value": "v"}]
        made = client("ec2").create_launch_template(
            LaunchTemplateName=harness.unique(),
            LaunchTemplateData={"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]},
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
        )["LaunchTemplate"]
        self.assertEqual(tags, made["Tags"])
        number = made["LaunchTemplateId"]
        found = client("ec2").describe_launch_template_versions(LaunchTemplateId=number)["LaunchTemplateVersions"]
        specs = found[0]["LaunchTemplateData"]["TagSpecifications"]
        self.assertEqual([("instance", tags)], [(s["ResourceType"], s["Tags"]) for s in specs])
