import unittest

from terrace_emulator import speed


class Speed(unittest.TestCase):
    """What is looked up is what moto would have searched."""

    def test_tags_of_one_thing(self):
        from moto.ec2.models import ec2_backends

        ec2 = ec2_backends["111122223333"]["eu-west-1"]
        vpcs = [ec2.create_vpc(f"10.{number}.0.0/16") for number in range(3)]
        ec2.create_tags([vpcs[0].id], {"Name": "one", "a": "1"})
        ec2.create_tags([vpcs[1].id], {"Name": "two"})
        for vpc in vpcs:
            self.assertEqual(ec2.describe_tags(filters={"resource-id": [vpc.id]}), speed.tags_of(vpc))
        self.assertEqual([], speed.tags_of(vpcs[2]))

    def test_names_of_members(self):
        from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
        from moto.core.utils import get_service_model

        # As moto has it, whether or not it has been made quicker here.
        moto = XFormedAttributePicker.get_possible_keys
        once = speed.once(moto)

        class DBInstance:
            pass

        model = get_service_model("rds")
        shape = model.shape_for("DBInstance")
        picker = XFormedAttributePicker()
        for key, member in shape.members.items():
            member.parent = shape
            for thing in (DBInstance(), {}):
                context = AttributePickerContext(thing, key, member, service_model=model)
                for _ in range(2):
                    self.assertEqual(list(dict.fromkeys(moto(picker, context))), list(once(picker, context)))
