from .harness import Case, client, corrects, unique
from .test_ec2_network import group, subnet, vpc


class Databases(Case):
    def setUp(self):
        self.rds = client("rds")

    def create(self, name=None, ready=True, **more):
        name = name or unique()
        ask = {
            "DBInstanceIdentifier": name,
            "Engine": "mysql",
            "DBInstanceClass": "db.t3.micro",
            "AllocatedStorage": 20,
            "MasterUsername": "admin",
            "MasterUserPassword": "password1",
            **more,
        }
        if ask.get("ManageMasterUserPassword"):
            del ask["MasterUserPassword"]
        self.made = self.rds.create_db_instance(**ask)["DBInstance"]
        if ready:
            self.wait(name)
        return name

    def read(self, name):
        return self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]

    def wait(self, name, state="available"):
        return self.eventually(lambda: (r := self.read(name))["DBInstanceStatus"] == state and r)

    def gone(self, name):
        def missing():
            try:
                self.read(name)
            except self.rds.exceptions.DBInstanceNotFoundFault:
                return True

        self.eventually(missing)

    def subnets(self):
        network = vpc()
        return network, [subnet(network), subnet(network, "10.0.2.0/24", "b"), subnet(network, "10.0.3.0/24", "c")]

    def subnet_group(self, name=None, **more):
        name = name or unique()
        network, found = self.subnets()
        self.rds.create_db_subnet_group(
            DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=found[:2], **more
        )
        return name, network, found

    def parameter_group(self, family="mysql8.0"):
        name = unique()
        self.rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily=family, Description="d")
        return name


class Instances(Databases):
    @corrects("rds.instance-states")
    def test_states(self):
        name = self.create(ready=False)
        self.assertEqual("creating", self.made["DBInstanceStatus"])
        self.assertNotIn("Endpoint", self.made)
        with self.refused("InvalidDBInstanceState"):
            self.rds.modify_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.t3.small")
        self.assertEqual(3306, self.wait(name)["Endpoint"]["Port"])
        self.rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        self.assertEqual("deleting", self.read(name)["DBInstanceStatus"])
        with self.refused("InvalidDBInstanceState"):
            self.rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        with self.refused("DBInstanceAlreadyExists"):
            self.create(name, ready=False)
        self.gone(name)

    @corrects("rds.names-lower-case")
    def test_names(self):
        name = unique("Db-Name")
        group_name, _, _ = self.subnet_group(unique("Group"))
        self.create(name, DBSubnetGroupName=group_name)
        self.assertEqual(name.lower(), self.read(name.lower())["DBInstanceIdentifier"])
        found = self.rds.describe_db_subnet_groups(DBSubnetGroupName=group_name.lower())["DBSubnetGroups"]
        self.assertEqual(group_name.lower(), found[0]["DBSubnetGroupName"])
        with self.refused("DBInstanceAlreadyExists"):
            self.create(name.lower())
        ask = {"DBParameterGroupName": unique("Params")}
        self.rds.create_db_parameter_group(**ask, DBParameterGroupFamily="mysql8.0", Description="d")
        found = self.rds.describe_db_parameter_groups(**ask)["DBParameterGroups"]
        self.assertEqual([ask["DBParameterGroupName"].lower()], [g["DBParameterGroupName"] for g in found])

    @corrects("rds.engine-versions")
    def test_versions(self):
        self.create(ready=False)
        self.assertRegex(self.made["EngineVersion"], r"^8\.\d+\.\d+$")
        self.create(ready=False, Engine="mariadb", EngineVersion="10.11")
        self.assertRegex(self.made["EngineVersion"], r"^10\.11\.\d+$")
        name = self.create(Engine="postgres", EngineVersion="16")
        self.assertRegex(self.made["EngineVersion"], r"^16\.\d+$")
        with self.refused("InvalidParameterCombination", "Cannot find version"):
            self.create(Engine="postgres", EngineVersion="99.1")
        with self.refused("InvalidParameterCombination", "AllowMajorVersionUpgrade"):
            self.rds.modify_db_instance(DBInstanceIdentifier=name, EngineVersion="17")
        known = self.rds.describe_db_engine_versions(Engine="postgres", EngineVersion="16")["DBEngineVersions"]
        self.assertEqual({"postgres16"}, {v["DBParameterGroupFamily"] for v in known})

    @corrects("rds.instance-defaults")
    def test_defaults(self):
        groups, network, _ = self.subnet_group()
        self.create(Engine="postgres", EngineVersion="16", DBSubnetGroupName=groups, StorageEncrypted=True)
        first = self.made
        self.assertFalse(first["PubliclyAccessible"])
        self.assertFalse(first["PerformanceInsightsEnabled"])
        self.assertEqual("gp3", first["StorageType"])
        self.assertEqual("postgresql-license", first["LicenseModel"])
        self.assertEqual("default:postgres-16", first["OptionGroupMemberships"][0]["OptionGroupName"])
        self.assertEqual("default.postgres16", first["DBParameterGroups"][0]["DBParameterGroupName"])
        self.assertRegex(first["CACertificateIdentifier"], "^rds-ca-rsa")
        self.assertRegex(first["KmsKeyId"], "^arn:aws:kms:")
        ours = [{"Name": "vpc-id", "Values": [network]}, {"Name": "group-name", "Values": ["default"]}]
        default = client("ec2").describe_security_groups(Filters=ours)["SecurityGroups"][0]["GroupId"]
        self.assertEqual([default], [g["VpcSecurityGroupId"] for g in first["VpcSecurityGroups"]])
        self.rds.modify_db_instance(
            DBInstanceIdentifier=first["DBInstanceIdentifier"], EnablePerformanceInsights=True, ApplyImmediately=True
        )
        self.assertTrue(self.read(first["DBInstanceIdentifier"])["PerformanceInsightsEnabled"])
        self.create(ready=False)
        self.assertNotEqual(first["DbiResourceId"], self.made["DbiResourceId"])

    @corrects("rds.modify-pending")
    def test_pending_values(self):
        name = self.create(BackupRetentionPeriod=7)
        self.rds.modify_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.t3.small", CopyTagsToSnapshot=True)
        found = self.read(name)
        self.assertEqual("db.t3.micro", found["DBInstanceClass"])
        self.assertTrue(found["CopyTagsToSnapshot"])
        self.assertEqual({"DBInstanceClass": "db.t3.small"}, found["PendingModifiedValues"])
        self.rds.modify_db_instance(DBInstanceIdentifier=name, DBPortNumber=3307, ApplyImmediately=True)
        self.assertEqual("modifying", self.read(name)["DBInstanceStatus"])
        found = self.wait(name)
        self.assertEqual("db.t3.small", found["DBInstanceClass"])
        self.assertEqual(3307, found["Endpoint"]["Port"])
        self.assertEqual({}, found["PendingModifiedValues"])

    @corrects("rds.storage-shrink")
    def test_shrink(self):
        name = self.create(AllocatedStorage=30)
        with self.refused("InvalidParameterCombination"):
            self.rds.modify_db_instance(DBInstanceIdentifier=name, AllocatedStorage=20, ApplyImmediately=True)

    @corrects("rds.delete-snapshot-choice")
    def test_final_snapshot(self):
        name = self.create(DeletionProtection=True)
        final = {"DBInstanceIdentifier": name, "FinalDBSnapshotIdentifier": f"{name}-final"}
        with self.refused("InvalidParameterCombination", "protect"):
            self.rds.delete_db_instance(**final)
        self.rds.modify_db_instance(DBInstanceIdentifier=name, DeletionProtection=False)
        with self.refused("InvalidParameterCombination", "FinalDBSnapshotIdentifier is required"):
            self.rds.delete_db_instance(DBInstanceIdentifier=name)
        self.rds.delete_db_instance(**final)
        snapshots = self.rds.describe_db_snapshots(DBSnapshotIdentifier=f"{name}-final")["DBSnapshots"]
        self.assertEqual(name, snapshots[0]["DBInstanceIdentifier"])
        self.gone(name)

    @corrects("rds.replicas")
    def test_replicas(self):
        source = self.create(BackupRetentionPeriod=0)
        copy = {"DBInstanceIdentifier": unique(), "SourceDBInstanceIdentifier": source}
        with self.refused("InvalidDBInstanceState"):
            self.rds.create_db_instance_read_replica(**copy)
        managed = self.create(BackupRetentionPeriod=1, ManageMasterUserPassword=True)
        self.assertIn("SecretArn", self.made["MasterUserSecret"])
        with self.refused("InvalidParameterCombination"):
            self.rds.create_db_instance_read_replica(**{**copy, "SourceDBInstanceIdentifier": managed})
        source = self.create(BackupRetentionPeriod=1, Tags=[{"Key": "k", "Value": "v"}])
        copy["SourceDBInstanceIdentifier"] = source
        self.rds.create_db_instance_read_replica(**copy)
        with self.refused("DBInstanceAlreadyExists"):
            self.rds.create_db_instance_read_replica(**copy)
        name = copy["DBInstanceIdentifier"]
        found = self.wait(name)
        self.assertEqual(source, found["ReadReplicaSourceDBInstanceIdentifier"])
        self.assertEqual("replicating", found["StatusInfos"][0]["Status"])
        self.assertEqual([], found["TagList"])
        self.assertEqual(0, found["BackupRetentionPeriod"])
        self.assertNotEqual(self.read(source)["DbiResourceId"], found["DbiResourceId"])
        self.assertEqual([name], self.read(source)["ReadReplicaDBInstanceIdentifiers"])
        tags = [{"Key": "its", "Value": "own"}]
        other = {**copy, "DBInstanceIdentifier": unique(), "Tags": tags}
        self.rds.create_db_instance_read_replica(**other)
        self.assertEqual(tags, self.wait(other["DBInstanceIdentifier"])["TagList"])
        with self.refused("InvalidParameterCombination"):
            self.rds.delete_db_instance(DBInstanceIdentifier=name, FinalDBSnapshotIdentifier="x")
        self.rds.delete_db_instance(DBInstanceIdentifier=source, SkipFinalSnapshot=True)
        self.gone(source)
        self.assertNotIn("ReadReplicaSourceDBInstanceIdentifier", self.read(name))


class Groups(Databases):
    @corrects("rds.subnet-group-create")
    def test_create_subnet_group(self):
        name, _, found = self.subnet_group()
        ask = {"DBSubnetGroupName": name, "DBSubnetGroupDescription": "d", "SubnetIds": found}
        with self.refused("DBSubnetGroupAlreadyExists"):
            self.rds.create_db_subnet_group(**ask)
        with self.refused("DBSubnetGroupDoesNotCoverEnoughAZs"):
            self.rds.create_db_subnet_group(**{**ask, "DBSubnetGroupName": unique(), "SubnetIds": found[:1]})
        with self.refused("InvalidSubnet"):
            self.rds.create_db_subnet_group(
                **{**ask, "DBSubnetGroupName": unique(), "SubnetIds": ["subnet-0", found[0]]}
            )

    @corrects("rds.subnet-group-modify")
    def test_modify_subnet_group(self):
        tag = {"Key": "k", "Value": "v"}
        name, _, found = self.subnet_group(Tags=[tag])
        self.rds.modify_db_subnet_group(DBSubnetGroupName=name, SubnetIds=found)
        after = self.rds.describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"][0]
        self.assertEqual(set(found), {s["SubnetIdentifier"] for s in after["Subnets"]})
        tags = self.rds.list_tags_for_resource(ResourceName=after["DBSubnetGroupArn"])["TagList"]
        self.assertEqual([tag], tags)
        self.create(DBSubnetGroupName=name, AvailabilityZone="eu-west-1a")
        with self.refused("SubnetAlreadyInUse"):
            self.rds.modify_db_subnet_group(DBSubnetGroupName=name, SubnetIds=found[1:])

    @corrects("rds.subnet-group-delete-in-use")
    def test_delete_subnet_group(self):
        name, _, _ = self.subnet_group()
        used = self.create(DBSubnetGroupName=name)
        with self.refused("InvalidDBSubnetGroupStateFault"):
            self.rds.delete_db_subnet_group(DBSubnetGroupName=name)
        self.rds.delete_db_instance(DBInstanceIdentifier=used, SkipFinalSnapshot=True)
        with self.refused("InvalidDBSubnetGroupStateFault"):
            self.rds.delete_db_subnet_group(DBSubnetGroupName=name)
        self.gone(used)
        self.rds.delete_db_subnet_group(DBSubnetGroupName=name)
        with self.refused("DBSubnetGroupNotFoundFault"):
            self.rds.describe_db_subnet_groups(DBSubnetGroupName=name)

    @corrects("rds.parameter-group-delete-in-use", "rds.parameter-group-unknown")
    def test_delete_parameter_group(self):
        name = self.parameter_group()
        used = self.create(DBParameterGroupName=name)
        with self.refused("InvalidDBParameterGroupState"):
            self.rds.delete_db_parameter_group(DBParameterGroupName=name)
        self.rds.modify_db_instance(
            DBInstanceIdentifier=used, DBParameterGroupName="default.mysql8.0", ApplyImmediately=True
        )
        self.rds.delete_db_parameter_group(DBParameterGroupName=name)
        with self.refused("DBParameterGroupNotFound"):
            self.rds.describe_db_parameter_groups(DBParameterGroupName=name)

    @corrects("rds.parameter-group-unknown")
    def test_unknown_parameter_group(self):
        with self.refused("DBParameterGroupNotFound"):
            self.rds.describe_db_parameter_groups(DBParameterGroupName=unique())

    @corrects("rds.parameter-group-family")
    def test_family(self):
        with self.refused("InvalidParameterCombination", "DBParameterGroupFamily"):
            self.create(DBParameterGroupName=self.parameter_group("postgres16"))
        name = self.create(DBParameterGroupName=self.parameter_group(), EngineVersion="8.0")
        self.rds.modify_db_instance(DBInstanceIdentifier=name, DBParameterGroupName="default.mysql8.0")

    @corrects("rds.parameters")
    def test_parameters(self):
        name = self.parameter_group("postgres16")
        work = {"ParameterName": "work_mem", "ParameterValue": "8192", "ApplyMethod": "immediate"}
        libraries = {"ParameterName": "shared_preload_libraries", "ParameterValue": "x", "ApplyMethod": "immediate"}
        with self.refused("InvalidParameterCombination", "static"):
            self.rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[work, libraries])
        libraries["ApplyMethod"] = "pending-reboot"
        self.rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[work, libraries])
        ask = {"DBParameterGroupName": name, "Source": "user"}
        every = {p["ParameterName"]: p for p in self.rds.describe_db_parameters(DBParameterGroupName=name)["Parameters"]}
        self.assertEqual(("engine-default", "static"), tuple(every["shared_buffers"][k] for k in ("Source", "ApplyType")))
        self.assertEqual("user", every["work_mem"]["Source"])
        found = {p["ParameterName"]: p for p in self.rds.describe_db_parameters(**ask)["Parameters"]}
        self.assertEqual(("8192", "dynamic"), (found["work_mem"]["ParameterValue"], found["work_mem"]["ApplyType"]))
        self.assertEqual("static", found["shared_preload_libraries"]["ApplyType"])
        self.rds.reset_db_parameter_group(DBParameterGroupName=name, Parameters=[work])
        left = [p["ParameterName"] for p in self.rds.describe_db_parameters(**ask)["Parameters"]]
        self.assertEqual(["shared_preload_libraries"], left)
        self.rds.reset_db_parameter_group(DBParameterGroupName=name, ResetAllParameters=True)
        self.assertEqual([], self.rds.describe_db_parameters(**ask)["Parameters"])

    @corrects("rds.parameters-pending-reboot")
    def test_pending_reboot(self):
        name = self.parameter_group()
        used = self.create(DBParameterGroupName=name)

        def status():
            return self.read(used)["DBParameterGroups"][0]["ParameterApplyStatus"]

        self.assertEqual("in-sync", status())
        change = {"ParameterName": "performance_schema", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
        self.rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[change])
        self.assertEqual("pending-reboot", status())
        self.rds.reboot_db_instance(DBInstanceIdentifier=used)
        self.wait(used)
        self.assertEqual("in-sync", status())


class Holding(Databases):
    @corrects("ec2.subnet-delete-in-use", "ec2.security-group-delete-in-use")
    def test_a_database_holds_subnets_and_groups_until_gone(self):
        ec2 = client("ec2")
        name, network, found = self.subnet_group()
        own = group(network)
        used = self.create(DBSubnetGroupName=name, VpcSecurityGroupIds=[own])
        self.rds.delete_db_instance(DBInstanceIdentifier=used, SkipFinalSnapshot=True)
        with self.refused("DependencyViolation"):
            ec2.delete_subnet(SubnetId=found[0])
        with self.refused("DependencyViolation"):
            ec2.delete_security_group(GroupId=own)
        self.gone(used)
        ec2.delete_security_group(GroupId=own)
        for each in found:
            ec2.delete_subnet(SubnetId=each)

    @corrects("rds.interfaces")
    def test_a_database_has_an_interface_that_goes_with_it(self):
        ec2 = client("ec2")
        name, network, found = self.subnet_group()
        own = group(network)
        used = self.create(DBSubnetGroupName=name, VpcSecurityGroupIds=[own])

        def interfaces():
            by = [{"Name": "group-id", "Values": [own]}]
            return ec2.describe_network_interfaces(Filters=by)["NetworkInterfaces"]

        (eni,) = interfaces()
        self.assertEqual("RDSNetworkInterface", eni["Description"])
        self.assertEqual(("amazon-rds", True), (eni["RequesterId"], eni["RequesterManaged"]))
        self.assertIn(eni["SubnetId"], found)
        self.rds.delete_db_instance(DBInstanceIdentifier=used, SkipFinalSnapshot=True)
        self.gone(used)
        self.assertEqual([], interfaces())
