//! What lives on one server connection: temporary tables, locks, handlers, SQL-level statements, roles.

use super::pair::Pair;
use crate::support::bed::{Bed, both};

both!(temporary_tables, temporary_in_procedures, table_locks, user_locks, handlers, sql_prepare, roles);

fn temporary_tables(bed: &Bed) {
    Pair::new(bed, "temp")
        .run(
            "
            CREATE TABLE t (id INT)
            INSERT INTO t VALUES (1), (2)
            CREATE TEMPORARY TABLE tmp (id INT)
            INSERT INTO tmp VALUES (7)
            SELECT * FROM tmp
            SELECT * FROM `TMP`
            SELECT * FROM {db}.tmp JOIN t
            SELECT * FROM t
            CREATE TEMPORARY TABLE t SELECT 99 AS id
            SELECT * FROM t
            SELECT COUNT(*) FROM (SELECT * FROM t) x
            DROP TEMPORARY TABLE t
            SELECT * FROM t
            DROP TABLE tmp
            SELECT * FROM tmp
            > replica
            CREATE TEMPORARY TABLE IF NOT EXISTS a LIKE t
            CREATE /*!TEMPORARY*/ TABLE b AS SELECT * FROM t
            ALTER TABLE a RENAME TO c
            SELECT * FROM c
            SELECT * FROM b
            SHOW CREATE TABLE b
            DESCRIBE b
            SHOW COLUMNS FROM b
            DROP TABLE b, missing
            SELECT * FROM b
            SELECT * FROM c
            > reset
            SELECT * FROM c
            > replica
            CREATE TEMPORARY TABLE d (id INT PRIMARY KEY) SELECT 1 AS id UNION ALL SELECT 1
            SELECT * FROM d
            CREATE TEMPORARY TABLE e (id INT); INSERT INTO e VALUES (3); SELECT * FROM e
            SELECT * FROM e
        ",
        )
        .end();
}

fn temporary_in_procedures(bed: &Bed) {
    Pair::new(bed, "tempproc")
        .run(
            "
            CREATE TABLE t (id INT)
            INSERT INTO t VALUES (1), (2)
            CREATE PROCEDURE p() BEGIN CREATE TEMPORARY TABLE t SELECT 50 AS id; END
            CREATE PROCEDURE q() BEGIN DROP TEMPORARY TABLE t; END
            CALL p()
            SELECT * FROM t
            CALL q()
            SELECT * FROM t
            SET @s = 'CREATE TEMPORARY TABLE t SELECT 60 AS id'
            PREPARE st FROM @s
            EXECUTE st
            SELECT * FROM t
        ",
        )
        .end();
}

fn table_locks(bed: &Bed) {
    Pair::new(bed, "lock")
        .run(
            "
            CREATE TABLE t (id INT)
            CREATE TABLE u (id INT)
            INSERT INTO t VALUES (1)
            LOCK TABLES t READ
            SELECT * FROM t
            SELECT * FROM u
            INSERT INTO t VALUES (2)
            UNLOCK TABLES
            SELECT * FROM u
            > replica
            LOCK TABLES t WRITE, u READ LOCAL
            INSERT INTO t VALUES (2)
            SELECT COUNT(*) FROM t
            BEGIN
            SELECT * FROM u
            COMMIT
            > replica
            LOCK TABLES t WRITE
            > reset
            SELECT * FROM u
            > replica
        ",
        )
        .end();
}

fn user_locks(bed: &Bed) {
    Pair::new(bed, "userlock")
        .run(
            "
            CREATE TABLE t (id INT)
            SELECT GET_LOCK('{db}', 1)
            SELECT IS_USED_LOCK('{db}') = CONNECTION_ID(), IS_FREE_LOCK('{db}')
            SELECT * FROM t
            SELECT RELEASE_LOCK('{db}')
            SELECT RELEASE_LOCK('{db}')
            DO GET_LOCK('{db}', 1), GET_LOCK('{db}', 1)
            SELECT RELEASE_ALL_LOCKS()
            SELECT * FROM t
            > replica
            CREATE PROCEDURE p() DO GET_LOCK('{db}', 1)
            CALL p()
            SELECT IS_FREE_LOCK('{db}')
            > reset
            SELECT IS_FREE_LOCK('{db}')
            > replica
        ",
        )
        .end();
}

fn handlers(bed: &Bed) {
    Pair::new(bed, "handler")
        .run(
            "
            CREATE TABLE t (id INT PRIMARY KEY)
            INSERT INTO t VALUES (1), (2), (3)
            HANDLER t OPEN
            HANDLER t READ FIRST
            SELECT COUNT(*) FROM t
            HANDLER t READ NEXT
            HANDLER t READ `PRIMARY` >= (2)
            HANDLER t CLOSE
            HANDLER t READ NEXT
            SELECT COUNT(*) FROM t
        ",
        )
        .end();
}

fn sql_prepare(bed: &Bed) {
    Pair::new(bed, "sqlprep")
        .run(
            "
            CREATE TABLE t (id INT)
            INSERT INTO t VALUES (1), (2)
            PREPARE st FROM 'SELECT * FROM t WHERE id = ?'
            SELECT COUNT(*) FROM t
            SET @id = 2
            EXECUTE st USING @id
            PREPARE st2 FROM 'INSERT INTO t VALUES (3)'
            EXECUTE st2
            SELECT COUNT(*) FROM t
            DEALLOCATE PREPARE st
            EXECUTE st USING @id
            DROP PREPARE st2
            EXECUTE st2
            PREPARE bad FROM 'SELECT nonsense FROM t'
            CREATE PROCEDURE p() PREPARE inside FROM 'SELECT 11'
            CALL p()
            EXECUTE inside
            > reset
            EXECUTE inside
        ",
        )
        .end();
}

fn roles(bed: &Bed) {
    bed.cluster.sql(&[
        "CREATE DATABASE IF NOT EXISTS forebay_roles",
        "CREATE TABLE IF NOT EXISTS forebay_roles.secret (id INT PRIMARY KEY)",
        "REPLACE INTO forebay_roles.secret VALUES (42)",
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader",
        "GRANT SELECT ON forebay_roles.* TO reader",
        "GRANT reader TO app@'%'",
    ]);
    Pair::new(bed, "roles")
        .run(
            "
            SELECT * FROM forebay_roles.secret
            SELECT CURRENT_ROLE()
            SET ROLE reader
            SELECT * FROM forebay_roles.secret
            SELECT CURRENT_ROLE()
            SET ROLE NONE
            SELECT * FROM forebay_roles.secret
            SET ROLE nobody_has_this
            SET ROLE 'reader'
            SELECT * FROM forebay_roles.secret
            > reset
            SELECT CURRENT_ROLE()
            SELECT * FROM forebay_roles.secret
        ",
        )
        // MariaDB keeps the role over a COM_CHANGE_USER, for whoever comes next. Forebay does not.
        .run(bed.kind.pick("", "> user app\nSELECT CURRENT_ROLE()\nSELECT * FROM forebay_roles.secret"))
        .end();
    bed.cluster.sql(&["DROP ROLE reader"]);
}
