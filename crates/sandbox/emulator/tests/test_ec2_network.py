from .harness import Case, client, corrects, unique


def vpc(block="10.0.0.0/16"):
    return client("ec2").create_vpc(CidrBlock=block)["Vpc"]["VpcId"]


def subnet(network, block="10.0.1.0/24", zone="a"):
    made = client("ec2").create_subnet(VpcId=network, CidrBlock=block, AvailabilityZone=f"eu-west-1{zone}")
    return made["Subnet"]["SubnetId"]


def group(network):
    return client("ec2").create_security_group(GroupName=unique(), Description="d", VpcId=network)["GroupId"]


def gateway(network):
    made = client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client("ec2").attach_internet_gateway(InternetGatewayId=made, VpcId=network)
    return made


def address():
    return client("ec2").allocate_address(Domain="vpc")["AllocationId"]


class Deletions(Case):
    @corrects("ec2.vpc-delete-in-use")
    def test_vpc_with_anything_in_it(self):
        ec2 = client("ec2")
        with_gateway, with_group, with_endpoint = vpc(), vpc(), vpc()
        inside = gateway(with_gateway)
        own = group(with_group)
        ec2.create_vpc_endpoint(VpcId=with_endpoint, ServiceName="com.amazonaws.eu-west-1.s3")
        for each in (with_gateway, with_group, with_endpoint):
            with self.refused("DependencyViolation"):
                ec2.delete_vpc(VpcId=each)
        ec2.detach_internet_gateway(InternetGatewayId=inside, VpcId=with_gateway)
        ec2.delete_vpc(VpcId=with_gateway)
        ec2.delete_security_group(GroupId=own)
        ec2.delete_vpc(VpcId=with_group)
        with self.refused("InvalidVpcID.NotFound"):
            ec2.delete_vpc(VpcId=with_group)

    @corrects("ec2.subnet-delete-in-use")
    def test_subnet_with_an_interface(self):
        ec2 = client("ec2")
        inside = subnet(vpc())
        eni = ec2.create_network_interface(SubnetId=inside)["NetworkInterface"]["NetworkInterfaceId"]
        with self.refused("DependencyViolation"):
            ec2.delete_subnet(SubnetId=inside)
        ec2.delete_network_interface(NetworkInterfaceId=eni)
        ec2.delete_subnet(SubnetId=inside)

    @corrects("ec2.subnet-delete-in-use", "ec2.security-group-delete-in-use")
    def test_subnet_and_group_of_a_database_and_a_balancer(self):
        ec2, rds, name = client("ec2"), client("rds"), unique()
        network = vpc()
        pair = [subnet(network), subnet(network, "10.0.2.0/24", "b")]
        used = group(network)
        rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=pair)
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="mysql",
            DBInstanceClass="db.t3.micro",
            AllocatedStorage=20,
            MasterUsername="admin",
            MasterUserPassword="password1",
            DBSubnetGroupName=name,
            VpcSecurityGroupIds=[used],
        )
        with self.refused("DependencyViolation"):
            ec2.delete_subnet(SubnetId=pair[0])
        with self.refused("DependencyViolation"):
            ec2.delete_security_group(GroupId=used)
        other = vpc()
        halves = [subnet(other), subnet(other, "10.0.2.0/24", "b")]
        used = group(other)
        client("elbv2").create_load_balancer(
            Name=unique(), Subnets=halves, SecurityGroups=[used], Scheme="internal"
        )
        with self.refused("DependencyViolation"):
            ec2.delete_subnet(SubnetId=halves[0])
        with self.refused("DependencyViolation"):
            ec2.delete_security_group(GroupId=used)

    @corrects("ec2.security-group-delete-in-use")
    def test_group_named_by_another_and_default_group(self):
        ec2 = client("ec2")
        network = vpc()
        named, naming = group(network), group(network)
        rule = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": named}]}]
        ec2.authorize_security_group_ingress(GroupId=naming, IpPermissions=rule)
        with self.refused("DependencyViolation", "dependent object"):
            ec2.delete_security_group(GroupId=named)
        ec2.revoke_security_group_ingress(GroupId=naming, IpPermissions=rule)
        ec2.delete_security_group(GroupId=named)
        ours = [{"Name": "vpc-id", "Values": [network]}, {"Name": "group-name", "Values": ["default"]}]
        default = ec2.describe_security_groups(Filters=ours)["SecurityGroups"][0]["GroupId"]
        with self.refused("CannotDelete"):
            ec2.delete_security_group(GroupId=default)
        with self.refused("InvalidGroup.NotFound"):
            ec2.delete_security_group(GroupId=named)

    @corrects("ec2.route-table-main")
    def test_main_route_table(self):
        ec2 = client("ec2")
        main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc()]}])["RouteTables"][0]
        with self.refused("DependencyViolation"):
            ec2.delete_route_table(RouteTableId=main["RouteTableId"])


class Tables(Case):
    @corrects("ec2.route-table-association")
    def test_one_table_a_subnet(self):
        ec2 = client("ec2")
        network = vpc()
        inside = subnet(network)
        first, second = (ec2.create_route_table(VpcId=network)["RouteTable"]["RouteTableId"] for _ in range(2))
        ec2.associate_route_table(RouteTableId=first, SubnetId=inside)
        with self.refused("Resource.AlreadyAssociated"):
            ec2.associate_route_table(RouteTableId=second, SubnetId=inside)

    @corrects("ec2.route-blackhole")
    def test_routes_to_what_is_gone(self):
        ec2 = client("ec2")
        network = vpc()
        inside = gateway(network)
        table = ec2.create_route_table(VpcId=network)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=inside)

        def state():
            routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
            return {r["DestinationCidrBlock"]: r["State"] for r in routes}

        self.assertEqual({"10.0.0.0/16": "active", "0.0.0.0/0": "active"}, state())
        ec2.detach_internet_gateway(InternetGatewayId=inside, VpcId=network)
        ec2.delete_internet_gateway(InternetGatewayId=inside)
        self.assertEqual({"10.0.0.0/16": "active", "0.0.0.0/0": "blackhole"}, state())

    @corrects("ec2.cidr-masked")
    def test_blocks_are_masked(self):
        ec2 = client("ec2")
        made = ec2.create_vpc(CidrBlock="10.4.0.7/16")["Vpc"]
        self.assertEqual("10.4.0.0/16", made["CidrBlock"])
        inside = ec2.create_subnet(VpcId=made["VpcId"], CidrBlock="10.4.1.9/24")["Subnet"]
        self.assertEqual("10.4.1.0/24", inside["CidrBlock"])
        own = group(made["VpcId"])
        rule = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.1.2.3/8"}]}]
        added = ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=rule)["SecurityGroupRules"]
        self.assertEqual("10.0.0.0/8", added[0]["CidrIpv4"])
        table = ec2.create_route_table(VpcId=made["VpcId"])["RouteTable"]["RouteTableId"]
        out = gateway(made["VpcId"])
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="11.1.2.3/8", GatewayId=out)
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="12.0.0.0/8", GatewayId=out)

    @corrects("ec2.authorize-returns-all-rules")
    def test_all_rules_or_none(self):
        ec2 = client("ec2")
        own = group(vpc())
        ports = [
            {"IpProtocol": "tcp", "FromPort": p, "ToPort": p, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
            for p in (80, 443, 22)
        ]
        added = ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=ports[:2])["SecurityGroupRules"]
        self.assertEqual({80, 443}, {rule["FromPort"] for rule in added})
        with self.refused("InvalidPermission.Duplicate"):
            ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[ports[2], ports[0]])
        ours = [{"Name": "group-id", "Values": [own]}]
        rules = ec2.describe_security_group_rules(Filters=ours)["SecurityGroupRules"]
        self.assertEqual({80, 443}, {rule["FromPort"] for rule in rules if not rule["IsEgress"]})


class Gateways(Case):
    @corrects("ec2.igw-one-per-vpc")
    def test_one_gateway_a_vpc(self):
        ec2 = client("ec2")
        network = vpc()
        first = gateway(network)
        second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        with self.refused("InvalidParameterValue", "already has an internet gateway"):
            ec2.attach_internet_gateway(InternetGatewayId=second, VpcId=network)
        with self.refused("Resource.AlreadyAssociated"):
            ec2.attach_internet_gateway(InternetGatewayId=first, VpcId=network)

    @corrects("ec2.igw-detach-in-use")
    def test_detach_with_a_mapped_address(self):
        ec2 = client("ec2")
        network = vpc()
        out = gateway(network)
        eni = ec2.create_network_interface(SubnetId=subnet(network))["NetworkInterface"]["NetworkInterfaceId"]
        mapped = ec2.associate_address(AllocationId=address(), NetworkInterfaceId=eni)["AssociationId"]
        with self.refused("DependencyViolation", "mapped public address"):
            ec2.detach_internet_gateway(InternetGatewayId=out, VpcId=network)
        ec2.disassociate_address(AssociationId=mapped)
        ec2.detach_internet_gateway(InternetGatewayId=out, VpcId=network)

    @corrects("ec2.address-release-in-use")
    def test_release_in_use(self):
        ec2 = client("ec2")
        own = address()
        eni = ec2.create_network_interface(SubnetId=subnet(vpc()))["NetworkInterface"]["NetworkInterfaceId"]
        mapped = ec2.associate_address(AllocationId=own, NetworkInterfaceId=eni)["AssociationId"]
        with self.refused("InvalidIPAddress.InUse"):
            ec2.release_address(AllocationId=own)
        ec2.disassociate_address(AssociationId=mapped)
        ec2.release_address(AllocationId=own)
        with self.refused("InvalidAllocationID.NotFound"):
            ec2.release_address(AllocationId=own)

    @corrects("ec2.address-reassociation")
    def test_reassociation(self):
        ec2 = client("ec2")
        inside, own = subnet(vpc()), address()
        first, second = (
            ec2.create_network_interface(SubnetId=inside)["NetworkInterface"]["NetworkInterfaceId"] for _ in range(2)
        )
        before = ec2.associate_address(AllocationId=own, NetworkInterfaceId=first, AllowReassociation=False)
        again = ec2.associate_address(AllocationId=own, NetworkInterfaceId=first, AllowReassociation=False)
        self.assertEqual(before["AssociationId"], again["AssociationId"])
        with self.refused("Resource.AlreadyAssociated"):
            ec2.associate_address(AllocationId=own, NetworkInterfaceId=second, AllowReassociation=False)
        ec2.associate_address(AllocationId=own, NetworkInterfaceId=second)
        self.assertEqual(second, ec2.describe_addresses(AllocationIds=[own])["Addresses"][0]["NetworkInterfaceId"])

    @corrects("ec2.nat-states", "ec2.nat-unknown")
    def test_nat_gateway_takes_time(self):
        ec2 = client("ec2")
        network = vpc()
        gateway(network)
        inside, own = subnet(network), address()
        made = ec2.create_nat_gateway(SubnetId=inside, AllocationId=own)["NatGateway"]
        nat = made["NatGatewayId"]
        self.assertEqual("pending", made["State"])

        def state():
            named = [{"Name": "nat-gateway-id", "Values": [nat]}]
            return [n["State"] for n in ec2.describe_nat_gateways(Filter=named)["NatGateways"]]

        self.eventually(lambda: state() == ["available"])
        with self.refused("InvalidIPAddress.InUse"):
            ec2.release_address(AllocationId=own)
        ec2.delete_nat_gateway(NatGatewayId=nat)
        self.assertEqual(["deleting"], state())
        with self.refused("DependencyViolation"):
            ec2.delete_subnet(SubnetId=inside)
        self.eventually(lambda: state() in (["deleted"], []))
        ec2.release_address(AllocationId=own)
        ec2.delete_subnet(SubnetId=inside)
        with self.refused("NatGatewayNotFound"):
            ec2.delete_nat_gateway(NatGatewayId="nat-0123456789abcdef0")
        with self.refused("NatGatewayNotFound"):
            ec2.describe_nat_gateways(NatGatewayIds=["nat-0123456789abcdef0"])

    @corrects("ec2.nat-unknown")
    def test_unknown_nat_gateway(self):
        with self.refused("NatGatewayNotFound"):
            client("ec2").delete_nat_gateway(NatGatewayId="nat-0123456789abcdef0")
        with self.refused("NatGatewayNotFound"):
            client("ec2").describe_nat_gateways(NatGatewayIds=["nat-0123456789abcdef0"])


class Endpoints(Case):
    S3 = "com.amazonaws.eu-west-1.s3"

    @corrects("ec2.endpoint-states")
    def test_endpoint_takes_time_and_vanishes(self):
        ec2 = client("ec2")
        made = ec2.create_vpc_endpoint(VpcId=vpc(), ServiceName=self.S3, VpcEndpointType="Gateway")["VpcEndpoint"]
        ours = [{"Name": "vpc-endpoint-id", "Values": [made["VpcEndpointId"]]}]
        self.assertEqual("pending", made["State"])

        def found():
            return [
                e["State"]
                for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]
                if e["VpcEndpointId"] == made["VpcEndpointId"]
            ]

        self.eventually(lambda: found() == ["available"])
        ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
        self.assertEqual(["deleting"], found())
        self.eventually(lambda: found() == [])
        self.assertTrue(ours)

    @corrects("ec2.endpoint-unknown")
    def test_unknown_endpoint(self):
        answer = client("ec2").delete_vpc_endpoints(VpcEndpointIds=["vpce-0123456789abcdef0"])
        self.assertEqual(["vpce-0123456789abcdef0"], [e["ResourceId"] for e in answer["Unsuccessful"]])

    @corrects("ec2.endpoint-gateway-twin")
    def test_second_gateway_endpoint(self):
        ec2 = client("ec2")
        network = vpc()
        table = ec2.create_route_table(VpcId=network)["RouteTable"]["RouteTableId"]
        ask = {"VpcId": network, "ServiceName": self.S3, "VpcEndpointType": "Gateway", "RouteTableIds": [table]}
        ec2.create_vpc_endpoint(**ask)
        with self.refused("RouteAlreadyExists"):
            ec2.create_vpc_endpoint(**ask)
