<?php
// One of many copies at once: `mixed.php N`. What it asks, only its own session and rows can answer; prints
// "as expected", or what was not. Environment: DB_HOST DB_PORT DB_DATABASE DB_USERNAME DB_PASSWORD; a table `own`.
error_reporting(E_ALL & ~E_DEPRECATED);
$me = (int) $argv[1];
$names = ['utf8mb4_bin', 'utf8mb4_unicode_ci', 'utf8mb4_general_ci', 'utf8mb4_unicode_520_ci'];
$collation = $names[$me % 4];
$zone = sprintf('+%02d:%02d', $me % 12, $me);
$ten = str_repeat("copy $me ", 1000);

function expect(string $what, $expected, $got): void
{
    if ($expected !== $got) {
        echo "$what: expected ", json_encode($expected), ', got ', json_encode($got), "\n";
        exit(1);
    }
}

foreach ([true, false] as $emulated) {
    $pdo = new PDO(
        sprintf('mysql:host=%s;port=%s;dbname=%s', getenv('DB_HOST'), getenv('DB_PORT'), getenv('DB_DATABASE')),
        getenv('DB_USERNAME'), getenv('DB_PASSWORD'),
        [PDO::ATTR_EMULATE_PREPARES => $emulated, PDO::ATTR_STRINGIFY_FETCHES => false, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]
    );
    $value = fn (string $text) => $pdo->query($text)->fetchColumn();
    $bound = function (string $text, array $values) use ($pdo) { $s = $pdo->prepare($text); $s->execute($values); return $s; };
    $pdo->exec("SET NAMES utf8mb4 COLLATE $collation");
    $pdo->exec("SET time_zone = '$zone', group_concat_max_len = " . (1000 + $me));
    for ($round = 0; $round < 5; $round++) {
        expect('collation', $collation, $value("SELECT COLLATION('x')"));
        expect('variables', [$zone, 1000 + $me], $pdo->query('SELECT @@time_zone, @@group_concat_max_len')->fetch(PDO::FETCH_NUM));
        $row = $bound('SELECT CAST(? AS SIGNED) * 10 + ?, ?', [$me, $round, $ten])->fetch(PDO::FETCH_NUM);
        expect('parameters', [$me * 10 + $round, $ten], [(int) $row[0], $row[1]]);
        $pdo->beginTransaction();
        $bound('INSERT INTO own (who, n) VALUES (?, ?)', [$me, $round]);
        $id = (int) $pdo->lastInsertId();
        expect('insert id', [$me, $round], $bound('SELECT who, n FROM own WHERE id = ?', [$id])->fetch(PDO::FETCH_NUM));
        $bound('INSERT INTO own (who, n) VALUES (?, ?)', [$me, 1000]);
        $pdo->rollBack();
        expect('rolled back', 0, (int) $bound('SELECT COUNT(*) FROM own WHERE who = ? AND n = 1000', [$me])->fetchColumn());
        $pdo->beginTransaction();
        expect('inserted', 1, $bound('INSERT INTO own (who, n) VALUES (?, ?)', [$me, $round])->rowCount());
        $id = (int) $pdo->lastInsertId();
        $pdo->commit();
        expect('id of the insert', $id, (int) $value('SELECT LAST_INSERT_ID()'));
        expect('own row', [$id, $me, $round], $bound('SELECT id, who, n FROM own WHERE id = ?', [$id])->fetch(PDO::FETCH_NUM));
        try {
            $pdo->exec("INSERT INTO own (id) VALUES ($id)");
            expect('duplicate', 'an error', 'none');
        } catch (PDOException $e) {
            expect('duplicate', 1062, $e->errorInfo[1]);
        }
        $pdo->exec('CREATE TEMPORARY TABLE scratch (n INT)');
        $pdo->exec("INSERT INTO scratch VALUES ($me), ($round)");
        expect('temporary table', $me + $round, (int) $value('SELECT SUM(n) FROM scratch'));
        $pdo->exec('DROP TEMPORARY TABLE scratch');
        usleep(random_int(0, 20000));
        if ($round < 4) {
            continue;
        }
        expect('rows', $emulated ? 5 : 10, (int) $bound('SELECT COUNT(*) FROM own WHERE who = ?', [$me])->fetchColumn());
    }
    // Last: a session that has one may keep its connection.
    $pdo->exec("SET @mine = $me");
    expect('user variable', $me, (int) $value('SELECT @mine'));
    // The closures hold it too; a second session beside it would want a second connection.
    unset($value, $bound, $pdo);
}
echo "as expected\n";
