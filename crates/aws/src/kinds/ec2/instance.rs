//! PLACEHOLDER: a colleague is writing it.

use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{About, Class, Create, Kind, Leave, Live, LiveRef, Outputs, Ready, Swap};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};

/// Placeholder.
pub struct Instance;
/// Placeholder.
#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Spec {}
/// Placeholder.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Facts {}
impl Live for Facts {
    fn id(&self) -> &str {
        ""
    }
    fn outputs(&self) -> Outputs {
        Outputs::new()
    }
}
impl Kind for Instance {
    const NAME: &'static str = "instance";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst);
    type Cx = crate::client::Aws;
    type Spec = Spec;
    type Live = Facts;
    fn fields() -> Fields<Self> {
        Fields::new()
    }
    fn uses(_: &Facts) -> Vec<LiveRef> {
        Vec::new()
    }
    fn ready(_: &Facts) -> Ready {
        Ready::Ready
    }
    async fn discover(_: &Self::Cx, _: &Look, _: &Seen) -> Result<Vec<Found<Facts>>> {
        Ok(Vec::new())
    }
    async fn create(_: &Self::Cx, _: &Spec, _: &Known, _: &Mark) -> Result<Facts> {
        Ok(Facts {})
    }
    async fn update(_: &Self::Cx, _: &Spec, _: &Facts, _: &Known, _: &Part<'_>) -> Result<Facts> {
        Ok(Facts {})
    }
    async fn delete(_: &Self::Cx, _: &Facts, _: &Leave) -> Result<()> {
        Ok(())
    }
    async fn tag(_: &Self::Cx, _: &Facts, _: &Tags, _: &[String]) -> Result<()> {
        Ok(())
    }
}
