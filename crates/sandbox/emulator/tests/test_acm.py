from .harness import Case, client, control, corrects, unique
from .test_ec2_network import vpc


def pages(call, key, **arguments):
    """Every item of a list that pages by NextToken."""
    found = []
    while True:
        page = call(**arguments)
        found += page[key]
        if not page.get("NextToken"):
            return found
        arguments["NextToken"] = page["NextToken"]


class Certificates(Case):
    def setUp(self):
        self.acm, self.dns = client("acm"), client("route53")
        self.domain = f"{unique()}.test"

    def request(self, *names, acm=None, **more):
        names = names or (self.domain,)
        others = {"SubjectAlternativeNames": list(names[1:])} if names[1:] else {}
        asked = {"DomainName": names[0], "ValidationMethod": "DNS", **others, **more}
        return (acm or self.acm).request_certificate(**asked)["CertificateArn"]

    def read(self, arn, acm=None):
        return (acm or self.acm).describe_certificate(CertificateArn=arn)["Certificate"]

    def records(self, arn, acm=None):
        """The CNAMEs of a certificate, once it has them."""

        def known():
            options = self.read(arn, acm)["DomainValidationOptions"]
            return options if all("ResourceRecord" in o for o in options) else None

        return [option["ResourceRecord"] for option in self.eventually(known)]

    def prove(self, records, action="UPSERT"):
        if not hasattr(self, "zone"):
            made = self.dns.create_hosted_zone(Name=self.domain, CallerReference=unique())
            self.zone = made["HostedZone"]["Id"]
        sets = {r["Name"]: r for r in records}.values()
        changes = [
            {
                "Action": action,
                "ResourceRecordSet": {
                    "Name": r["Name"],
                    "Type": "CNAME",
                    "TTL": 300,
                    "ResourceRecords": [{"Value": r["Value"]}],
                },
            }
            for r in sets
        ]
        self.dns.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch={"Changes": changes})

    def issued(self, *names, acm=None, **more):
        arn = self.request(*names, acm=acm, **more)
        self.prove(self.records(arn, acm))
        self.eventually(lambda: self.read(arn, acm)["Status"] == "ISSUED")
        return arn

    def balancer(self, arn):
        ec2, elb = client("ec2"), client("elbv2")
        network = vpc()
        subnets = [
            ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")["Subnet"]
            for n, z in enumerate("ab")
        ]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network)
        made = elb.create_load_balancer(Name=unique("lb"), Subnets=[s["SubnetId"] for s in subnets])
        balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
        answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
        listener = elb.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTPS",
            Port=443,
            Certificates=[{"CertificateArn": arn}],
            DefaultActions=[answer],
        )["Listeners"][0]["ListenerArn"]
        return balancer, listener

    @corrects("acm.validation")
    def test_issued_by_its_record(self):
        arn = self.request(self.domain, f"www.{self.domain}")
        records = self.records(arn)
        control("settle", "POST")
        self.assertEqual("PENDING_VALIDATION", self.read(arn)["Status"])
        self.prove(records[:1])
        control("settle", "POST")
        self.assertEqual("PENDING_VALIDATION", self.read(arn)["Status"])
        self.prove(records)
        self.assertEqual("PENDING_VALIDATION", self.read(arn)["Status"])
        self.eventually(lambda: self.read(arn)["Status"] == "ISSUED")
        self.assertEqual({"SUCCESS"}, {o["ValidationStatus"] for o in self.read(arn)["DomainValidationOptions"]})

    @corrects("acm.validation")
    def test_not_issued_by_another_record(self):
        arn = self.request()
        (record,) = self.records(arn)
        self.prove([{**record, "Value": "other.test."}])
        control("settle", "POST")
        self.assertEqual("PENDING_VALIDATION", self.read(arn)["Status"])
        # A second one of this name finds the record in place and needs no other change.
        self.prove([record])
        self.eventually(lambda: self.read(arn)["Status"] == "ISSUED")
        second = self.request()
        self.eventually(lambda: self.read(second)["Status"] == "ISSUED")

    @corrects("acm.pending")
    def test_pending(self):
        names = [self.domain, *(f"{n}.{self.domain}" for n in "zya")]
        arn = self.request(*names)
        told = self.read(arn)
        self.assertFalse({"IssuedAt", "NotBefore", "NotAfter", "Serial"} & set(told))
        self.assertEqual(names, told["SubjectAlternativeNames"])
        self.assertEqual(names, [o["DomainName"] for o in told["DomainValidationOptions"]])
        self.assertFalse(any("ResourceRecord" in o for o in told["DomainValidationOptions"]))
        self.prove(self.records(arn))
        self.eventually(lambda: "NotAfter" in self.read(arn))

    @corrects("acm.validation-record")
    def test_one_record_a_name(self):
        apex, wild = self.records(self.request(self.domain, f"*.{self.domain}"))
        self.assertEqual(apex, wild)
        self.assertTrue(apex["Name"].endswith(f".{self.domain}."))
        self.assertEqual([apex], self.records(self.request()))
        self.assertNotEqual(apex["Value"], self.records(self.request(f"www.{self.domain}"))[0]["Value"])
        other = client("acm", "444455556666")
        self.assertNotEqual([apex], self.records(self.request(acm=other), other))

    @corrects("acm.validation-record")
    def test_another_region(self):
        here, there = self.acm, client("acm", region="us-east-1")
        first, second = self.issued(), self.issued(acm=there)
        self.assertEqual(self.records(first), self.records(second, there))
        with self.refused("ResourceNotFoundException"):
            here.describe_certificate(CertificateArn=second)

    @corrects("acm.idempotency-token")
    def test_token(self):
        token = unique("t").replace("-", "_")
        first = self.request(IdempotencyToken=token, Tags=[{"Key": "k", "Value": "v"}])
        self.assertEqual(first, self.request(IdempotencyToken=token))
        self.assertNotEqual(first, self.request(f"www.{self.domain}", IdempotencyToken=token))
        self.assertNotEqual(first, self.request(self.domain, f"a.{self.domain}", IdempotencyToken=token))
        self.acm.delete_certificate(CertificateArn=first)
        self.assertNotEqual(first, self.request(IdempotencyToken=token))

    @corrects("acm.key-algorithm")
    def test_key_algorithm(self):
        self.assertEqual("RSA-2048", self.read(self.request())["KeyAlgorithm"])
        self.assertEqual("EC-prime256v1", self.read(self.request(KeyAlgorithm="EC_prime256v1"))["KeyAlgorithm"])

    @corrects("acm.list")
    def test_list(self):
        plain = [self.request() for _ in range(3)]
        curve = self.request(KeyAlgorithm="EC_prime256v1")

        def listed(**more):
            rows = pages(self.acm.list_certificates, "CertificateSummaryList", MaxItems=2, **more)
            return [r["CertificateArn"] for r in rows if r["DomainName"] == self.domain]

        self.assertEqual(sorted(plain), sorted(listed()))
        self.assertEqual(2, len(self.acm.list_certificates(MaxItems=2)["CertificateSummaryList"]))
        every = ["RSA_1024", "RSA_2048", "RSA_4096", "EC_prime256v1", "EC_secp384r1"]
        self.assertEqual(sorted([*plain, curve]), sorted(listed(Includes={"keyTypes": every})))
        self.assertEqual([], listed(CertificateStatuses=["ISSUED"]))

    @corrects("acm.in-use")
    def test_in_use_by_a_balancer(self):
        arn = self.issued()
        balancer, listener = self.balancer(arn)
        self.assertEqual([balancer], self.read(arn)["InUseBy"])
        with self.refused("ResourceInUseException"):
            self.acm.delete_certificate(CertificateArn=arn)
        client("elbv2").delete_listener(ListenerArn=listener)
        self.eventually(lambda: self.read(arn)["InUseBy"] == [])
        self.acm.delete_certificate(CertificateArn=arn)
        with self.refused("ResourceNotFoundException"):
            self.acm.delete_certificate(CertificateArn=arn)

    @corrects("acm.release-lags")
    def test_release_lags(self):
        arn = self.issued()
        balancer, _ = self.balancer(arn)
        client("elbv2").delete_load_balancer(LoadBalancerArn=balancer)
        with self.refused("ResourceInUseException"):
            self.acm.delete_certificate(CertificateArn=arn)
        control("settle", "POST")
        self.acm.delete_certificate(CertificateArn=arn)

    @corrects("acm.options")
    def test_options(self):
        arn = self.request()
        self.acm.update_certificate_options(
            CertificateArn=arn, Options={"CertificateTransparencyLoggingPreference": "DISABLED"}
        )
        self.assertEqual("DISABLED", self.read(arn)["Options"]["CertificateTransparencyLoggingPreference"])
        with self.refused("ResourceNotFoundException"):
            self.acm.update_certificate_options(CertificateArn=arn[:-4] + "0000", Options={})
