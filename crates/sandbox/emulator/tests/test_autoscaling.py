from .harness import client, control, corrects, unique
from .test_elbv2 import Balancing


class Scaling(Balancing):
    @property
    def asg(self):
        return client("autoscaling")

    @property
    def image(self):
        named = [{"Name": "name", "Values": ["al2023-ami-*"]}]
        return client("ec2").describe_images(Owners=["amazon"], Filters=named)["Images"][0]["ImageId"]

    def template(self, **data):
        made = client("ec2").create_launch_template(
            LaunchTemplateName=unique(),
            LaunchTemplateData={"ImageId": self.image, "InstanceType": "t3.micro", **data},
        )
        return made["LaunchTemplate"]["LaunchTemplateId"]

    def version(self, template, **data):
        made = client("ec2").create_launch_template_version(
            LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.small", **data}
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def group(self, size=2, pair=None, template=None, **more):
        """A group of this size, its members in service."""
        self.template_id = template or self.template()
        self.subnets = pair or self.network()[1]
        name = unique()
        ask = {
            "AutoScalingGroupName": name,
            "MinSize": 0,
            "MaxSize": 4,
            "DesiredCapacity": size,
            "LaunchTemplate": {"LaunchTemplateId": self.template_id, "Version": "1"},
            "VPCZoneIdentifier": ",".join(self.subnets),
            **more,
        }
        self.asg.create_auto_scaling_group(**{k: v for k, v in ask.items() if v is not None})
        control("settle", "POST")
        return name

    def read(self, name, **more):
        found = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name], **more)["AutoScalingGroups"]
        return found[0] if found else None

    def members(self, name, *states):
        found = self.read(name)["Instances"]
        return [m["InstanceId"] for m in found if not states or m["LifecycleState"] in states]


class Groups(Scaling):
    @corrects("autoscaling.group-name-taken")
    def test_same_name(self):
        name = self.group()
        before = self.members(name)
        with self.refused("AlreadyExists"):
            self.asg.create_auto_scaling_group(
                AutoScalingGroupName=name,
                MinSize=1,
                MaxSize=1,
                LaunchTemplate={"LaunchTemplateId": self.template_id},
                VPCZoneIdentifier=self.subnets[0],
            )
        self.assertEqual(before, self.members(name))

    @corrects("autoscaling.group-parts")
    def test_parts_that_do_not_exist(self):
        wrong = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/none/0123456789abcdef"
        with self.refused("ValidationError", "Target Groups"):
            self.group(TargetGroupARNs=[wrong])
        with self.refused("ValidationError", "subnet"):
            self.group(VPCZoneIdentifier="subnet-0123456789abcdef0")
        with self.refused("ValidationError", "launch template"):
            self.group(LaunchTemplate={"LaunchTemplateId": "lt-0123456789abcdef0"})
        with self.refused("ValidationError", "version"):
            self.group(LaunchTemplate={"LaunchTemplateId": self.template(), "Version": "7"})

    @corrects("autoscaling.group-image")
    def test_image_that_is_gone(self):
        gone = client("ec2").create_launch_template(
            LaunchTemplateName=unique(),
            LaunchTemplateData={"ImageId": "ami-0123456789abcdef0", "InstanceType": "t3.micro"},
        )
        with self.refused("ValidationError", "image id"):
            self.group(0, template=gone["LaunchTemplate"]["LaunchTemplateId"])

    @corrects("autoscaling.group-profile")
    def test_new_profile(self):
        name = unique()
        client("iam").create_instance_profile(InstanceProfileName=name)
        made = self.template(IamInstanceProfile={"Name": name})
        with self.refused("ValidationError", "Invalid IAM Instance Profile"):
            self.group(template=made)
        control("settle", "POST")
        self.group(template=made)

    @corrects("autoscaling.group-size")
    def test_sizes(self):
        with self.refused("ValidationError"):
            self.group(MinSize=3, MaxSize=2)
        with self.refused("ValidationError"):
            self.group(5)
        name = self.group(2)
        with self.refused("ValidationError"):
            self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=5)
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=3)
        self.assertEqual(3, self.read(name)["DesiredCapacity"])
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, MaxSize=1)
        self.assertEqual(1, self.read(name)["DesiredCapacity"])

    @corrects("autoscaling.group-settings")
    def test_settings(self):
        name = self.group(0, DefaultInstanceWarmup=60, MaxInstanceLifetime=86400 * 7)
        found = self.read(name)
        self.assertEqual((60, 0), (found["DefaultInstanceWarmup"], found["HealthCheckGracePeriod"]))
        self.asg.update_auto_scaling_group(
            AutoScalingGroupName=name,
            TerminationPolicies=["OldestInstance"],
            CapacityRebalance=True,
            DefaultInstanceWarmup=30,
            DefaultCooldown=10,
        )
        found = self.read(name)
        self.assertEqual(["OldestInstance"], found["TerminationPolicies"])
        self.assertTrue(found["CapacityRebalance"])
        self.assertEqual((30, 10), (found["DefaultInstanceWarmup"], found["DefaultCooldown"]))
        self.assertEqual(86400 * 7, found["MaxInstanceLifetime"])
        self.assertEqual("1", found["LaunchTemplate"]["Version"])
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        self.assertEqual(1, len(self.read(name)["Instances"]))
        self.assertEqual([], self.read(name, IncludeInstances=False)["Instances"])

    @corrects("autoscaling.group-unknown")
    def test_unknown_group(self):
        tag = {"Key": "k", "Value": "v", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
        with self.refused("ValidationError", "not found"):
            self.asg.create_or_update_tags(Tags=[{**tag, "ResourceId": unique()}])
        with self.refused("ValidationError", "not found"):
            self.asg.put_scaling_policy(
                AutoScalingGroupName=unique(),
                PolicyName="p",
                AdjustmentType="ChangeInCapacity",
                ScalingAdjustment=1,
            )

    @corrects("autoscaling.group-delete")
    def test_delete(self):
        name = self.group(2)
        self.asg.put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledActionName="night", Recurrence="0 22 * * *", DesiredCapacity=0
        )
        with self.refused("ResourceInUse"):
            self.asg.delete_auto_scaling_group(AutoScalingGroupName=name)
        before = self.members(name)
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        self.assertEqual("Delete in progress", self.read(name)["Status"])
        with self.refused("AlreadyExists"):
            self.asg.create_auto_scaling_group(
                AutoScalingGroupName=name,
                MinSize=0,
                MaxSize=1,
                LaunchTemplate={"LaunchTemplateId": self.template_id},
                VPCZoneIdentifier=self.subnets[0],
            )
        self.eventually(lambda: self.read(name) is None)
        rows = client("ec2").describe_instances(InstanceIds=before)["Reservations"]
        self.assertEqual({"terminated"}, {i["State"]["Name"] for r in rows for i in r["Instances"]})
        left = self.asg.describe_scheduled_actions()["ScheduledUpdateGroupActions"]
        self.assertNotIn(name, [a["AutoScalingGroupName"] for a in left])

    @corrects("autoscaling.traffic-sources")
    def test_traffic_sources(self):
        made = self.balancer()
        first, second = self.groups(made["Network"]), self.groups(made["Network"])
        name = self.group(1, made["Subnets"], TrafficSources=[{"Identifier": first, "Type": "elbv2"}])
        ask = {"AutoScalingGroupName": name, "TrafficSources": [{"Identifier": second, "Type": "elbv2"}]}

        def states():
            found = self.asg.describe_traffic_sources(AutoScalingGroupName=name)["TrafficSources"]
            return {s["Identifier"]: s["State"] for s in found}

        self.assertEqual({first: "InService"}, states())
        self.asg.attach_traffic_sources(**ask)
        self.assertEqual({first: "InService", second: "Adding"}, states())
        self.assertEqual(1, len(self.elb.describe_target_health(TargetGroupArn=second)["TargetHealthDescriptions"]))
        self.eventually(lambda: states()[second] == "InService")
        self.asg.detach_traffic_sources(**ask)
        self.assertEqual("Removing", states()[second])
        self.eventually(lambda: states() == {first: "InService"})
        self.assertEqual([first], self.read(name)["TargetGroupARNs"])
        self.assertEqual([first], [s["Identifier"] for s in self.read(name)["TrafficSources"]])
        self.assertEqual([], self.elb.describe_target_health(TargetGroupArn=second)["TargetHealthDescriptions"])


class Members(Scaling):
    @corrects("autoscaling.members")
    def test_members(self):
        profile, ec2 = unique(), client("ec2")
        client("iam").create_instance_profile(InstanceProfileName=profile)
        control("settle", "POST")
        made = self.template(
            IamInstanceProfile={"Name": profile},
            MetadataOptions={"HttpTokens": "required"},
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20}}],
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": "own", "Value": "t"}]},
                {"ResourceType": "volume", "Tags": [{"Key": "v", "Value": "t"}]},
            ],
        )
        tag = {"Key": "from", "Value": "group", "PropagateAtLaunch": True}
        name = self.group(2, template=made, Tags=[tag])
        found = self.read(name)["Instances"]
        self.assertEqual({"eu-west-1a", "eu-west-1b"}, {m["AvailabilityZone"] for m in found})
        self.assertEqual({"InService"}, {m["LifecycleState"] for m in found})
        rows = ec2.describe_instances(InstanceIds=[m["InstanceId"] for m in found])["Reservations"]
        one = rows[0]["Instances"][0]
        tags = {t["Key"]: t["Value"] for t in one["Tags"]}
        self.assertEqual(("t", "group", name), (tags["own"], tags["from"], tags["aws:autoscaling:groupName"]))
        self.assertTrue(one["IamInstanceProfile"]["Arn"].endswith(profile))
        self.assertEqual("required", one["MetadataOptions"]["HttpTokens"])
        self.assertEqual(1, len(one["BlockDeviceMappings"]))
        volume = ec2.describe_volumes(VolumeIds=[one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
        self.assertEqual((20, [{"Key": "v", "Value": "t"}]), (volume["Size"], volume["Tags"]))

    @corrects("autoscaling.members")
    def test_states_and_versions(self):
        name = self.group(1)
        first = self.members(name)
        second = self.version(self.template_id)
        self.asg.update_auto_scaling_group(
            AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateId": self.template_id, "Version": second}
        )
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
        found = {m["InstanceId"]: m for m in self.read(name)["Instances"]}
        added = next(m for i, m in found.items() if i not in first)
        self.assertEqual(("Pending", second), (added["LifecycleState"], added["LaunchTemplate"]["Version"]))
        self.assertEqual("1", found[first[0]]["LaunchTemplate"]["Version"])
        self.eventually(lambda: len(self.members(name, "InService")) == 2)
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        self.assertEqual(first, self.members(name, "Terminating"))
        self.eventually(lambda: self.members(name) == [added["InstanceId"]])
        self.asg.set_instance_protection(
            AutoScalingGroupName=name, InstanceIds=[added["InstanceId"]], ProtectedFromScaleIn=True
        )
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)
        control("settle", "POST")
        self.assertEqual([added["InstanceId"]], self.members(name))

    @corrects("autoscaling.members")
    def test_a_lost_member_is_replaced(self):
        made = self.balancer()
        to = self.groups(made["Network"])
        self.listener(made["LoadBalancerArn"], actions=[{"Type": "forward", "TargetGroupArn": to}])
        name = self.group(1, made["Subnets"], TargetGroupARNs=[to])
        lost = self.members(name)
        client("ec2").terminate_instances(InstanceIds=lost)
        self.assertEqual(lost, self.members(name, "Terminating"))
        self.eventually(lambda: self.members(name, "InService") and self.members(name) != lost)
        control("settle", "POST")
        rows = self.elb.describe_target_health(TargetGroupArn=to)["TargetHealthDescriptions"]
        self.assertEqual(
            [(self.members(name)[0], "healthy")], [(r["Target"]["Id"], r["TargetHealth"]["State"]) for r in rows]
        )

    @corrects("autoscaling.members")
    def test_one_is_terminated_on_request(self):
        made = self.balancer()
        to = self.groups(made["Network"])
        self.listener(made["LoadBalancerArn"], actions=[{"Type": "forward", "TargetGroupArn": to}])
        name = self.group(2, made["Subnets"], TargetGroupARNs=[to], MinSize=1)
        first, second = self.members(name)
        ask = {"InstanceId": first, "ShouldDecrementDesiredCapacity": True}
        done = self.asg.terminate_instance_in_auto_scaling_group(**ask)["Activity"]
        self.assertIn(first, done["Description"])
        self.eventually(lambda: self.members(name) == [second])
        rows = self.elb.describe_target_health(TargetGroupArn=to)["TargetHealthDescriptions"]
        self.assertEqual([second], [r["Target"]["Id"] for r in rows])
        with self.refused("ValidationError"):
            self.asg.terminate_instance_in_auto_scaling_group(**{**ask, "InstanceId": second})

    @corrects("autoscaling.activities")
    def test_activities(self):
        name = self.group(1)
        rows = self.asg.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
        self.assertEqual(["Successful"], [r["StatusCode"] for r in rows])
        self.assertIn(self.members(name)[0], rows[0]["Description"])
        client("ec2").delete_launch_template(LaunchTemplateId=self.template_id)
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
        failed = self.asg.describe_scaling_activities(AutoScalingGroupName=name)["Activities"][0]
        self.assertEqual("Failed", failed["StatusCode"])
        self.assertIn("launch template", failed["StatusMessage"])
        control("settle", "POST")
        self.assertEqual(1, len(self.members(name)))


class Policies(Scaling):
    def put(self, name, policy="cpu", value=50.0):
        return self.asg.put_scaling_policy(
            AutoScalingGroupName=name,
            PolicyName=policy,
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
                "TargetValue": value,
            },
        )

    def policies(self, name):
        return self.asg.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]

    def alarms(self, name):
        found = client("cloudwatch").describe_alarms(AlarmNamePrefix=f"TargetTracking-{name}-")["MetricAlarms"]
        return {a["AlarmName"] for a in found}

    @corrects("autoscaling.policies")
    def test_policies(self):
        first, second = self.group(0), self.group(0)
        made = self.put(first)
        self.put(second)
        self.assertEqual(made["PolicyARN"], self.put(first, value=60.0)["PolicyARN"])
        self.assertEqual({a["AlarmName"] for a in made["Alarms"]}, self.alarms(first))
        self.assertEqual(2, len(self.alarms(first)))
        found = self.policies(first)
        self.assertEqual([60.0], [p["TargetTrackingConfiguration"]["TargetValue"] for p in found])
        self.assertEqual([made["PolicyARN"]], [p["PolicyARN"] for p in found])
        self.assertEqual(made["Alarms"], found[0]["Alarms"])
        self.asg.delete_policy(AutoScalingGroupName=first, PolicyName="cpu")
        self.assertEqual(([], set()), (self.policies(first), self.alarms(first)))
        self.assertEqual(1, len(self.policies(second)))
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=second)
        self.eventually(lambda: self.policies(second) == [] and not self.alarms(second))

    @corrects("autoscaling.policy-label")
    def test_what_a_policy_counts(self):
        balancer = self.balancer()
        served, other = (self.groups(balancer["Network"]) for _ in range(2))
        name = self.group(0, pair=balancer["Subnets"], TargetGroupARNs=[served, other])
        self.listener(balancer["LoadBalancerArn"], actions=[{"Type": "forward", "TargetGroupArn": served}])
        shown = balancer["LoadBalancerArn"].rpartition(":loadbalancer/")[2]

        def put(*labels):
            told = {"PredefinedMetricType": "ALBRequestCountPerTarget", **dict(labels)}
            self.asg.put_scaling_policy(
                AutoScalingGroupName=name,
                PolicyName="requests",
                PolicyType="TargetTrackingScaling",
                TargetTrackingConfiguration={"PredefinedMetricSpecification": told, "TargetValue": 500},
            )

        with self.refused("ValidationError", "ResourceLabel"):
            put()
        with self.refused("ValidationError", "attached"):
            put(("ResourceLabel", f"{shown}/{other.rpartition(':')[2]}"))
        put(("ResourceLabel", f"{shown}/{served.rpartition(':')[2]}"))

    @corrects("autoscaling.scheduled-actions")
    def test_scheduled_actions(self):
        names = [self.group(0), self.group(0)]
        for size, name in enumerate(names):
            self.asg.put_scheduled_update_group_action(
                AutoScalingGroupName=name, ScheduledActionName="night", Recurrence="0 22 * * *", DesiredCapacity=size
            )

        def read(name):
            found = self.asg.describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"]
            return [(a["DesiredCapacity"], a["ScheduledActionARN"].endswith("night")) for a in found]

        self.assertEqual([[(0, True)], [(1, True)]], [read(name) for name in names])
        self.asg.delete_scheduled_action(AutoScalingGroupName=names[0], ScheduledActionName="night")
        self.assertEqual([[], [(1, True)]], [read(name) for name in names])
        with self.refused("ValidationError"):
            self.asg.delete_scheduled_action(AutoScalingGroupName=names[0], ScheduledActionName="night")

    @corrects("autoscaling.paging")
    def test_paging(self):
        name = self.group(0)
        names = [unique() for _ in range(3)]
        for each in names:
            self.asg.put_scheduled_update_group_action(
                AutoScalingGroupName=name, ScheduledActionName=each, Recurrence="0 22 * * *", DesiredCapacity=0
            )
        ask = {"AutoScalingGroupName": name, "MaxRecords": 2}
        first = self.asg.describe_scheduled_actions(**ask)
        second = self.asg.describe_scheduled_actions(**ask, NextToken=first["NextToken"])
        self.assertNotIn("NextToken", second)
        pages = [p["ScheduledUpdateGroupActions"] for p in (first, second)]
        self.assertEqual([2, 1], [len(p) for p in pages])
        self.assertEqual(set(names), {a["ScheduledActionName"] for p in pages for a in p})
        with self.refused("ValidationError"):
            self.asg.describe_auto_scaling_groups(MaxRecords=101)
        self.group(0)
        self.assertIn("NextToken", self.asg.describe_auto_scaling_groups(MaxRecords=1))

    @corrects("autoscaling.hooks")
    def test_hooks(self):
        name = self.group(0)
        ask = {"AutoScalingGroupName": name, "LifecycleHookName": "drain"}
        self.asg.put_lifecycle_hook(**ask, LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING")
        found = self.asg.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"][0]
        self.assertNotIn("RoleARN", found)
        self.assertNotIn("NotificationTargetARN", found)
        self.asg.put_lifecycle_hook(**ask, HeartbeatTimeout=60, NotificationMetadata="m")
        found = self.asg.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"][0]
        self.assertEqual((60, "m"), (found["HeartbeatTimeout"], found["NotificationMetadata"]))
        self.assertEqual("autoscaling:EC2_INSTANCE_TERMINATING", found["LifecycleTransition"])
