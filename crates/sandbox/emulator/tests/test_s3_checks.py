import json

import boto3
from botocore.config import Config

from .harness import Case, client, corrects, endpoint, unique
from .test_s3 import EUROPE


class Checks(Case):
    def setUp(self):
        self.s3 = client("s3")

    def bucket(self, **more):
        name = unique("bucket")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=EUROPE, **more)
        return name

    def policy(self, bucket, principal, resource=None):
        statement = {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:GetObject",
            "Resource": resource or f"arn:aws:s3:::{bucket}/*",
        }
        self.s3.put_bucket_policy(
            Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )

    @corrects("s3.policy-principal")
    def test_whom_a_policy_names(self):
        bucket, role = self.bucket(), unique("role")
        arn = f"arn:aws:iam::111122223333:role/{role}"
        with self.refused("MalformedPolicy", "principal"):
            self.policy(bucket, {"AWS": arn})
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        client("iam").create_role(
            RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        self.policy(bucket, {"AWS": [arn, "111122223333"]})
        with self.refused("MalformedPolicy", "resource"):
            self.policy(bucket, {"AWS": arn}, f"arn:aws:s3:::{bucket}-other/*")

    @corrects("s3.lock-keeps-versioning")
    def test_versioning_under_a_lock(self):
        bucket = self.bucket(ObjectLockEnabledForBucket=True)
        with self.refused("InvalidBucketState"):
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
        self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    @corrects("s3.own-region")
    def test_in_another_region(self):
        bucket, seen = self.bucket(), []
        far = boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=endpoint(),
            aws_access_key_id="TERRACE111122223333",
            aws_secret_access_key="any",
            config=Config(s3={"addressing_style": "path"}),
        )
        # boto3 goes where it is sent: what it was told on the way is seen only here.
        far.meta.events.register(
            "response-received.s3.GetBucketVersioning", lambda response_dict, **_: seen.append(response_dict)
        )
        far.get_bucket_versioning(Bucket=bucket)
        self.assertEqual(301, seen[0]["status_code"])
        self.assertEqual("eu-west-1", seen[0]["headers"]["x-amz-bucket-region"])
        self.assertEqual("eu-west-1", far.get_bucket_location(Bucket=bucket)["LocationConstraint"])
