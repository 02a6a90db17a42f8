from .harness import Case, client, corrects, unique

EUROPE = {"LocationConstraint": "eu-west-1"}


class Answers(Case):
    def setUp(self):
        self.s3 = client("s3")
        self.name = unique("bucket")
        self.s3.create_bucket(Bucket=self.name, CreateBucketConfiguration=EUROPE)

    def root(self, operation, method):
        bodies = []

        def keep(response_dict, **_):
            bodies.append(response_dict["body"])

        self.s3.meta.events.register(f"before-parse.s3.{operation}", keep)
        getattr(self.s3, method)(Bucket=self.name)
        self.s3.meta.events.unregister(f"before-parse.s3.{operation}", keep)
        return bodies[0].split(b"?>")[-1].strip().lstrip(b"<").split(b" ")[0].rstrip(b"/>")

    @corrects("s3.answers-named")
    def test_roots(self):
        self.assertEqual(b"VersioningConfiguration", self.root("GetBucketVersioning", "get_bucket_versioning"))
        accelerate = "GetBucketAccelerateConfiguration"
        self.assertEqual(
            b"AccelerateConfiguration", self.root(accelerate, "get_bucket_accelerate_configuration")
        )
        notification = "GetBucketNotificationConfiguration"
        self.assertEqual(
            b"NotificationConfiguration", self.root(notification, "get_bucket_notification_configuration")
        )

    @corrects("s3.request-payment")
    def test_payer(self):
        self.assertEqual("BucketOwner", self.s3.get_bucket_request_payment(Bucket=self.name)["Payer"])
        self.s3.put_bucket_request_payment(Bucket=self.name, RequestPaymentConfiguration={"Payer": "Requester"})
        self.assertEqual("Requester", self.s3.get_bucket_request_payment(Bucket=self.name)["Payer"])
        self.assertEqual([], self.s3.list_objects_v2(Bucket=self.name).get("Contents", []))
