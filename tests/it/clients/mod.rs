//! Real clients, each run on a direct connection and through Forebay. Both runs must print the same.

pub mod command_lines;
mod compression;
pub mod drivers;
mod dump;
mod interrupt;
mod languages;
pub mod laravel;
mod mydumper;
pub mod mysql_async;
mod python;
mod slap;
mod sysbench;
mod table;
mod transcript;
mod web;

use std::{ffi::OsStr, process::Command};

use crate::support::{
    bed::Bed,
    cluster::Kind,
    endpoint::Endpoint,
    paths,
    process::{self, Run},
};

/// A program with the environment that the scripts under tests/clients read.
pub fn script(program: impl AsRef<OsStr>, to: &Endpoint, database: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("DB_HOST", Endpoint::HOST)
        .env("DB_PORT", to.port.to_string())
        .env("DB_DATABASE", database)
        .env("DB_USERNAME", "app")
        .env("DB_PASSWORD", "secret")
        .env("CLIENT_FILES", paths::tests("clients"));
    command
}

/// The command-line client of a kind, as the tests' user.
pub(crate) fn command_line(kind: Kind, to: &Endpoint) -> Command {
    program(kind, kind.pick("mariadb", "mysql"), to)
}

/// A program of a kind's own (MySQL's come from the tree), with the options to log in.
fn program(kind: Kind, name: &str, to: &Endpoint) -> Command {
    let mut command = bare_program(kind, name, to);
    command.arg("--default-character-set=utf8mb4");
    command
}

/// The same for one that knows no character sets.
fn bare_program(kind: Kind, name: &str, to: &Endpoint) -> Command {
    let mut command = match kind {
        Kind::MariaDb => Command::new(name),
        Kind::MySql => Command::new(paths::cache("mysql/bin").join(name)),
    };
    command.args(["--no-defaults", "--user=app", "--password=secret"]);
    match &to.socket {
        Some(path) => command.arg(format!("--socket={}", path.display())),
        None => command.args(["--protocol=tcp", "--host=127.0.0.1"]).arg(format!("--port={}", to.port)),
    };
    command
}

/// Runs a client direct and through Forebay, each with the database made anew, and compares what they print.
/// Returns what the direct one printed.
fn same_twice(bed: &Bed, database: &str, run: impl Fn(&Endpoint) -> String) -> String {
    same_on(bed, [bed.direct(), bed.forebay()], database, run)
}

/// The same for a client with several sessions, each of which counts on seeing what the others wrote.
fn same_twice_for_sessions(bed: &Bed, database: &str, run: impl Fn(&Endpoint) -> String) -> String {
    same_on(bed, [bed.direct(), bed.global_forebay()], database, run)
}

/// The same at two endpoints of the caller's.
pub fn same_on(bed: &Bed, endpoints: [Endpoint; 2], database: &str, run: impl Fn(&Endpoint) -> String) -> String {
    let outputs = endpoints.map(|endpoint| {
        bed.cluster.fresh_database(database);
        run(&endpoint)
    });
    assert_same(&outputs);
    let [direct, _] = outputs;
    direct
}

/// Fails with the first lines that differ.
fn assert_same([direct, forebay]: &[String; 2]) {
    let mut lines = direct.lines().zip(forebay.lines()).enumerate();
    if let Some((i, (direct, forebay))) = lines.find(|(_, (direct, forebay))| direct != forebay) {
        panic!("line {} differs\ndirect:  {direct}\nforebay: {forebay}", i + 1);
    }
    assert_eq!(direct.lines().count(), forebay.lines().count(), "one has more lines:\n{direct}\n--\n{forebay}");
}

/// Standard output and, behind it, standard error without the lines that every run has.
fn both_outputs(run: &Run) -> String {
    let warnings = run.err.lines().filter(|line| !line.contains("Using a password on the command line"));
    format!("{}{}\nsuccess: {}", run.out, warnings.collect::<Vec<_>>().join("\n"), run.success)
}

/// How long a run took is nobody's promise.
fn without_times(text: &str) -> String {
    text.lines().filter(|line| !line.contains("sec)")).collect::<Vec<_>>().join("\n")
}

pub fn run(command: &mut Command) -> Run {
    process::run(command)
}
