from .harness import Case, client, corrects, unique
from .test_ec2_network import subnet, vpc


class Records(Case):
    def setUp(self):
        self.dns = client("route53")
        made = self.dns.create_hosted_zone(Name="more.test", CallerReference=unique())["HostedZone"]
        self.zone = made["Id"].split("/")[-1]

    def create(self, *records):
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]}
        return self.dns.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=batch)["ChangeInfo"]

    def a(self, name="a", value="10.0.0.1", ttl=60, **more):
        values = {"TTL": ttl, "ResourceRecords": [{"Value": value}]}
        return {"Name": f"{name}.more.test", "Type": "A", **values, **more}

    def alias(self, zone, target, health=False, name="alias"):
        place = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": health}
        return {"Name": f"{name}.more.test", "Type": "A", "AliasTarget": place}

    @corrects("route53.pending")
    def test_pending(self):
        info = self.create(self.a())
        self.assertEqual("PENDING", info["Status"])

        def status():
            return self.dns.get_change(Id=info["Id"])["ChangeInfo"]["Status"]

        self.assertEqual("PENDING", status())
        self.eventually(lambda: status() == "INSYNC")
        with self.refused("NoSuchChange"):
            self.dns.get_change(Id="C0000000000000")
        made = self.dns.create_hosted_zone(Name="brief.test", CallerReference=unique())
        deleted = self.dns.delete_hosted_zone(Id=made["HostedZone"]["Id"])
        self.assertEqual({"PENDING"}, {made["ChangeInfo"]["Status"], deleted["ChangeInfo"]["Status"]})

    @corrects("route53.record-checked")
    def test_record_is_checked(self):
        with self.refused("InvalidInput", "SetIdentifier"):
            self.create(self.a(Weight=1))
        with self.refused("InvalidInput", "exactly one of"):
            self.create(self.a(SetIdentifier="s"))
        with self.refused("InvalidInput", "exactly one of"):
            self.create(self.a(SetIdentifier="s", Weight=1, Region="eu-west-1"))
        with self.refused("InvalidInput", "TTL"):
            self.create({"Name": "a.more.test", "Type": "A", "ResourceRecords": [{"Value": "10.0.0.1"}]})
        with self.refused("InvalidInput", "AliasTarget"):
            self.create({**self.a(), **self.alias(self.zone, "b.more.test")})
        for kind, value in (("A", "web.test"), ("AAAA", "10.0.0.1"), ("TXT", "not quoted")):
            with self.refused("InvalidChangeBatch", "Invalid Resource Record"):
                self.create({**self.a(value=value), "Type": kind})
        self.create({**self.a(value='"quoted" "twice"'), "Type": "TXT"}, {**self.a(value="::1"), "Type": "AAAA"})

    @corrects("route53.record-health-check")
    def test_health_check_exists(self):
        with self.refused("NoSuchHealthCheck"):
            self.create(self.a(SetIdentifier="s", Weight=1, HealthCheckId=unique()))

    @corrects("route53.routed-together")
    def test_routed_together(self):
        self.create(*(self.a("l", SetIdentifier=r, Region=r) for r in ("eu-west-1", "us-east-1")))
        with self.refused("InvalidChangeBatch", "region"):
            self.create(self.a("l", SetIdentifier="third", Region="eu-west-1"))
        self.create(*(self.a("f", SetIdentifier=f, Failover=f) for f in ("PRIMARY", "SECONDARY")))
        with self.refused("InvalidChangeBatch", "failover"):
            self.create(self.a("f", SetIdentifier="third", Failover="PRIMARY"))
        self.create(self.a("w", SetIdentifier="one", Weight=0))
        with self.refused("InvalidChangeBatch", "TTL"):
            self.create(self.a("w", ttl=300, SetIdentifier="two", Weight=255))
        self.create(self.a("w", SetIdentifier="two", Weight=255))

    @corrects("route53.alias-target")
    def test_alias_target(self):
        with self.refused("InvalidChangeBatch", "not found"):
            self.create(self.alias(self.zone, "none.more.test"))
        self.create(self.a("web"), self.alias(self.zone, "web.more.test", health=True))
        cdn = "d111111abcdef8.cloudfront.net"
        with self.refused("InvalidChangeBatch", "within the target zone"):
            self.create(self.alias("Z32O12XQLNTSW2", cdn, name="cdn"))
        with self.refused("InvalidChangeBatch", "EvaluateTargetHealth"):
            self.create(self.alias("Z2FDTNDATAQYW2", cdn, health=True, name="cdn"))
        self.create(self.alias("Z2FDTNDATAQYW2", cdn, name="cdn"))

    @corrects("route53.alias-balancer")
    def test_alias_to_a_balancer(self):
        network = vpc()
        pair = [subnet(network), subnet(network, "10.0.2.0/24", "b")]
        elb = client("elbv2")
        made = elb.create_load_balancer(Name=unique(), Subnets=pair, Scheme="internal")["LoadBalancers"][0]
        name, place = made["DNSName"], made["CanonicalHostedZoneId"]
        with self.refused("InvalidChangeBatch", "within the target zone"):
            self.create(self.alias("Z0000000", name, name="lb"))
        with self.refused("InvalidChangeBatch", "not found"):
            self.create(self.alias(place, "x" + name, name="lb"))
        self.create(self.alias(place, name, health=True, name="lb"))
        self.create(self.alias(place, "dualstack." + name, name="both"))
        elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
        with self.refused("InvalidChangeBatch", "not found"):
            self.create(self.alias(place, name, name="late"))

    @corrects("route53.tags-of-something")
    def test_tags(self):
        tags = [{"Key": "k", "Value": "v"}]
        self.dns.change_tags_for_resource(ResourceType="hostedzone", ResourceId=self.zone, AddTags=tags)
        found = self.dns.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[self.zone])
        self.assertEqual(tags, found["ResourceTagSets"][0]["Tags"])
        with self.refused("NoSuchHostedZone"):
            self.dns.list_tags_for_resource(ResourceType="hostedzone", ResourceId="Z0000000")
        with self.refused("NoSuchHealthCheck"):
            self.dns.change_tags_for_resource(ResourceType="healthcheck", ResourceId=unique(), AddTags=tags)

    @corrects("route53.network-exists")
    def test_network_exists(self):
        with self.refused("InvalidVPCId"):
            self.dns.create_hosted_zone(
                Name="inside.test", CallerReference=unique(), VPC={"VPCRegion": "eu-west-1", "VPCId": "vpc-0123"}
            )
        inside = {"VPCRegion": "eu-west-1", "VPCId": vpc()}
        made = self.dns.create_hosted_zone(Name="inside.test", CallerReference=unique(), VPC=inside)["HostedZone"]
        with self.refused("InvalidVPCId"):
            self.dns.associate_vpc_with_hosted_zone(
                HostedZoneId=made["Id"], VPC={"VPCRegion": "eu-west-1", "VPCId": "vpc-0123"}
            )
        self.dns.associate_vpc_with_hosted_zone(HostedZoneId=made["Id"], VPC={**inside, "VPCId": vpc()})
        self.assertEqual(2, len(self.dns.get_hosted_zone(Id=made["Id"])["VPCs"]))


class HealthChecks(Case):
    def setUp(self):
        self.dns = client("route53")

    def make(self, reference=None, **more):
        config = {"Type": "HTTPS", "FullyQualifiedDomainName": "web.test", "ResourcePath": "/", **more}
        asked = {"CallerReference": reference or unique(), "HealthCheckConfig": config}
        return self.dns.create_health_check(**asked)["HealthCheck"]["Id"]

    def read(self, made):
        return self.dns.get_health_check(HealthCheckId=made)["HealthCheck"]

    @corrects("route53.health-check-reference")
    def test_reference(self):
        reference = unique()
        made = self.make(reference)
        self.assertEqual(made, self.make(reference))
        with self.refused("HealthCheckAlreadyExists"):
            self.make(reference, Port=8443)
        self.dns.delete_health_check(HealthCheckId=made)
        with self.refused("HealthCheckAlreadyExists"):
            self.make(reference)

    @corrects("route53.health-check-version")
    def test_version(self):
        regions = ["us-east-1", "us-west-1", "eu-west-1"]
        made = self.make(Regions=regions)
        self.dns.update_health_check(HealthCheckId=made, HealthCheckVersion=1, FailureThreshold=5)
        found = self.read(made)
        self.assertEqual(2, found["HealthCheckVersion"])
        self.assertEqual(5, found["HealthCheckConfig"]["FailureThreshold"])
        self.assertEqual(regions, found["HealthCheckConfig"]["Regions"])
        with self.refused("HealthCheckVersionMismatch"):
            self.dns.update_health_check(HealthCheckId=made, HealthCheckVersion=1, Inverted=True)
        self.dns.update_health_check(HealthCheckId=made, ResetElements=["ResourcePath"])
        self.assertNotIn("ResourcePath", self.read(made)["HealthCheckConfig"])
        self.assertEqual(3, self.read(made)["HealthCheckVersion"])

    @corrects("route53.health-check-deleted")
    def test_deleted(self):
        made = self.make()
        tags = [{"Key": "k", "Value": "v"}]
        self.dns.change_tags_for_resource(ResourceType="healthcheck", ResourceId=made, AddTags=tags)
        found = self.dns.list_tags_for_resource(ResourceType="healthcheck", ResourceId=made)
        self.assertEqual(tags, found["ResourceTagSet"]["Tags"])
        self.dns.delete_health_check(HealthCheckId=made)
        with self.refused("NoSuchHealthCheck"):
            self.dns.get_health_check(HealthCheckId=made)
        with self.refused("NoSuchHealthCheck"):
            self.dns.delete_health_check(HealthCheckId=made)

    @corrects("route53.health-check-paging")
    def test_paging(self):
        made = {self.make() for _ in range(3)}
        pages = list(self.dns.get_paginator("list_health_checks").paginate(PaginationConfig={"PageSize": 2}))
        rows = [row["Id"] for page in pages for row in page["HealthChecks"]]
        self.assertEqual(2, len(pages[0]["HealthChecks"]))
        self.assertEqual(len(rows), len(set(rows)))
        self.assertLessEqual(made, set(rows))
