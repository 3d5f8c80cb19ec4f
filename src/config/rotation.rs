//! Files that Forebay writes: `file`, `max_bytes` and `max_files` of a section.

use super::{
    form::{self, Form},
    secret::beside,
    section::{At, Section},
    serving::set,
};
use crate::telemetry::Rotation;

const MAX_BYTES: u64 = 100 << 20;
const MAX_FILES: usize = 5;

const FILES: Form<usize> = Form {
    what: "a number up to 1000",
    examples: "a whole number",
    parse: |text| (form::NUMBER.parse)(text).filter(|number| *number <= 1000),
};

/// Reads them; `None`: there is no such file. Paths are relative to the configuration's folder.
pub fn rotation(section: &Section<'_>) -> Option<At<Rotation>> {
    let file = section.get_at("file", &form::FILE);
    let (mut max_bytes, mut max_files) = (Some(MAX_BYTES), MAX_FILES);
    set(&mut max_bytes, section.get("max_bytes", &form::SIZE_OR_OFF));
    set(&mut max_files, section.get("max_files", &FILES));
    let At { value: file, at } = file?;
    let path = beside(section.findings().file(), &file);
    if !path.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir()) {
        let (key, shown) = (section.path_of("file"), path.display());
        let text = format!("`{key}`: the folder of {shown} does not exist (yet): Forebay does not make it");
        section.findings().warning(Some(at), text);
    }
    Some(At { value: Rotation { path, max_bytes, max_files }, at })
}
