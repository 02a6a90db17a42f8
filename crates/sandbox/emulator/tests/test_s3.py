from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from .harness import Case, client, corrects, endpoint, unique

EUROPE = {"LocationConstraint": "eu-west-1"}


class Buckets(Case):
    def setUp(self):
        self.s3 = client("s3")

    def bucket(self, **more):
        name = unique("bucket")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={**EUROPE, **more})
        return name

    @corrects("s3.foreign-bucket")
    def test_foreign_bucket(self):
        name, other = self.bucket(), client("s3", "444455556666")
        with self.refused("403"):
            other.head_bucket(Bucket=name)
        with self.refused("AccessDenied"):
            other.put_object(Bucket=name, Key="k", Body=b"")
        with self.refused("AccessDenied"):
            other.delete_bucket(Bucket=name)
        with self.refused("BucketAlreadyExists"):
            other.create_bucket(Bucket=name, CreateBucketConfiguration=EUROPE)
        with self.refused("BucketAlreadyOwnedByYou"):
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=EUROPE)
        self.s3.head_bucket(Bucket=name)

    @corrects("s3.foreign-bucket")
    def test_expected_owner(self):
        name = self.bucket()
        self.s3.put_object(Bucket=name, Key="k", Body=b"", ExpectedBucketOwner="111122223333")
        with self.refused("AccessDenied"):
            self.s3.put_object(Bucket=name, Key="k", Body=b"", ExpectedBucketOwner="444455556666")
        with self.refused("403"):
            self.s3.head_bucket(Bucket=name, ExpectedBucketOwner="444455556666")

    @corrects("s3.bucket-tags-at-creation")
    def test_tags_at_creation(self):
        tags = [{"Key": "k", "Value": "v"}, {"Key": "empty", "Value": ""}]
        found = self.s3.get_bucket_tagging(Bucket=self.bucket(Tags=tags))["TagSet"]
        self.assertEqual({("k", "v"), ("empty", "")}, {(t["Key"], t["Value"]) for t in found})

    @corrects("s3.bucket-tags-at-creation")
    def test_tags_at_creation_in_the_first_region(self):
        name, s3 = unique("bucket"), client("s3", region="us-east-1")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": [{"Key": "k", "Value": "v"}]})
        self.assertEqual([{"Key": "k", "Value": "v"}], s3.get_bucket_tagging(Bucket=name)["TagSet"])

    @corrects("s3.bucket-tags-deleted")
    def test_tags_go_with_the_bucket(self):
        name = self.bucket()
        self.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
        self.s3.delete_bucket(Bucket=name)
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=EUROPE)
        with self.refused("NoSuchTagSet"):
            self.s3.get_bucket_tagging(Bucket=name)

    @corrects("s3.bucket-defaults")
    def test_defaults(self):
        name = self.bucket()

        def encryption():
            rules = self.s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
            return rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]

        self.assertEqual("AES256", encryption())
        self.s3.delete_bucket_encryption(Bucket=name)
        self.assertEqual("AES256", encryption())
        block = self.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        self.assertEqual([True] * 4, list(block.values()))
        rules = self.s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
        self.assertEqual([{"ObjectOwnership": "BucketOwnerEnforced"}], rules)
        self.s3.delete_public_access_block(Bucket=name)
        with self.refused("NoSuchPublicAccessBlockConfiguration"):
            self.s3.get_public_access_block(Bucket=name)

    @corrects("s3.public-policy-blocked")
    def test_public_policy(self):
        name = self.bucket()
        policy = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",'
            f'"Resource":"arn:aws:s3:::{name}/*"}}]}}'
        )
        with self.refused("AccessDenied"):
            self.s3.put_bucket_policy(Bucket=name, Policy=policy)
        with self.refused("MalformedPolicy"):
            self.s3.put_bucket_policy(Bucket=name, Policy="nonsense")
        self.s3.delete_public_access_block(Bucket=name)
        self.s3.put_bucket_policy(Bucket=name, Policy=policy)

    @corrects("s3.list-buckets-paging")
    def test_list_buckets_pages(self):
        made = {self.bucket() for _ in range(3)}
        seen, more = [], {}
        while True:
            page = self.s3.list_buckets(MaxBuckets=2, **more)
            seen += [b["Name"] for b in page["Buckets"]]
            if not page.get("ContinuationToken"):
                break
            more = {"ContinuationToken": page["ContinuationToken"]}
        self.assertLessEqual(made, set(seen))
        self.assertEqual(len(seen), len(set(seen)))

    @corrects("s3.conditional-writes")
    def test_one_winner(self):
        name = self.bucket()
        made = dict(
            region_name="eu-west-1",
            endpoint_url=endpoint(),
            aws_access_key_id="TERRACE111122223333",
            aws_secret_access_key="any",
            config=Config(
                max_pool_connections=8,
                retries={"max_attempts": 0},
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
            ),
        )
        # A body large enough that moto spools it to disk between looking and writing: there the race is lost.
        s3, body = boto3.client("s3", **made), b"x" * 17_000_000

        def write(key):
            try:
                s3.put_object(Bucket=name, Key=key, Body=body, IfNoneMatch="*")
                return 1
            except ClientError as error:
                self.assertEqual("PreconditionFailed", error.response["Error"]["Code"])
                return 0

        with ThreadPoolExecutor(8) as pool:
            for number in range(4):
                self.assertEqual(1, sum(pool.map(write, [f"lock-{number}"] * 4)))
