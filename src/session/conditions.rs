//! What GET DIAGNOSTICS tells of each condition beyond SHOW WARNINGS, kept when the connection that knew it has gone to others.
//!
//! MariaDB says it to a compound statement, whose variables are gone with it. On MySQL only user variables can be asked into,
//! so that is done for conditions that a SIGNAL may have made up, and the rest follows from the code.

use crate::sql::{Flavor, lexer::has_mode};

/// Items besides MESSAGE_TEXT and MYSQL_ERRNO, in the order in which they are asked for.
const ITEMS: [&str; 11] = [
    "RETURNED_SQLSTATE",
    "CLASS_ORIGIN",
    "SUBCLASS_ORIGIN",
    "CONSTRAINT_CATALOG",
    "CONSTRAINT_SCHEMA",
    "CONSTRAINT_NAME",
    "CATALOG_NAME",
    "SCHEMA_NAME",
    "TABLE_NAME",
    "COLUMN_NAME",
    "CURSOR_NAME",
];
const MESSAGE: usize = ITEMS.len();
/// Since MariaDB 10.7.
const ROW: usize = MESSAGE + 1;
const ROW_NUMBER_SINCE: u32 = 100_700;

/// More conditions than this are not asked about.
const MAX_CONDITIONS: usize = 64;

/// One condition: the items of a signal, the message and perhaps the row's number. Each is an expression's text, made of hexadecimal digits
/// and names of character sets alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition(Vec<Box<str>>);

impl Condition {
    /// One of the server's own, by what SHOW WARNINGS said of it in this character set. `None`: its code does not tell all.
    pub fn by_code(code: u16, message: &[u8], charset: &str) -> Option<Condition> {
        let (sql_state, _) = STATES.iter().find(|(_, codes)| codes.contains(&code))?;
        Some(Condition::plain(sql_state.as_bytes(), message, charset, true))
    }

    /// One that nobody has given a name to. `origins`: whether the server says whose SQLSTATE it is.
    pub fn plain(sql_state: &[u8], message: &[u8], charset: &str, origins: bool) -> Condition {
        let is_word = !charset.is_empty() && charset.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        // Without one, the server's words are in its own.
        let charset = if is_word { charset } else { "utf8mb3" };
        let origin = match sql_state.first() {
            _ if !origins => "",
            Some(b'5'..=b'9' | b'I'..=b'Z') => "MySQL",
            _ => "ISO 9075",
        };
        let text = |text: &[u8]| string("utf8mb4", &hex(text));
        let mut items = vec![text(sql_state), text(origin.as_bytes()), text(origin.as_bytes())];
        items.resize(MESSAGE, text(b""));
        items.push(string(charset, &hex(message)));
        Condition(items)
    }

    /// The expression with an item's value; `None`: there is no such item.
    pub fn item(&self, name: &str) -> Option<&str> {
        let at = match name {
            "MESSAGE_TEXT" => MESSAGE,
            "ROW_NUMBER" => ROW,
            _ => ITEMS.iter().position(|item| *item == name)?,
        };
        self.0.get(at).map(|item| &**item)
    }
}

/// What asks a connection for all of its conditions, of which it has so many: the last statement's one cell is the answer. On
/// MySQL this leaves user variables behind. `None`: it can't be asked.
pub fn questions(count: usize, sql_mode: &[u8], flavor: Flavor) -> Option<Vec<String>> {
    if count > MAX_CONDITIONS || has_mode(sql_mode, b"ORACLE") {
        return None;
    }
    Some(match flavor {
        Flavor::MariaDb { version } => vec![compound(version >= ROW_NUMBER_SINCE)],
        Flavor::MySql { .. } => into_user_variables(count),
    })
}

fn names(with_row: bool) -> impl Iterator<Item = &'static str> {
    ITEMS.into_iter().chain(["MESSAGE_TEXT"]).chain(with_row.then_some("ROW_NUMBER"))
}

fn compound(with_row: bool) -> String {
    let variables: Vec<_> = (0..names(with_row).count()).map(|at| format!("v{at}")).collect();
    let gets: Vec<_> = variables.iter().zip(names(with_row)).map(|(to, item)| format!("{to}={item}")).collect();
    let cells: Vec<_> = variables.iter().map(|variable| format!("HEX({variable})")).collect();
    format!(
        "BEGIN NOT ATOMIC DECLARE i INT DEFAULT 1;DECLARE n INT;DECLARE r LONGTEXT CHARACTER SET utf8mb4 DEFAULT '';\
         DECLARE {} LONGTEXT CHARACTER SET utf8mb4;GET DIAGNOSTICS n=NUMBER;\
         WHILE i<=n DO GET DIAGNOSTICS CONDITION i {};SET r=CONCAT(r,CONCAT_WS(',',{}),';');SET i=i+1;END WHILE;\
         SELECT r LIMIT 1;END",
        variables.join(","),
        gets.join(","),
        cells.join(",")
    )
}

fn into_user_variables(count: usize) -> Vec<String> {
    let variable = |condition: usize, item: usize| format!("@`forebay_{condition}_{item}`");
    let get = |condition: usize| {
        let gets: Vec<_> =
            names(false).enumerate().map(|(at, item)| format!("{}={item}", variable(condition, at))).collect();
        format!("GET DIAGNOSTICS CONDITION {condition} {}", gets.join(","))
    };
    let cell = |condition: usize| {
        let cells: Vec<_> =
            (0..=MESSAGE).map(|at| format!("HEX(CONVERT({} USING utf8mb4))", variable(condition, at))).collect();
        format!("CONCAT_WS(',',{})", cells.join(","))
    };
    let mut statements: Vec<_> = (1..=count).map(get).collect();
    statements.push(format!("SELECT CONCAT_WS(';',{}) LIMIT 1", (1..=count).map(cell).collect::<Vec<_>>().join(",")));
    statements
}

/// The answer's cell. `None`: that is not what was asked for.
pub fn answered(cell: &[u8], count: usize) -> Option<Vec<Condition>> {
    let text: String = cell.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    let condition = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        let is_hex = |cell: &&str| cell.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !(MESSAGE + 1..=ROW + 1).contains(&cells.len()) || !cells.iter().all(is_hex) {
            return None;
        }
        let item = |(at, hex): (usize, &&str)| if at == ROW { number(hex) } else { Some(string("utf8mb4", hex)) };
        cells.iter().enumerate().map(item).collect::<Option<_>>().map(Condition)
    };
    let conditions: Option<Vec<_>> = text.split_terminator(';').map(condition).collect();
    conditions.filter(|conditions| conditions.len() == count)
}

/// As both servers give items that are texts.
fn string(charset: &str, hex: &str) -> Box<str> {
    format!("CONVERT(_{charset} x'{hex}' USING utf8mb3) COLLATE utf8mb3_general_ci").into()
}

/// A number, of the hexadecimal digits of its decimal ones.
fn number(hex: &str) -> Option<Box<str>> {
    let digits: Option<Vec<_>> = hex.as_bytes().chunks(2).map(|pair| pair.strip_prefix(b"3")?.first()).collect();
    let digits: String = digits?.into_iter().map(|digit| char::from(*digit)).collect();
    let number: u64 = digits.parse().ok()?;
    Some(unsigned(number))
}

/// As both servers give items that are numbers.
pub fn unsigned(number: u64) -> Box<str> {
    format!("CAST({number} AS UNSIGNED)").into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SQLSTATEs of MySQL's commonest conditions, as GET DIAGNOSTICS on MySQL 9 gives them:
/// <https://dev.mysql.com/doc/mysql-errors/9.0/en/server-error-reference.html>
const STATES: &[(&str, &[u16])] = &[
    ("01000", &[1265]),
    ("21000", &[1222, 1242]),
    ("21S01", &[1136]),
    ("22001", &[1406]),
    ("22003", &[1264, 1690]),
    ("22007", &[1292]),
    ("22012", &[1365]),
    ("22032", &[3141]),
    ("23000", &[1048, 1052, 1062]),
    ("25001", &[1568]),
    ("25006", &[1792]),
    ("42000", &[1049, 1064, 1072, 1091, 1115, 1147, 1172, 1231, 1305, 1582, 3143, 3948]),
    ("42S01", &[1050]),
    ("42S02", &[1051, 1146]),
    ("42S21", &[1060]),
    ("42S22", &[1054]),
    (
        "HY000",
        &[
            1007, 1008, 1094, 1193, 1243, 1260, 1287, 1298, 1360, 1364, 1366, 1396, 1411, 1681, 1824, 3024, 3135, 3691,
            3719,
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: Flavor = Flavor::MySql { version: 90_700 };
    const MARIADB: Flavor = Flavor::MariaDb { version: 101_100 };

    #[test]
    fn a_known_code_tells_all() {
        let condition = Condition::by_code(1264, b"caf\xe9", "latin1").unwrap();
        let utf8 = |hex: &str| string("utf8mb4", hex);
        assert_eq!(condition.item("RETURNED_SQLSTATE"), Some(&*utf8("3232303033")));
        assert_eq!(condition.item("CLASS_ORIGIN"), Some(&*utf8("49534f2039303735")));
        assert_eq!(condition.item("CURSOR_NAME"), Some(&*utf8("")));
        assert_eq!(condition.item("MESSAGE_TEXT"), Some(&*string("latin1", "636166e9")));
        assert_eq!((condition.item("ROW_NUMBER"), condition.item("NONSENSE")), (None, None));
        assert_eq!(Condition::by_code(1644, b"a SIGNAL", "latin1"), None);
        assert_eq!(
            Condition::plain(b"HY000", b"x", "a' OR", false).item("MESSAGE_TEXT"),
            Some(&*string("utf8mb3", "78"))
        );
    }

    #[test]
    fn answers_are_read() {
        let mut line = ["41"; MESSAGE + 1].join(",");
        let two = format!("{line};{line}");
        assert_eq!(answered(two.as_bytes(), 2).unwrap().len(), 2);
        assert_eq!(answered(two.as_bytes(), 3), None, "one is missing");
        line.push_str(",3132");
        let one = answered(format!("{line};").as_bytes(), 1).unwrap();
        assert_eq!(one[0].item("ROW_NUMBER"), Some("CAST(12 AS UNSIGNED)"));
        assert_eq!(one[0].item("TABLE_NAME"), Some(&*string("utf8mb4", "41")));
        assert_eq!(answered(line.replace("3132", "4142").as_bytes(), 1), None, "no number");
        assert_eq!(answered(line.replacen("41", "4'", 1).as_bytes(), 1), None, "no hexadecimal digits");
        assert_eq!(answered(b"", 1), None);
        assert_eq!(answered(b"", 0), Some(Vec::new()));
    }

    #[test]
    fn each_server_is_asked_in_its_way() {
        let mysql = questions(2, b"", MYSQL).unwrap();
        assert!(
            mysql.len() == 3 && mysql[1].starts_with("GET DIAGNOSTICS CONDITION 2 @`forebay_2_0`=RETURNED_SQLSTATE,")
        );
        assert!(!mysql[1].contains("ROW_NUMBER"));
        let mariadb = questions(2, b"", MARIADB).unwrap();
        assert!(mariadb.len() == 1 && mariadb[0].contains("ROW_NUMBER"));
        assert!(!questions(2, b"", Flavor::MariaDb { version: 100_600 }).unwrap()[0].contains("ROW_NUMBER"));
        assert_eq!(questions(MAX_CONDITIONS + 1, b"", MARIADB), None);
        assert_eq!(questions(1, b"ANSI_QUOTES,ORACLE", MARIADB), None, "other compound statements");
    }
}
