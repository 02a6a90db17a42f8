from concurrent.futures import ThreadPoolExecutor

from .harness import Case, client, corrects, unique


class Requests(Case):
    @corrects("ec2.dry-run")
    def test_dry_run_does_nothing(self):
        ec2 = client("ec2")
        before = len(ec2.describe_vpcs()["Vpcs"])
        try:
            with self.refused("DryRunOperation"):
                ec2.create_vpc(CidrBlock="10.9.0.0/16", DryRun=True)
        except AssertionError:
            self.fail("it acted")
        self.assertEqual(before, len(ec2.describe_vpcs()["Vpcs"]))

    @corrects("ec2.client-token")
    def test_token_answers_the_first_resource(self):
        ec2 = client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
        ask = {"VpcId": vpc, "ClientToken": unique()}
        first = ec2.create_route_table(**ask)["RouteTable"]["RouteTableId"]
        self.assertEqual(first, ec2.create_route_table(**ask)["RouteTable"]["RouteTableId"])
        other = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        with self.refused("IdempotentParameterMismatch"):
            ec2.create_route_table(VpcId=other, ClientToken=ask["ClientToken"])
        size = {"AvailabilityZone": "eu-west-1a", "Size": 1, "ClientToken": unique()}
        self.assertEqual(ec2.create_volume(**size)["VolumeId"], ec2.create_volume(**size)["VolumeId"])

    @corrects("ec2.client-token")
    def test_token_used_by_many_at_once(self):
        ec2, token = client("ec2"), unique()
        ask = {"AvailabilityZone": "eu-west-1a", "Size": 1, "ClientToken": token}
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: ec2.create_volume(**ask)["VolumeId"], range(16)))
        self.assertEqual(1, len(set(made)))

    @corrects("ec2.paging")
    def test_pages_are_whole(self):
        ec2 = client("ec2")
        made = {ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(12)}
        seen, token, pages = [], {}, 0
        while True:
            answer = ec2.describe_vpcs(MaxResults=5, **token)
            self.assertLessEqual(len(answer["Vpcs"]), 5)
            seen += [v["VpcId"] for v in answer["Vpcs"]]
            pages += 1
            if not answer.get("NextToken"):
                break
            token = {"NextToken": answer["NextToken"]}
        self.assertEqual(len(seen), len(set(seen)))
        self.assertLessEqual(made, set(seen))
        self.assertGreaterEqual(pages, 3)

    @corrects("ec2.paging")
    def test_launch_templates_page(self):
        ec2 = client("ec2")
        names = [unique() for _ in range(3)]
        for name in names:
            ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "t3.micro"})
        ours = {"LaunchTemplateNames": names, "PaginationConfig": {"PageSize": 2}}
        pages = ec2.get_paginator("describe_launch_templates").paginate(**ours)
        sizes = [len(page["LaunchTemplates"]) for page in pages]
        self.assertEqual([2, 1], sizes)
