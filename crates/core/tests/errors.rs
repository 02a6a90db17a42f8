//! Mistakes, and what is said of them: read the snapshots as prose.

use crate::stacks::{HEAD, files, ladder, one};

macro_rules! says {
    ($name:ident, $folder:expr) => {
        #[test]
        fn $name() {
            let said = $folder.report();
            insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(said) });
        }
    };
}

const VPC: &str = "[vpc.main]\ncidr = \"10.0.0.0/16\"\n";

fn vpc(text: &str) -> crate::stacks::Folder {
    one(&format!("{VPC}{text}"))
}

// Files

says!(
    not_toml,
    one("[vpc.main\ncidr = \"10.0.0.0/16\"\n\n[subnet.a]\nvpc = vpc.main\n")
);
says!(no_stack, files(&[("other/readme", "")]));
says!(
    unknown_words,
    one(
        "regoin = \"eu-west-3\"\nstagse = []\n[vcp.main]\ncidr = \"10.0.0.0/16\"\n[vpc]\ncidr = \"10.0.0.0/16\"\n"
    )
);
says!(
    header_values,
    files(&[(
        "shop/stack.toml",
        "name = \"Shop\"\naccount = 12345678901\nregion = \"Paris\"\n"
    )])
);
says!(
    stages_and_resources,
    files(&[
        (
            "shop/stack.toml",
            "name = \"shop\"\nregion = \"eu-west-3\"\nstages = [\"first\"]\nstage = \"first\"\n[vpc.main]\ncidr = \"10.0.0.0/16\"\n"
        ),
        ("shop/first.toml", ""),
    ])
);
says!(
    stage_without_file,
    files(&[
        (
            "shop/stack.toml",
            "name = \"shop\"\nregion = \"eu-west-3\"\nstages = [\"first\", \"second\"]\nstage = \"first\"\n"
        ),
        ("shop/first.toml", ""),
        ("shop/secnod.toml", ""),
    ])
);
says!(unknown_stage, ladder(&["", ""]).stage("tow"));
says!(
    bad_names,
    one(
        "[vpc.Main-Net]\ncidr = \"10.0.0.0/16\"\n[environments.\"Prod\"]\n[variables]\nWebType = 1\n"
    )
);

// Stages

says!(
    nothing_to_remove,
    ladder(&[
        VPC,
        "remove = [\"vpc.mian\", \"module.web\", \"vpc.main\", \"vpc.main\", { adress = \"vpc.main\" }, { address = \"vpc.other\", allow = \"dta\" }, 3]\n",
    ])
);
says!(
    remove_inside_a_resource,
    ladder(&[VPC, "[vpc.main]\ndns = true\nremove = [\"vpc.other\"]\n"])
);
says!(
    nothing_to_unset,
    ladder(&[
        "[vpc.main]\ncidr = \"10.0.0.0/16\"\n[security_group.web]\nvpc = \"vpc.main\"\ningress.http = { port = 80, from = \"0.0.0.0/0\" }\n",
        "[security_group.web]\nunset = [\"ingress.htp\", \"egress\"]\n[vpc.other]\ncidr = \"10.1.0.0/16\"\nunset = [\"dns\"]\n",
    ])
);
says!(
    did_you_mean_to_change,
    ladder(&[
        "[db_instance.main]\nclass = \"db.t3.small\"\n",
        "[db_instance.mian]\nmulti_az = true\n"
    ])
);
says!(
    remove_a_key_of_an_expression,
    ladder(&[
        "[subnet.a]\nfor_each = \"{{ ['x', 'y'] }}\"\nvpc = \"vpc-0abc\"\ncidr = \"10.0.0.0/24\"\nzone = \"a\"\n",
        "remove = [\"subnet.a.x\"]\n",
    ])
);

says!(
    gone_already,
    ladder(&[
        "[eip.web]\n[secret.db]\n",
        "remove = [\"eip.web\"]\n",
        "remove = [\"eip.web\"]\n[record.a]\nzone = \"Z1\"\nname = \"a\"\ntarget = \"eip.web\"\n",
    ])
);
says!(
    nothing_comes_before_one_file,
    one("remove = [\"eip.web\"]\nconfirm = \"x\"\n[secret.db]\nunset = [\"name\"]\n")
);
says!(
    words_of_the_stack_in_a_stage,
    ladder(&["account = \"123456789012\"\n[variables]\nx = 1\n[environments.prod]\n[secret.db]\n"])
);

// Values

says!(
    types,
    one(
        "[db_instance.main]\nclass = \"db.t3.small\"\nengine_version = 8.0\nstorage = \"20\"\nmulti_az = \"true\"\nport = 3306\nsecurity_groups = \"sg-0abc\"\n"
    )
);
says!(
    names_in_expressions,
    one(
        "[variables]\ninstance_type = \"t3.small\"\n[secret.db]\nname = \"{{ var.instance_typ }}-{{ stak.name }}-{{ stack.nam }}-{{ each.key }}-{{ foo }}\"\n"
    )
);
says!(
    if_without_else,
    one(
        "[secret.db]\nname = \"{{ 'a' if false }}\"\n[secret.b]\nname = \"x-{{ 'a' if false }}\"\n"
    )
);
says!(
    expression_does_not_read,
    one(
        "[secret.db]\nname = \"{{ 1 + }}\"\n[secret.b]\nname = \"{{ x | nofilter }}\"\n[secret.c]\nname = \"{{ nofunction(1) }}\"\n"
    )
);
says!(
    none_and_lists_in_text,
    one(
        "[secret.a]\nname = \"x-{{ none }}\"\n[secret.b]\nname = \"x-{{ [1] }}\"\n[secret.c]\nname = \"{{ [1] }}\"\n"
    )
);
says!(
    functions,
    one(
        "[vpc.a]\ncidr = \"{{ cidrsubnet('10.0.0.0/16', 4, 16) }}\"\n[vpc.b]\ncidr = \"{{ cidrsubnet('10.0.0', 4, 1) }}\"\n[vpc.c]\ncidr = \"{{ cidrsubnet('10.0.0.0/16', 17, 1) }}\"\n[vpc.d]\ncidr = \"{{ range(1000000) | sum }}\"\n"
    )
);
says!(
    later_in_the_wrong_place,
    one(
        "[secret.db]\n[secret.b]\nname = \"{{ secret.db.id }}\"\n[secret.c]\nwhen = \"{{ secret.db.id == 'x' }}\"\n[secret.d]\nfor_each = [\"{{ secret.db.id }}\"]\n"
    )
);
says!(
    outputs_that_are_not,
    one(
        "[secret.db]\n[secret.b]\nname = \"{{ secret.dv.arn }}{{ secret.db.arm }}{{ secret.db }}{{ secret }}\"\n[ssm_parameter.a]\nname = \"x\"\nvalue = \"{{ secret.db }}\"\n[ssm_parameter.b]\nname = \"x\"\nvalue = \"{{ ssm_parameter.a.value }}\"\n"
    )
);
says!(
    keys_that_are_no_names,
    one(
        "[secret.a]\nfor_each = [\"x-y\", \"1a\"]\n[ssm_parameter.a]\nname = \"a\"\nvalue = \"{{ secret.a.x-y.id }}\"\n[ssm_parameter.b]\nname = \"b\"\nvalue = \"{{ secret.a.1a.id }}\"\n"
    )
);
says!(
    keyed_child_that_is_not,
    one(
        "[autoscaling_group.web]\nlaunch_template = \"lt-0abc\"\nsubnets = []\nmin = 1\nmax = 2\npolicies.burst = { type = \"step\" }\n[ssm_parameter.a]\nname = \"x\"\nvalue = \"{{ autoscaling_group.web.policies.brust.arn }}\"\n"
    )
);
says!(
    a_template_is_checked_before_it_can_be_rendered,
    files(&[
        (
            "shop/stack.toml",
            &format!(
                "{HEAD}[secret.db]\n[key_pair.a]\npublic_key.template = \"a.sh\"\npublic_key.with = {{ id = \"{{{{ secret.db.id }}}}\" }}\n[key_pair.b]\npublic_key.template = \"b.sh\"\npublic_key.with = {{ id = \"{{{{ secret.db.id }}}}\" }}\n"
            )
        ),
        ("shop/a.sh", "{{ id }}\n{% for %}\n"),
        (
            "shop/b.sh",
            "{{ id }}\n{% include 'nowhere.sh' %}\n{% include \"../x.sh\" %}\n"
        ),
    ])
);
says!(
    texts,
    files(&[
        (
            "shop/stack.toml",
            &format!(
                "{HEAD}[key_pair.a]\npublic_key = {{ file = \"ops.pbu\" }}\n[key_pair.b]\npublic_key = {{ file = \"ops.pub\", with = {{ a = 1 }} }}\n[key_pair.c]\npublic_key = {{ template = \"boot.sh\", with = {{ host = \"h\" }} }}\n[key_pair.d]\npublic_key = {{ template = \"broken.sh\" }}\n[key_pair.e]\npublic_key = {{ template = \"outer.sh\" }}\n"
            )
        ),
        ("shop/ops.pub", "key"),
        (
            "shop/boot.sh",
            "#!/bin/sh\n# {{ host }} {{ db_host }} {{ var.domain }} {{ stack.name }}\n"
        ),
        ("shop/broken.sh", "#!/bin/sh\n\n{% if %}\n"),
        (
            "shop/outer.sh",
            "#!/bin/sh\n{% include \"inner.sh\" %}\n{% include \"nowhere.sh\" %}\n"
        ),
        ("shop/inner.sh", "echo {{ what }}\n"),
    ])
);

// References

says!(
    references,
    vpc(
        "[subnet.a]\nfor_each = [\"x\", \"y\"]\nvpc = \"vpc.mian\"\ncidr = \"10.0.0.0/24\"\nzone = \"a\"\n[secret.db]\n[nat_gateway.a]\nsubnet = \"subnet.a\"\neip = \"secret.db\"\n[nat_gateway.b]\nsubnet = \"subnet.a.z\"\neip = \"epi.x\"\n[nat_gateway.c]\nsubnet = \"subnet.a.*\"\neip = \"eip.nat.a\"\n[eip.nat]\n[security_group.web]\nvpc = \"main\"\n[security_group.b]\nvpc = \"vpc.main.id\"\n[record.x]\nzone = \"existing.hosted_zone.site\"\nname = \"a\"\n[alarm.a]\nnamespace = \"a\"\nmetric = \"b\"\nactions = [\"sns_topic.oncall\"]\n"
    )
);
says!(
    switched_off,
    one(
        "[variables]\nbastion = false\n[secret.a]\nwhen = \"{{ var.bastion }}\"\n[db_instance.main]\nclass = \"x\"\npassword = \"secret.a\"\n[secret.b]\nname = \"{{ secret.a.name }}\"\n"
    )
);
says!(
    named_by_a_higher_stage,
    ladder(&[
        "[db_instance.main]\nclass = \"x\"\npassword = \"secret.db\"\n",
        "[secret.db]\n"
    ])
    .stage("one")
);
says!(
    loops,
    one(
        "[db_instance.a]\nclass = \"x\"\nreplica_of = \"db_instance.b\"\n[db_instance.b]\nclass = \"x\"\nreplica_of = \"db_instance.c\"\n[db_instance.c]\nclass = \"x\"\nreplica_of = \"db_instance.a\"\n"
    )
);

says!(
    addresses_are_not_written_from_outside,
    module(
        "[module.a]\nsource = \"../modules/web\"\nvpc = \"/vpc.main\"\n[vpc.main]\ncidr = \"10.0.0.0/16\"\n[db_instance.x]\nclass = \"c\"\nsecurity_groups = [\"a/security_group.lb\"]\n",
        MODULE
    )
);
says!(
    numbers,
    one("[db_instance.a]\nclass = \"x\"\nstorage = \"{{ 40 / 2 }}\"\n")
);

// Resources

says!(
    for_each_mistakes,
    vpc(
        "[subnet.public]\nfor_each = { a = 1, b = 2 }\nvpc = \"vpc.main\"\ncidr = \"10.0.0.0/24\"\nzone = \"a\"\n[subnet.public.a]\ncidr = \"10.0.1.0/24\"\n[secret.a]\nfor_each = [1]\n[secret.b]\nfor_each = [\"a.b\"]\n[secret.c]\nfor_each = 3\n[secret.d]\nfor_each = \"{{ 3 }}\"\n[secret.e]\nname = \"{{ each.key }}\"\n[secret.f]\nwhen = \"yes\"\n[secret.g]\nfor_each = \"{{ range(2) }}\"\n[subnet.other.x]\nvpc = \"vpc.main\"\ncidr = \"10.0.0.0/24\"\n"
    )
);
says!(
    common_properties,
    one(
        "[secret.a]\nprotect = \"yes\"\ngeneration = 0\nallow = \"everything\"\nignore = [\"nmae\"]\nwas = \"vpc.old\"\nafter = [\"secret.b\", \"soon\"]\nregion = 3\nconfirm = true\ntags = { \"aws:x\" = \"y\", owner = 3 }\n[secret.b]\nafter = \"secret.a\"\nwas = \"secret.b\"\n"
    )
);
says!(
    dots_in_keys,
    one(
        "[route_table.a]\nvpc = \"vpc-0abc\"\n[route_table.a.routes.\"0.0.0.0/0\"]\ndestination = \"0.0.0.0/0\"\ntarget = \"igw-0abc\"\n"
    )
);
says!(
    missing_properties,
    one(
        "[subnet.a]\nzone = \"a\"\n[listener.a]\nport = 443\nload_balancer = \"arn:aws:x\"\nprotocol = \"HTTPS\"\naction = { forwrad = \"x\" }\n"
    )
);

// Modules

const MODULE: &str = "
[inputs]
vpc   = { kind = \"vpc\", about = \"where it goes\" }
zones = { type = \"list\", default = [] }
port  = { type = \"int\", default = 80 }
text  = { type = \"text\", optional = true }
many  = { kind = \"subnet\", many = true, default = [] }

[security_group.lb]
vpc = \"{{ input.vpc }}\"

[outputs]
group = \"security_group.lb\"
port  = \"{{ input.port }}\"
";

fn module(text: &str, module: &str) -> crate::stacks::Folder {
    files(&[
        ("shop/stack.toml", &format!("{HEAD}{text}")),
        ("modules/web/module.toml", module),
    ])
}

says!(
    module_inputs,
    module(
        "[module.a]\nsource = \"../modules/web\"\n[module.b]\nsource = \"../modules/web\"\nvpc = \"secret.db\"\nprot = 80\nzones = \"a\"\nport = \"80\"\n[secret.db]\n[module.c]\nsource = \"../modules/wbe\"\n[module.d]\nvpc = \"vpc-0abc\"\n[module.e]\nsource = \"../modules/web\"\nvpc = \"vpc-0abc\"\nmany = \"subnet-0abc\"\nport = 1.5\n",
        MODULE
    )
);
says!(
    module_outputs,
    module(
        "[module.a]\nsource = \"../modules/web\"\nvpc = \"vpc-0abc\"\n[module.b]\nfor_each = [\"eu\"]\nsource = \"../modules/web\"\nvpc = \"vpc-0abc\"\n[db_instance.x]\nclass = \"c\"\nsecurity_groups = [\"module.a.gruop\", \"module.a\", \"module.c.group\", \"module.a.port\", \"module.b.group\", \"module.b.us.group\", \"security_group.lb\"]\n[secret.x]\nname = \"{{ module.a.prot }}{{ module.b.port }}\"\n",
        MODULE
    )
);
says!(
    module_sees_its_own_file_only,
    module(
        "[variables]\nx = 1\n[secret.db]\n[module.a]\nsource = \"../modules/web\"\n",
        "remove = [\"secret.x\"]\n[inputs]\nport = { typ = \"int\" }\n[secret.a]\nname = \"{{ var.x }}{{ stage }}{{ inptu.port }}{{ input.prot }}\"\n[db_instance.main]\nclass = \"x\"\npassword = \"secret.db\"\n[outputs]\nx = \"secret.b\"\n"
    )
);
says!(
    a_module_that_is_new_by_mistake,
    files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}stages = [\"one\", \"two\"]\nstage = \"two\"\n")
        ),
        ("shop/one.toml", "[module.network]\nsource = \"../net\"\n"),
        ("shop/two.toml", "[module.netwrok]\nzones = [\"a\"]\n"),
        ("net/module.toml", "[vpc.main]\ncidr = \"10.0.0.0/16\"\n"),
    ])
);
says!(
    a_module_that_is_not_toml,
    files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}stages = [\"one\", \"two\"]\nstage = \"two\"\n")
        ),
        (
            "shop/one.toml",
            "[module.network]\nsource = \"../net\"\nx = {}\n"
        ),
        ("shop/two.toml", "[module.network]\nx = { y = 1 }\n"),
        ("net/module.toml", "[vpc.main\n"),
    ])
);
says!(
    module_in_itself,
    files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}[module.a]\nsource = \"../modules/a\"\n")
        ),
        ("modules/a/module.toml", "[module.b]\nsource = \"../b\"\n"),
        ("modules/b/module.toml", "[module.a]\nsource = \"../a\"\n"),
    ])
);
says!(
    modules_that_wait_for_each_other,
    module(
        "[module.a]\nsource = \"../modules/web\"\nvpc = \"vpc-0abc\"\nport = \"{{ module.b.port }}\"\n[module.b]\nsource = \"../modules/web\"\nvpc = \"vpc-0abc\"\nport = \"{{ module.a.port }}\"\n",
        MODULE
    )
);

// Environments

const ENVIRONMENTS: &str = "
[variables]
size   = 1
domain = \"{{ stack.environment }}.example.com\"
wrong  = \"{{ var.size }}\"

[environments.prod]
variables = { size = \"2\", dmain = \"example.com\" }
instances = 3
ttl       = \"soon\"

[environments.\"pr-*\"]
stage = \"one\"
";

says!(environments, one(ENVIRONMENTS).environment("prod"));
says!(
    which_environment,
    one("[environments.prod]\n[environments.\"pr-*\"]\n")
);
says!(
    no_such_environment,
    one("[environments.prod]\n[environments.\"pr-*\"]\n").environment("prd")
);
says!(no_environments, one("").environment("prod"));
says!(
    variables_of_the_command_line,
    one("[variables]\nsize = 1\n")
        .variable("size", "big")
        .variable("sze", "2")
);
says!(
    existing,
    one(
        "[existing.hosted_zon.site]\nname = \"x\"\n[secret.db]\n[existing.hosted_zone.site]\nname = \"{{ secret.db.id }}\"\n[record.a]\nzone = \"hosted_zone.site\"\nname = \"x\"\n"
    )
);

/// A place in which two environments would meet.
#[test]
fn shared_names() {
    let folder = one(
        "[variables]\nbucket = \"assets\"\n[environments.prod]\n[environments.test]\n[environments.\"pr-*\"]\nvariables = { bucket = \"pr-assets\" }\n[s3_bucket.assets]\nname = \"{{ var.bucket }}\"\n",
    );
    insta::assert_snapshot!(folder.validated());
}

/// A mistake at a stage on which nobody stands yet.
#[test]
fn mistakes_of_every_stage() {
    let folder = ladder(&[
        "[secret.a]\n",
        "[secret.a]\nnmae = \"x\"\n",
        "[secret.b]\nprotect = 3\n",
    ])
    .stage("one");
    folder.loaded();
    let mut folder = folder;
    folder = folder.stage("three");
    insta::assert_snapshot!(folder.report());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    /// Whatever is written, the answer is a stack or a report.
    #[test]
    fn no_text_makes_it_fall_over(pieces in proptest::collection::vec(0..PIECES.len(), 0..12)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        let folder = module(&text, MODULE);
        if let Err(report) = folder.load() {
            assert!(!report.plain().is_empty());
        }
    }
}

const PIECES: [&str; 28] = [
    "[variables]\nx = \"{{ stack.name }}\"\n",
    "[environments.\"pr-*\"]\n",
    "[vpc.main]\ncidr = \"10.0.0.0/16\"\n",
    "[vpc.other]\nfor_each = { a = \"{{ secret.db.id }}\", b = 2 }\ncidr = \"{{ each.value }}\"\n",
    "[secret.db]\n",
    "[secret.own]\nname = \"{{ self.arn }}{{ secret.own.name }}\"\n",
    "[secret.round]\nwhen = \"{{ module.web.port > 1 }}\"\n",
    "[module.web]\nsource = \"../modules/web\"\n",
    "[module.other]\nsource = \"../modules/web\"\nport = \"{{ module.web.port }}\"\nvpc = \"module.web.group\"\n",
    "[module.keys]\nfor_each = \"{{ var.x }}\"\nsource = \"../modules/web\"\n",
    "vpc = \"vpc.main\"\n",
    "vpc = \"vpc.other.*\"\n",
    "vpc = \"{{ vpc.other }}\"\n",
    "vpc = \"/web/vpc.main\"\n",
    "port = \"{{ module.other.port }}\"\n",
    "for_each = [\"a\", \"b\"]\n",
    "when = \"{{ each.key == 'a' }}\"\n",
    "name = \"é{{ '}}' ~ \\\"{{\\\" }}\"\n",
    "name = \"{{ {{ }}\"\n",
    "tags = { a = \"{{ secret.db.name }}\" }\n",
    "after = [\"module.web\", \"vpc.other\", \"é\"]\n",
    "unset = [\"..\", \"\"]\n",
    "remove = [\"\", \".\", \"a/b.c\", { address = 3 }]\n",
    "[existing.hosted_zone.site]\nname = \"{{ existing.hosted_zone.site.name }}\"\n",
    "[record.x]\nzone = \"existing.hosted_zone.site\"\nname = \"{{ secret.db }}\"\n",
    "[outputs]\nx = \"{{ vpc.other | length }}{{ all(vpc.other) }}\"\n",
    "[moved]\nstack = 3\n\"a\" = \"b\"\n",
    "public_key = { template = \"..\", with = \"x\" }\n",
];
