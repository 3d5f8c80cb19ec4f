import java.sql.*;
import java.util.*;

/** A JDBC driver's visit to the admin port at DB_PORT, as GUI clients on JDBC make it: prints what it saw. */
public class Visit {
    static void say(String name, ResultSet rows, int column) throws SQLException {
        var cells = new TreeSet<String>();
        while (rows.next()) cells.add(String.valueOf(rows.getString(column)));
        System.out.println(name + " " + String.join(" ", cells));
    }

    public static void main(String[] arguments) throws Exception {
        var url = "jdbc:mariadb://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/forebay" + arguments[0];
        try (var connection = DriverManager.getConnection(url, "op", "secret-op"); var statement = connection.createStatement()) {
            System.out.println("valid " + connection.isValid(5));
            say("servers", statement.executeQuery("SHOW SERVERS"), 1);
            var about = connection.getMetaData();
            System.out.println("product " + about.getDatabaseProductVersion());
            say("schemas", about.getCatalogs(), 1);
            say("tables", about.getTables(null, null, "%", null), 3);
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            connection.commit();
            try {
                statement.execute("NONSENSE");
            } catch (SQLException error) {
                System.out.println("error " + error.getErrorCode());
            }
            try (var prepared = connection.prepareStatement("SELECT server FROM servers WHERE role = ? ORDER BY 1")) {
                prepared.setString(1, "primary");
                say("prepared", prepared.executeQuery(), 1);
            }
        }
    }
}
