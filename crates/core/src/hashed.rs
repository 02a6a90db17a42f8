//! Maps and sets by a quick hash. Their keys are names out of the user's own files, so that nobody gains by keys
//! that collide; and a stack is rendered for every environment at every stage, so that much is looked up.

use foldhash::fast::RandomState;

/// As the standard one; made by `default()`.
pub type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;

/// As the standard one; made by `default()`.
pub type HashSet<K> = std::collections::HashSet<K, RandomState>;

/// A map in the order in which its keys came; made by `default()`.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, RandomState>;
