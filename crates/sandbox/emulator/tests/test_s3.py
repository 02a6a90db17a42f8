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

    @corrects("s3.list-buckets-region")
    def test_list_buckets_says_the_region(self):
        name = self.bucket()
        found = self.s3.list_buckets(Prefix=name)
        self.assertEqual([(name, "eu-west-1")], [(b["Name"], b["BucketRegion"]) for b in found["Buckets"]])
        self.assertEqual(name, found["Prefix"])
        self.assertEqual([], self.s3.list_buckets(Prefix=name, BucketRegion="us-east-1")["Buckets"])
        self.assertNotIn("BucketRegion", self.s3.list_buckets()["Buckets"][0])

    @corrects("s3.documents-kept")
    def test_lifecycle_is_kept(self):
        name = self.bucket()
        rules = [
            {
                "ID": "archive",
                "Status": "Enabled",
                "Filter": {"Prefix": "logs/"},
                "Transitions": [
                    {"Days": 30, "StorageClass": "STANDARD_IA"},
                    {"Days": 90, "StorageClass": "GLACIER_IR"},
                    {"Days": 180, "StorageClass": "GLACIER"},
                    {"Days": 365, "StorageClass": "DEEP_ARCHIVE"},
                ],
                "Expiration": {"Days": 730},
                "NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "GLACIER"}],
                "NoncurrentVersionExpiration": {"NoncurrentDays": 60, "NewerNoncurrentVersions": 2},
            },
            {
                "ID": "small",
                "Status": "Disabled",
                "Filter": {"And": {"Prefix": "x", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeLessThan": 500}},
                "Expiration": {"Days": 1},
            },
            {
                "ID": "uploads",
                "Status": "Enabled",
                "Filter": {},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            },
            {
                "Status": "Enabled",
                "Filter": {"ObjectSizeGreaterThan": 1000},
                "Expiration": {"ExpiredObjectDeleteMarker": True},
            },
        ]
        self.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        found = self.s3.get_bucket_lifecycle_configuration(Bucket=name)
        self.assertTrue(found["Rules"][3].pop("ID"))
        self.assertEqual(rules, found["Rules"])
        self.assertEqual("all_storage_classes_128K", found["TransitionDefaultMinimumObjectSize"])
        self.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules[:1]})
        self.assertEqual(rules[:1], self.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"])
        self.s3.delete_bucket_lifecycle(Bucket=name)
        with self.refused("NoSuchLifecycleConfiguration"):
            self.s3.get_bucket_lifecycle_configuration(Bucket=name)

    @corrects("s3.documents-kept")
    def test_notifications_are_kept(self):
        name = self.bucket()
        topic = client("sns").create_topic(Name=unique())["TopicArn"]
        sqs, queue = client("sqs"), unique()
        address = sqs.create_queue(QueueName=queue)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        asked = {
            "TopicConfigurations": [
                {
                    "TopicArn": topic,
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
                }
            ],
            "QueueConfigurations": [{"Id": "q", "QueueArn": arn, "Events": ["s3:ObjectCreated:Put"]}],
            "EventBridgeConfiguration": {},
        }
        self.s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=asked)
        found = self.s3.get_bucket_notification_configuration(Bucket=name)
        self.assertTrue(found["TopicConfigurations"][0].pop("Id"))
        self.assertEqual(asked, {key: found[key] for key in asked})
        self.s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
        found = self.s3.get_bucket_notification_configuration(Bucket=name)
        self.assertFalse(asked.keys() & found.keys())

    @corrects("s3.notification-destination")
    def test_notification_destination(self):
        name = self.bucket()
        for key, field, service in (("Topic", "TopicArn", "sns"), ("Queue", "QueueArn", "sqs")):
            missing = {field: f"arn:aws:{service}:eu-west-1:111122223333:{unique()}", "Events": ["s3:ObjectCreated:*"]}
            with self.refused("InvalidArgument", "Unable to validate the following destination"):
                self.s3.put_bucket_notification_configuration(
                    Bucket=name, NotificationConfiguration={f"{key}Configurations": [missing]}
                )

    @corrects("s3.bucket-name")
    def test_bucket_name(self):
        for name in ("ab.", "with_underscore", "Upper", "xn--reserved", "a..b", "10.0.0.1"):
            with self.refused("InvalidBucketName"):
                self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=EUROPE)

    @corrects("s3.no-access-lists")
    def test_no_access_lists(self):
        name = self.bucket()
        with self.refused("AccessControlListNotSupported"):
            self.s3.put_bucket_acl(Bucket=name, ACL="public-read")
        with self.refused("AccessControlListNotSupported"):
            self.s3.put_object(Bucket=name, Key="k", Body=b"", ACL="public-read")
        self.s3.put_object(Bucket=name, Key="k", Body=b"", ACL="bucket-owner-full-control")
        with self.refused("InvalidBucketAclWithObjectOwnership"):
            self.s3.create_bucket(Bucket=unique("bucket"), CreateBucketConfiguration=EUROPE, ACL="public-read")
        self.s3.put_bucket_ownership_controls(
            Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
        )
        self.s3.put_bucket_acl(Bucket=name, ACL="private")

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

        # moto loses about 7 rounds of 10 (two winners, or a crash), and so all but one in millions of such runs.
        with ThreadPoolExecutor(4) as pool:
            for number in range(12):
                self.assertEqual(1, sum(pool.map(write, [f"lock-{number}"] * 4)))
