//! The folder in which everything lies that the demonstration makes.

use super::error::DemoError;
use std::{
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

/// A Unix socket's path holds at most 107 bytes; the longest one here is `/replica99/s`.
pub const ROOM_FOR_NAMES: usize = 107 - "/replica99/s".len();

/// A folder that only its owner can enter (the servers' administrators have no password, but sockets inside it).
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// It was not there before, so it goes as a whole.
    made: bool,
}

impl Scratch {
    /// `dir` (new or empty), or a new folder under the system's temporary one.
    pub fn make(dir: Option<&Path>) -> Result<Scratch, DemoError> {
        let path = match dir {
            Some(dir) => std::path::absolute(dir).map_err(DemoError::io(format!("find {}", dir.display())))?,
            None => std::env::temp_dir().join(format!("forebay-demo-{}", std::process::id())),
        };
        if path.as_os_str().as_bytes().len() > ROOM_FOR_NAMES {
            return Err(DemoError::PathTooLong { path });
        }
        let wrong = |path: &Path| DemoError::io(format!("make the folder {}", path.display()));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(wrong(parent))?;
        }
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Scratch { path, made: true }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_some() => Scratch::adopt(path),
            Err(error) => Err(wrong(&path)(error)),
        }
    }

    /// A folder that was there already: only an empty one will do.
    fn adopt(path: PathBuf) -> Result<Scratch, DemoError> {
        let doing = || format!("use the folder {}", path.display());
        if fs::read_dir(&path).map_err(DemoError::io(doing()))?.next().is_some() {
            return Err(DemoError::NotEmpty { path });
        }
        let only_owner = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&path, only_owner).map_err(DemoError::io(doing()))?;
        Ok(Scratch { path, made: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what lies in it, and the folder too unless it was there before.
    pub async fn remove(&self) -> Result<(), DemoError> {
        let mut tries_left = 40;
        loop {
            match self.clear() {
                // Something that was just told to end still made a file: MariaDB's script leaves its server behind it.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && tries_left > 0 => {
                    tries_left -= 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                result => return result.map_err(DemoError::io(format!("remove {}", self.path.display()))),
            }
        }
    }

    fn clear(&self) -> io::Result<()> {
        if self.made {
            return fs::remove_dir_all(&self.path);
        }
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }
}

/// Copies a folder with everything in it; `to` is made.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => fs::copy(entry.path(), &target).map(drop)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_of_its_own_goes_as_a_whole() {
        let around = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(Some(&around.path().join("new"))).unwrap();
        fs::write(scratch.path().join("x"), "x").unwrap();
        scratch.remove().await.unwrap();
        assert!(!scratch.path().exists() && around.path().exists());
    }

    #[tokio::test]
    async fn an_empty_folder_that_was_there_stays() {
        let around = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(Some(around.path())).unwrap();
        fs::create_dir(scratch.path().join("sub")).unwrap();
        fs::write(scratch.path().join("sub/x"), "x").unwrap();
        scratch.remove().await.unwrap();
        assert_eq!(fs::read_dir(around.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused_and_kept() {
        let around = tempfile::tempdir().unwrap();
        fs::write(around.path().join("precious"), "x").unwrap();
        assert!(matches!(Scratch::make(Some(around.path())), Err(DemoError::NotEmpty { .. })));
        assert!(around.path().join("precious").exists());
    }

    #[test]
    fn a_path_too_long_for_sockets_is_refused() {
        let long = PathBuf::from(format!("/tmp/{}", "x".repeat(100)));
        assert!(matches!(Scratch::make(Some(&long)), Err(DemoError::PathTooLong { .. })));
        assert!(!long.exists());
    }
}
