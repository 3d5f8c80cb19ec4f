//! Where things lie.

use std::path::PathBuf;

/// The repository.
pub fn repo() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `tests/`.
pub fn tests(path: &str) -> PathBuf {
    repo().join("tests").join(path)
}

/// A script of `tests/provision/`.
pub fn provision(script: &str) -> PathBuf {
    tests("provision").join(script)
}

/// Something that `tests/provision/all.sh` has brought.
pub fn cache(path: &str) -> PathBuf {
    let cache = std::env::var_os("FOREBAY_TEST_CACHE").map_or_else(|| repo().join("target/provision"), PathBuf::from);
    let path = cache.join(path);
    assert!(path.exists(), "{} is missing: run tests/provision/all.sh", path.display());
    path
}

/// A new folder with a short path (sockets lie there), removed when the run ends.
pub fn scratch(name: &str) -> PathBuf {
    let dir = tempfile::Builder::new().prefix("fb-").tempdir().unwrap().keep().join(name);
    std::fs::create_dir_all(&dir).unwrap();
    super::guard::folder(dir.parent().unwrap());
    dir
}
