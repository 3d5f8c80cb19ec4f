//! A file that grows up to a size and then gives way to a new one.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Where it is written.
    pub path: PathBuf,
    /// The file gives way to a new one before it is longer than this; `None`: never.
    pub max_bytes: Option<u64>,
    /// So many of those that gave way are kept.
    pub max_files: usize,
}

/// The file. `name.1` is the one before it, `name.2` the one before that.
#[derive(Debug)]
pub struct Rotated {
    to: Rotation,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl Rotated {
    /// Not open yet.
    pub fn new(to: &Rotation) -> Rotated {
        Rotated { to: to.clone(), open: None }
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.to.path
    }

    /// The next write opens what is there under this name by then.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Opens it, if it is not.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn open(&mut self) -> io::Result<()> {
        self.opened().map(drop)
    }

    /// Writes all of an entry, or nothing of it where the file system allows.
    ///
    /// # Errors
    /// The file can't be opened, written, or made to give way. The next write tries everything again.
    pub fn write(&mut self, entry: &[u8]) -> io::Result<()> {
        let (max_bytes, length) = (self.to.max_bytes, entry.len() as u64);
        let open = self.opened()?;
        if max_bytes.is_some_and(|most| open.bytes > 0 && open.bytes.saturating_add(length) > most) {
            self.give_way()?;
        }
        let open = self.opened()?;
        if let Err(error) = open.file.write_all(entry) {
            // What was written of it would spoil the next one. Where that can't be undone, it does.
            let _ = open.file.set_len(open.bytes);
            self.close();
            return Err(error);
        }
        open.bytes = open.bytes.saturating_add(length);
        Ok(())
    }

    fn opened(&mut self) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                // It is not for everybody's eyes.
                let file = OpenOptions::new().append(true).create(true).mode(0o640).open(&self.to.path)?;
                let bytes = file.metadata()?.len();
                Open { file, bytes }
            }
        };
        Ok(self.open.insert(open))
    }

    fn give_way(&mut self) -> io::Result<()> {
        self.close();
        if self.to.max_files == 0 {
            return fs::remove_file(&self.to.path);
        }
        for number in (1..self.to.max_files).rev() {
            match fs::rename(self.older(number), self.older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.to.path, self.older(1))
    }

    fn older(&self, number: usize) -> PathBuf {
        let mut name = OsString::from(&self.to.path);
        name.push(format!(".{number}"));
        name.into()
    }
}
