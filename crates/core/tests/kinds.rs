//! A toy vocabulary: the kinds that the paper stacks use, with schemas written by hand.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use terrace_core::address::Address;
use terrace_core::hashed::IndexMap;
use terrace_core::source::{Fault, Identity, Is, Node, Vocabulary};

use crate::judge::judge;

/// The kinds of the paper, and a few look-ups.
pub(crate) struct Kinds {
    schemas: BTreeMap<&'static str, Value>,
}

const LOOKUPS: [&str; 4] = ["prefix_list", "image", "kms_key", "sns_topic"];

fn string() -> Value {
    json!({ "type": "string" })
}

fn int() -> Value {
    json!({ "type": "integer" })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// Text that may be known later.
fn late() -> Value {
    json!({ "type": "string", "x-later": true })
}

fn to(kinds: &[&str]) -> Value {
    json!({ "type": "string", "x-ref": kinds })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn map(items: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": items })
}

fn keyed(items: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": items, "x-keyed": true })
}

fn text() -> Value {
    json!({ "anyOf": [late(), { "type": "object" }], "x-text": true })
}

fn table(properties: &[(&str, Value)]) -> Value {
    let mut all = Map::new();
    let mut required = Vec::new();
    for (name, schema) in properties {
        if let Some(name) = name.strip_suffix('!') {
            required.push(name);
            all.insert(name.to_owned(), schema.clone());
        } else {
            all.insert((*name).to_owned(), schema.clone());
        }
    }
    json!({ "type": "object", "properties": all, "required": required, "additionalProperties": false })
}

fn with(mut schema: Value, flag: &str) -> Value {
    schema[flag] = json!(true);
    schema
}

/// An IAM policy, by way of `$ref`, as schemars writes it.
fn policies(schema: Value) -> Value {
    let statement = table(&[
        ("sid", string()),
        ("effect!", string()),
        ("principals", map(&late())),
        ("actions!", list(&string())),
        ("resources", list(&late())),
        ("conditions", map(&map(&late()))),
    ]);
    let statements = table(&[("statements!", list(&json!({ "$ref": "#/$defs/Statement" })))]);
    let policy = json!({ "anyOf": [late(), statements], "x-text": true });
    let mut schema = schema;
    schema["$defs"] = json!({ "Statement": statement, "Policy": policy });
    schema
}

fn policy() -> Value {
    json!({ "$ref": "#/$defs/Policy" })
}

fn rules() -> Value {
    let from = to(&["security_group", "prefix_list"]);
    let from = json!({ "anyOf": [from, list(&from)] });
    with(
        keyed(&table(&[
            ("port", int()),
            ("protocol", string()),
            ("from", from),
        ])),
        "x-late",
    )
}

fn action() -> Value {
    let redirect = table(&[("port", int()), ("protocol", string()), ("status", int())]);
    let respond = table(&[("status", int()), ("body", string())]);
    let action = table(&[
        ("forward", to(&["target_group"])),
        ("redirect", redirect),
        ("respond", respond),
    ]);
    with(action, "x-choice")
}

fn targets() -> Value {
    to(&[
        "eip",
        "load_balancer",
        "distribution",
        "db_instance",
        "instance",
    ])
}

const ROOT: [(&str, &str); 3] = [("size", "int"), ("type", "string"), ("encrypted", "flag")];

fn root_volume() -> Value {
    table(&ROOT.map(|(name, of)| {
        (
            name,
            if of == "int" {
                int()
            } else if of == "flag" {
                flag()
            } else {
                string()
            },
        )
    }))
}

fn network(all: &mut BTreeMap<&'static str, Value>) {
    all.insert("vpc", table(&[("cidr!", string()), ("dns", flag())]));
    all.insert("internet_gateway", table(&[("vpc!", to(&["vpc"]))]));
    let tables = to(&["route_table"]);
    all.insert(
        "subnet",
        table(&[
            ("vpc!", to(&["vpc"])),
            ("cidr!", string()),
            ("zone!", string()),
            ("route_table", with(tables.clone(), "x-late")),
            ("public", flag()),
        ]),
    );
    let target = to(&["internet_gateway", "nat_gateway"]);
    let route = table(&[("destination!", string()), ("target!", target)]);
    all.insert(
        "route_table",
        table(&[("vpc!", to(&["vpc"])), ("routes", keyed(&route))]),
    );
    all.insert(
        "eip",
        table(&[("instance", with(to(&["instance"]), "x-late"))]),
    );
    all.insert(
        "nat_gateway",
        table(&[("subnet!", to(&["subnet"])), ("eip!", to(&["eip"]))]),
    );
    let endpoint = [
        ("vpc!", to(&["vpc"])),
        ("service!", string()),
        ("type", string()),
        ("route_tables", list(&tables)),
    ];
    all.insert("vpc_endpoint", table(&endpoint));
    let group = [
        ("vpc!", to(&["vpc"])),
        ("name", string()),
        ("ingress", rules()),
        ("egress", rules()),
    ];
    all.insert("security_group", table(&group));
    let zone = [
        ("name!", string()),
        ("vpcs", list(&to(&["vpc"]))),
        ("private", flag()),
    ];
    all.insert("hosted_zone", table(&zone));
    let weighted = keyed(&table(&[("target", targets()), ("weight", int())]));
    all.insert(
        "record",
        table(&[
            ("zone!", to(&["hosted_zone"])),
            ("name!", late()),
            ("type", string()),
            ("ttl", string()),
            ("target", targets()),
            ("values", list(&late())),
            ("weighted", weighted),
        ]),
    );
    let certificate = [
        ("domain!", string()),
        ("also", list(&string())),
        ("validation", to(&["hosted_zone"])),
    ];
    all.insert("certificate", table(&certificate));
}

fn machines(all: &mut BTreeMap<&'static str, Value>) {
    let groups = list(&to(&["security_group"]));
    all.insert(
        "instance",
        table(&[
            ("image!", string()),
            ("type!", string()),
            ("subnet!", to(&["subnet"])),
            ("security_groups", groups.clone()),
            ("instance_profile", to(&["instance_profile"])),
            ("key_pair", to(&["key_pair"])),
            ("root_volume", root_volume()),
            ("user_data", text()),
            ("stateless", flag()),
        ]),
    );
    all.insert(
        "launch_template",
        table(&[
            ("image!", string()),
            ("type!", string()),
            ("security_groups", groups.clone()),
            ("instance_profile", to(&["instance_profile"])),
            ("root_volume", root_volume()),
            ("user_data", text()),
        ]),
    );
    let steps = list(&table(&[("from", int()), ("to", int()), ("by", int())]));
    let policy = [
        ("type!", string()),
        ("metric", string()),
        ("target", int()),
        ("adjust", string()),
        ("steps", steps),
        ("warmup", string()),
    ];
    let refresh = table(&[
        ("min_healthy", int()),
        ("max_healthy", int()),
        ("rollback", flag()),
    ]);
    all.insert(
        "autoscaling_group",
        table(&[
            ("launch_template!", to(&["launch_template"])),
            ("subnets!", list(&to(&["subnet"]))),
            ("target_groups", list(&to(&["target_group"]))),
            ("min!", int()),
            ("max!", int()),
            (
                "health_check",
                table(&[("type", string()), ("grace", string())]),
            ),
            ("instance_refresh", refresh),
            ("policies", keyed(&table(&policy))),
        ]),
    );
    all.insert(
        "volume",
        table(&[
            ("instance", to(&["instance"])),
            ("device", string()),
            ("zone!", string()),
            ("size!", int()),
            ("type", string()),
            ("encrypted", flag()),
        ]),
    );
    all.insert("key_pair", table(&[("public_key!", text())]));
    let balancer = [
        ("type", string()),
        ("subnets!", list(&to(&["subnet"]))),
        ("security_groups", groups),
    ];
    all.insert("load_balancer", table(&balancer));
    let matches = table(&[("path", string()), ("host", string())]);
    let rule = table(&[
        ("priority!", int()),
        ("match!", matches),
        ("action!", action()),
    ]);
    all.insert(
        "listener",
        table(&[
            ("load_balancer!", to(&["load_balancer"])),
            ("port!", int()),
            ("protocol!", string()),
            ("certificate", to(&["certificate"])),
            ("rules", keyed(&rule)),
            ("action!", action()),
        ]),
    );
    let check = [
        ("path", string()),
        ("interval", string()),
        ("healthy", int()),
        ("unhealthy", int()),
    ];
    all.insert(
        "target_group",
        table(&[
            ("vpc!", to(&["vpc"])),
            ("port!", int()),
            ("protocol", string()),
            ("deregistration_delay", string()),
            ("health_check", table(&check)),
        ]),
    );
}

fn data(all: &mut BTreeMap<&'static str, Value>) {
    let groups = list(&to(&["security_group"]));
    all.insert(
        "db_subnet_group",
        table(&[("subnets!", list(&to(&["subnet"])))]),
    );
    all.insert(
        "db_parameter_group",
        table(&[("family!", string()), ("parameters", map(&string()))]),
    );
    all.insert(
        "db_instance",
        table(&[
            ("engine", string()),
            ("engine_version", string()),
            ("class!", string()),
            ("storage", int()),
            ("max_storage", int()),
            ("storage_type", string()),
            ("database", string()),
            ("username", string()),
            ("password", to(&["secret"])),
            ("replica_of", to(&["db_instance"])),
            ("subnet_group", to(&["db_subnet_group"])),
            ("parameter_group", to(&["db_parameter_group"])),
            ("security_groups", groups),
            ("backup_retention", string()),
            ("multi_az", flag()),
            ("zone", string()),
        ]),
    );
    all.insert("secret", table(&[("name", string())]));
    all.insert(
        "ssm_parameter",
        table(&[("name!", string()), ("value!", late())]),
    );
    let role = table(&[
        ("trust!", map(&string())),
        ("managed_policies", list(&string())),
        ("policies", keyed(&policy())),
    ]);
    all.insert("iam_role", policies(role));
    all.insert("instance_profile", table(&[("role!", to(&["iam_role"]))]));
    let actions = json!({ "anyOf": [to(&["sns_topic"]), late()] });
    all.insert(
        "alarm",
        table(&[
            ("namespace!", string()),
            ("metric!", string()),
            ("dimensions", map(&late())),
            ("statistic", string()),
            ("above", int()),
            ("below", int()),
            ("period", string()),
            ("periods", int()),
            ("actions", list(&actions)),
        ]),
    );
    let old = table(&[("expire", string())]);
    let lifecycle = keyed(&table(&[("noncurrent", old), ("abort_uploads", string())]));
    let bucket = table(&[
        ("name", string()),
        ("versioning", flag()),
        ("lifecycle", lifecycle),
        ("policy", with(policy(), "x-late")),
    ]);
    all.insert("s3_bucket", policies(bucket));
    all.insert("origin_access_control", table(&[]));
    let origin = table(&[
        ("domain", late()),
        ("protocol", string()),
        ("bucket", to(&["s3_bucket"])),
        ("access_control", to(&["origin_access_control"])),
    ]);
    let behavior = [
        ("path", string()),
        ("origin!", string()),
        ("methods", list(&string())),
        ("cache_policy", string()),
        ("origin_request_policy", string()),
    ];
    all.insert(
        "distribution",
        table(&[
            ("aliases", list(&string())),
            ("certificate", to(&["certificate"])),
            ("price_class", string()),
            ("origins!", keyed(&origin)),
            ("default_behavior!", table(&behavior)),
            ("behaviors", list(&table(&behavior))),
        ]),
    );
}

impl Kinds {
    pub(crate) fn new() -> Self {
        let mut schemas = BTreeMap::new();
        network(&mut schemas);
        machines(&mut schemas);
        data(&mut schemas);
        // For tests of the deserializer: any table will do.
        schemas.insert("thing", json!({ "x-any": true }));
        Self { schemas }
    }
}

impl Vocabulary for Kinds {
    fn kinds(&self) -> Vec<&str> {
        self.schemas.keys().copied().collect()
    }

    fn lookups(&self) -> Vec<&str> {
        LOOKUPS.to_vec()
    }

    fn schema(&self, kind: &str) -> Option<&Value> {
        self.schemas.get(kind)
    }

    fn is_global(&self, kind: &str) -> bool {
        let global = [
            "hosted_zone",
            "record",
            "iam_role",
            "instance_profile",
            "distribution",
            "origin_access_control",
        ];
        global.contains(&kind)
    }

    fn outputs(&self, kind: &str) -> &[&str] {
        match kind {
            "db_instance" | "load_balancer" | "instance" => {
                &["id", "arn", "name", "address", "dns_name"]
            }
            "hosted_zone" => &["id", "name", "name_servers"],
            _ => &["id", "arn", "name"],
        }
    }

    fn check(&self, kind: &str, table: &Node) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(schema) = self.schemas.get(kind) {
            judge(table, schema, schema, &mut faults);
        }
        faults
    }

    fn foretell(
        &self,
        stack: &Identity,
        address: &Address,
        kind: &str,
        table: &Node,
    ) -> IndexMap<String, minijinja::Value> {
        let mut known = IndexMap::default();
        let name = match table.get("name").map(|name| &name.is) {
            Some(Is::String(name)) => name.clone(),
            Some(_) => return known,
            None => format!(
                "{}-{}-{}-0a1b2c",
                stack.stack, stack.environment, address.name
            ),
        };
        if kind == "s3_bucket" {
            known.insert("arn".to_owned(), format!("arn:aws:s3:::{name}").into());
        }
        if !matches!(kind, "instance" | "load_balancer" | "autoscaling_group") {
            known.insert("name".to_owned(), name.into());
        }
        known
    }

    fn physical(&self, kind: &str, table: &Node) -> Vec<String> {
        let name = table.get("name").and_then(Node::as_str).map(str::to_owned);
        name.filter(|_| matches!(kind, "record" | "s3_bucket" | "ssm_parameter" | "secret"))
            .into_iter()
            .collect()
    }
}
