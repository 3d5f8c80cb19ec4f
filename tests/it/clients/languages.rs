//! Drivers of other languages, one or two of each.

use std::{path::Path, process::Command};

use super::{
    script,
    transcript::{Transcript, Way},
};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    paths,
};

both!(
    node_mariadb,
    go_sql_driver,
    java_connector,
    perl_dbd_mariadb,
    perl_dbd_mysql,
    ruby_mysql2,
    rust_sqlx,
    rust_diesel,
);

fn node_mariadb(bed: &Bed) {
    let database = "app_node_mariadb";
    let says = &["[\"connection id\",true]", "[\"pool\",5050]", "[\"and back\",true]"];
    Transcript { database, ways: &[Way::Plain, Way::Both], sessions: true, says }.compare(bed, |to| {
        let mut node = script("node", to, database);
        node.arg(paths::tests("clients/node/mariadb.cjs")).env("NODE_PATH", paths::cache("node/node_modules"));
        node
    });
}

fn go_sql_driver(bed: &Bed) {
    let database = "app_go";
    let says = &["[\"pool\",1275]", "[\"20 MB\",true]", "[\"valid\",true]"];
    Transcript { database, ways: &[Way::Plain, Way::Both], sessions: true, says }
        .compare(bed, |to| script(paths::cache("clients/bin/go-check"), to, database));
}

fn java_connector(bed: &Bed) {
    let database = "app_java";
    let says = &["connection id [true]", "20 MB [true]", "OUT [[8, inü]]"];
    Transcript { database, ways: &[Way::Plain, Way::Both], sessions: true, says }.compare(bed, |to| {
        let (jar, classes) =
            (paths::cache("clients/root/usr/share/java/mariadb-java-client.jar"), paths::cache("clients/java"));
        let mut java = script("java", to, database);
        java.args(["-XX:TieredStopAtLevel=1", "-cp"]).arg(format!("{}:{}", jar.display(), classes.display()));
        java.arg("Check");
        java
    });
}

fn perl_dbd_mariadb(bed: &Bed) {
    perl(bed, "MariaDB", "app_perl_mariadb");
}

fn perl_dbd_mysql(bed: &Bed) {
    perl(bed, "mysql", "app_perl_mysql");
}

fn perl(bed: &Bed, driver: &str, database: &'static str) {
    let says = &["connection id 1", "20 MB 0 1\n20 MB 1 1\n", "after all [[@@autocommit, id], [[1, 2]]]"];
    let ways = &[Way::Plain, Way::Compressed];
    Transcript { database, ways, sessions: false, says }.compare(bed, |to| {
        let mut perl = interpreter("perl", to, database, &paths::tests("clients/perl/check.pl"));
        perl.arg(driver);
        perl
    });
}

fn ruby_mysql2(bed: &Bed) {
    let database = "app_ruby";
    let says = &["connection id true", "20 MB [true]"];
    Transcript { database, ways: &[Way::Plain, Way::Both], sessions: false, says }
        .compare(bed, |to| interpreter("ruby", to, database, &paths::tests("clients/ruby/check.rb")));
}

fn interpreter(name: &str, to: &Endpoint, database: &str, check: &Path) -> Command {
    let mut command = script(paths::cache("clients/bin").join(name), to, database);
    command.arg(check);
    command
}

fn rust_sqlx(bed: &Bed) {
    rust(bed, "sqlx", "app_sqlx", &[Way::Plain, Way::Tls], &["pool 1830", "20 MB true"]);
}

fn rust_diesel(bed: &Bed) {
    rust(bed, "diesel", "app_diesel", &[Way::Plain], &["streamed 405450", "Err(RollbackTransaction) Ok(30)"]);
}

fn rust(bed: &Bed, library: &str, database: &'static str, ways: &[Way], says: &[&str]) {
    Transcript { database, ways, sessions: false, says }.compare(bed, |to| {
        let mut check = script(paths::cache("rust/clients"), to, database);
        check.arg(library);
        check
    });
}
