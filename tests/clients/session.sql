# What every client sends as text, one statement a line, and prints the answers of: rows, counts, insert ids, errors.
SELECT VERSION(), @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection, DATABASE(), CURRENT_USER(), @@autocommit, @@sql_mode
SELECT @@time_zone, @@sql_auto_is_null, @@net_write_timeout, @@wait_timeout, @@group_concat_max_len
CREATE TABLE plain (id INT PRIMARY KEY AUTO_INCREMENT, n INT NOT NULL DEFAULT 0, s VARCHAR(20) UNIQUE)
CREATE TABLE child (id INT PRIMARY KEY, parent INT, CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES plain(id))
INSERT INTO plain (n, s) VALUES (1, 'one'), (2, 'two'), (3, 'three')
SELECT LAST_INSERT_ID(), ROW_COUNT()
INSERT INTO plain (s) VALUES ('four')
SELECT LAST_INSERT_ID(), id, n, s FROM plain ORDER BY id
UPDATE plain SET n = 1 WHERE n < 3
UPDATE plain SET n = 1 WHERE n < 3
SELECT ROW_COUNT()
INSERT INTO plain (n, s) VALUES (9, 'one') ON DUPLICATE KEY UPDATE n = n + 10
REPLACE INTO plain (id, s) VALUES (2, 'two again')
DELETE FROM plain WHERE id = 4
SELECT id, n, s FROM plain WHERE s LIKE 't%' ORDER BY id
SELECT COUNT(*), SUM(n), AVG(n), MAX(s), MIN(NULL) FROM plain
SELECT 1 AS `a b`, NULL AS nothing, '' AS empty, 1.50 AS dec1, 1e3 AS dbl, x'00ff' AS bin
SELECT 1 FROM plain WHERE 1 = 0
INSERT INTO plain (s) VALUES ('one')
INSERT INTO child VALUES (1, 99)
INSERT INTO plain (s) VALUES ('much too long for twenty characters')
INSERT INTO plain (n) VALUES (NULL)
SELECT missing FROM plain
SELECT * FROM missing
SELEC 1
SELECT no_such_function()
CALL no_such_procedure()
SIGNAL SQLSTATE '45123' SET MESSAGE_TEXT = 'custom ü', MYSQL_ERRNO = 31001
SET no_such_variable = 1
SET sql_mode = ''
INSERT INTO plain (n, s) VALUES ('3x', 'cut to twenty characters and no more')
SHOW WARNINGS
SHOW COUNT(*) WARNINGS
SET sql_mode = DEFAULT
SELECT CAST('12abc' AS SIGNED)
SHOW WARNINGS
DO 1/0
START TRANSACTION
INSERT INTO plain (s) VALUES ('in transaction')
SAVEPOINT one
UPDATE plain SET n = 100
SELECT SUM(n) FROM plain
ROLLBACK TO SAVEPOINT one
SELECT n, s FROM plain ORDER BY id
RELEASE SAVEPOINT one
ROLLBACK
SELECT COUNT(*) FROM plain WHERE s = 'in transaction'
BEGIN
INSERT INTO plain (s) VALUES ('committed')
SELECT s FROM plain WHERE s = 'committed' FOR UPDATE
COMMIT
SELECT n, s FROM plain WHERE s = 'committed'
START TRANSACTION READ ONLY
INSERT INTO plain (s) VALUES ('refused')
SELECT COUNT(*) FROM plain
COMMIT
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE
SELECT @@transaction_isolation
SELECT @@tx_isolation
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
SHOW VARIABLES LIKE 'transaction_isolation'
SHOW VARIABLES LIKE 'tx_isolation'
SET TRANSACTION READ ONLY
UPDATE plain SET n = 0
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ
SET autocommit = 0
INSERT INTO plain (s) VALUES ('not yet')
SELECT @@autocommit, COUNT(*) FROM plain WHERE s = 'not yet'
ROLLBACK
SET autocommit = 1
SELECT COUNT(*) FROM plain WHERE s = 'not yet'
SET @a = 5, @b = 'Zoë', @c = 1.50, @d = NULL
SELECT @a, @b, @c, @d, @a := @a + 1
SELECT @a
SET group_concat_max_len = 5, time_zone = '+03:00'
SELECT GROUP_CONCAT(s), @@time_zone, @@group_concat_max_len, FROM_UNIXTIME(0) FROM plain
SHOW WARNINGS
SET group_concat_max_len = DEFAULT, time_zone = DEFAULT
SET NAMES utf8mb4 COLLATE utf8mb4_bin
SELECT 'a' = 'A', COLLATION('x'), @@collation_connection
SET NAMES utf8mb4
SELECT 'a' = 'A', COLLATION('x')
CREATE TEMPORARY TABLE tmp (x INT)
INSERT INTO tmp VALUES (1), (2)
SELECT SUM(x) FROM tmp
DROP TEMPORARY TABLE tmp
SELECT GET_LOCK('clients', 1), IS_USED_LOCK('clients') = CONNECTION_ID(), RELEASE_LOCK('clients')
SELECT SQL_CALC_FOUND_ROWS id FROM plain ORDER BY id LIMIT 1
SELECT FOUND_ROWS()
SET last_insert_id = 77
SELECT LAST_INSERT_ID()
PREPARE p FROM 'SELECT ? + 1 AS n'
SET @n = 41
EXECUTE p USING @n
DEALLOCATE PREPARE p
EXECUTE p USING @n
LOCK TABLES plain WRITE
INSERT INTO plain (s) VALUES ('locked')
UNLOCK TABLES
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r
EXPLAIN SELECT * FROM plain WHERE id = 1
DESCRIBE plain
SHOW TABLES
SHOW CREATE TABLE child
TABLE plain
USE app
SELECT DATABASE()
USE app_missing
SELECT DATABASE()
