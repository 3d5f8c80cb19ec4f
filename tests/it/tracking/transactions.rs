//! Transactions of every kind.

use super::pair::{Pair, pick};
use crate::support::bed::{Bed, both};

both!(next_only, read_only, chained, autocommit_off, savepoints, xa, implicit_ends);

const TABLE: &str = "
    CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20))
    INSERT INTO t (s) VALUES ('one'), ('two')
";

fn next_only(bed: &Bed) {
    let isolation = pick(bed.kind, "tx_isolation", "transaction_isolation");
    let read_only = pick(bed.kind, "tx_read_only", "transaction_read_only");
    Pair::new(bed, "next")
        .run(TABLE)
        .run(&format!(
            "
            SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
            SELECT id FROM t
            SELECT @@{isolation}
            > replica
            SET TRANSACTION READ ONLY
            INSERT INTO t (s) VALUES ('three')
            SELECT id FROM t
            SET TRANSACTION READ ONLY
            START TRANSACTION
            SELECT id FROM t
            INSERT INTO t (s) VALUES ('four')
            COMMIT
            INSERT INTO t (s) VALUES ('five')
            SELECT id FROM t
            SET TRANSACTION READ WRITE, ISOLATION LEVEL READ COMMITTED
            BEGIN
            SELECT id FROM t
            SET TRANSACTION READ ONLY
            ROLLBACK
            > replica
            SET @@{isolation} = 'READ-COMMITTED'
            BEGIN
            INSERT INTO t (s) VALUES ('six')
            COMMIT
            SELECT id FROM t
            SET SESSION TRANSACTION READ ONLY
            SELECT @@{read_only}
            SELECT id FROM t
            INSERT INTO t (s) VALUES ('seven')
            START TRANSACTION READ WRITE
            INSERT INTO t (s) VALUES ('eight')
            COMMIT
            SELECT id FROM t
            SET SESSION TRANSACTION READ WRITE
            INSERT INTO t (s) VALUES ('nine')
            SELECT id FROM t
            SELECT @@{read_only}
            > replica
        "
        ))
        .end();
}

fn read_only(bed: &Bed) {
    Pair::new(bed, "ro")
        .run(TABLE)
        .run(
            "
            START TRANSACTION READ ONLY
            SELECT id FROM t
            SELECT id FROM t WHERE id = 1
            SELECT FOUND_ROWS()
            INSERT INTO t (s) VALUES ('three')
            SELECT COUNT(*) FROM t
            COMMIT
            > replica
            START TRANSACTION READ ONLY
            SELECT id FROM t
            SELECT @x := 5
            SELECT @x, id FROM t
            > primary
            COMMIT
            SELECT @x
            START TRANSACTION READ ONLY
            SELECT id FROM t
            SELECT id FROM t FOR UPDATE
            CREATE TEMPORARY TABLE tmp (id INT)
            INSERT INTO tmp VALUES (1)
            SELECT * FROM tmp
            ROLLBACK
            SELECT * FROM tmp
            DROP TEMPORARY TABLE IF EXISTS tmp
            START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT
            SELECT id FROM t
            SELECT GET_LOCK('ro', 0), RELEASE_LOCK('ro')
            SAVEPOINT a
            SELECT id FROM t
            ROLLBACK TO a
            RELEASE SAVEPOINT a
            COMMIT
            START TRANSACTION READ ONLY
            SELECT nonsense
            SELECT id FROM t
            START TRANSACTION
            INSERT INTO t (s) VALUES ('four')
            COMMIT
            SELECT id FROM t
            START TRANSACTION READ ONLY
            SELECT id FROM t
            CREATE TABLE u (id INT)
            SELECT id FROM u
            COMMIT
            SET SESSION time_zone = '+01:00'
            START TRANSACTION READ ONLY
            SELECT FROM_UNIXTIME(0)
            SET time_zone = '+02:00'
            SELECT FROM_UNIXTIME(0)
            COMMIT
            SELECT FROM_UNIXTIME(0)
            START TRANSACTION READ ONLY
            BEGIN
            SELECT s FROM t
            DELETE FROM t WHERE id = 1
            COMMIT
            SELECT s FROM t
        ",
        )
        .end();
}

fn chained(bed: &Bed) {
    Pair::new(bed, "chain")
        .run(TABLE)
        .run(
            "
            BEGIN
            INSERT INTO t (s) VALUES ('three')
            COMMIT AND CHAIN
            SELECT COUNT(*) FROM t
            INSERT INTO t (s) VALUES ('four')
            ROLLBACK AND CHAIN
            SELECT COUNT(*) FROM t
            COMMIT
            SELECT COUNT(*) FROM t
            START TRANSACTION READ ONLY
            SELECT COUNT(*) FROM t
            COMMIT AND CHAIN
            SELECT COUNT(*) FROM t
            INSERT INTO t (s) VALUES ('five')
            ROLLBACK AND CHAIN
            SELECT COUNT(*) FROM t
            COMMIT AND NO CHAIN
            INSERT INTO t (s) VALUES ('six')
            SELECT COUNT(*) FROM t
            SET SESSION completion_type = 'CHAIN'
            BEGIN
            INSERT INTO t (s) VALUES ('seven')
            COMMIT
            SELECT COUNT(*) FROM t
            INSERT INTO t (s) VALUES ('eight')
            ROLLBACK
            SELECT COUNT(*) FROM t
            SET SESSION completion_type = DEFAULT
            COMMIT
            SELECT COUNT(*) FROM t
            BEGIN
            SELECT COUNT(*) FROM t
            COMMIT RELEASE
        ",
        )
        .end();
}

fn autocommit_off(bed: &Bed) {
    Pair::new(bed, "auto")
        .run(TABLE)
        .run(
            "
            SET autocommit = 0
            SELECT id FROM t
            SELECT @@autocommit
            INSERT INTO t (s) VALUES ('three')
            SELECT id FROM t
            > primary
            ROLLBACK
            SELECT id FROM t
            INSERT INTO t (s) VALUES ('four')
            SET autocommit = 1
            SELECT id FROM t
            > replica
            SET autocommit = 0; INSERT INTO t (s) VALUES ('five'); SELECT nonsense
            SELECT COUNT(*) FROM t
            ROLLBACK
            SELECT COUNT(*) FROM t
            COMMIT
            > reset
            SELECT @@autocommit, COUNT(*) FROM t
            > replica
        ",
        )
        .end();
}

fn savepoints(bed: &Bed) {
    Pair::new(bed, "save")
        .run(TABLE)
        .run(
            "
            SAVEPOINT a
            ROLLBACK TO a
            SELECT COUNT(*) FROM t
            BEGIN
            INSERT INTO t (s) VALUES ('three')
            SAVEPOINT a
            INSERT INTO t (s) VALUES ('four')
            SAVEPOINT b
            INSERT INTO t (s) VALUES ('five')
            ROLLBACK TO SAVEPOINT b
            SELECT COUNT(*) FROM t
            RELEASE SAVEPOINT b
            ROLLBACK TO b
            ROLLBACK WORK TO a
            SELECT COUNT(*) FROM t
            COMMIT
            SELECT COUNT(*) FROM t
            > replica
        ",
        )
        .end();
}

fn xa(bed: &Bed) {
    Pair::new(bed, "xa")
        .run(TABLE)
        .run(
            "
            XA START '{db}'
            INSERT INTO t (s) VALUES ('three')
            SELECT COUNT(*) FROM t
            COMMIT
            XA END '{db}'
            SELECT COUNT(*) FROM t
            XA PREPARE '{db}'
            XA ROLLBACK '{db}'
            SELECT COUNT(*) FROM t
            XA START '{db}'
            INSERT INTO t (s) VALUES ('four')
            XA END '{db}'
            XA COMMIT '{db}' ONE PHASE
            SELECT COUNT(*) FROM t
            XA COMMIT 'nobody'
            > replica
        ",
        )
        .end();
}

fn implicit_ends(bed: &Bed) {
    Pair::new(bed, "implicit")
        .run(TABLE)
        .run(
            "
            BEGIN
            INSERT INTO t (s) VALUES ('three')
            CREATE TABLE u (id INT)
            ROLLBACK
            SELECT COUNT(*) FROM t
            > replica
            BEGIN
            INSERT INTO t (s) VALUES ('four')
            BEGIN
            ROLLBACK
            SELECT COUNT(*) FROM t
            BEGIN
            INSERT INTO t (s) VALUES ('five')
            CREATE TEMPORARY TABLE tmp (id INT)
            INSERT INTO t (s) VALUES ('six')
            SELECT COUNT(*) FROM t
            ROLLBACK
            SELECT COUNT(*) FROM t
            SELECT COUNT(*) FROM tmp
            DROP TEMPORARY TABLE tmp
            BEGIN; INSERT INTO t (s) VALUES ('seven'); COMMIT; SELECT COUNT(*) FROM t
            BEGIN; INSERT INTO t (s) VALUES ('eight'); SELECT nonsense; COMMIT
            SELECT COUNT(*) FROM t
            ROLLBACK
            SELECT COUNT(*) FROM t
            CREATE PROCEDURE p() BEGIN START TRANSACTION; INSERT INTO t (s) VALUES ('nine'); END
            CALL p()
            SELECT COUNT(*) FROM t
            ROLLBACK
            SELECT COUNT(*) FROM t
            CREATE PROCEDURE q() BEGIN START TRANSACTION; INSERT INTO t (s) VALUES ('ten'); SELECT nonsense; END
            CALL q()
            SELECT COUNT(*) FROM t
            COMMIT
            SELECT COUNT(*) FROM t
        ",
        )
        .end();
}
