import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.*;
import java.util.*;

/** MariaDB Connector/J against DB_PORT: one line per observation, so that two runs can be compared as text. */
public class Check {
    static final String DATABASE = System.getenv("DB_DATABASE");

    interface Action {
        Object run() throws Exception;
    }

    static Connection connect(String more) throws SQLException {
        return connect(DATABASE, "secret", more);
    }

    static Connection connect(String database, String password, String more) throws SQLException {
        var options = "?allowLocalInfile=true&allowPublicKeyRetrieval=true&connectionAttributes=app:check&useBulkStmts=true" + more;
        options += "1".equals(System.getenv("DB_SSL")) ? "&sslMode=trust" : "&sslMode=disable";
        options += "1".equals(System.getenv("DB_COMPRESS")) ? "&useCompression=true" : "";
        var url = "jdbc:mariadb://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/" + database + options;
        return DriverManager.getConnection(url, "app", password);
    }

    static String shown(Object value) {
        if (value instanceof byte[] bytes) return "0x" + HexFormat.of().formatHex(bytes);
        if (value instanceof Object[] array) return shown(Arrays.asList(array));
        if (value instanceof int[] counts) return Arrays.toString(counts);
        if (value instanceof List<?> list) return "[" + String.join(", ", list.stream().map(Check::shown).toList()) + "]";
        return String.valueOf(value).replace("\n", "\\n");
    }

    static void say(String name, Object... values) {
        System.out.println(name + " " + shown(values));
    }

    static void attempt(String name, Action action) throws Exception {
        try {
            say(name, action.run());
        } catch (SQLException e) {
            say(name, e.getClass().getSimpleName(), e.getErrorCode(), e.getSQLState(), e.getMessage().replaceAll("\\(conn=-?\\d+\\)", "").replaceAll(":\\d+", ""));
        }
    }

    static List<Object> rows(ResultSet result) throws SQLException {
        var meta = result.getMetaData();
        var found = new ArrayList<Object>();
        var columns = new ArrayList<Object>();
        for (int i = 1; i <= meta.getColumnCount(); i++) {
            var type = meta.getColumnTypeName(i);
            columns.add(List.of(meta.getColumnLabel(i), type, meta.getColumnType(i), meta.getPrecision(i), meta.getScale(i), meta.isNullable(i)));
        }
        found.add(columns);
        while (result.next()) {
            var row = new ArrayList<Object>();
            for (int i = 1; i <= meta.getColumnCount(); i++) {
                // Dates as text: Java's own types don't hold all of them.
                boolean text = Set.of(Types.TIME, Types.DATE, Types.TIMESTAMP).contains(meta.getColumnType(i));
                boolean bytes = Set.of(Types.BINARY, Types.VARBINARY, Types.LONGVARBINARY, Types.BIT).contains(meta.getColumnType(i));
                row.add(text ? result.getString(i) : bytes ? result.getBytes(i) : result.getObject(i));
            }
            found.add(row);
        }
        return found;
    }

    /** All results: rows, or counts with the keys made. */
    static List<Object> results(Statement statement, boolean isResult) throws SQLException {
        var found = new ArrayList<Object>();
        while (isResult || statement.getUpdateCount() != -1) {
            if (isResult) {
                found.add(rows(statement.getResultSet()));
            } else {
                found.add(statement.getUpdateCount());
            }
            isResult = statement.getMoreResults();
        }
        for (var warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning()) {
            found.add(List.of(warning.getErrorCode(), String.valueOf(warning.getMessage())));
        }
        return found;
    }

    static List<Object> run(Connection db, String text) throws SQLException {
        try (var statement = db.createStatement()) {
            return results(statement, statement.execute(text));
        }
    }

    static List<Object> prepared(Connection db, String text, Object... values) throws SQLException {
        try (var statement = db.prepareStatement(text, Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
            var found = results(statement, statement.execute());
            found.add(rows(statement.getGeneratedKeys()));
            return found;
        }
    }

    static List<String> lines(String file) throws Exception {
        var lines = Files.readAllLines(Path.of(System.getenv("CLIENT_FILES"), file));
        return lines.stream().filter(line -> !line.isEmpty() && !line.startsWith("#")).toList();
    }

    static void types(Connection db) throws Exception {
        for (var text : lines("types.sql")) say("types", run(db, text));
        say("text", run(db, "SELECT * FROM types ORDER BY id"));
        for (var way : List.of("", "&useServerPrepStmts=true")) {
            try (var other = connect(way)) {
                say("read" + way, prepared(other, "SELECT * FROM types WHERE id > ? ORDER BY id", 0));
                var copy = new ArrayList<Object[]>();
                try (var statement = other.prepareStatement("SELECT * FROM types WHERE id > ? ORDER BY id")) {
                    statement.setInt(1, 0);
                    var result = statement.executeQuery();
                    int count = result.getMetaData().getColumnCount();
                    while (result.next()) {
                        var row = new Object[count - 1];
                        for (int i = 2; i <= count; i++) {
                            var bytes = Set.of("bits", "b", "vb", "bl").contains(result.getMetaData().getColumnLabel(i));
                            row[i - 2] = bytes ? result.getBytes(i) : result.getString(i);
                        }
                        copy.add(row);
                    }
                }
                for (var row : copy) {
                    attempt("written again", () -> prepared(other, "INSERT INTO types VALUES (NULL" + ",?".repeat(row.length) + ")", row));
                }
            }
        }
        say("all", run(db, "SELECT * FROM types ORDER BY id"));
    }

    static void batches(Connection db) throws Exception {
        run(db, "CREATE TABLE batch (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(50), n INT)");
        for (var way : List.of("", "&useServerPrepStmts=true", "&rewriteBatchedStatements=true", "&useServerPrepStmts=true&disablePipeline=true")) {
            try (var other = connect(way); var statement = other.prepareStatement("INSERT INTO batch (s, n) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
                for (int n = 0; n < 150; n++) {
                    statement.setString(1, "Zoë " + n);
                    statement.setObject(2, n % 7 == 0 ? null : n);
                    statement.addBatch();
                }
                say("batch" + way, statement.executeBatch(), rows(statement.getGeneratedKeys()));
                try (var failing = other.prepareStatement("INSERT INTO batch (id, s) VALUES (?, ?)")) {
                    for (int id : new int[] {90000 + way.length(), 1, 95000 + way.length()}) {
                        failing.setInt(1, id);
                        failing.setString(2, "x");
                        failing.addBatch();
                    }
                    attempt("batch fails", failing::executeBatch);
                }
            }
            say("after it", run(db, "SELECT COUNT(*), SUM(n), MAX(id) FROM batch"));
        }
        try (var statement = db.createStatement()) {
            for (int n = 0; n < 20; n++) statement.addBatch("UPDATE batch SET n = " + n + " WHERE id <= " + n);
            say("texts", statement.executeBatch());
        }
    }

    static void transactions(Connection db) throws Exception {
        run(db, "CREATE TABLE tx (id INT PRIMARY KEY, n INT)");
        db.setAutoCommit(false);
        run(db, "INSERT INTO tx VALUES (1, 0)");
        db.rollback();
        run(db, "INSERT INTO tx VALUES (2, 0)");
        var point = db.setSavepoint("point");
        run(db, "UPDATE tx SET n = 9");
        db.rollback(point);
        say("own", run(db, "SELECT * FROM tx"));
        db.commit();
        db.setAutoCommit(true);
        for (int level : new int[] {Connection.TRANSACTION_READ_UNCOMMITTED, Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_SERIALIZABLE, Connection.TRANSACTION_REPEATABLE_READ}) {
            db.setTransactionIsolation(level);
            say("isolation", db.getTransactionIsolation() == level);
        }
        db.setReadOnly(true);
        attempt("read only", () -> run(db, "DELETE FROM tx"));
        db.setReadOnly(false);
        say("after all", run(db, "SELECT * FROM tx"), db.getCatalog(), db.getAutoCommit());
    }

    static void procedures(Connection db) throws Exception {
        run(db, "CREATE PROCEDURE two(IN x INT, OUT y INT, INOUT z VARCHAR(20)) BEGIN SELECT x AS a; SELECT x + 1 AS b; SET y = x * 2, z = CONCAT(z, 'ü'); END");
        run(db, "CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC RETURN x * 2");
        for (var way : List.of("", "&useServerPrepStmts=true")) {
            try (var other = connect(way); var call = other.prepareCall("{CALL two(?, ?, ?)}"); var function = other.prepareCall("{? = CALL twice(?)}")) {
                call.setInt(1, 4);
                call.registerOutParameter(2, Types.INTEGER);
                call.setString(3, "in");
                call.registerOutParameter(3, Types.VARCHAR);
                attempt("call" + way, () -> results(call, call.execute()));
                attempt("OUT", () -> List.of(call.getInt(2), call.getString(3)));
                function.registerOutParameter(1, Types.INTEGER);
                function.setInt(2, 21);
                function.execute();
                say("function", function.getInt(1));
            }
        }
    }

    static void streams(Connection db) throws Exception {
        var series = "WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s";
        for (var way : List.of("", "&useServerPrepStmts=true")) {
            try (var other = connect(way); var statement = other.prepareStatement(series)) {
                statement.setFetchSize(10);
                var result = statement.executeQuery();
                int n = 0, length = 0;
                while (result.next() && n < 500) {
                    n++;
                    length += result.getString(2).length();
                }
                // Another statement in the middle of it.
                say("streamed", n, length, run(other, "SELECT 1"));
            }
        }
        var large = "0123456789abcdef".repeat(20 << 16);
        for (var way : List.of("", "&useServerPrepStmts=true")) {
            try (var other = connect(way); var statement = other.prepareStatement("SELECT CAST(? AS CHAR) AS v")) {
                statement.setCharacterStream(1, new java.io.StringReader(large));
                var result = statement.executeQuery();
                while (result.next()) say("20 MB", result.getString(1).equals(large));
            }
        }
    }

    static void others(Connection db) throws Exception {
        try (var several = connect("&allowMultiQueries=true")) {
            attempt("several statements", () -> run(several, "SELECT 1; SET @x = 2; SELECT @x, 'ü'; DO 1"));
            attempt("the third fails", () -> run(several, "SELECT 1; SET @x = 3; SELECT nope; SET @x = 4"));
            attempt("goes on", () -> run(several, "SELECT @x"));
        }
        run(db, "CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))");
        var text = new StringBuilder();
        for (int i = 0; i < 3000; i++) text.append(i).append("\trow ").append(i).append("\n");
        if ("1".equals(System.getenv("DB_COMPRESS"))) {
            // Compressed, the driver numbers a file's packets in a way that no server takes.
            run(db, "INSERT INTO loaded VALUES (1, 'one'), (2, 'two'), (3, 'three')");
        } else try (var statement = db.createStatement()) {
            statement.unwrap(org.mariadb.jdbc.Statement.class).setLocalInfileInputStream(new ByteArrayInputStream(text.toString().getBytes(StandardCharsets.UTF_8)));
            attempt("load data", () -> results(statement, statement.execute("LOAD DATA LOCAL INFILE 'any' INTO TABLE loaded")));
        }
        // On a connection of its own, which the driver closes.
        try (var other = connect("")) {
            attempt("no file", () -> run(other, "LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE loaded"));
        }
        say("loaded", run(db, "SELECT COUNT(*), SUM(i) FROM loaded"));
        try (var statement = db.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE); var result = statement.executeQuery("SELECT i, s FROM loaded WHERE i < 3")) {
            while (result.next()) {
                result.updateString(2, "updated");
                result.updateRow();
            }
        }
        say("updated", run(db, "SELECT * FROM loaded WHERE s = 'updated' ORDER BY i"));
        var meta = db.getMetaData();
        say("tables", rows(meta.getTables(DATABASE, null, "%", new String[] {"TABLE"})));
        say("columns", rows(meta.getColumns(DATABASE, null, "types", "%")));
        say("keys", rows(meta.getPrimaryKeys(DATABASE, null, "types")), rows(meta.getProcedures(DATABASE, null, "%")).size());
        say("server", meta.getDatabaseProductName(), meta.getDatabaseProductVersion(), meta.getDatabaseMajorVersion());
        run(db, "SET @kept = 1");
        say("valid", db.isValid(5), run(db, "SELECT @kept"));
        var own = db.unwrap(org.mariadb.jdbc.Connection.class);
        try (var statement = db.createStatement(); var result = statement.executeQuery("SELECT CONNECTION_ID()")) {
            result.next();
            say("connection id", result.getLong(1) == own.getThreadId());
        }
        own.reset();
        say("reset", run(db, "SELECT @kept, DATABASE()"));
        try (var statement = db.createStatement()) {
            statement.setQueryTimeout(1);
            attempt("time limit", () -> results(statement, statement.execute("SELECT SLEEP(10)")));
        }
        attempt("wrong password", () -> connect(DATABASE, "wrong", ""));
        attempt("unknown database", () -> connect("app_missing", "secret", ""));
    }

    public static void main(String[] arguments) throws Exception {
        System.setOut(new java.io.PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, StandardCharsets.UTF_8));
        try (var db = connect("")) {
            for (var text : lines("session.sql")) attempt(text, () -> run(db, text));
            db.setCatalog(DATABASE);
            types(db);
            batches(db);
            transactions(db);
            procedures(db);
            streams(db);
            others(db);
        }
    }
}
