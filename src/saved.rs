//! A saved plan: read to the end of what one can be, and no further.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;

/// Bytes of a saved plan. That of 10,000 resources has 8 MB.
const LARGEST: u64 = 32 << 20;

/// Reads one, from a file or a pipe.
pub(crate) fn read(path: &Path) -> Result<Value, Failure> {
    let wrong = |why: String| Failure::new(format!("cannot read {}: {why}", path.display()));
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        let why = format!("a saved plan has {} MB at most", LARGEST >> 20);
        return Err(wrong(why).hint("`terrace plan --out FILE` writes one"));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        wrong(format!("it is no saved plan: {error}")).hint("`terrace plan --out FILE` writes one")
    })
}
