//! What is wanted of an instance, and what a difference means.

use terrace_core::fields::Verdict;
use terrace_core::kind::Impact;
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::reference::Reference;
use terrace_core::said::Said;

use super::{InstanceLive, InstanceSpec, NONE, UserDataChange, fingerprint};
use crate::images::architecture;

pub(super) fn want_groups(want: &InstanceSpec, known: &Known) -> Said {
    match want.security_groups.as_slice() {
        [] => Said::Nothing,
        groups => known.ids(groups),
    }
}

pub(super) fn want_user_data(want: &InstanceSpec, _known: &Known) -> Said {
    Said::or_none(want.user_data.as_ref().map(|text| match text {
        Late::Known(text) => Said::of(fingerprint(text.as_str())),
        later @ Late::Later(_) => later.said(),
    }))
}

pub(super) fn have_user_data(have: &InstanceLive) -> Said {
    let known = have.told.user_data.as_ref();
    Said::or_none(known.filter(|told| *told != NONE).map(Said::of))
}

pub(super) fn type_verdict(want: &InstanceSpec, have: &InstanceLive) -> Verdict {
    let now = if have.architecture.starts_with("arm64") {
        "arm64"
    } else {
        "x86_64"
    };
    let then = architecture(&want.r#type);
    if then != now {
        return Verdict::Refuse(format!(
            "{} is {then}, and what is installed is {now}; raise `generation`, which replaces it",
            want.r#type
        ));
    }
    Verdict::Update(if have.runs() {
        Impact::Outage
    } else {
        Impact::None
    })
}

pub(super) fn profile_verdict(want: &InstanceSpec, have: &InstanceLive) -> Verdict {
    // A profile may be named by its name alone.
    if let (Some(profile), Some(arn)) = (&want.instance_profile, &have.instance_profile)
        && let Reference::Literal(name) = profile.names()
        && arn.rsplit('/').next() == Some(name)
    {
        return Verdict::Same;
    }
    Verdict::Update(Impact::None)
}

pub(super) fn root_verdict(want: &InstanceSpec, have: &InstanceLive) -> Verdict {
    let shape = want.root_volume.shape();
    match want.root_volume.encrypted == have.root.encrypted {
        false => Verdict::Replace,
        true if shape.fits(&have.root) => Verdict::Same,
        true => shape.verdict(&have.root),
    }
}

pub(super) fn user_data_verdict(want: &InstanceSpec, have: &InstanceLive) -> Verdict {
    match (&have.told.user_data, want.user_data_change) {
        // Imported: nobody knows what it was told.
        (None, _) => Verdict::Same,
        (_, None) => Verdict::Next(
            "takes effect at the next replacement; raise `generation` to replace it now",
        ),
        (_, Some(UserDataChange::Restart)) => Verdict::Update(Impact::Outage),
        (_, Some(UserDataChange::Replace)) => Verdict::Replace,
    }
}
