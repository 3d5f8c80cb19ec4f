-- One primary, two replicas, reads split off by two rules.
DELETE FROM mysql_servers;
INSERT INTO mysql_servers (hostgroup_id, hostname, port, weight, max_replication_lag, comment) VALUES
  (1, '10.0.0.11', 3306, 1, 0, 'db1'),
  (2, '10.0.0.12', 3306, 10, 5, 'db2'),
  (2, '10.0.0.13', 3306, 5, 5, 'db3');
INSERT INTO mysql_replication_hostgroups (writer_hostgroup, reader_hostgroup, comment) VALUES (1, 2, 'shop');
INSERT INTO mysql_users (username, password, default_hostgroup, transaction_persistent) VALUES ('app', 'it''s ${secret}', 1, 1);
INSERT INTO mysql_query_rules (rule_id, active, match_digest, destination_hostgroup, apply) VALUES
  (1, 1, '^SELECT.*FOR UPDATE', 1, 1),
  (2, 1, '^SELECT', 2, 1);
UPDATE global_variables SET variable_value='monitor' WHERE variable_name='mysql-monitor_username';
SET mysql-monitor_password = 'm0nit0r';
LOAD MYSQL SERVERS TO RUNTIME; SAVE MYSQL SERVERS TO DISK;
