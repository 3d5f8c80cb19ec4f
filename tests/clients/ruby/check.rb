# Ruby's mysql2 against DB_PORT: one line per observation, so that two runs can be compared as text.
require "mysql2"
require "tempfile"

FILES = File.expand_path("..", __dir__)
DATABASE = ENV.fetch("DB_DATABASE")
$stdout.sync = true

def connect(**more)
  login = { host: ENV.fetch("DB_HOST"), port: ENV.fetch("DB_PORT").to_i, username: "app", password: "secret", database: DATABASE, encoding: "utf8mb4" }
  login[:ssl_mode] = :required if ENV["DB_SSL"] == "1"
  flags = Mysql2::Client::MULTI_STATEMENTS
  flags |= Mysql2::Client::COMPRESS if ENV["DB_COMPRESS"] == "1"
  Mysql2::Client.new(**login, flags: flags, local_infile: true, connect_attrs: { app: "check" }, reconnect: false, **more)
end

def plain(value)
  case value
  when String then value.encoding == Encoding::BINARY ? "0x#{value.unpack1('H*')}" : value
  when Array then value.map { |item| plain(item) }
  when Hash then value.transform_values { |item| plain(item) }
  when BigDecimal then "decimal #{value.to_s('F')}"
  when Time then value.strftime("time %F %T.%6N")
  else value
  end
end

def say(name, *values) = puts([name, *values.map { |value| plain(value).inspect }].join(" "))

def attempt(name)
  say(name, yield)
rescue Mysql2::Error => e
  say(name, e.class, e.error_number, e.sql_state, e.message)
end

# All results of a text: rows, or counts.
def run(db, text, **how)
  result = db.query(text, **how)
  found = []
  loop do
    found << (result ? [result.fields, result.to_a] : [db.affected_rows, db.last_id])
    break unless db.next_result
    result = db.store_result
  end
  found << db.warning_count
end

def lines(file) = File.readlines("#{FILES}/#{file}", chomp: true, encoding: "UTF-8").reject { |line| line.empty? || line.start_with?("#") }

def types(db)
  lines("types.sql").each { |text| say("types", run(db, text)) }
  [{}, { cast: false }, { as: :array, cast_booleans: true, symbolize_keys: false }].each do |how|
    result = db.query("SELECT * FROM types ORDER BY id", **how)
    say("read", how, result.field_types, result.to_a)
  end
  # Ruby's Time, as which prepared statements read a TIME, has no hours beyond a day.
  columns = db.query("SHOW COLUMNS FROM types", as: :array).map(&:first) - ["t"]
  statement = db.prepare("SELECT #{columns.join(', ')} FROM types WHERE id > ? ORDER BY id")
  rows = statement.execute(0, as: :array).to_a
  say("prepared", statement.fields, rows)
  statement.close
  again = db.prepare("INSERT INTO types VALUES (NULL#{',?' * rows[0].size})")
  # As text where Ruby's own types hold less than the column: a Time for TIME, a float.
  text = db.query("SELECT * FROM types ORDER BY id", as: :array, cast: false).to_a
  text.each { |row| attempt("written again") { [again.execute(*row[1..]).to_a, again.affected_rows, again.last_id] } }
  again.close
  say("all", run(db, "SELECT * FROM types ORDER BY id"))
end

def statements(db)
  statement = db.prepare("SELECT ? + 1 AS n, ? AS s, ? AS f, ? AS nothing, ? AS d, ? AS t")
  [1, 2, 2**40].each { |n| say("bound", statement.execute(n, "Zoë 🦀", 0.5, nil, BigDecimal("1.5"), Time.new(2026, 1, 2, 3, 4, 5.25r)).to_a) }
  say("about it", statement.param_count, statement.field_count)
  statement.close
  attempt("prepare fails") { db.prepare("SELECT nope FROM types") }
  many = (0...40).map { |n| db.prepare("SELECT #{n} + ?") }
  say("many", many.sum { |one| one.execute(1, as: :array).first[0].to_i })
  many.each(&:close)
  db.query("CREATE TABLE batch (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20))")
  insert = db.prepare("INSERT INTO batch (s) VALUES (?)")
  100.times { |n| insert.execute("row #{n}") }
  say("inserted", insert.last_id, insert.affected_rows, run(db, "SELECT COUNT(*) FROM batch"))
end

def others(db)
  # On a connection of its own: one error among several statements is the end of it for the gem.
  several = connect
  attempt("several statements") { run(several, "SELECT 1; SET @x = 2; SELECT @x, 'ü'; DO 1") }
  attempt("the third fails") { run(several, "SELECT 1; SET @x = 3; SELECT nope; SET @x = 4") }
  several.close
  db.query("CREATE PROCEDURE two(IN x INT, OUT y INT) BEGIN SELECT x AS a; SELECT x + 1 AS b; SET y = x * 2; END")
  attempt("call") { run(db, "CALL two(4, @y)") }
  say("OUT", run(db, "SELECT @y"))
  series = "WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s"
  say("streamed", db.query(series, stream: true, cache_rows: false).sum { |row| row["n"] + row["x"].size })
  value = "0123456789abcdef" * (20 << 16)
  [db.query("SELECT '#{db.escape(value)}' AS v"), db.prepare("SELECT CAST(? AS CHAR) AS v").execute(value)].each do |found|
    say("20 MB", found.map { |row| row["v"] == value })
  end
  Tempfile.open("rows") do |file|
    file.write((0...3000).map { |n| "#{n}\trow #{n}\n" }.join)
    file.flush
    db.query("CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))")
    attempt("load data") { run(db, "LOAD DATA LOCAL INFILE '#{file.path}' INTO TABLE loaded") + [db.query_info] }
    attempt("no file") { run(db, "LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE loaded") }
  end
  say("loaded", run(db, "SELECT COUNT(*), SUM(i) FROM loaded"))
  db.query("SELECT SLEEP(0.05) AS slept, 1 AS one", async: true)
  say("asynchronous", db.async_result.to_a)
  tracked = connect(flags: Mysql2::Client::SESSION_TRACK)
  tracked.query("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
  # MariaDB reports them in any order.
  say("tracked", tracked.session_track(Mysql2::Client::SESSION_TRACK_SYSTEM_VARIABLES).each_slice(2).sort)
  tracked.query("USE app")
  say("tracked", tracked.session_track(Mysql2::Client::SESSION_TRACK_SCHEMA))
  tracked.close
  say("server", db.server_info[:version], db.encoding, db.ping, db.select_db("app"), db.ssl_cipher.nil? == (ENV["DB_SSL"] != "1"))
  say("connection id", db.query("SELECT CONNECTION_ID() AS id").first["id"] == db.thread_id)
  attempt("select_db") { db.select_db("app_missing") }
  attempt("wrong password") { connect(password: "wrong") }
  attempt("unknown database") { connect(database: "app_missing") }
end

db = connect
lines("session.sql").each { |text| attempt(text) { run(db, text) } }
db.query("USE #{DATABASE}")
types(db)
statements(db)
others(db)
db.close
