//! System variables and user variables.

use super::pair::{Pair, pick};
use crate::support::bed::{Bed, both};

both!(carried, in_routines, for_one_statement, seeds, user_variables, after_errors, limits_of_rows);

fn carried(bed: &Bed) {
    let isolation = pick(bed.kind, "tx_isolation", "transaction_isolation");
    Pair::new(bed, "vars")
        .run("
            CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(2000), d DATETIME)
            INSERT INTO t VALUES (1, REPEAT('a', 1500), '2026-01-02 03:04:05'), (2, REPEAT('b', 9), NULL), (3, 'c', NULL)
            SELECT id FROM t
            > replica
            SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'
            SELECT \"id\", 'a' || 'b' FROM t
            SELECT @@sql_mode, @@sql_mode /* forebay: replica */
            SET sql_mode = ''
            SELECT \"id\", 'a' || 'b', '\\\\' FROM t
            SET sql_mode = 'NO_BACKSLASH_ESCAPES'
            SELECT '\\\\', 'it''s \\'
            SET sql_mode = DEFAULT
            SET time_zone = '+05:30'
            SELECT FROM_UNIXTIME(0), UNIX_TIMESTAMP('2026-01-02'), @@time_zone
            SET time_zone = 'SYSTEM', lc_time_names = 'de_DE'
            SELECT DATE_FORMAT(d, '%W %M'), FROM_UNIXTIME(86400 * 200) FROM t
            SET group_concat_max_len = 10
            SELECT GROUP_CONCAT(s) FROM t
            SHOW WARNINGS
            SET div_precision_increment = 9
            SELECT 1 / 3, AVG(id) FROM t
            SET max_sort_length = 64
            SELECT id FROM t ORDER BY s DESC
            SET default_week_format = 3
            SELECT WEEK('2026-01-01')
            SET max_error_count = 0
            SELECT CAST('x' AS SIGNED)
            SHOW WARNINGS
            SET max_error_count = DEFAULT, lc_messages = 'de_DE'
            SELECT CAST('x' AS SIGNED) FROM t
            SHOW WARNINGS
            SELECT nonsense FROM t
            SET lc_messages = 'en_US'
            SET SESSION sql_select_limit = 1, sql_quote_show_create = 0
            SELECT id FROM t ORDER BY id
            SHOW CREATE TABLE t
            SET @@local.sql_select_limit = DEFAULT, @@session.sql_big_selects = 0, max_join_size = 1
            SELECT COUNT(*) FROM t a JOIN t b JOIN t c
            SET sql_big_selects = 1, max_join_size = DEFAULT
            SELECT @@global.sql_mode, @@session.sql_mode, @@div_precision_increment
            > replica
        ")
        .run(&format!("SET {isolation} = 'SERIALIZABLE'"))
        .run(&format!("SELECT @@session.{isolation}"))
        .run(&format!("SELECT @@session.{isolation} /* forebay: replica */"))
        .run("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        .run(&format!("SELECT @@{isolation}, 1 /* forebay: replica */"))
        .run("SET sql_auto_is_null = 1\nINSERT INTO t (id) VALUES (10)\nSELECT id FROM t WHERE id IS NULL")
        .end();
}

fn in_routines(bed: &Bed) {
    Pair::new(bed, "routines")
        .run("
            CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT)
            CREATE PROCEDURE p() BEGIN SET time_zone = '+03:00'; SET group_concat_max_len = 7; SELECT 1; END
            CREATE PROCEDURE q(OUT a INT, INOUT b INT) BEGIN SET @inside = 5; SET a = 6; SET b = b + 1; INSERT INTO t VALUES (); END
            CREATE FUNCTION f() RETURNS INT BEGIN SET @f = IFNULL(@f, 0) + 1; RETURN @f; END
            CALL p()
            SELECT @@time_zone, FROM_UNIXTIME(0), GROUP_CONCAT('abcdefghij')
            SELECT @@group_concat_max_len /* forebay: replica */
            SET @b = 1
            CALL q(@a, @b)
            SELECT @a, @b, @inside
            SELECT LAST_INSERT_ID(), ROW_COUNT()
            SELECT COUNT(*) FROM t
            SELECT f(), f(), @f
            SELECT f() FROM t
            SELECT @f
            DO f()
            SELECT @f
        ")
        .end();
}

fn for_one_statement(bed: &Bed) {
    let script = pick(
        bed.kind,
        "
            SET STATEMENT group_concat_max_len = 5 FOR SELECT GROUP_CONCAT('abcdefgh')
            SELECT GROUP_CONCAT('abcdefgh'), @@group_concat_max_len
            SELECT @@group_concat_max_len /* forebay: replica */
            SET STATEMENT time_zone = '+09:00' FOR SELECT FROM_UNIXTIME(0)
            SELECT FROM_UNIXTIME(0)
            > replica
            SET STATEMENT time_zone = '+09:00' FOR INSERT INTO t VALUES (1, FROM_UNIXTIME(86400))
            SELECT *, FROM_UNIXTIME(0) FROM t
            SELECT @@time_zone /* forebay: replica */
            SET time_zone = '+02:00'
            SET STATEMENT time_zone = '+09:00' FOR SELECT nonsense
            SELECT FROM_UNIXTIME(0), @@time_zone
            SELECT @@time_zone /* forebay: replica */
            > replica
            SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT COUNT(*) FROM \"t\"
            SELECT \"x\"
            SET STATEMENT collation_connection = 'latin1_bin' FOR SELECT COLLATION('x')
            SELECT COLLATION('x')
            SET STATEMENT character_set_results = NULL FOR SELECT 1
            SELECT 'ä', @@character_set_results
        ",
        "
            SELECT /*+ SET_VAR(group_concat_max_len = 5) */ GROUP_CONCAT('abcdefgh')
            SELECT GROUP_CONCAT('abcdefgh'), @@group_concat_max_len
            SELECT @@group_concat_max_len /* forebay: replica */
            SELECT /*+ SET_VAR(time_zone = '+09:00') */ FROM_UNIXTIME(0)
            SELECT FROM_UNIXTIME(0)
            > replica
            INSERT /*+ SET_VAR(time_zone = '+09:00') */ INTO t VALUES (1, FROM_UNIXTIME(86400))
            SELECT *, FROM_UNIXTIME(0) FROM t
            SET time_zone = '+02:00'
            SELECT /*+ SET_VAR(time_zone = '+09:00') SET_VAR(sql_mode = 'ANSI_QUOTES') */ nonsense
            SELECT FROM_UNIXTIME(0), @@time_zone
            SELECT @@time_zone /* forebay: replica */
        ",
    );
    Pair::new(bed, "once").run("CREATE TABLE t (id INT, d DATETIME)").run(script).end();
}

fn seeds(bed: &Bed) {
    Pair::new(bed, "seeds")
        .run(
            "
            CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, d TIMESTAMP NULL)
            SET rand_seed1 = 100, rand_seed2 = 200
            SELECT RAND(), RAND()
            SELECT RAND()
            SET timestamp = 1000000000
            SELECT NOW(), UNIX_TIMESTAMP(), CURRENT_TIMESTAMP
            INSERT INTO t VALUES (NULL, NOW())
            SELECT d FROM t
            SET timestamp = DEFAULT
            SELECT NOW() > '2020-01-01'
            SET insert_id = 77
            SELECT COUNT(*) FROM t
            INSERT INTO t VALUES (NULL, NULL)
            INSERT INTO t VALUES (NULL, NULL)
            SELECT id FROM t
            SELECT LAST_INSERT_ID()
            SET last_insert_id = 12
            SELECT LAST_INSERT_ID(), @@last_insert_id, @@identity
            SELECT id FROM t WHERE id = LAST_INSERT_ID()
            SELECT LAST_INSERT_ID(5)
            SELECT id FROM t
            SELECT LAST_INSERT_ID()
        ",
        )
        .end();
}

fn user_variables(bed: &Bed) {
    Pair::new(bed, "uservars")
        .run("
            CREATE TABLE t (id INT, s VARCHAR(20))
            INSERT INTO t VALUES (1, 'one'), (2, 'two')
            SET @a = 1, @b := 'ä', @c = 1.50, @d = NULL, @`e f` = x'0102', @g = NOW() IS NULL, @h = 3e0, @i = DATE '2026-01-01'
            SELECT @a, @b, @c, @d, @`e f`, @g, @h, @i, @never
            SELECT s FROM t WHERE id = @a
            SELECT @n := @a + 1
            SELECT @n
            SELECT s INTO @s FROM t WHERE id = 2
            SELECT @s, COLLATION(@s), CHARSET(@s)
            SELECT id, @row := IFNULL(@row, 0) + 1 FROM t ORDER BY id
            SELECT @row
            DO @z := 9
            SELECT @z
            SELECT MAX(id), MIN(s) INTO @x, @y FROM t
            SELECT @x, @y
            UPDATE t SET id = (@last := id) + 10 WHERE id = 1
            SELECT @last, id FROM t
            SET @sql = 'SELECT 42'
            PREPARE st FROM @sql
            EXECUTE st
            SELECT id FROM t
            DEALLOCATE PREPARE st
            EXECUTE st
            PREPARE st FROM 'SELECT ? + 1, s FROM t'
            SET @arg = 5
            EXECUTE st USING @arg
            EXECUTE st USING @arg, @arg
            EXECUTE IMMEDIATE 'SET @imm = 7'
            SELECT @imm, COUNT(*) FROM t
            > reset
            SELECT @a, @b, @s
        ")
        .end();
}

fn after_errors(bed: &Bed) {
    Pair::new(bed, "varerr")
        .made(
            bed.cluster,
            "
            CREATE TABLE t (id INT PRIMARY KEY)
            CREATE PROCEDURE p() BEGIN SET time_zone = '+04:00'; INSERT INTO t VALUES (1); SELECT nonsense; END
        ",
        )
        .run(
            "
            SET time_zone = '+01:00'; SELECT nonsense
            SELECT FROM_UNIXTIME(0)
            > replica
            SELECT @@time_zone /* forebay: replica */
            CALL p()
            SELECT FROM_UNIXTIME(0), COUNT(*) FROM t
            SELECT @@time_zone /* forebay: replica */
            SET time_zone = '+02:00', sql_mode = 'nonsense'
            SELECT FROM_UNIXTIME(0)
            SET group_concat_max_len = 5; INSERT INTO t VALUES (1)
            SELECT GROUP_CONCAT('abcdefgh')
            SET group_concat_max_len = 6; SELECT 1; CREATE TABLE t (id INT)
            SELECT GROUP_CONCAT('abcdefgh')
            USE {db}; SET @x = 1; SELECT * FROM missing
            SELECT @x, DATABASE()
            SET time_zone = '+07:00'; SELECT 1 FROM DUAL WHERE
            SELECT FROM_UNIXTIME(0)
        ",
        )
        .end();
}

fn limits_of_rows(bed: &Bed) {
    Pair::new(bed, "limits")
        .run(
            "
            CREATE TABLE t (id INT PRIMARY KEY)
            INSERT INTO t VALUES (1), (2), (3), (4)
            SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1
            SELECT FOUND_ROWS()
            SELECT id FROM t LIMIT 2
            SELECT FOUND_ROWS()
            UPDATE t SET id = id + 10 WHERE id > 2
            SELECT ROW_COUNT()
            SELECT CAST('x' AS SIGNED), id FROM t ORDER BY id
            SHOW WARNINGS
            SELECT @@warning_count
            SHOW COUNT(*) WARNINGS
            SELECT * FROM missing
            SHOW ERRORS
            SHOW WARNINGS
            SELECT @@error_count
            INSERT INTO t VALUES (5), ('x')
            SHOW WARNINGS
            SELECT ROW_COUNT()
        ",
        )
        .end();
}
