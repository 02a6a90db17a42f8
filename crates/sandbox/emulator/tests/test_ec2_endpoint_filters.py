from .harness import Case, client, corrects


class EndpointFilters(Case):
    @corrects("ec2.endpoint-filters")
    def test_filters(self):
        ec2 = client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        service = "com.amazonaws.eu-west-1.s3"
        made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service)["VpcEndpoint"]["VpcEndpointId"]

        def found(**filters):
            listed = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
            return [e["VpcEndpointId"] for e in ec2.describe_vpc_endpoints(Filters=listed)["VpcEndpoints"]]

        self.assertEqual([made], found(vpc_endpoint_id=made))
        self.assertEqual([], found(vpc_endpoint_id="vpce-0123456789abcdef0"))
        self.assertEqual([made], found(vpc_id=vpc, service_name=service))
