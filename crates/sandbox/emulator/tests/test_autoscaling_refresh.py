import base64
import time

from . import harness
from .harness import control, corrects
from .test_autoscaling import Scaling

SICK = base64.b64encode(b"#!/bin/sh\n# terrace-sandbox-unhealthy\n").decode()


class Refreshes(Scaling):
    def serving(self, size=2, **more):
        """A group behind a balancer, all its members healthy."""
        made = self.balancer()
        self.to = self.groups(made["Network"])
        self.listener(made["LoadBalancerArn"], actions=[{"Type": "forward", "TargetGroupArn": self.to}])
        return self.group(size, made["Subnets"], TargetGroupARNs=[self.to], HealthCheckType="ELB", **more)

    def start(self, name, version=None, **preferences):
        desired = {"LaunchTemplate": {"LaunchTemplateId": self.template_id, "Version": version}}
        return self.asg.start_instance_refresh(
            AutoScalingGroupName=name,
            Preferences={"SkipMatching": True, **preferences},
            **({"DesiredConfiguration": desired} if version else {}),
        )["InstanceRefreshId"]

    def status(self, name):
        return self.asg.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"][0]

    def health(self):
        rows = self.elb.describe_target_health(TargetGroupArn=self.to)["TargetHealthDescriptions"]
        return [r["Target"]["Id"] for r in rows if r["TargetHealth"]["State"] == "healthy"]

    @corrects("autoscaling.refresh")
    def test_a_refresh_keeps_the_minimum_healthy(self):
        name = self.serving(2)
        before = set(self.members(name))
        self.assertEqual(before, set(self.health()))
        self.assertEqual([], self.asg.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"])
        second = self.version(self.template_id)
        control("pace?seconds=0.2", "POST")
        self.addCleanup(control, f"pace?seconds={harness.PACE}", "POST")
        number = self.start(name, second, MinHealthyPercentage=100, MaxHealthyPercentage=150)
        for _ in range(400):
            found = self.status(name)
            self.assertGreaterEqual(len(self.health()), 2)
            if found["Status"] not in ("Pending", "InProgress"):
                break
            time.sleep(0.01)
        self.assertEqual((number, "Successful"), (found["InstanceRefreshId"], found["Status"]))
        self.assertEqual(100, found["PercentageComplete"])
        control("settle", "POST")
        self.assertEqual(2, len(self.members(name)))
        self.assertFalse(before & set(self.members(name)))
        self.assertEqual(second, self.read(name)["LaunchTemplate"]["Version"])
        self.assertEqual({second}, {m["LaunchTemplate"]["Version"] for m in self.read(name)["Instances"]})

    @corrects("autoscaling.refresh")
    def test_it_goes_on_unwatched(self):
        name = self.group(2)
        control("pace?seconds=0.05", "POST")
        self.addCleanup(control, f"pace?seconds={harness.PACE}", "POST")
        self.start(name, self.version(self.template_id))
        time.sleep(1)
        self.assertEqual("Successful", self.status(name)["Status"])

    @corrects("autoscaling.refresh")
    def test_what_matches_stays(self):
        name = self.group(2)
        before = set(self.members(name))
        self.start(name)
        self.eventually(lambda: self.status(name)["Status"] == "Successful")
        self.assertEqual(before, set(self.members(name)))
        self.start(name, SkipMatching=False, MinHealthyPercentage=50)
        self.eventually(lambda: self.status(name)["Status"] == "Successful")
        self.assertFalse(before & set(self.members(name)))
        self.assertEqual(2, len(self.asg.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]))

    @corrects("autoscaling.refresh")
    def test_sick_members_fail_a_refresh(self):
        name = self.serving(2)
        before = set(self.members(name))
        with self.refused("ValidationError", "MinHealthyPercentage"):
            self.start(name, MaxHealthyPercentage=150)
        sick = self.version(self.template_id, UserData=SICK)
        self.start(name, sick, MinHealthyPercentage=90, MaxHealthyPercentage=150)
        self.eventually(lambda: self.status(name)["Status"] == "Failed")
        self.assertLess(self.status(name)["PercentageComplete"], 100)
        control("settle", "POST")
        self.assertEqual("1", self.read(name)["LaunchTemplate"]["Version"])
        self.assertLessEqual(1, len(before & set(self.health())))

    @corrects("autoscaling.refresh", "autoscaling.refresh-rollback")
    def test_roll_back(self):
        name = self.serving(2)
        sick = self.version(self.template_id, UserData=SICK)
        with self.refused("ValidationError"):
            self.start(name, AutoRollback=True)
        self.start(name, sick, AutoRollback=True, MinHealthyPercentage=50)
        self.eventually(lambda: self.status(name)["Status"] == "RollbackSuccessful")
        control("settle", "POST")
        self.assertEqual({"1"}, {m["LaunchTemplate"]["Version"] for m in self.read(name)["Instances"]})
        self.assertEqual(2, len(self.health()))

    @corrects("autoscaling.refresh")
    def test_mixed_instances(self):
        name = self.group(1)
        start = {"LaunchTemplateSpecification": {"LaunchTemplateId": self.template_id, "Version": "1"}}
        mixed = {"LaunchTemplate": {**start, "Overrides": [{"InstanceType": "t3.medium"}]}}

        def renew(**desired):
            self.asg.start_instance_refresh(
                AutoScalingGroupName=name,
                DesiredConfiguration=desired,
                Preferences={"SkipMatching": True, "MinHealthyPercentage": 0},
            )
            self.eventually(lambda: self.status(name)["Status"] == "Successful")
            control("settle", "POST")
            return [m["InstanceType"] for m in self.read(name)["Instances"]]

        self.assertEqual(["t3.medium"], renew(MixedInstancesPolicy=mixed))
        overrides = self.read(name)["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
        self.assertEqual(["t3.medium"], [o["InstanceType"] for o in overrides])
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=5)
        self.assertEqual(5, self.read(name)["MaxSize"])
        self.assertEqual(["t3.micro"], renew(LaunchTemplate=start["LaunchTemplateSpecification"]))
        self.assertIsNone(self.read(name).get("MixedInstancesPolicy"))

    @corrects("autoscaling.refresh")
    def test_cancel(self):
        name = self.group(1)
        with self.refused("ActiveInstanceRefreshNotFound"):
            self.asg.cancel_instance_refresh(AutoScalingGroupName=name)
        self.start(name, self.version(self.template_id))
        self.assertEqual("Pending", self.status(name)["Status"])
        with self.refused("InstanceRefreshInProgress"):
            self.start(name)
        self.asg.cancel_instance_refresh(AutoScalingGroupName=name)
        self.assertEqual("Cancelling", self.status(name)["Status"])
        self.eventually(lambda: self.status(name)["Status"] == "Cancelled")
