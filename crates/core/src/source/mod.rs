//! stub
use crate::address::Address;
use crate::kind::Loss;
use indexmap::IndexMap;
/// a
pub const LATE: &str = "terrace::Late";
/// a
pub const REF: &str = "terrace::Ref";
/// a
#[derive(Clone, Debug, Default)]
pub struct Span {
    /** a */
    pub from: u32,
    /** a */
    pub to: u32,
}
/// a
#[derive(Clone, Debug)]
pub struct Node(pub serde_json::Value);
/// a
#[derive(Clone, Debug)]
pub struct Fault(pub String);
/// a
pub fn spec<T: serde::de::DeserializeOwned>(node: &Node) -> Result<T, Vec<Fault>> {
    serde_json::from_value(node.0.clone()).map_err(|e| vec![Fault(e.to_string())])
}
/// a
#[derive(Clone, Debug)]
pub struct Edge {
    /** a */
    pub to: Address,
    /** a */
    pub field: String,
    /** a */
    pub at: Span,
}
/// a
#[derive(Clone, Debug, Default)]
pub struct Common {
    /** a */
    pub after: Vec<Address>,
    /** a */
    pub region: Option<String>,
    /** a */
    pub protect: Option<bool>,
    /** a */
    pub tags: IndexMap<String, String>,
    /** a */
    pub ignore: Vec<String>,
    /** a */
    pub allow: Vec<Loss>,
    /** a */
    pub confirm: Option<String>,
    /** a */
    pub generation: u32,
    /** a */
    pub was: Option<Address>,
}
/// a
#[derive(Clone, Debug)]
pub struct Resource {
    /** a */
    pub address: Address,
    /** a */
    pub kind: String,
    /** a */
    pub at: Span,
    /** a */
    pub stage: String,
    /** a */
    pub table: Node,
    /** a */
    pub needs: Vec<Edge>,
    /** a */
    pub common: Common,
    /** a */
    pub said: IndexMap<String, (String, Span)>,
}
impl Resource {
    /// a
    pub fn table(
        &self,
        _: &dyn Fn(&Address, &str) -> Option<minijinja::Value>,
    ) -> Result<Node, Vec<Fault>> {
        Ok(self.table.clone())
    }
}
/// a
#[derive(Clone, Debug)]
pub struct Removal {
    /** a */
    pub address: Address,
    /** a */
    pub allow: Vec<Loss>,
    /** a */
    pub stage: String,
    /** a */
    pub at: Span,
}
/// a
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /** a */
    pub name: String,
    /** a */
    pub account: Option<String>,
    /** a */
    pub region: String,
    /** a */
    pub environment: String,
    /** a */
    pub stage: String,
    /** a */
    pub ephemeral: bool,
    /** a */
    pub tags: IndexMap<String, String>,
    /** a */
    pub resources: IndexMap<Address, Resource>,
    /** a */
    pub above: IndexMap<Address, String>,
    /** a */
    pub removals: Vec<Removal>,
}
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
