<?php
// Laravel's query builder, each request on a connection of its own, its statements marked as the documentation's middleware does,
// or with UNMARKED as they are.
// The table app.laravel has a row (1, 0). Prints how many reads were stale: of who wrote, and of another visitor.
use Illuminate\Database\Capsule\Manager as Capsule;
use Illuminate\Database\Connection;

error_reporting(E_ALL & ~E_DEPRECATED);
require getenv('AUTOLOAD') ?: 'Illuminate/autoload.php';

function request(string $visitor): Connection
{
    $capsule = new Capsule;
    $capsule->addConnection([
        'driver' => 'mysql', 'host' => getenv('DB_HOST'), 'port' => (int) getenv('DB_PORT'), 'database' => getenv('DB_DATABASE'),
        'username' => getenv('DB_USERNAME'), 'password' => getenv('DB_PASSWORD'), 'charset' => 'utf8mb4',
        'collation' => 'utf8mb4_unicode_ci',
    ]);
    $connection = $capsule->getConnection();
    if (getenv('UNMARKED')) {
        return $connection;
    }
    $connection->beforeExecuting(function (string &$query) use ($visitor) {
        $query .= " /* forebay: group=$visitor */";
    });

    return $connection;
}

$stale = ['writer' => 0, 'other' => 0];
for ($n = 1; $n <= 15; $n++) {
    // In a transaction: COMMIT passes by the callback.
    $writer = request('writer');
    $writer->transaction(fn () => $writer->table('laravel')->where('k', 1)->update(['n' => $n]));
    foreach ($stale as $visitor => $_) {
        $stale[$visitor] += (int) (request($visitor)->table('laravel')->where('k', 1)->value('n') < $n);
    }
}
echo "writer {$stale['writer']} stale, other {$stale['other']} stale\n";
