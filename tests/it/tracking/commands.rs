//! Commands that change the session, and the schema.

use super::pair::Pair;
use crate::support::bed::{Bed, both};

both!(schemas, schema_dropped, reset, change_user, set_option);

fn schemas(bed: &Bed) {
    Pair::new(bed, "use")
        .run(
            "
            CREATE TABLE t (id INT)
            INSERT INTO t VALUES (5)
            SELECT DATABASE(), (SELECT id FROM t)
            USE information_schema
            SELECT DATABASE()
            SELECT COUNT(*) > 0 FROM schemata
            USE {db}
            SELECT * FROM t
            > replica
            USE missing_schema
            SELECT DATABASE()
            SELECT * FROM t
            > init_db information_schema
            SELECT DATABASE()
            > init_db nowhere
            SELECT DATABASE()
            > init_db {db}
            SELECT * FROM t
            USE information_schema; SELECT DATABASE(); USE {db}
            SELECT * FROM t
            CREATE PROCEDURE p() BEGIN SELECT DATABASE(); END
            USE information_schema
            CALL {db}.p()
            SELECT DATABASE()
            USE `{db}`
            SELECT * FROM t
            USE information_schema; SELECT nonsense
            SELECT DATABASE()
            SHOW TABLES LIKE 'SCHEMATA'
        ",
        )
        .end();
}

fn schema_dropped(bed: &Bed) {
    Pair::new(bed, "drop")
        .run(
            "
            CREATE TABLE t (id INT)
            SELECT * FROM t
            DROP DATABASE {db}
            SELECT DATABASE()
            SELECT DATABASE(), 1 /* forebay: replica */
            SELECT 1
            SELECT * FROM t
            > replica
            CREATE DATABASE {db} CHARACTER SET latin1
            SELECT DATABASE()
            USE {db}
            SELECT DATABASE(), @@character_set_database, @@collation_database
            SELECT @@character_set_database /* forebay: replica */
            CREATE TABLE t (id INT)
            SELECT * FROM t
            ALTER DATABASE {db} CHARACTER SET utf8mb4
            SELECT @@character_set_database
            DROP DATABASE {db}; SELECT nonsense
            SELECT DATABASE()
            SELECT 2
        ",
        )
        .end();
}

fn reset(bed: &Bed) {
    Pair::new(bed, "reset")
        .run("
            CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT)
            SET NAMES latin1 COLLATE latin1_bin, time_zone = '+05:00', sql_mode = 'ANSI', @x = 5, autocommit = 0
            INSERT INTO t VALUES ()
            SELECT FROM_UNIXTIME(0), \"id\" FROM t
            > reset
            SELECT COUNT(*) FROM t
            SELECT COLLATION('x'), CHARSET('x'), 'ä', HEX('ä')
            SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection
            SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection /* forebay: replica */
            SELECT FROM_UNIXTIME(0), \"id\" FROM t
            SELECT @x, @@autocommit, @@time_zone, @@sql_mode, DATABASE(), LAST_INSERT_ID()
            > replica
            SET NAMES utf8mb4 COLLATE utf8mb4_polish_ci
            SELECT COLLATION('x')
            > reset
            SELECT COLLATION('x')
            > replica
            START TRANSACTION READ ONLY
            SELECT * FROM t
            > reset
            INSERT INTO t VALUES ()
            SELECT LAST_INSERT_ID(), COUNT(*) FROM t
        ")
        .end();
}

fn change_user(bed: &Bed) {
    Pair::new(bed, "chuser")
        .run(
            "
            CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT)
            SET NAMES latin1 COLLATE latin1_bin, time_zone = '+05:00', @x = 5, autocommit = 0
            INSERT INTO t VALUES ()
            SELECT FROM_UNIXTIME(0) FROM t
            > user app
            SELECT COUNT(*) FROM t
            SELECT COLLATION('x'), CHARSET('x'), 'ä', HEX('ä')
            SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection
            SELECT @x, @@autocommit, @@time_zone, DATABASE(), LAST_INSERT_ID()
            > replica
            SELECT CURRENT_USER()
        ",
        )
        // MySQL closes the connection, MariaDB lets the client go on.
        .run(bed.kind.pick("> user nobody", "> user nobody\nSELECT 1"))
        .end();
}

fn set_option(bed: &Bed) {
    Pair::new(bed, "option")
        .run(
            "
            SELECT 1; SELECT 2
            > set_option 1
            SELECT 1; SELECT 2
            SELECT 1;
            INSERT INTO missing VALUES (1)
            > set_option 0
            SELECT 1; SELECT 2
            INSERT INTO missing VALUES (1)
            > set_option 2
            > reset
            SELECT 1; SELECT 2
        ",
        )
        .end();
}
