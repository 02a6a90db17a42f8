//! The list of kinds. A kind is one file, one word here, and one example.

use std::sync::Arc;

use terrace_core::erased::{AnyHand, AnyKind, Hand, Of};

use crate::client::Aws;

/// Declares the modules and both halves of the list: `service { kind kind ... }`. The order is that of
/// the documentation.
macro_rules! kinds {
    ($($service:ident { $($kind:ident $type:ident),+ $(,)? })+) => {
        $(
            pub mod $service {
                $(pub mod $kind;)+
                pub(crate) mod shared;
            }
        )+

        /// Every kind, as judgement sees it.
        pub static KINDS: &[&dyn AnyKind] = {
            $($(static $type: Of<$service::$kind::$type> = Of::new();)+)+
            &[$($(&$type),+),+]
        };

        /// A hand for every kind, working by way of `cx`.
        pub fn hands(cx: &Arc<Aws>) -> Vec<Arc<dyn AnyHand>> {
            vec![$($(Arc::new(Hand::<$service::$kind::$type>::new(Arc::clone(cx))) as Arc<dyn AnyHand>),+),+]
        }
    };
}

kinds! {
    ec2 { vpc Vpc, subnet Subnet }
}
