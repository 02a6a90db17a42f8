import copy

from . import test_acm
from .harness import Case, client, control, corrects, unique

OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"


class Cdn(Case):
    def setUp(self):
        self.cdn = client("cloudfront")

    def oac(self, name=None, cdn=None):
        config = {
            "Name": name or unique("oac"),
            "Description": "d",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
        made = (cdn or self.cdn).create_origin_access_control(OriginAccessControlConfig=config)
        return made["OriginAccessControl"]["Id"], config, made["ETag"]

    def config(self, **more):
        origin = {
            "Id": "bucket",
            "DomainName": "b.s3.eu-west-1.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        return {
            "CallerReference": unique("ref"),
            "Comment": "made by a test",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "bucket",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": OPTIMIZED,
            },
            **more,
        }

    def make(self, cdn=None, **more):
        made = (cdn or self.cdn).create_distribution(DistributionConfig=self.config(**more))
        return made["Distribution"]["Id"], made["ETag"]

    def status(self, made):
        return self.cdn.get_distribution(Id=made)["Distribution"]["Status"]

    def update(self, made, cdn=None, **more):
        cdn = cdn or self.cdn
        now = cdn.get_distribution_config(Id=made)
        return cdn.update_distribution(
            Id=made, IfMatch=now["ETag"], DistributionConfig={**now["DistributionConfig"], **more}
        )

    def aliases(self, *names):
        return {"Quantity": len(names), **({"Items": list(names)} if names else {})}

    def certificate(self, **more):
        """An issued certificate where CloudFront wants it, for a fresh domain and all names under it."""
        case = test_acm.Certificates()
        case.setUp()
        arn = case.issued(case.domain, f"*.{case.domain}", acm=client("acm", region="us-east-1"))
        viewer = {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"}
        return case.domain, viewer


class Distributions(Cdn):
    @corrects("cloudfront.config-values")
    def test_values(self):
        static = {**self.config()["DefaultCacheBehavior"], "PathPattern": "/static/*"}
        error = {"ErrorCode": 404, "ErrorCachingMinTTL": 10}
        one = lambda *items: {"Quantity": len(items), "Items": list(items)}  # noqa: E731
        with self.refused("InvalidArgument", "PathPattern"):
            self.make(CacheBehaviors=one(static, static))
        with self.refused("InvalidDefaultRootObject"):
            self.make(DefaultRootObject="/index.html")
        for half in ({"ResponsePagePath": "/404.html"}, {"ResponseCode": "404"}):
            with self.refused("InvalidArgument", "ResponsePagePath"):
                self.make(CustomErrorResponses=one({**error, **half}))
        whole = {**error, "ResponsePagePath": "/404.html", "ResponseCode": "404"}
        self.make(CacheBehaviors=one(static), DefaultRootObject="index.html", CustomErrorResponses=one(error))
        self.make(CustomErrorResponses=one(whole))

    @corrects("cloudfront.log-bucket")
    def test_where_it_logs(self):
        s3, bucket = client("s3", region="us-east-1"), unique("logs")
        log = {"Enabled": True, "IncludeCookies": False, "Bucket": f"{bucket}.s3.amazonaws.com", "Prefix": ""}
        with self.refused("InvalidArgument", "bucket"):
            self.make(Logging=log)
        s3.create_bucket(Bucket=bucket)
        with self.refused("InvalidArgument", "ACL"):
            self.make(Logging=log)
        rules = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
        self.make(Logging=log)

    @corrects("cloudfront.config-kept")
    def test_config_is_kept(self):
        control_id, _, _ = self.oac()
        config = self.config(HttpVersion="http2and3", PriceClass="PriceClass_100", DefaultRootObject="index.html")
        config["Origins"]["Items"][0]["OriginAccessControlId"] = control_id
        config["Origins"]["Items"][0]["OriginPath"] = "/site"
        config["Origins"]["Items"].append(
            {
                "Id": "web",
                "DomainName": "web.test",
                "CustomOriginConfig": {
                    "HTTPPort": 80,
                    "HTTPSPort": 443,
                    "OriginProtocolPolicy": "https-only",
                    "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
                },
                "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": "X-Key", "HeaderValue": "v"}]},
            }
        )
        config["Origins"]["Quantity"] = 2
        function = "arn:aws:cloudfront::111122223333:function/rewrite"
        config["DefaultCacheBehavior"]["FunctionAssociations"] = {
            "Quantity": 1,
            "Items": [{"FunctionARN": function, "EventType": "viewer-request"}],
        }
        config["CacheBehaviors"] = {
            "Quantity": 1,
            "Items": [
                {
                    "PathPattern": "/api/*",
                    "TargetOriginId": "web",
                    "ViewerProtocolPolicy": "https-only",
                    "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
                    "OriginRequestPolicyId": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
                    "ResponseHeadersPolicyId": "67f7725c-6f97-4210-82d7-5512b31e9d03",
                    "Compress": True,
                }
            ],
        }
        config["CustomErrorResponses"] = {
            "Quantity": 1,
            "Items": [
                {"ErrorCode": 404, "ResponsePagePath": "/404.html", "ResponseCode": "404", "ErrorCachingMinTTL": 5}
            ],
        }
        config["Restrictions"] = {
            "GeoRestriction": {"RestrictionType": "whitelist", "Quantity": 1, "Items": ["DE"]},
        }
        made = self.cdn.create_distribution(DistributionConfig=copy.deepcopy(config))["Distribution"]["Id"]
        found = self.cdn.get_distribution_config(Id=made)["DistributionConfig"]
        self.assert_within(config, found)
        self.assertNotIn("ForwardedValues", found["DefaultCacheBehavior"])
        self.assertNotIn("DefaultTTL", found["DefaultCacheBehavior"])
        self.assertTrue(found["ViewerCertificate"]["CloudFrontDefaultCertificate"])
        self.assert_within(config, self.cdn.get_distribution(Id=made)["Distribution"]["DistributionConfig"])
        # What was read can be sent back and changes nothing.
        self.update(made)
        self.assertEqual(found, self.cdn.get_distribution_config(Id=made)["DistributionConfig"])
        listed = self.cdn.list_distributions()["DistributionList"]["Items"]
        row = next(row for row in listed if row["Id"] == made)
        self.assertEqual(control_id, row["Origins"]["Items"][0]["OriginAccessControlId"])

    def assert_within(self, asked, found, path=""):
        if isinstance(asked, dict):
            for key, value in asked.items():
                self.assertIn(key, found, path)
                self.assert_within(value, found[key], f"{path}.{key}")
        elif isinstance(asked, list):
            self.assertEqual(len(asked), len(found), path)
            for number, pair in enumerate(zip(asked, found, strict=True)):
                self.assert_within(*pair, f"{path}[{number}]")
        else:
            self.assertEqual(asked, found, path)

    @corrects("cloudfront.config-kept")
    def test_certificate_is_kept(self):
        domain, viewer = self.certificate()
        made, _ = self.make(Aliases=self.aliases(domain), ViewerCertificate=viewer)
        found = self.cdn.get_distribution_config(Id=made)["DistributionConfig"]
        self.assert_within(viewer, found["ViewerCertificate"])
        self.assertFalse(found["ViewerCertificate"]["CloudFrontDefaultCertificate"])
        self.assertEqual([domain], found["Aliases"]["Items"])

    @corrects("cloudfront.method-order")
    def test_method_order(self):
        config = self.config()
        config["DefaultCacheBehavior"]["AllowedMethods"] = {
            "Quantity": 3,
            "Items": ["GET", "HEAD", "OPTIONS"],
            "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]},
        }
        made = self.cdn.create_distribution(DistributionConfig=config)["Distribution"]
        methods = made["DistributionConfig"]["DefaultCacheBehavior"]["AllowedMethods"]
        self.assertEqual(["HEAD", "GET", "OPTIONS"], methods["Items"])
        self.assertEqual(["HEAD", "GET"], methods["CachedMethods"]["Items"])

    @corrects("cloudfront.config-checked")
    def test_config_is_checked(self):
        def refused(code, change):
            config = self.config()
            change(config)
            with self.refused(code):
                self.cdn.create_distribution(DistributionConfig=config)

        behaviour = "DefaultCacheBehavior"
        refused("InconsistentQuantities", lambda c: c["Origins"].update(Quantity=2))
        refused("NoSuchOrigin", lambda c: c[behaviour].update(TargetOriginId="other"))
        refused("NoSuchCachePolicy", lambda c: c[behaviour].update(CachePolicyId=unique()))
        refused("NoSuchOriginRequestPolicy", lambda c: c[behaviour].update(OriginRequestPolicyId=unique()))
        refused("NoSuchResponseHeadersPolicy", lambda c: c[behaviour].update(ResponseHeadersPolicyId=unique()))
        refused("InvalidArgument", lambda c: c[behaviour].pop("CachePolicyId"))
        values = {"QueryString": False, "Cookies": {"Forward": "none"}}
        refused("InvalidArgument", lambda c: c[behaviour].update(ForwardedValues=values))
        refused("InvalidOriginAccessControl", lambda c: c["Origins"]["Items"][0].update(OriginAccessControlId="E0"))

    @corrects("cloudfront.etag")
    def test_etag(self):
        made, first = self.make()
        config = self.cdn.get_distribution_config(Id=made)
        self.assertEqual(first, config["ETag"])
        ask = {"Id": made, "DistributionConfig": {**config["DistributionConfig"], "Comment": "two"}}
        second = self.cdn.update_distribution(**ask, IfMatch=first)["ETag"]
        self.assertNotEqual(first, second)
        self.assertEqual(second, self.cdn.get_distribution(Id=made)["ETag"])
        with self.refused("PreconditionFailed"):
            self.cdn.update_distribution(**ask, IfMatch=first)
        with self.refused("InvalidIfMatchVersion"):
            self.cdn.update_distribution(**ask)
        with self.refused("InvalidIfMatchVersion"):
            self.cdn.update_distribution(**ask, IfMatch="E0000000000000")
        with self.refused("PreconditionFailed"):
            self.cdn.delete_distribution(Id=made, IfMatch=first)
        with self.refused("NoSuchDistribution"):
            self.cdn.delete_distribution(Id="E0000000000000", IfMatch=first)

    @corrects("cloudfront.deploys")
    def test_deploys_after_each_change(self):
        made, _ = self.make()
        for _ in range(2):
            self.assertEqual("InProgress", self.status(made))
            self.assertEqual("InProgress", self.status(made))
            self.eventually(lambda: self.status(made) == "Deployed")
            answer = self.update(made, Comment=unique())
            self.assertEqual("InProgress", answer["Distribution"]["Status"])

    @corrects("cloudfront.delete-disabled", "cloudfront.caller-reference-burnt")
    def test_delete(self):
        reference = unique("ref")
        made, _ = self.make(CallerReference=reference)
        self.eventually(lambda: self.status(made) == "Deployed")

        def delete():
            self.cdn.delete_distribution(Id=made, IfMatch=self.cdn.get_distribution(Id=made)["ETag"])

        with self.refused("DistributionNotDisabled"):
            delete()
        self.update(made, Enabled=False)
        with self.refused("DistributionNotDisabled"):
            delete()
        self.eventually(lambda: self.status(made) == "Deployed")
        delete()
        with self.refused("NoSuchDistribution"):
            self.cdn.get_distribution(Id=made)
        with self.refused("DistributionAlreadyExists"):
            self.make(CallerReference=reference)

    @corrects("cloudfront.caller-reference-kept")
    def test_caller_reference(self):
        made, _ = self.make()
        with self.refused("IllegalUpdate"):
            self.update(made, CallerReference=unique("ref"))

    @corrects("cloudfront.alias-unique")
    def test_alias_belongs_to_one(self):
        domain, viewer = self.certificate()
        made, _ = self.make(Aliases=self.aliases(domain), ViewerCertificate=viewer)
        with self.refused("CNAMEAlreadyExists"):
            self.make(Aliases=self.aliases(domain), ViewerCertificate=viewer)
        second, _ = self.make(Aliases=self.aliases(f"www.{domain}"), ViewerCertificate=viewer)
        with self.refused("CNAMEAlreadyExists"):
            self.update(second, Aliases=self.aliases(domain))
        with self.refused("CNAMEAlreadyExists"):
            self.make(client("cloudfront", "444455556666"), Aliases=self.aliases(domain), ViewerCertificate=viewer)
        self.update(made, Aliases=self.aliases())
        self.update(second, Aliases=self.aliases(domain, f"www.{domain}"))

    @corrects("cloudfront.associate-alias")
    def test_alias_moves(self):
        domain, viewer = self.certificate()
        first, _ = self.make(Aliases=self.aliases(domain, f"www.{domain}"), ViewerCertificate=viewer)
        second, etag = self.make(ViewerCertificate=viewer)
        self.cdn.associate_alias(TargetDistributionId=second, Alias=domain)
        for made, names in ((first, [f"www.{domain}"]), (second, [domain])):
            found = self.cdn.get_distribution_config(Id=made)
            self.assertEqual(names, found["DistributionConfig"]["Aliases"]["Items"])
        self.assertNotEqual(etag, found["ETag"])
        bare, _ = self.make()
        with self.refused("IllegalUpdate"):
            self.cdn.associate_alias(TargetDistributionId=bare, Alias=domain)
        with self.refused("NoSuchDistribution"):
            self.cdn.associate_alias(TargetDistributionId="E0000000000000", Alias=domain)

    @corrects("cloudfront.viewer-certificate")
    def test_viewer_certificate(self):
        domain, viewer = self.certificate()
        with self.refused("InvalidViewerCertificate"):
            self.make(Aliases=self.aliases(domain))
        with self.refused("InvalidViewerCertificate", "cover"):
            self.make(Aliases=self.aliases(f"a.b.{domain}"), ViewerCertificate=viewer)
        for region in ("us-east-1", "eu-west-1"):
            other = client("acm", region=region).request_certificate(DomainName=domain, ValidationMethod="DNS")
            if region != "us-east-1":
                control("settle", "POST")
            with self.refused("InvalidViewerCertificate"):
                self.make(ViewerCertificate={**viewer, "ACMCertificateArn": other["CertificateArn"]})
        self.make(Aliases=self.aliases(domain, f"www.{domain}"), ViewerCertificate=viewer)

    @corrects("acm.in-use", "acm.release-lags")
    def test_certificate_in_use(self):
        domain, viewer = self.certificate()
        made, _ = self.make(Aliases=self.aliases(domain), ViewerCertificate=viewer)
        acm, arn = client("acm", region="us-east-1"), viewer["ACMCertificateArn"]
        users = acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"]
        self.assertEqual([self.cdn.get_distribution(Id=made)["Distribution"]["ARN"]], users)
        with self.refused("ResourceInUseException"):
            acm.delete_certificate(CertificateArn=arn)
        self.update(made, Aliases=self.aliases(), ViewerCertificate={"CloudFrontDefaultCertificate": True})
        with self.refused("ResourceInUseException"):
            acm.delete_certificate(CertificateArn=arn)
        control("settle", "POST")
        acm.delete_certificate(CertificateArn=arn)

    @corrects("cloudfront.tags-deleted")
    def test_tags(self):
        tags = [{"Key": "k", "Value": "v"}]
        asked = {"DistributionConfig": self.config(Enabled=False), "Tags": {"Items": tags}}
        made = self.cdn.create_distribution_with_tags(DistributionConfigWithTags=asked)["Distribution"]
        arn = made["ARN"]
        self.assertEqual(tags, self.cdn.list_tags_for_resource(Resource=arn)["Tags"]["Items"])
        self.cdn.tag_resource(Resource=arn, Tags={"Items": [{"Key": "k", "Value": "w"}, {"Key": "x", "Value": ""}]})
        self.cdn.untag_resource(Resource=arn, TagKeys={"Items": ["x"]})
        self.assertEqual([{"Key": "k", "Value": "w"}], self.cdn.list_tags_for_resource(Resource=arn)["Tags"]["Items"])
        self.eventually(lambda: self.status(made["Id"]) == "Deployed")
        self.cdn.delete_distribution(Id=made["Id"], IfMatch=self.cdn.get_distribution(Id=made["Id"])["ETag"])
        with self.refused("NoSuchResource"):
            self.cdn.list_tags_for_resource(Resource=arn)
        with self.refused("NoSuchResource"):
            self.cdn.tag_resource(Resource=arn, Tags={"Items": tags})

    @corrects("cloudfront.list-etag")
    def test_list(self):
        made = dict(self.make() for _ in range(3))
        pages = list(self.cdn.get_paginator("list_distributions").paginate(PaginationConfig={"PageSize": 2}))
        rows = [row for page in pages for row in page["DistributionList"].get("Items", [])]
        self.assertEqual(len(rows), len({row["Id"] for row in rows}))
        self.assertLessEqual(made.items(), {row["Id"]: row["ETag"] for row in rows}.items())

    @corrects("cloudfront.invalidation")
    def test_invalidation(self):
        made, _ = self.make()
        batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": unique()}
        asked = self.cdn.create_invalidation(DistributionId=made, InvalidationBatch=batch)["Invalidation"]

        def status():
            return self.cdn.get_invalidation(DistributionId=made, Id=asked["Id"])["Invalidation"]["Status"]

        self.assertEqual("InProgress", status())
        self.eventually(lambda: status() == "Completed")


class Policies(Cdn):
    @corrects("cloudfront.managed-policies")
    def test_managed_policies(self):
        expected = {
            "Managed-CachingOptimized": OPTIMIZED,
            "Managed-CachingDisabled": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            "Managed-CachingOptimizedForUncompressedObjects": "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        }

        def names(page, kind):
            rows = [row[kind] for row in page[f"{kind}List"].get("Items", [])]
            return {row[f"{kind}Config"]["Name"]: row["Id"] for row in rows}

        found = names(self.cdn.list_cache_policies(Type="managed"), "CachePolicy")
        self.assertLessEqual(expected.items(), found.items())
        self.assertEqual({}, names(self.cdn.list_cache_policies(Type="custom"), "CachePolicy"))
        first = self.cdn.list_cache_policies(MaxItems="4")["CachePolicyList"]
        second = self.cdn.list_cache_policies(MaxItems="4", Marker=first["NextMarker"])["CachePolicyList"]
        self.assertNotIn("NextMarker", second)
        self.assertEqual(7, len({row["CachePolicy"]["Id"] for row in first["Items"] + second["Items"]}))
        requests = names(self.cdn.list_origin_request_policies(Type="managed"), "OriginRequestPolicy")
        for name in ("AllViewer", "AllViewerExceptHostHeader", "CORS-S3Origin", "UserAgentRefererHeaders"):
            self.assertIn(f"Managed-{name}", requests)
        headers = names(self.cdn.list_response_headers_policies(Type="managed"), "ResponseHeadersPolicy")
        for name in ("SecurityHeadersPolicy", "SimpleCORS"):
            self.assertIn(f"Managed-{name}", headers)
        config = self.cdn.get_cache_policy(Id=OPTIMIZED)["CachePolicy"]["CachePolicyConfig"]
        self.assertEqual((1, 86400, 31536000), (config["MinTTL"], config["DefaultTTL"], config["MaxTTL"]))
        with self.refused("NoSuchCachePolicy"):
            self.cdn.get_cache_policy(Id=unique())


class Controls(Cdn):
    @corrects("cloudfront.control-name")
    def test_name_is_its_own(self):
        made, config, etag = self.oac()
        with self.refused("OriginAccessControlAlreadyExists"):
            self.oac(config["Name"])
        other, other_config, other_etag = self.oac()
        with self.refused("OriginAccessControlAlreadyExists"):
            self.cdn.update_origin_access_control(Id=other, IfMatch=other_etag, OriginAccessControlConfig=config)
        self.cdn.update_origin_access_control(Id=made, IfMatch=etag, OriginAccessControlConfig=config)
        self.oac(config["Name"], client("cloudfront", "444455556666"))

    @corrects("cloudfront.control-etag")
    def test_etag(self):
        made, config, first = self.oac()
        ask = {"Id": made, "OriginAccessControlConfig": {**config, "Description": "two"}}
        second = self.cdn.update_origin_access_control(**ask, IfMatch=first)["ETag"]
        self.assertNotEqual(first, second)
        self.assertEqual(second, self.cdn.get_origin_access_control(Id=made)["ETag"])
        with self.refused("PreconditionFailed"):
            self.cdn.update_origin_access_control(**ask, IfMatch=first)
        with self.refused("PreconditionFailed"):
            self.cdn.delete_origin_access_control(Id=made, IfMatch=first)
        with self.refused("InvalidIfMatchVersion"):
            self.cdn.delete_origin_access_control(Id=made)
        self.cdn.delete_origin_access_control(Id=made, IfMatch=second)
        with self.refused("NoSuchOriginAccessControl"):
            self.cdn.delete_origin_access_control(Id=made, IfMatch=second)

    @corrects("cloudfront.control-in-use")
    def test_in_use(self):
        made, _, etag = self.oac()
        origins = self.config()["Origins"]
        named = copy.deepcopy(origins)
        named["Items"][0]["OriginAccessControlId"] = made
        distribution, _ = self.make(Origins=named)
        with self.refused("OriginAccessControlInUse"):
            self.cdn.delete_origin_access_control(Id=made, IfMatch=etag)
        self.update(distribution, Origins=origins)
        self.cdn.delete_origin_access_control(Id=made, IfMatch=etag)

    @corrects("cloudfront.control-config")
    def test_config(self):
        made, config, etag = self.oac()
        found = self.cdn.get_origin_access_control_config(Id=made)
        self.assertEqual((config, etag), (found["OriginAccessControlConfig"], found["ETag"]))

    @corrects("cloudfront.control-paging")
    def test_paging(self):
        made = {self.oac()[0] for _ in range(3)}
        pages = self.cdn.get_paginator("list_origin_access_controls").paginate(PaginationConfig={"PageSize": 2})
        rows = [row for page in pages for row in page["OriginAccessControlList"].get("Items", [])]
        self.assertLessEqual(made, {row["Id"] for row in rows})
        first = self.cdn.list_origin_access_controls(MaxItems="2")["OriginAccessControlList"]
        self.assertEqual((2, True), (len(first["Items"]), first["IsTruncated"]))
