-- Chains: what rule 1 matches is looked at by 10 and 11 only, what 11 matches by 20 only.
INSERT INTO mysql_servers (hostgroup_id, hostname) VALUES (0, '10.0.0.1'), (1, '10.0.0.2'), (5, '10.0.0.3');
INSERT INTO mysql_replication_hostgroups (writer_hostgroup, reader_hostgroup) VALUES (0, 1);
INSERT INTO mysql_users (username, password, default_hostgroup) VALUES ('app', 'x', 0);
INSERT INTO mysql_query_rules (rule_id, active, username, flagIN, match_digest, negate_match_pattern, flagOUT, destination_hostgroup, timeout, cache_ttl, next_query_flagIN, apply) VALUES
(1, 1, 'app', 0, '^SELECT', 0, 100, 1, 5000, NULL, NULL, 0),
(2, 1, NULL, 0, 'FROM orders', 0, NULL, 0, NULL, NULL, NULL, 1),
(3, 0, NULL, 0, '^SHOW', 0, 300, NULL, NULL, NULL, NULL, 0),
(4, 1, NULL, 0, '^SHOW', 1, 400, NULL, NULL, NULL, 700, 0),
(10, 1, NULL, 100, 'FOR UPDATE$', 0, NULL, 0, NULL, NULL, NULL, 1),
(11, 1, NULL, 100, 'FROM reports', 0, 200, 5, NULL, NULL, NULL, 0),
(20, 1, NULL, 200, 'COUNT', 0, NULL, NULL, 60000, 9000, NULL, 1),
(30, 1, NULL, 300, NULL, 0, NULL, 5, NULL, NULL, NULL, 1),
(40, 1, NULL, 400, '^CALL', 1, NULL, 0, NULL, NULL, NULL, 1),
(50, 1, NULL, 500, NULL, 0, NULL, 5, NULL, NULL, NULL, 1),
(60, 1, NULL, 0, '^SELECT', 0, 60, NULL, NULL, 1000, NULL, 1),
(70, 1, NULL, 700, NULL, 0, NULL, 5, NULL, NULL, NULL, 1);
