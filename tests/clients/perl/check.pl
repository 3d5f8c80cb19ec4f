# DBD::MariaDB or DBD::mysql (the first argument) against DB_PORT: one line per observation, so that two runs can be compared.
use strict;
use warnings;
use utf8;
use DBI qw(:sql_types);
use File::Basename qw(dirname);
use File::Temp;

binmode STDOUT, ':utf8';
$| = 1;
my $driver = $ARGV[0];
my $name = lc $driver;    # of the driver's attributes: mariadb_… or mysql_…

sub open_database {
    my (%more) = @_;
    my $database = $more{database} // $ENV{DB_DATABASE};
    my $dsn = "DBI:$driver:host=$ENV{DB_HOST};port=$ENV{DB_PORT};database=$database;${name}_local_infile=1";
    $dsn .= ";${name}_ssl=1" if $ENV{DB_SSL};
    $dsn .= ";${name}_compression=1" if $ENV{DB_COMPRESS};
    $dsn .= ";$more{dsn}" if $more{dsn};
    my $utf8 = $driver eq 'mysql' ? { mysql_enable_utf8mb4 => 1 } : {};
    return DBI->connect($dsn, 'app', $more{password} // 'secret', { RaiseError => 1, PrintError => 0, AutoCommit => 1, %$utf8 });
}

sub shown {
    my ($value) = @_;
    return 'NULL' unless defined $value;
    return '[' . join(', ', map { shown($_) } @$value) . ']' if ref $value;
    $value = sprintf('%s… (%d)', substr($value, 0, 50), length $value) if length $value > 2000;
    return join '', map { $_ lt ' ' || ($_ gt '~' && $_ lt "\x{a0}") ? sprintf('\x%02x', ord) : $_ } split //, $value;
}

sub say_ { print join(' ', shift, map { shown($_) } @_), "\n" }

sub attempt {
    my ($what, $action) = @_;
    my @found = eval { $action->() };
    return say_($what, @found) unless $@;
    my $failed = $DBI::lasth;
    say_($what, 'error', $DBI::err, $DBI::state, $DBI::errstr);
}

# All results of a statement: rows, or counts.
sub run {
    my ($db, $text, @values) = @_;
    my $statement = $db->prepare($text);
    my $affected = $statement->execute(@values);
    my @found;
    do {
        push @found, $statement->{NUM_OF_FIELDS} ? [ $statement->{NAME}, $statement->fetchall_arrayref ] : [ $affected, $statement->{"${name}_insertid"} ];
        # DBD::MariaDB refuses to look for more where it prepares on the server.
    } while (!$db->{"${name}_server_prepare"} && $statement->more_results);
    push @found, $statement->{"${name}_warning_count"};
    return @found;
}

sub lines_of {
    my ($file) = @_;
    open my $handle, '<:utf8', dirname(__FILE__) . "/../$file" or die $!;
    return grep { length && !/^#/ } map { chomp; $_ } <$handle>;
}

sub types {
    my ($db) = @_;
    say_('types', run($db, $_)) for lines_of('types.sql');
    for my $prepared (0, 1) {
        $db->{"${name}_server_prepare"} = $prepared;
        my $statement = $db->prepare('SELECT * FROM types WHERE id > ? ORDER BY id');
        $statement->execute(0);
        say_('described', $prepared, map { $statement->{$_} } qw(NAME TYPE NULLABLE PRECISION SCALE));
        my $rows = $statement->fetchall_arrayref;
        say_('read', $prepared, $rows);
        my $again = $db->prepare('INSERT INTO types VALUES (NULL' . ',?' x (@{ $rows->[0] } - 1) . ')');
        for my $row (@$rows) {
            my @values = @$row[1 .. $#$row];
            for my $i (0 .. $#values) {
                my $binary = defined $values[$i] && !utf8::is_utf8($values[$i]) && $values[$i] =~ /[^\x20-\x7e]/;
                $again->bind_param($i + 1, $values[$i], $binary ? SQL_LONGVARBINARY : SQL_VARCHAR);
            }
            attempt('written again', sub { $again->execute, $again->{"${name}_insertid"} });
        }
    }
    say_('all', run($db, 'SELECT * FROM types ORDER BY id'));
    $db->{"${name}_server_prepare"} = 0;
}

sub transactions {
    my ($db) = @_;
    run($db, 'CREATE TABLE tx (id INT PRIMARY KEY, n INT)');
    $db->begin_work;
    run($db, 'INSERT INTO tx VALUES (1, 0)');
    $db->rollback;
    $db->{AutoCommit} = 0;
    run($db, 'INSERT INTO tx VALUES (2, 0)');
    say_('own', run($db, 'SELECT * FROM tx'));
    $db->commit;
    run($db, 'DELETE FROM tx');
    $db->rollback;
    $db->{AutoCommit} = 1;
    say_('after all', run($db, 'SELECT @@autocommit, id FROM tx'));
}

sub others {
    my ($db) = @_;
    my @tuples = $db->prepare('CREATE TABLE batch (id INT PRIMARY KEY, s VARCHAR(20))')->execute;
    for my $prepared (0, 1) {
        my $batch = $db->prepare('INSERT INTO batch VALUES (?, ?)', { "${name}_server_prepare" => $prepared });
        my @status;
        attempt('execute_array', sub { scalar $batch->execute_array({ ArrayTupleStatus => \@status }, [ map { $_ + 1000 * $prepared } 1 .. 50, 7 ], [ map { "row $_" } 1 .. 51 ]) });
        say_('states', [ map { ref $_ ? [ @$_[ 0, 2 ] ] : $_ } @status ]);
    }
    say_('batch', run($db, 'SELECT COUNT(*), SUM(id) FROM batch'));
    run($db, 'CREATE PROCEDURE two(IN x INT, OUT y INT) BEGIN SELECT x AS a; SELECT x + 1 AS b; SET y = x * 2; END');
    attempt('call', sub { run($db, 'CALL two(4, @y)') });
    say_('OUT', run($db, 'SELECT @y'));
    my $stream = $db->prepare("WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s");
    # DBD::MariaDB 1.22 with this sees no row.
    $stream->{mysql_use_result} = 1 if $driver eq 'mysql';
    $stream->execute;
    my ($sum, $length) = (0, 0);
    while (my $row = $stream->fetchrow_arrayref) { $sum += $row->[0]; $length += length $row->[1] }
    say_('streamed', $sum, $length);
    my $value = '0123456789abcdef' x (20 << 16);
    $db->{LongReadLen} = 30 << 20;
    for my $prepared (0, 1) {
        my $echo = $db->prepare('SELECT CAST(? AS CHAR) AS v', { "${name}_server_prepare" => $prepared });
        $echo->execute($value);
        say_('20 MB', $prepared, map { $_->[0] eq $value ? 1 : 0 } @{ $echo->fetchall_arrayref });
    }
    my $file = File::Temp->new;
    print $file map { "$_\trow $_\n" } 0 .. 2999;
    $file->flush;
    run($db, 'CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))');
    attempt('load data', sub { $db->do("LOAD DATA LOCAL INFILE '$file' INTO TABLE loaded"), $db->{"${name}_info"} });
    attempt('no file', sub { $db->do("LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE loaded") });
    say_('loaded', run($db, 'SELECT COUNT(*), SUM(i) FROM loaded'));
    my $several = open_database(dsn => "${name}_multi_statements=1");
    attempt('several statements', sub { run($several, "SELECT 1; SET \@x = 2; SELECT \@x, 'ü'") });
    attempt('the third fails', sub { run($several, 'SELECT 1; SET @x = 3; SELECT nope; SELECT 4') });
    $several->disconnect;
    say_('connection id', $db->selectrow_array('SELECT CONNECTION_ID()') == $db->{"${name}_thread_id"} ? 1 : 0);
    say_('ping', $db->ping, $db->{"${name}_serverinfo"}, $db->get_info(18));
    say_('tables', map { $_->[2] } sort { $a->[2] cmp $b->[2] } @{ $db->table_info(undef, $ENV{DB_DATABASE}, '%', 'TABLE')->fetchall_arrayref });
    say_('keys', $db->primary_key(undef, $ENV{DB_DATABASE}, 'types'));
    attempt('wrong password', sub { open_database(password => 'wrong') });
    attempt('unknown database', sub { open_database(database => 'app_missing') });
}

my $db = open_database();
for my $text (lines_of('session.sql')) {
    attempt($text, sub { run($db, $text) });
}
$db->do("USE $ENV{DB_DATABASE}");
$_->($db) for \&types, \&transactions, \&others;
$db->disconnect;
