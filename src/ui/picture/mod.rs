//! Pictures of an architecture, as a person would draw it, and of a ladder.
//!
//! In this order: [`cast`] reads the resources and their parts, [`scene`] says what stands where and leads to whom,
//! [`place`] puts it on a page, [`route`] leads the arrows, [`draw`] writes SVG.

pub(crate) mod area;
pub(crate) mod cast;
pub(crate) mod climb;
pub(crate) mod draw;
pub(crate) mod ground;
pub(crate) mod icon;
mod label;
pub(crate) mod ladder;
mod legend;
pub(crate) mod place;
pub(crate) mod route;
pub(crate) mod scene;
pub(crate) mod text;
pub(crate) mod ways;

use terrace_core::source::Stack;

/// The architecture of a stack as a picture.
pub(crate) fn architecture(stack: &Stack) -> String {
    let scene = scene::Scene::of(stack);
    draw::svg(&scene, &place::place(&scene))
}
