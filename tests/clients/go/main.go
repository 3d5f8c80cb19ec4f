// go-sql-driver/mysql against DB_PORT: one JSON line per observation, so that two runs can be compared as text.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func login(change func(*mysql.Config)) *sql.DB {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net = "app", "secret", "tcp"
	config.Addr = os.Getenv("DB_HOST") + ":" + os.Getenv("DB_PORT")
	config.DBName = os.Getenv("DB_DATABASE")
	config.ConnectionAttributes = "app:check"
	config.AllowAllFiles = true
	if os.Getenv("DB_SSL") == "1" {
		config.TLS = &tls.Config{InsecureSkipVerify: true}
	}
	check(config.Apply(mysql.Charset("utf8mb4", ""), mysql.EnableCompression(os.Getenv("DB_COMPRESS") == "1")))
	if change != nil {
		change(config)
	}
	connector, err := mysql.NewConnector(config)
	check(err)
	return sql.OpenDB(connector)
}

func plain(value any) any {
	switch value := value.(type) {
	case []byte:
		for _, b := range value {
			if b < ' ' || b > '~' {
				return "0x" + hex.EncodeToString(value)
			}
		}
		return string(value)
	case time.Time:
		return "time " + value.Format("2006-01-02 15:04:05.000000")
	case error:
		var known *mysql.MySQLError
		if errors.As(value, &known) {
			return []any{known.Number, string(known.SQLState[:]), known.Message}
		}
		return value.Error()
	case float64, float32, int64, uint64:
		return fmt.Sprintf("%T %v", value, value)
	}
	return value
}

func say(name string, values ...any) {
	line := []any{name}
	for _, value := range values {
		line = append(line, plain(value))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(line))
	fmt.Print(out.String())
}

// The rows of all results, behind the names and types of their columns.
func read(rows *sql.Rows, err error) any {
	if err != nil {
		return plain(err)
	}
	defer rows.Close()
	var found []any
	for {
		types, _ := rows.ColumnTypes()
		var columns []any
		for _, column := range types {
			null, _ := column.Nullable()
			length, _ := column.Length()
			columns = append(columns, []any{column.Name(), column.DatabaseTypeName(), null, length})
		}
		found = append(found, columns)
		for rows.Next() {
			row := make([]any, len(types))
			targets := make([]any, len(types))
			for i := range row {
				targets[i] = &row[i]
			}
			check(rows.Scan(targets...))
			for i := range row {
				row[i] = plain(row[i])
			}
			found = append(found, row)
		}
		if !rows.NextResultSet() {
			break
		}
	}
	if err := rows.Err(); err != nil {
		found = append(found, plain(err))
	}
	return found
}

func counts(result sql.Result, err error) any {
	if err != nil {
		return plain(err)
	}
	affected, _ := result.RowsAffected()
	id, _ := result.LastInsertId()
	return []any{affected, id}
}

func lines(file string) []string {
	text, err := os.ReadFile(filepath.Join(os.Getenv("CLIENT_FILES"), file))
	check(err)
	var found []string
	for _, line := range strings.Split(string(text), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			found = append(found, line)
		}
	}
	return found
}

var background = context.Background()

func session(db *sql.Conn) {
	for _, text := range lines("session.sql") {
		say(text, read(db.QueryContext(background, text)))
	}
	_, err := db.ExecContext(background, "USE "+os.Getenv("DB_DATABASE"))
	check(err)
}

func types(db *sql.Conn) {
	for _, text := range lines("types.sql") {
		say("types", counts(db.ExecContext(background, text)))
	}
	say("text", read(db.QueryContext(background, "SELECT * FROM types ORDER BY id")))
	say("prepared", read(db.QueryContext(background, "SELECT * FROM types WHERE id > ? ORDER BY id", 0)))
	rows, err := db.QueryContext(background, "SELECT * FROM types WHERE id > ? ORDER BY id", 0)
	check(err)
	names, _ := rows.Columns()
	var all [][]any
	for rows.Next() {
		row, targets := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			targets[i] = &row[i]
		}
		check(rows.Scan(targets...))
		all = append(all, row[1:])
	}
	again, err := db.PrepareContext(background, "INSERT INTO types VALUES (NULL"+strings.Repeat(",?", len(names)-1)+")")
	check(err)
	for _, row := range all {
		say("written again", counts(again.ExecContext(background, row...)))
	}
	check(again.Close())
	say("all", read(db.QueryContext(background, "SELECT * FROM types ORDER BY id")))
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	say("bound", read(db.QueryContext(background, "SELECT ?, ?, ?, ?, ?, ?, ?", int64(-5), uint64(1<<63), 0.1, "Zoë 🦀", []byte{0, 255}, at, nil)))
}

func transactions(pool *sql.DB, db *sql.Conn) {
	_, err := db.ExecContext(background, "CREATE TABLE tx (id INT PRIMARY KEY, n INT)")
	check(err)
	for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelSerializable} {
		for _, commit := range []bool{false, true} {
			tx, err := db.BeginTx(background, &sql.TxOptions{Isolation: level})
			check(err)
			say("insert", level.String(), counts(tx.Exec("INSERT INTO tx VALUES (?, 0)", int(level))))
			say("own", read(tx.Query("SELECT * FROM tx ORDER BY id")))
			say("again", plain(func() error { _, err := tx.Exec("INSERT INTO tx VALUES (?, 1)", int(level)); return err }()))
			if commit {
				check(tx.Commit())
			} else {
				check(tx.Rollback())
			}
		}
	}
	tx, err := db.BeginTx(background, &sql.TxOptions{ReadOnly: true})
	check(err)
	say("read only", read(tx.Query("SELECT * FROM tx ORDER BY id")), counts(tx.Exec("DELETE FROM tx")))
	check(tx.Rollback())
	say("others see", read(pool.Query("SELECT COUNT(*) FROM tx")))
}

func others(pool *sql.DB, db *sql.Conn) {
	several := login(func(config *mysql.Config) { config.MultiStatements = true; config.ClientFoundRows = true })
	say("several", read(several.Query("SELECT 1 AS a; SET @x = 2; SELECT 'ü' AS b; SELECT 3")))
	say("the second fails", read(several.Query("SELECT 1; SELECT nope; SELECT 3")))
	several.Close()
	interpolating := login(func(config *mysql.Config) { config.InterpolateParams = true; config.ParseTime = true })
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	say("interpolated", read(interpolating.Query("SELECT ?, ?, ?, ?, CAST(? AS DATETIME(6))", -5, "Zoë '\"\\", []byte{0, 255}, nil, at)))
	interpolating.Close()

	exec := func(text string, values ...any) any { return counts(db.ExecContext(background, text, values...)) }
	query := func(text string, values ...any) any { return read(db.QueryContext(background, text, values...)) }
	say("procedure", exec("CREATE PROCEDURE two(IN x INT, OUT y INT) BEGIN SELECT x AS a; SELECT x + 1 AS b; SET y = x * 2; END"))
	say("call", query("CALL two(4, @y)"), query("SELECT @y"))
	say("call, prepared", query("CALL two(?, @y)", 5), query("SELECT @y"))
	var sum, length int
	rows, err := db.QueryContext(background, "WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s")
	check(err)
	for rows.Next() {
		var n int
		var x string
		check(rows.Scan(&n, &x))
		sum, length = sum+n, length+len(x)
	}
	say("streamed", sum, length)
	large := bytes.Repeat([]byte("0123456789abcdef"), 20<<16)
	var back []byte
	check(db.QueryRowContext(background, "SELECT CAST(? AS CHAR) AS v", string(large)).Scan(&back))
	say("20 MB", bytes.Equal(back, large))
	mysql.RegisterReaderHandler("rows", func() io.Reader {
		var text bytes.Buffer
		for i := range 3000 {
			fmt.Fprintf(&text, "%d\trow %d\n", i, i)
		}
		return &text
	})
	say("load data", exec("CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))"), exec("LOAD DATA LOCAL INFILE 'Reader::rows' INTO TABLE loaded"))
	say("no file", exec("LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE loaded"), query("SELECT COUNT(*), SUM(i) FROM loaded"))
	say("kept", exec("SET @kept = 1, NAMES utf8mb4 COLLATE utf8mb4_bin"), query("SELECT @kept, COLLATION('x')"))
	check(db.PingContext(background))

	short, cancel := context.WithTimeout(background, 100*time.Millisecond)
	defer cancel()
	_, err = pool.ExecContext(short, "DO SLEEP(5)")
	say("given up", err)
	sums := make(chan int)
	for n := range 50 {
		go func() {
			var answer int
			check(pool.QueryRow("SELECT ? + 1", n).Scan(&answer))
			sums <- answer
		}()
	}
	total := 0
	for range 50 {
		total += <-sums
	}
	say("pool", total)
	for _, wrong := range []func(*mysql.Config){
		func(config *mysql.Config) { config.Passwd = "wrong" },
		func(config *mysql.Config) { config.DBName = "app_missing" },
	} {
		refused := login(wrong)
		say("refused", refused.Ping())
		refused.Close()
	}
	check(db.Raw(func(raw any) error { say("valid", raw.(driver.Validator).IsValid()); return nil }))
}

func main() {
	pool := login(nil)
	pool.SetMaxOpenConns(6)
	db, err := pool.Conn(background)
	check(err)
	session(db)
	types(db)
	transactions(pool, db)
	others(pool, db)
	check(db.Close())
	check(pool.Close())
}
