//! Python's drivers and what stands on them.

use std::process::Command;

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
    mysqlclient,
    connector_c,
    connector_pure,
    mariadb_connector,
    aiomysql,
    asyncmy,
    sqlalchemy_pymysql,
    sqlalchemy_mysqlclient,
    sqlalchemy_connector,
    django_mysqlclient,
    django_pymysql,
);

const DRIVER: &[&str] = &["[\"connection id\", true]", "[\"20 MB\", [true"];

fn mysqlclient(bed: &Bed) {
    check(bed, "dbapi.py mysqlclient", "app_mysqlclient", &[Way::Plain, Way::Both], DRIVER);
}

fn connector_c(bed: &Bed) {
    check(bed, "dbapi.py connector-c", "app_connector_c", &[Way::Plain, Way::Both], DRIVER);
}

fn connector_pure(bed: &Bed) {
    check(bed, "dbapi.py connector-pure", "app_connector_pure", &[Way::Plain, Way::Tls], DRIVER);
}

fn mariadb_connector(bed: &Bed) {
    check(bed, "dbapi.py mariadb", "app_mariadb_connector", &[Way::Plain, Way::Both], DRIVER);
}

fn aiomysql(bed: &Bed) {
    check(
        bed,
        "asynchronous.py aiomysql",
        "app_aiomysql",
        &[Way::Plain, Way::Tls],
        &["[\"pool\", 5050]", "[\"20 MB\", true]"],
    );
}

fn asyncmy(bed: &Bed) {
    check(
        bed,
        "asynchronous.py asyncmy",
        "app_asyncmy",
        &[Way::Plain, Way::Tls],
        &["[\"pool\", 5050]", "[\"20 MB\", true]"],
    );
}

fn sqlalchemy_pymysql(bed: &Bed) {
    check(bed, "alchemy.py pymysql", "app_alchemy_pymysql", &[Way::Plain], ALCHEMY);
}

fn sqlalchemy_mysqlclient(bed: &Bed) {
    check(bed, "alchemy.py mysqldb", "app_alchemy_mysqldb", &[Way::Tls], ALCHEMY);
}

fn sqlalchemy_connector(bed: &Bed) {
    check(bed, "alchemy.py mysqlconnector", "app_alchemy_connector", &[Way::Plain, Way::Tls], ALCHEMY);
}

const ALCHEMY: &[&str] = &["[\"stale\", \"StaleDataError\"", "[\"two phases\", 77]", "[\"none of them\", 2]"];

fn django_mysqlclient(bed: &Bed) {
    check(bed, "django_orm.py mysqlclient", "app_django_mysqlclient", &[Way::Plain, Way::Tls], DJANGO);
}

fn django_pymysql(bed: &Bed) {
    check(bed, "django_orm.py pymysql", "app_django_pymysql", &[Way::Plain], DJANGO);
}

const DJANGO: &[&str] = &["[\"unique\", \"IntegrityError\"", "[\"not deleted\", 202]", "[\"again\", true]"];

fn check(bed: &Bed, check: &str, database: &'static str, ways: &[Way], says: &[&str]) {
    let (file, driver) = check.split_once(' ').unwrap();
    let python = |to: &Endpoint| -> Command {
        let mut python = script(paths::cache("python/bin/python"), to, database);
        python.arg(paths::tests("clients/python").join(file)).arg(driver);
        python
    };
    Transcript { database, ways, sessions: true, says }.compare(bed, python);
}
