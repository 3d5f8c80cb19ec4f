//! `forebay import`: another proxy's configuration → one of Forebay's, with a comment wherever there is no equal.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

mod chains;
mod columns;
mod config;
mod libconfig;
mod model;
mod patterns;
mod rules;
mod sql;
#[cfg(test)]
mod tests;
mod write;

use model::Model;

/// What is asked.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Whose configuration it is
    from: From,
    /// ProxySQL's admin SQL, or its .cnf
    file: PathBuf,
    /// Write config.yaml and rules/10-proxysql.yaml into this folder, in place of printing them
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Overwrite what is there
    #[arg(long, requires = "to")]
    force: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum From {
    /// `ProxySQL`
    Proxysql,
}

/// A row of one of `ProxySQL`'s tables, or the like from its .cnf.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    table: String,
    line: usize,
    /// Without those that are NULL.
    cells: BTreeMap<String, String>,
}

/// Why a file can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Broken {
    line: usize,
    what: String,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
struct Imported {
    config: String,
    rules: String,
    /// Things without an equal.
    without_equal: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

/// Reads the file, and writes or prints what it is for Forebay.
pub fn run(options: &Options) -> ExitCode {
    let From::Proxysql = options.from;
    let done = read(&options.file).and_then(|imported| match &options.to {
        Some(folder) => save(&imported, folder, options.force),
        None => print(&imported).map_err(|error| error.to_string()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("forebay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read(file: &Path) -> Result<Imported, String> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    import(&text).map_err(|broken| format!("{name}:{broken}"))
}

/// The whole way, from text to text.
fn import(text: &str) -> Result<Imported, Broken> {
    let rows = if sql::is_sql(text) { sql::read(text)? } else { libconfig::read(text)? };
    columns::check(&rows)?;
    let model = Model::of(&rows);
    let (mut config, mut rules) = (config::written(&model), rules::written(&model));
    let without_equal = config.without_equal() + rules.without_equal();
    Ok(Imported { config: config.take(), rules: rules.take(), without_equal })
}

fn save(imported: &Imported, folder: &Path, force: bool) -> Result<(), String> {
    let files = [("config.yaml", &imported.config), ("rules/10-proxysql.yaml", &imported.rules)];
    let files = files.map(|(name, text)| (folder.join(name), text));
    if let Some((there, _)) = files.iter().find(|(path, _)| path.exists() && !force) {
        return Err(format!("{} is there already: choose another folder, or say --force", there.display()));
    }
    let fail = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let rules = folder.join("rules");
    fs::create_dir_all(&rules).map_err(|error| fail(&rules, error))?;
    for (path, text) in &files {
        put(path, text).map_err(|error| fail(path, error))?;
    }
    let config = files[0].0.display();
    eprintln!(
        "{} things have no equal: look for `no equal` in the files. Then: forebay check --config {config}",
        imported.without_equal
    );
    Ok(())
}

/// There are passwords in it: nobody else needs to read it.
fn put(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn print(imported: &Imported) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "# ---- config.yaml\n{}\n# ---- rules/10-proxysql.yaml\n{}", imported.config, imported.rules)
}
