//! The long help texts. Written as a manual page: what it does, what it needs, what it returns, examples.

pub const ABOUT: &str = "\
Forebay stands between MySQL clients and a MySQL or MariaDB primary with its replicas. Clients connect to it with an \
ordinary connection string. Plain reads go to the replicas; writes, locking reads and everything that is not proven to be \
a harmless read go to the primary; the session behaves as on one direct connection.";

pub const AFTER: &str = "\
EXAMPLES
  Try it out: a primary, two replicas, sample data and Forebay, all on this machine:
      forebay demo
  Check a configuration before it is used:
      forebay check --config /etc/forebay/config.yaml
  Run it:
      forebay run --config /etc/forebay/config.yaml
  Connect through it, as to any server:
      mysql -h 127.0.0.1 -P 6033 -u app -p

A SMALLEST CONFIGURATION
      listen: 127.0.0.1:6033
      servers:
        - {address: \"127.0.0.1:33061\", role: primary}
        - {address: \"127.0.0.1:33062\", role: replica}
      users: [{name: app, password: \"${APP_DB_PASSWORD}\"}]
  Every key with its default is described in the config.yaml that comes with Forebay.

ENVIRONMENT
  FOREBAY_CONFIG   the configuration's path, where --config is not given
  NO_COLOR         set to anything: no colour in the log
  Variables that the configuration names as ${NAME} or ${NAME:-default}.

EXIT STATUS
  0  done, or stopped as asked
  1  the configuration is wrong, or the start failed; the reason is on stderr
  2  the command line is wrong";

pub const RUN: &str = "\
Reads the configuration, checks all of it, and serves clients until SIGINT or SIGTERM. With a configuration that is wrong it \
does not start: it prints everything that is wrong with it, each with file, line and column.\n\n\
The log goes to stderr. Servers need not be up: Forebay waits for them and takes them into service when they come.";

pub const RUN_AFTER: &str = "\
SIGNALS
  SIGINT, SIGTERM  stop: no new clients; the statements that run are let end

EXAMPLES
      forebay run
      forebay run --config /etc/forebay/config.yaml
  With a password from the environment and the log as JSON (`log: {format: json}`) into a file:
      APP_DB_PASSWORD=… forebay run 2>> forebay.log";

pub const CHECK: &str = "\
Reads the configuration and everything that it names (rule files with their tests, certificates, password files) as `run` \
would, connects to nothing and changes nothing. Prints what was understood, never a secret, and warns of what works but is \
probably not meant.";

pub const CHECK_AFTER: &str = "\
EXIT STATUS
  0  it is good (there may be warnings, on stderr)
  1  it is not: every error is on stderr as FILE:LINE:COLUMN: what is wrong and what would be right

EXAMPLES
      forebay check
      forebay check --config /etc/forebay/config.yaml && systemctl restart forebay";

pub const EXPLAIN: &str = "\
Decides where a statement would go, as a Forebay with this configuration does while all servers are in good health, and tells \
how: what it knows of the statement, every rule with why it does not match, what the rules decide, and the reason. Connects to \
nothing.";

pub const EXPLAIN_AFTER: &str = "\
EXIT STATUS
  0  told
  1  the configuration is wrong

EXAMPLES
      forebay explain 'SELECT * FROM orders WHERE id = 7'
      forebay explain --user report_anna --schema shop 'SELECT COUNT(*) FROM orders GROUP BY day'
  For programs:
      forebay explain --json --in-transaction 'SELECT 1' | jq .target";

pub const DIFF: &str = "\
Decides statements with two configurations, as `explain` does, and prints what comes out differently: where to, why, and \
whatever rules decide. The statements are those of both rule sets' tests, some made up for each rule (with the users, tables \
and addresses that it names), and those of a log. Connects to nothing.\n\n\
OLD and NEW are configuration files, or folders with a config.yaml. A log is one of MySQL's or MariaDB's (general or slow), \
or has one statement a line, or one JSON object a line with a `statement`, `query` or `fingerprint`.";

pub const DIFF_AFTER: &str = "\
EXIT STATUS
  0  nothing differs
  1  something does
  2  a configuration is wrong, or the log can't be read

EXAMPLES
      forebay diff /etc/forebay new/
  With what ran yesterday, for programs:
      forebay diff /etc/forebay new/ --log general.log --json | jq .differences";

pub const IMPORT: &str = "\
Reads a configuration of ProxySQL's: the admin interface's SQL (INSERT INTO mysql_servers, mysql_users, mysql_query_rules, \
mysql_replication_hostgroups, mysql_hostgroup_attributes, and variables that are set), or a .cnf. Prints, or writes with --to, \
the equal Forebay configuration: config.yaml and rules/10-proxysql.yaml. What has no equal stands there as a comment that \
begins with `no equal`; a rule that would be about more statements without it is switched off. Connects to nothing.";

pub const IMPORT_AFTER: &str = "\
EXIT STATUS
  0  done
  1  the file can't be read; where and why is on stderr

EXAMPLES
      forebay import proxysql proxysql.cnf
      forebay import proxysql dump.sql --to new && forebay check --config new/config.yaml";

pub const SCHEMA: &str = "\
Prints a JSON Schema (draft 2020-12) of the configuration or of the rule files that this Forebay reads. An editor that knows it completes keys, explains \
them and marks what is unknown; `forebay check` remains the judge.";

pub const SCHEMA_AFTER: &str = "\
EXAMPLES
      forebay schema rules > rules.schema.json
      forebay schema config > config.schema.json";

pub const DEMO: &str = "\
Starts a primary and two replicas from the mariadbd or mysqld found on PATH in a scratch folder, with GTID replication and a \
small sample database, then Forebay in front of them. Prints the connection string and, as statements pass, where each one \
went and why. Everything listens on 127.0.0.1; nothing is installed and no running server is touched. Ctrl-C ends exactly \
what it started and removes the folder.";

pub const DEMO_AFTER: &str = "\
EXAMPLES
      forebay demo
  With MySQL and one replica, on another port:
      forebay demo --server mysqld --replicas 1 --port 3306";
