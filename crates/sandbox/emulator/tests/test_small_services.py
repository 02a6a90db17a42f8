"""IAM, Secrets Manager and Parameter Store: little of each, since moto does most of it right."""

from .harness import Case, client, corrects, unique

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}]}'


class Iam(Case):
    def setUp(self):
        self.iam = client("iam")

    @corrects("iam.role-name-case")
    def test_role_names(self):
        name = unique("Role")
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        with self.refused("EntityAlreadyExists"):
            self.iam.create_role(RoleName=name.upper(), AssumeRolePolicyDocument=TRUST, Path="/other/")

    @corrects("iam.profile-without-role")
    def test_a_role_leaves_a_profile_once(self):
        name = unique()
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        self.iam.create_instance_profile(InstanceProfileName=name)
        self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        self.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
        with self.refused("NoSuchEntity"):
            self.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)

    @corrects("iam.instance-profile-tags")
    def test_profile_tags(self):
        name, tags = unique(), [{"Key": "k", "Value": "v"}]
        self.iam.create_instance_profile(InstanceProfileName=name, Tags=tags)
        self.assertEqual(tags, self.iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"])
        with self.refused("NoSuchEntity"):
            self.iam.list_instance_profile_tags(InstanceProfileName=unique())

    @corrects("iam.authorization-details-paging")
    def test_authorization_details(self):
        name, policy = unique(), TRUST.replace(',"Principal":{"AWS":"*"}', ',"Resource":"*"')
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "k", "Value": "v"}])
        self.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy)
        managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
        self.iam.attach_role_policy(RoleName=name, PolicyArn=managed)
        self.iam.create_instance_profile(InstanceProfileName=name)
        self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        self.iam.create_role(RoleName=unique(), AssumeRolePolicyDocument=TRUST)
        found, more, pages = {}, {}, 0
        while True:
            page = self.iam.get_account_authorization_details(Filter=["Role"], MaxItems=1, **more)
            self.assertLessEqual(len(page["RoleDetailList"]), 1)
            found.update({r["RoleName"]: r for r in page["RoleDetailList"]})
            pages += 1
            if not page["IsTruncated"]:
                break
            more = {"Marker": page["Marker"]}
        self.assertGreaterEqual(pages, 2)
        role = found[name]
        self.assertEqual(["inline"], [p["PolicyName"] for p in role["RolePolicyList"]])
        self.assertEqual([managed], [p["PolicyArn"] for p in role["AttachedManagedPolicies"]])
        self.assertEqual([name], [p["InstanceProfileName"] for p in role["InstanceProfileList"]])
        self.assertEqual([{"Key": "k", "Value": "v"}], role["Tags"])

    def test_role_in_use(self):
        name = unique()
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        self.iam.create_instance_profile(InstanceProfileName=name)
        self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        with self.refused("DeleteConflict"):
            self.iam.delete_role(RoleName=name)


class Secrets(Case):
    @corrects("secretsmanager.name-reserved")
    def test_deleted_name_is_reserved(self):
        secrets, name = client("secretsmanager"), unique()
        secrets.create_secret(Name=name, SecretString="a", Tags=[{"Key": "k", "Value": "v"}])
        secrets.delete_secret(SecretId=name)
        with self.refused("InvalidRequestException", "scheduled for deletion"):
            secrets.create_secret(Name=name, SecretString="b")
        ask = {"Filters": [{"Key": "tag-key", "Values": ["k"]}, {"Key": "tag-value", "Values": ["v"]}]}
        self.assertEqual([], secrets.list_secrets(**ask)["SecretList"])
        planned = secrets.list_secrets(IncludePlannedDeletion=True, **ask)["SecretList"]
        self.assertIn("DeletedDate", planned[0])
        secrets.restore_secret(SecretId=name)
        self.assertEqual("a", secrets.get_secret_value(SecretId=name)["SecretString"])

    @corrects("secretsmanager.deleted-takes-no-value")
    def test_deleted_takes_no_value(self):
        secrets, name = client("secretsmanager"), unique()
        secrets.create_secret(Name=name, SecretString="a")
        secrets.delete_secret(SecretId=name)
        with self.refused("InvalidRequestException", "marked for deletion"):
            secrets.put_secret_value(SecretId=name, SecretString="b")


class Parameters(Case):
    @corrects("ssm.tags-deleted")
    def test_tags_go_with_the_parameter(self):
        ssm, name = client("ssm"), f"/{unique()}"
        ssm.put_parameter(Name=name, Value="1", Type="String", Tags=[{"Key": "k", "Value": "v"}])
        ssm.delete_parameter(Name=name)
        ssm.put_parameter(Name=name, Value="1", Type="String")
        self.assertEqual([], ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"])

    @corrects("ssm.describe-paging")
    def test_pages(self):
        ssm = client("ssm")
        for _ in range(4):
            ssm.put_parameter(Name=f"/{unique()}", Value="1", Type="String", Tags=[{"Key": "k", "Value": "v"}])
        ask = {"ParameterFilters": [{"Key": "tag:k", "Values": ["v"]}], "MaxResults": 2}
        first = ssm.describe_parameters(**ask)
        second = ssm.describe_parameters(**ask, NextToken=first["NextToken"])
        self.assertEqual((2, 2), (len(first["Parameters"]), len(second["Parameters"])))
        self.assertNotIn("NextToken", second)
