from .harness import Case, client, corrects, unique
from .test_ec2_network import vpc


class Zones(Case):
    def setUp(self):
        self.dns = client("route53")

    def zone(self, name="example.test", **more):
        made = self.dns.create_hosted_zone(Name=name, CallerReference=unique(), **more)["HostedZone"]
        return made["Id"].split("/")[-1]

    def change(self, zone, *changes):
        self.dns.change_resource_record_sets(
            HostedZoneId=zone,
            ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes]},
        )

    def records(self, zone):
        found = self.dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return [r for r in found if r["Type"] not in ("NS", "SOA")]

    def a(self, name="a.example.test", value="10.0.0.1", ttl=60, **more):
        return {"Name": name, "Type": "A", "TTL": ttl, "ResourceRecords": [{"Value": value}], **more}

    @corrects("route53.caller-reference", "route53.caller-reference-burnt")
    def test_caller_reference(self):
        ask = {"Name": "ref.test", "CallerReference": unique()}
        made = self.dns.create_hosted_zone(**ask)["HostedZone"]
        with self.refused("HostedZoneAlreadyExists"):
            self.dns.create_hosted_zone(**ask)
        self.dns.delete_hosted_zone(Id=made["Id"])
        with self.refused("HostedZoneAlreadyExists"):
            self.dns.create_hosted_zone(**ask)

    @corrects("route53.private-zone")
    def test_private_zone(self):
        network = vpc()
        zone = self.zone("inside.test", VPC={"VPCRegion": "eu-west-1", "VPCId": network})
        found = self.dns.get_hosted_zone(Id=zone)
        self.assertTrue(found["HostedZone"]["Config"]["PrivateZone"])
        self.assertEqual([{"VPCRegion": "eu-west-1", "VPCId": network}], found["VPCs"])

    @corrects("route53.zone-records")
    def test_own_records(self):
        zone = self.zone("Upper.test")
        self.assertEqual("upper.test.", self.dns.get_hosted_zone(Id=zone)["HostedZone"]["Name"])
        found = self.dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        self.assertEqual({"NS", "SOA"}, {r["Type"] for r in found})
        soa = next(r for r in found if r["Type"] == "SOA")["ResourceRecords"][0]["Value"]
        self.assertRegex(soa, r"^ns-\S+ \S+ 1 7200")

    @corrects("route53.zone-not-empty")
    def test_delegation_is_content(self):
        zone = self.zone()
        delegation = {"Name": "sub.example.test", "Type": "NS", "TTL": 60, "ResourceRecords": [{"Value": "ns.test."}]}
        self.change(zone, ("CREATE", delegation))
        with self.refused("HostedZoneNotEmpty"):
            self.dns.delete_hosted_zone(Id=zone)
        self.change(zone, ("DELETE", delegation))
        self.dns.delete_hosted_zone(Id=zone)
        with self.refused("NoSuchHostedZone"):
            self.dns.get_hosted_zone(Id=zone)

    @corrects("route53.change-batch")
    def test_create_refuses_what_exists(self):
        zone = self.zone()
        self.change(zone, ("CREATE", self.a()))
        for name in ("a.example.test", "A.example.test."):
            with self.refused("InvalidChangeBatch", "but it already exists"):
                self.change(zone, ("CREATE", self.a(name, "10.0.0.2")))
        self.change(zone, ("UPSERT", self.a("a.example.test.", "10.0.0.3")))
        self.assertEqual(["10.0.0.3"], [r["ResourceRecords"][0]["Value"] for r in self.records(zone)])

    @corrects("route53.change-batch")
    def test_batch_is_whole(self):
        zone = self.zone()
        self.change(zone, ("CREATE", self.a()))
        with self.refused("InvalidChangeBatch", "not permitted in zone"):
            self.change(zone, ("CREATE", self.a("b.example.test")), ("CREATE", self.a("b.other.test")))
        self.assertEqual(["a.example.test."], [r["Name"] for r in self.records(zone)])

    @corrects("route53.change-batch")
    def test_delete_quotes_current_values(self):
        zone = self.zone()
        self.change(zone, ("CREATE", self.a()))
        self.change(zone, ("UPSERT", self.a(value="10.0.0.2")))
        with self.refused("InvalidChangeBatch", "do not match"):
            self.change(zone, ("DELETE", self.a()))
        self.change(zone, ("DELETE", self.a(value="10.0.0.2")))
        with self.refused("InvalidChangeBatch", "not found"):
            self.change(zone, ("DELETE", self.a(value="10.0.0.2")))

    @corrects("route53.change-batch")
    def test_cname_stands_alone(self):
        zone = self.zone()
        alias = {"Name": "a.example.test", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "b.test"}]}
        self.change(zone, ("CREATE", self.a()))
        with self.refused("InvalidChangeBatch", "conflicts with other records"):
            self.change(zone, ("CREATE", alias))
        self.change(zone, ("DELETE", self.a()), ("CREATE", alias))

    @corrects("route53.change-batch")
    def test_routed_records(self):
        zone = self.zone()
        weighted = [self.a(SetIdentifier=s, Weight=w, value=f"10.0.0.{w}") for s, w in (("one", 1), ("two", 2))]
        other = self.a("b.example.test", SetIdentifier="one", Weight=1)
        self.change(zone, *(("CREATE", r) for r in (*weighted, other)))
        with self.refused("InvalidChangeBatch"):
            self.change(zone, ("CREATE", self.a()))
        self.change(zone, ("DELETE", weighted[0]))
        self.assertEqual(
            [("a.example.test.", "two"), ("b.example.test.", "one")],
            [(r["Name"], r["SetIdentifier"]) for r in self.records(zone)],
        )

    @corrects("route53.list-records")
    def test_pages_and_wildcards(self):
        zone = self.zone()
        routed = [self.a("w.example.test", SetIdentifier=s, Weight=1) for s in ("one", "two", "three")]
        self.change(zone, ("CREATE", self.a("*.example.test")), *(("CREATE", r) for r in routed))
        seen, more = [], {}
        while True:
            page = self.dns.list_resource_record_sets(HostedZoneId=zone, MaxItems="1", **more)
            seen += [(r["Name"], r["Type"], r.get("SetIdentifier")) for r in page["ResourceRecordSets"]]
            self.assertLess(len(seen), 10)
            if not page["IsTruncated"]:
                break
            more = {"StartRecordName": page["NextRecordName"], "StartRecordType": page["NextRecordType"]}
            if page.get("NextRecordIdentifier"):
                more["StartRecordIdentifier"] = page["NextRecordIdentifier"]
        self.assertEqual(6, len(set(seen)))
        self.assertEqual(6, len(seen))
        self.assertIn(("\\052.example.test.", "A", None), seen)
