//! The form of rule files, for editors.

use super::RuleFile;

impl RuleFile {
    /// The JSON Schema (draft 2020-12) of a rule file, made from what it is read into; indented, with a line's end.
    pub fn schema() -> String {
        format!("{:#}\n", schemars::schema_for!(RuleFile).as_value())
    }
}
