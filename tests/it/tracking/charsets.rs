//! Character sets and collations, which are reported in part.

use super::pair::Pair;
use crate::support::bed::{Bed, both};

both!(names, character_set, collation_alone, results_null, after_errors, in_procedures);

const SEEN: &str = "
    > replica
    SELECT COLLATION('x'), CHARSET('x'), COLLATION(CONCAT('x', 1)), 'ä\u{20ac}', HEX('ä'), LENGTH('ä')
    SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection
    SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection /* forebay: replica */
    SELECT 'a' = 'A', 'a' = 'ä', _latin1 x'E4' x
";

fn names(bed: &Bed) {
    let mut pair = Pair::new(bed, "names");
    for set in [
        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
        "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'",
        "SET NAMES utf8mb4",
        "SET NAMES latin1 COLLATE latin1_german2_ci",
        "SET NAMES latin1",
        "SET NAMES DEFAULT",
        "SET NAMES utf8mb4 COLLATE utf8mb4_spanish_ci, group_concat_max_len = 1000",
        "SET time_zone = '+01:00', NAMES utf8mb4 COLLATE utf8mb4_czech_ci",
        "SET NAMES binary",
        "SET NAMES utf8mb3",
    ] {
        pair.query(set);
        pair = pair.run(SEEN);
    }
    pair.end();
}

fn character_set(bed: &Bed) {
    let mut pair = Pair::new(bed, "chset");
    for set in [
        "SET CHARACTER SET latin1",
        "SET CHARACTER SET utf8mb4",
        "SET CHARSET DEFAULT",
        "SET character_set_connection = latin2",
        "SET character_set_client = latin1",
        "SET character_set_results = latin1",
        "SET @@session.character_set_connection = 'utf8mb4'",
        "SET NAMES utf8mb4",
    ] {
        pair.query(set);
        pair = pair.run(SEEN);
    }
    pair.end();
}

fn collation_alone(bed: &Bed) {
    let mut pair = Pair::new(bed, "coll").run(SEEN);
    for set in [
        "SET collation_connection = utf8mb4_bin",
        "SET collation_connection = latin1_swedish_ci",
        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
        "SET collation_connection = utf8mb4_polish_ci",
        "SET NAMES utf8mb4, collation_connection = utf8mb4_roman_ci",
        "SET collation_connection = DEFAULT",
        "SET collation_connection = nonsense",
    ] {
        pair.query(set);
        pair = pair.run(SEEN);
    }
    pair.end();
}

fn results_null(bed: &Bed) {
    Pair::new(bed, "null")
        .run("SET character_set_results = NULL")
        .run(SEEN)
        .run("SELECT _latin1 x'E4', _utf8mb4 x'C3A4', CONVERT('ä' USING latin1)")
        .run("SET character_set_results = 'utf8mb4'")
        .run(SEEN)
        .end();
}

fn after_errors(bed: &Bed) {
    Pair::new(bed, "cherr")
        .run("SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci; SELECT nonsense")
        .run(SEEN)
        .run("SET NAMES utf8mb4 COLLATE latin1_bin")
        .run(SEEN)
        .run("SET NAMES utf8mb4 COLLATE utf8mb4_bin; SELECT 1; SET NAMES latin1")
        .run(SEEN)
        .end();
}

fn in_procedures(bed: &Bed) {
    Pair::new(bed, "chproc")
        .run("CREATE PROCEDURE p() SET NAMES utf8mb4 COLLATE utf8mb4_bin")
        .run("CREATE PROCEDURE q() BEGIN SET collation_connection = utf8mb4_polish_ci; SELECT 1; END")
        .run("CALL p()")
        .run(&SEEN.replace("> replica", ""))
        .run("CALL q()")
        .run(&SEEN.replace("> replica", ""))
        .end();
}
