import urllib.error
import urllib.request

import boto3
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.session import Session

from .harness import Case, bare, client, control, corrects, endpoint, unique


class Server(Case):
    def test_identity(self):
        said = control("identity")
        self.assertEqual("tests", said["identity"])
        self.assertEqual(bare(), said["bare"])

    def test_pace(self):
        before = control("pace")["seconds"]
        self.assertEqual(0.5, control("pace?seconds=0.5", "POST")["seconds"])
        control(f"pace?seconds={before}", "POST")

    def test_reset_empties_the_world(self):
        client("iam").create_role(RoleName="reset-me", AssumeRolePolicyDocument="{}")
        control("reset", "POST")
        self.assertEqual([], client("iam").list_roles()["Roles"])

    @corrects("accounts.access-key")
    def test_access_key_selects_the_account(self):
        for account in ("111122223333", "444455556666"):
            sts = client("sts", account)
            self.assertEqual(account, sts.get_caller_identity()["Account"])
            role = client("iam", account).create_role(RoleName="same", AssumeRolePolicyDocument="{}")["Role"]
            self.assertIn(f":{account}:", role["Arn"])
            dns = client("route53", account)
            dns.create_hosted_zone(Name=f"a{account}.test", CallerReference=account)
            names = [zone["Name"] for zone in dns.list_hosted_zones()["HostedZones"]]
            self.assertEqual([f"a{account}.test."], [name for name in names if name.startswith("a")])
            bucket = unique("b")
            client("s3", account, "us-east-1").create_bucket(Bucket=bucket)
            seen = [b["Name"] for b in client("s3", account).list_buckets(Prefix=bucket)["Buckets"]]
            self.assertEqual([bucket], seen)
            other = {"111122223333": "444455556666", "444455556666": "111122223333"}[account]
            self.assertEqual([], client("s3", other).list_buckets(Prefix=bucket)["Buckets"])

    def test_any_other_key_is_the_default_account(self):
        sts = boto3.client(
            "sts",
            region_name="eu-west-1",
            endpoint_url=endpoint(),
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.assertEqual("123456789012", sts.get_caller_identity()["Account"])

    def test_keys_of_an_assumed_role_stay_in_their_account(self):
        role = "arn:aws:iam::444455556666:role/any"
        keys = client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        sts = boto3.client(
            "sts",
            region_name="eu-west-1",
            endpoint_url=endpoint(),
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        self.assertEqual("444455556666", sts.get_caller_identity()["Account"])

    @corrects("protocol.readable-errors")
    def test_gaps_answer_in_their_protocol(self):
        with self.refused("NotImplemented"):
            client("rds").describe_pending_maintenance_actions()
        with self.refused("NotImplemented"):
            client("ec2").describe_ipams()
        with self.refused("NotImplemented"):
            client("route53").list_traffic_policies()
        with self.refused("NotImplemented"):
            client("logs").list_anomalies()

    def test_stand_ins(self):
        if bare():
            self.skipTest("moto alone puts all into one account")
        account, domain, name = "888899990000", "stand.test", unique("bucket")
        place = f"account={account}&region=us-east-1"
        for _ in range(2):
            for like in (f"certificate&domain={domain}", f"bucket&name={name}"):
                self.assertEqual({"made": True}, control(f"stand-in?{place}&kind={like}", "POST"))
        found = client("acm", account, "us-east-1").list_certificates()["CertificateSummaryList"]
        self.assertEqual([(domain, "ISSUED")], [(c["DomainName"], c["Status"]) for c in found])
        self.assertEqual({"buckets": 1, "certificates": 1}, control(f"census?{place}"))

    def test_census_of_all_regions(self):
        if bare():
            self.skipTest("moto alone puts all into one account")
        account, name = "777788889999", unique("bucket")
        before = control(f"census?account={account}&region=eu-west-1")
        self.assertEqual({}, before)
        for region in ("us-east-1", "eu-west-1"):
            for kind in ("RSA_2048", "EC_prime256v1"):
                acm = client("acm", account, region)
                acm.request_certificate(DomainName="a.test", ValidationMethod="DNS", KeyAlgorithm=kind)
            client("secretsmanager", account, region).create_secret(Name="s", SecretString="v")
        client("s3", account, "us-east-1").create_bucket(Bucket=name)
        client("sqs", account, "us-west-2").create_queue(QueueName="other")
        dns = client("route53", account)
        config = {"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80}
        dns.create_health_check(CallerReference=unique(), HealthCheckConfig=config)
        expected = {"buckets": 1, "certificates": 4, "health checks": 1, "secrets": 2}
        self.assertEqual(expected, control(f"census?account={account}&region=eu-west-1"))

    def test_a_correction_can_be_switched_off(self):
        if bare():
            self.skipTest("nothing to switch")
        control("corrections/ec2.dry-run?on=0", "POST")
        try:
            client("ec2").create_vpc(CidrBlock="10.0.0.0/16", DryRun=True)
        finally:
            control("corrections/ec2.dry-run?on=1", "POST")


class Cbor(Case):
    """boto3 prefers JSON for CloudWatch, so the wire is spoken here with botocore's own CBOR serializer and parser."""

    def call(self, name, body=None, **parameters):
        service = Session().get_service_model("cloudwatch")
        model = service.operation_model(name)
        made = create_serializer("smithy-rpc-v2-cbor", False).serialize_to_request(parameters, model)
        made["body"] = body or made["body"]
        request = urllib.request.Request(
            endpoint() + made["url_path"],
            data=made["body"],
            method="POST",
            headers={
                **made["headers"],
                "Content-Type": "application/cbor",
                "Authorization": "AWS4-HMAC-SHA256 Credential=TERRACE111122223333/20260101/eu-west-1/monitoring/"
                "aws4_request, SignedHeaders=host, Signature=0",
            },
        )
        try:
            with urllib.request.urlopen(request) as answer:
                raw = {"status_code": answer.status, "headers": answer.headers, "body": answer.read()}
        except urllib.error.HTTPError as error:
            raw = {"status_code": error.code, "headers": error.headers, "body": error.read()}
        self.assertEqual("application/cbor", raw["headers"]["Content-Type"])
        self.assertEqual("rpc-v2-cbor", raw["headers"]["smithy-protocol"])
        return raw["headers"], create_parser("smithy-rpc-v2-cbor").parse(raw, model.output_shape)

    @corrects("cloudwatch.cbor")
    def test_alarms_over_cbor(self):
        self.call(
            "PutMetricAlarm",
            AlarmName="a",
            Namespace="AWS/EC2",
            MetricName="CPUUtilization",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=2,
            Period=60,
            Statistic="Average",
            Threshold=12.5,
            Dimensions=[{"Name": "InstanceId", "Value": "i-1"}],
            Tags=[{"Key": "k", "Value": "v"}],
        )
        _, found = self.call("DescribeAlarms", AlarmNamePrefix="a")
        alarm = found["MetricAlarms"][0]
        self.assertEqual(12.5, alarm["Threshold"])
        self.assertEqual(2, alarm["EvaluationPeriods"])
        self.assertEqual([{"Name": "InstanceId", "Value": "i-1"}], alarm["Dimensions"])
        self.assertEqual(2026, max(2026, alarm["StateUpdatedTimestamp"].year))
        arn = alarm["AlarmArn"]
        self.assertIn(":111122223333:", arn)
        self.call("TagResource", ResourceARN=arn, Tags=[{"Key": "x", "Value": "y"}])
        self.call("UntagResource", ResourceARN=arn, TagKeys=["k"])
        self.assertEqual([{"Key": "x", "Value": "y"}], self.call("ListTagsForResource", ResourceARN=arn)[1]["Tags"])
        self.call("DeleteAlarms", AlarmNames=["a"])
        self.assertEqual([], self.call("DescribeAlarms", AlarmNames=["a"])[1]["MetricAlarms"])

    @corrects("cloudwatch.cbor")
    def test_lengths_left_open(self):
        # The Rust SDK writes maps without saying how long they are.
        empty = self.call("DescribeAlarms", body=bytes.fromhex("bfff"))[1]
        self.assertIn("MetricAlarms", empty)
        named = bytes.fromhex("bf") + b"\x6aAlarmNames" + bytes.fromhex("9f") + b"\x64none" + bytes.fromhex("ffff")
        self.assertEqual([], self.call("DescribeAlarms", body=named)[1]["MetricAlarms"])

    @corrects("cloudwatch.cbor")
    def test_errors_over_cbor(self):
        arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:none"
        headers, parsed = self.call("TagResource", ResourceARN=arn, Tags=[])
        self.assertEqual("ResourceNotFoundException", parsed["Error"]["Code"])
        self.assertTrue(parsed["Error"]["Message"])
        self.assertRegex(headers["x-amzn-query-error"], r"^ResourceNotFoundException;Sender$")


class Alarms(Case):
    def put(self, name, **more):
        client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/EC2",
            MetricName="CPUUtilization",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=2,
            Period=60,
            Statistic="Average",
            Threshold=1,
            **more,
        )
        return client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]

    @corrects("cloudwatch.alarm-tags-at-creation")
    def test_tags_only_at_creation(self):
        name = unique()
        arn = self.put(name, Tags=[{"Key": "k", "Value": "v"}])["AlarmArn"]
        self.put(name, Tags=[{"Key": "other", "Value": "v"}])
        tags = client("cloudwatch").list_tags_for_resource(ResourceARN=arn)["Tags"]
        self.assertEqual([{"Key": "k", "Value": "v"}], tags)

    @corrects("cloudwatch.alarm-tags-deleted")
    def test_tags_go_with_the_alarm(self):
        cloudwatch, name = client("cloudwatch"), unique()
        arn = self.put(name, Tags=[{"Key": "k", "Value": "v"}])["AlarmArn"]
        cloudwatch.delete_alarms(AlarmNames=[name])
        with self.refused("ResourceNotFoundException"):
            cloudwatch.list_tags_for_resource(ResourceARN=arn)
        self.put(name)
        self.assertEqual([], cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"])

    @corrects("cloudwatch.alarm-paging")
    def test_alarms_page(self):
        prefix = unique()
        for number in range(3):
            self.put(f"{prefix}-{number}")
        pages = client("cloudwatch").get_paginator("describe_alarms")
        found = pages.paginate(AlarmNamePrefix=prefix, PaginationConfig={"PageSize": 2})
        self.assertEqual([2, 1], [len(page["MetricAlarms"]) for page in found])

    @corrects("cloudwatch.alarm-checked")
    def test_what_an_alarm_may_say(self):
        ask = {
            "AlarmName": unique(),
            "Namespace": "AWS/EC2",
            "MetricName": "CPUUtilization",
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        cloudwatch = client("cloudwatch")
        with self.refused("ValidationError", "period"):
            cloudwatch.put_metric_alarm(**{**ask, "Period": 90})
        with self.refused("ValidationError", "arn"):
            cloudwatch.put_metric_alarm(**ask, AlarmActions=["oncall"])
        topic = "arn:aws:sns:eu-west-1:111122223333:oncall"
        cloudwatch.put_metric_alarm(**ask, AlarmActions=[topic, "arn:aws:automate:eu-west-1:ec2:recover"])

    @corrects("cloudwatch.alarm-insufficient-data")
    def test_begins_without_data(self):
        name = unique()
        self.assertEqual("INSUFFICIENT_DATA", self.put(name)["StateValue"])
        client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
        self.assertEqual("ALARM", self.put(name)["StateValue"])
