//! The command lines with every way to compress: what they print, and what the session's status says of it.

use std::{fmt::Write as _, fs::File};

use super::{both_outputs, command_line, run, same_twice};
use crate::support::{
    bed::{Bed, both, direct_only},
    cluster::Kind,
    forebay::{Forebay, Settings},
    paths,
    process::run_with_input,
};

both!(every_way_to_compress);

const STATUS: &str = "SHOW STATUS LIKE 'Compression%'";

fn ways(kind: Kind) -> Vec<Vec<&'static str>> {
    kind.pick(
        vec![vec![], vec!["--compress"], vec!["--compress", "--skip-ssl"]],
        vec![
            vec![],
            vec!["--compress"],
            vec!["--compression-algorithms=zlib"],
            vec!["--compression-algorithms=zstd"],
            vec!["--compression-algorithms=zstd", "--ssl-mode=DISABLED", "--get-server-public-key"],
            vec!["--compression-algorithms=zstd", "--zstd-compression-level=22"],
            vec!["--compression-algorithms=zstd,zlib", "--zstd-compression-level=1"],
            vec!["--compression-algorithms=zstd,uncompressed"],
        ],
    )
}

fn every_way_to_compress(bed: &Bed) {
    const DATABASE: &str = "app_cli_compression";
    let script = paths::scratch("compression").join("script.sql");
    std::fs::write(&script, script_text()).unwrap();
    for way in ways(bed.kind) {
        let said = same_twice(bed, DATABASE, |to| {
            let mut client = command_line(bed.kind, to);
            client.args(&way).args(["--force", "--max-allowed-packet=64M", DATABASE]);
            both_outputs(&run_with_input(&mut client, Some(File::open(&script).unwrap())))
        });
        let compressed = way.iter().any(|option| option.contains("compress"));
        let status = format!("Compression\t{}\n", if compressed { "ON" } else { "OFF" });
        assert!(said.contains(&status) && said.contains("20000000"), "{way:?}: {said:.2000}");
    }
}

/// Short and long statements and results, some that shrink and some that do not, one in more than one packet each way.
fn script_text() -> String {
    let mut text = format!("{STATUS};\nCREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s LONGTEXT);\n");
    for n in 0..200 {
        writeln!(text, "INSERT INTO t (s) VALUES (SHA2('{n}', 512)), ('{}');", "long ".repeat(n * 10)).unwrap();
    }
    text +=
        "SELECT * FROM t;\nSELECT nope;\nSELECT id FROM t a JOIN (SELECT 1 UNION SELECT 2) b ORDER BY 1 LIMIT 300;\n";
    writeln!(text, "SELECT LENGTH('{}');", "x".repeat(20_000_000)).unwrap();
    text + "SELECT MD5(REPEAT('y', 20000000)), REPEAT('y', 20000000);\n" + STATUS + ";\n"
}

/// Forebay compresses by itself: what it offers is its configuration's, not the servers'.
#[test]
fn only_what_is_configured_is_offered() {
    if direct_only() {
        return;
    }
    let bed = Bed::of(Kind::MySql);
    let cases = [
        ("[]", "zstd", None),
        ("[]", "zlib", None),
        ("[]", "zlib,zstd,uncompressed", Some("OFF")),
        ("zlib", "zstd", None),
        ("zlib", "zlib,zstd", Some("ON\nCompression_algorithm\tzlib")),
        ("zstd", "zlib,zstd", Some("ON\nCompression_algorithm\tzstd")),
    ];
    for offered in ["[]", "zlib", "zstd"] {
        let more = format!("compression: {offered}\n");
        let forebay = Forebay::start(bed.cluster, &Settings { more, ..Settings::default() });
        forebay.wait_until_serving();
        for (_, asked, expected) in cases.iter().filter(|(of, ..)| *of == offered) {
            let mut client = command_line(bed.kind, &forebay.endpoint);
            client.arg(format!("--compression-algorithms={asked}")).args(["--execute", STATUS]);
            let said = both_outputs(&run(&mut client));
            match expected {
                Some(status) => assert!(said.contains(&format!("Compression\t{status}")), "{offered} {asked}: {said}"),
                None => assert!(said.contains("ERROR 2066"), "{offered} {asked}: {said}"),
            }
        }
        forebay.assert_sound();
    }
}
