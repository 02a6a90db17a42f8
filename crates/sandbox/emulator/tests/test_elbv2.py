from . import test_acm
from .harness import Case, client, control, corrects, unique
from .test_ec2_network import gateway, group, subnet, vpc

FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}


class Balancing(Case):
    @property
    def elb(self):
        return client("elbv2")

    def network(self):
        network = vpc()
        return network, [subnet(network), subnet(network, "10.0.2.0/24", "b")]

    def balancer(self, **more):
        network, pair = self.network()
        ask = {"Name": unique(), "Subnets": pair, "Scheme": "internal", **more}
        made = self.elb.create_load_balancer(**ask)["LoadBalancers"][0]
        return {"Network": network, "Subnets": pair, **made}

    def groups(self, network, **more):
        ask = {"Name": unique(), "Protocol": "HTTP", "Port": 80, "VpcId": network, **more}
        return self.elb.create_target_group(**ask)["TargetGroups"][0]["TargetGroupArn"]

    def listener(self, balancer, port=80, actions=(FIXED,), **more):
        made = self.elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=list(actions), **more
        )
        return made["Listeners"][0]

    def read(self, arn):
        return self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]

    def interfaces(self, arn):
        words = "ELB " + arn.rpartition(":loadbalancer/")[2]
        ours = [{"Name": "description", "Values": [words]}]
        return client("ec2").describe_network_interfaces(Filters=ours)["NetworkInterfaces"]


class Balancers(Balancing):
    @corrects("elbv2.balancer-name")
    def test_same_name(self):
        _, pair = self.network()
        ask = {"Name": unique(), "Subnets": pair, "Scheme": "internal"}
        first = self.elb.create_load_balancer(**ask)["LoadBalancers"][0]["LoadBalancerArn"]
        self.assertEqual(first, self.elb.create_load_balancer(**ask)["LoadBalancers"][0]["LoadBalancerArn"])
        with self.refused("DuplicateLoadBalancerName"):
            self.elb.create_load_balancer(**{**ask, "Type": "network"})
        self.assertEqual(1, len(self.elb.describe_load_balancers(Names=[ask["Name"]])["LoadBalancers"]))
        with self.refused("ValidationError"):
            self.elb.create_load_balancer(**{**ask, "Name": "-" + unique()})

    @corrects("elbv2.balancer-network")
    def test_network(self):
        network, pair = self.network()
        ask = {"Name": unique(), "Subnets": pair}
        with self.refused("InvalidSubnet", "no internet gateway"):
            self.elb.create_load_balancer(**ask)
        gateway(network)
        with self.refused("ValidationError", "two subnets"):
            self.elb.create_load_balancer(**{**ask, "Subnets": pair[:1]})
        beside = subnet(network, "10.0.3.0/24")
        with self.refused("InvalidConfigurationRequest", "same Availability Zone"):
            self.elb.create_load_balancer(**{**ask, "Subnets": [pair[0], beside]})
        with self.refused("SubnetNotFound"):
            self.elb.create_load_balancer(**{**ask, "Subnets": [pair[0], "subnet-0123456789abcdef0"]})
        with self.refused("InvalidSecurityGroup"):
            self.elb.create_load_balancer(**ask, SecurityGroups=["sg-0123456789abcdef0"])
        self.elb.create_load_balancer(**ask)

    @corrects("elbv2.balancer-network-subnets")
    def test_network_balancer_with_one_subnet(self):
        made = self.balancer(Type="network")
        arn = made["LoadBalancerArn"]
        self.elb.set_subnets(LoadBalancerArn=arn, Subnets=made["Subnets"][:1])
        self.assertEqual(made["Subnets"][:1], [z["SubnetId"] for z in self.read(arn)["AvailabilityZones"]])

    @corrects("elbv2.balancer-unknown")
    def test_unknown(self):
        arn = self.balancer()["LoadBalancerArn"]
        with self.refused("LoadBalancerNotFound"):
            self.elb.describe_load_balancers(LoadBalancerArns=[arn, arn[:-4] + "0000"])

    @corrects("elbv2.balancer-defaults")
    def test_defaults(self):
        network, pair = self.network()
        gateway(network)
        name = unique()
        made = self.elb.create_load_balancer(Name=name, Subnets=pair)["LoadBalancers"][0]
        self.assertEqual(("internet-facing", 1), (made["Scheme"], len(made["SecurityGroups"])))
        arn = made["LoadBalancerArn"]
        found = self.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        found = {a["Key"]: a["Value"] for a in found}
        self.assertEqual("60", found["idle_timeout.timeout_seconds"])
        self.assertEqual("true", found["routing.http2.enabled"])
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        again = self.elb.create_load_balancer(Name=name, Subnets=pair)["LoadBalancers"][0]
        self.assertNotEqual(made["DNSName"], again["DNSName"])

    @corrects("elbv2.balancer-states")
    def test_provisioning(self):
        made = self.balancer()
        arn = made["LoadBalancerArn"]
        self.assertEqual("provisioning", made["State"]["Code"])
        self.assertEqual("provisioning", self.read(arn)["State"]["Code"])
        self.eventually(lambda: self.read(arn)["State"]["Code"] == "active")

    @corrects("elbv2.balancer-interfaces")
    def test_interfaces_linger(self):
        ec2, made = client("ec2"), self.balancer()
        arn = made["LoadBalancerArn"]
        own = group(made["Network"])
        self.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[own])
        found = self.interfaces(arn)
        self.assertEqual(set(made["Subnets"]), {i["SubnetId"] for i in found})
        self.assertEqual({"amazon-elb"}, {i["Attachment"]["InstanceOwnerId"] for i in found})
        self.assertEqual({own}, {g["GroupId"] for i in found for g in i["Groups"]})
        with self.refused("InvalidParameterValue", "in use"):
            ec2.delete_network_interface(NetworkInterfaceId=found[0]["NetworkInterfaceId"])
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        with self.refused("DependencyViolation"):
            ec2.delete_security_group(GroupId=own)
        with self.refused("DependencyViolation"):
            ec2.delete_subnet(SubnetId=made["Subnets"][0])
        self.eventually(lambda: not self.interfaces(arn))
        ec2.delete_security_group(GroupId=own)
        ec2.delete_subnet(SubnetId=made["Subnets"][0])

    @corrects("elbv2.balancer-interfaces")
    def test_public_addresses_hold_the_gateway(self):
        ec2 = client("ec2")
        network, pair = self.network()
        out = gateway(network)
        made = self.elb.create_load_balancer(Name=unique(), Subnets=pair)["LoadBalancers"][0]["LoadBalancerArn"]
        self.elb.delete_load_balancer(LoadBalancerArn=made)
        with self.refused("DependencyViolation", "mapped public address"):
            ec2.detach_internet_gateway(InternetGatewayId=out, VpcId=network)
        self.eventually(lambda: not self.interfaces(made))
        ec2.detach_internet_gateway(InternetGatewayId=out, VpcId=network)

    @corrects("elbv2.balancer-deletion-protection")
    def test_protection(self):
        arn = self.balancer()["LoadBalancerArn"]

        def protect(on):
            told = [{"Key": "deletion_protection.enabled", "Value": on}]
            self.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=told)

        protect("true")
        with self.refused("OperationNotPermitted"):
            self.elb.delete_load_balancer(LoadBalancerArn=arn)
        protect("false")
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        with self.refused("LoadBalancerNotFound"):
            self.read(arn)
        self.elb.delete_load_balancer(LoadBalancerArn=arn)

    @corrects("elbv2.balancer-in-use")
    def test_an_endpoint_service_holds_its_balancer(self):
        ec2 = client("ec2")
        arn = self.balancer(Type="network")["LoadBalancerArn"]
        made = ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[arn])
        service = made["ServiceConfiguration"]["ServiceId"]
        with self.refused("ResourceInUse"):
            self.elb.delete_load_balancer(LoadBalancerArn=arn)
        ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[service])
        self.elb.delete_load_balancer(LoadBalancerArn=arn)

    @corrects("elbv2.tags")
    def test_tags_of_what_is_gone(self):
        arn = self.balancer(Tags=[{"Key": "k", "Value": "v"}])["LoadBalancerArn"]
        door = self.listener(arn)["ListenerArn"]
        found = self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]
        self.assertEqual([{"Key": "k", "Value": "v"}], found["Tags"])
        with self.refused("ValidationError"):
            self.elb.describe_tags(ResourceArns=[arn] * 21)
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        for gone in (arn, door):
            with self.refused("LoadBalancerNotFound"):
                self.elb.describe_tags(ResourceArns=[gone])
        with self.refused("ListenerNotFound"):
            self.elb.describe_listeners(ListenerArns=[door])

    @corrects("elbv2.tag-limit")
    def test_many_tags(self):
        arn = self.balancer()["LoadBalancerArn"]
        for number in range(50):
            self.elb.add_tags(ResourceArns=[arn], Tags=[{"Key": f"k{number}", "Value": "v"}])
        with self.refused("TooManyTags"):
            self.elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "one more", "Value": "v"}])

    @corrects("elbv2.paging")
    def test_paging(self):
        network, _ = self.network()
        made = {self.groups(network) for _ in range(3)}
        seen, more = [], {}
        while True:
            page = self.elb.describe_target_groups(PageSize=2, **more)
            self.assertLessEqual(len(page["TargetGroups"]), 2)
            seen += [g["TargetGroupArn"] for g in page["TargetGroups"]]
            if not page.get("NextMarker"):
                break
            more = {"Marker": page["NextMarker"]}
        self.assertEqual(len(seen), len(set(seen)))
        self.assertLessEqual(made, set(seen))


class Listeners(Balancing):
    @corrects("elbv2.listener-port")
    def test_one_a_port(self):
        arn = self.balancer()["LoadBalancerArn"]
        first = self.listener(arn)["ListenerArn"]
        self.assertEqual(first, self.listener(arn)["ListenerArn"])
        other = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
        with self.refused("DuplicateListener"):
            self.listener(arn, actions=[other])
        second = self.listener(arn, 81)["ListenerArn"]
        with self.refused("DuplicateListener"):
            self.elb.modify_listener(ListenerArn=second, Port=80)

    @corrects("elbv2.listener-certificate")
    def test_certificates(self):
        acm, made = client("acm"), self.balancer()
        ask = {"LoadBalancerArn": made["LoadBalancerArn"], "Protocol": "HTTPS", "Port": 443, "DefaultActions": [FIXED]}
        with self.refused("ValidationError", "certificate"):
            self.elb.create_listener(**ask)
        asked = acm.request_certificate(DomainName=f"{unique()}.example.com", ValidationMethod="DNS")
        pending = asked["CertificateArn"]
        with self.refused("UnsupportedCertificate"):
            self.elb.create_listener(**ask, Certificates=[{"CertificateArn": pending}])
        with self.refused("CertificateNotFound"):
            self.elb.create_listener(**ask, Certificates=[{"CertificateArn": pending[:-4] + "0000"}])

    @corrects("elbv2.certificate-list")
    def test_certificate_list(self):
        case = test_acm.Certificates()
        case.setUp()
        first, second, third = (case.issued(f"{word}.{case.domain}") for word in ("a", "b", "c"))
        made, one = self.balancer(), lambda arn: [{"CertificateArn": arn}]
        ask = {"LoadBalancerArn": made["LoadBalancerArn"], "Protocol": "HTTPS", "Port": 443, "DefaultActions": [FIXED]}
        arn = self.elb.create_listener(**ask, Certificates=one(first))["Listeners"][0]["ListenerArn"]

        def shown():
            found = self.elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
            return [(c["CertificateArn"], c["IsDefault"]) for c in found]

        for _ in range(2):
            added = self.elb.add_listener_certificates(ListenerArn=arn, Certificates=one(second))["Certificates"]
            self.assertEqual([second], [c["CertificateArn"] for c in added])
        self.elb.modify_listener(ListenerArn=arn, Certificates=one(third))
        self.assertEqual([(third, True), (second, False)], shown())
        with self.refused("OperationNotPermitted"):
            self.elb.remove_listener_certificates(ListenerArn=arn, Certificates=one(third))
        self.elb.add_listener_certificates(ListenerArn=arn, Certificates=one(third))
        self.assertEqual([(third, True), (second, False), (third, False)], shown())
        self.elb.remove_listener_certificates(ListenerArn=arn, Certificates=one(second) + one(third))
        self.assertEqual([(third, True)], shown())

    @corrects("elbv2.listener-target")
    def test_target_that_is_gone(self):
        made = self.balancer()
        listener = self.listener(made["LoadBalancerArn"])["ListenerArn"]
        gone = self.groups(made["Network"])
        self.elb.delete_target_group(TargetGroupArn=gone)
        with self.refused("TargetGroupNotFound"):
            self.elb.modify_listener(
                ListenerArn=listener, DefaultActions=[{"Type": "forward", "TargetGroupArn": gone}]
            )

    @corrects("elbv2.listener-policy")
    def test_policy_of_plain_http(self):
        made = self.listener(self.balancer()["LoadBalancerArn"])
        self.assertNotIn("SslPolicy", made)
        found = self.elb.describe_listeners(ListenerArns=[made["ListenerArn"]])["Listeners"][0]
        self.assertNotIn("SslPolicy", found)

    @corrects("elbv2.actions-shown")
    def test_actions(self):
        made = self.balancer()
        to = self.groups(made["Network"])
        forward = self.listener(made["LoadBalancerArn"], actions=[{"Type": "forward", "TargetGroupArn": to}])
        shown = forward["DefaultActions"][0]
        self.assertEqual(to, shown["TargetGroupArn"])
        self.assertEqual([{"TargetGroupArn": to, "Weight": 1}], shown["ForwardConfig"]["TargetGroups"])
        config = {"TargetGroups": [{"TargetGroupArn": to}]}
        self.elb.modify_listener(
            ListenerArn=forward["ListenerArn"], DefaultActions=[{"Type": "forward", "ForwardConfig": config}]
        )
        again = self.elb.describe_listeners(ListenerArns=[forward["ListenerArn"]])["Listeners"][0]
        self.assertEqual(shown, again["DefaultActions"][0])
        away = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
        moved = self.listener(made["LoadBalancerArn"], 81, [away])["DefaultActions"][0]["RedirectConfig"]
        self.assertEqual(("#{host}", "/#{path}", "443"), (moved["Host"], moved["Path"], moved["Port"]))

    def rule(self, listener, priority, **condition):
        condition = condition or {"Field": "path-pattern", "Values": [f"/{priority}"]}
        return self.elb.create_rule(
            ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=[FIXED]
        )["Rules"][0]

    @corrects("elbv2.conditions-shown")
    def test_conditions(self):
        door = self.listener(self.balancer()["LoadBalancerArn"])["ListenerArn"]
        hosts = ["a.example.com", "b.example.com"]
        made = self.rule(door, 1, Field="host-header", Values=hosts)
        other = self.rule(door, 2, Field="path-pattern", PathPatternConfig={"Values": ["/a", "/b"]})
        arns = [made["RuleArn"], other["RuleArn"]]
        found = {r["RuleArn"]: r["Conditions"][0] for r in self.elb.describe_rules(RuleArns=arns)["Rules"]}
        self.assertEqual((hosts, hosts), (found[arns[0]]["Values"], found[arns[0]]["HostHeaderConfig"]["Values"]))
        self.assertEqual(["/a", "/b"], found[arns[1]]["Values"])

    @corrects("elbv2.rule-priorities")
    def test_priorities(self):
        door = self.listener(self.balancer()["LoadBalancerArn"])["ListenerArn"]
        second, first, third = (self.rule(door, p)["RuleArn"] for p in (20, 10, 30))
        with self.refused("PriorityInUse"):
            self.rule(door, 10)
        swap = [{"RuleArn": first, "Priority": 20}, {"RuleArn": second, "Priority": 10}]
        self.elb.set_rule_priorities(RulePriorities=swap)
        found = self.elb.describe_rules(ListenerArn=door)["Rules"]
        self.assertEqual([second, first, third], [r["RuleArn"] for r in found][:3])
        self.assertTrue(found[3]["IsDefault"])
        with self.refused("PriorityInUse"):
            self.elb.set_rule_priorities(RulePriorities=[{"RuleArn": first, "Priority": 30}])

    @corrects("elbv2.rule-delete")
    def test_delete_rule(self):
        door = self.listener(self.balancer()["LoadBalancerArn"])["ListenerArn"]
        made = self.rule(door, 1)["RuleArn"]
        self.elb.delete_rule(RuleArn=made)
        with self.refused("RuleNotFound"):
            self.elb.delete_rule(RuleArn=made)
        default = self.elb.describe_rules(ListenerArn=door)["Rules"][0]["RuleArn"]
        with self.refused("OperationNotPermitted"):
            self.elb.delete_rule(RuleArn=default)


class Targets(Balancing):
    @corrects("elbv2.target-group-name")
    def test_same_name(self):
        network, _ = self.network()
        name = unique()
        first = self.groups(network, Name=name, HealthCheckPath="/up")
        self.assertEqual(first, self.groups(network, Name=name, HealthCheckPath="/up"))
        with self.refused("DuplicateTargetGroupName"):
            self.groups(network, Name=name, Port=81)

    @corrects("elbv2.health-check-timeout")
    def test_timeout(self):
        arn = self.groups(vpc(), HealthCheckIntervalSeconds=10, HealthCheckTimeoutSeconds=5)
        with self.refused("ValidationError", "timeout"):
            self.elb.modify_target_group(TargetGroupArn=arn, HealthCheckIntervalSeconds=5)
        self.elb.modify_target_group(TargetGroupArn=arn, HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=4)

    @corrects("elbv2.target-group-balancers", "elbv2.target-group-one-balancer")
    def test_balancers_of_a_group(self):
        made, other = self.balancer(), self.balancer()
        arn = made["LoadBalancerArn"]
        to = self.groups(made["Network"])
        forward = [{"Type": "forward", "TargetGroupArn": to}]

        def users():
            return self.elb.describe_target_groups(TargetGroupArns=[to])["TargetGroups"][0]["LoadBalancerArns"]

        self.assertEqual([], users())
        doors = [self.listener(arn, port, forward)["ListenerArn"] for port in (80, 81)]
        self.assertEqual([arn], users())
        with self.refused("TargetGroupAssociationLimit"):
            self.listener(other["LoadBalancerArn"], 80, forward)
        with self.refused("ResourceInUse"):
            self.elb.delete_target_group(TargetGroupArn=to)
        for door in doors:
            self.elb.delete_listener(ListenerArn=door)
        self.assertEqual([], users())
        self.elb.delete_target_group(TargetGroupArn=to)

    @corrects("elbv2.target-group-attributes")
    def test_attributes(self):
        network, _ = self.network()
        to = self.groups(network)
        found = self.elb.describe_target_group_attributes(TargetGroupArn=to)["Attributes"]
        self.assertEqual("86400", {a["Key"]: a["Value"] for a in found}["stickiness.lb_cookie.duration_seconds"])
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "60"}
        changed = self.elb.modify_target_group_attributes(TargetGroupArn=to, Attributes=[delay])["Attributes"]
        self.assertEqual(len(found), len(changed))
        self.assertIn(delay, changed)

    def instance(self, where, **more):
        ec2 = client("ec2")
        image = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-*"]}])["Images"]
        made = ec2.run_instances(
            ImageId=image[0]["ImageId"], InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=where, **more
        )
        control("settle", "POST")
        return made["Instances"][0]["InstanceId"]

    @corrects("elbv2.target-network")
    def test_targets_elsewhere(self):
        network, _ = self.network()
        _, pair = self.network()
        to = self.groups(network)
        for wrong in (self.instance(pair[0]), "i-0123456789abcdef0"):
            with self.refused("InvalidTarget"):
                self.elb.register_targets(TargetGroupArn=to, Targets=[{"Id": wrong}])

    @corrects("elbv2.target-health")
    def test_health(self):
        ec2, made = client("ec2"), self.balancer()
        to = self.groups(made["Network"])
        good = self.instance(made["Subnets"][0])
        bad = self.instance(made["Subnets"][1], UserData="#!/bin/sh\n# terrace-sandbox-unhealthy\n")
        stopped = self.instance(made["Subnets"][0])
        self.elb.register_targets(TargetGroupArn=to, Targets=[{"Id": i} for i in (good, bad, stopped)])

        def states():
            rows = self.elb.describe_target_health(TargetGroupArn=to)["TargetHealthDescriptions"]
            return {row["Target"]["Id"]: row["TargetHealth"]["State"] for row in rows}

        self.assertEqual({"unused"}, set(states().values()))
        self.listener(made["LoadBalancerArn"], actions=[{"Type": "forward", "TargetGroupArn": to}])
        self.assertEqual({"initial"}, set(states().values()))
        ec2.stop_instances(InstanceIds=[stopped])
        self.eventually(lambda: states() == {good: "healthy", bad: "unhealthy", stopped: "unused"})
        ec2.create_tags(Resources=[good], Tags=[{"Key": "terrace-sandbox-health", "Value": "unhealthy"}])
        self.assertEqual("unhealthy", states()[good])
        self.elb.deregister_targets(TargetGroupArn=to, Targets=[{"Id": good}])
        self.assertEqual("draining", states()[good])
        ec2.terminate_instances(InstanceIds=[bad])
        self.eventually(lambda: set(states()) == {stopped})
