/* What has no equal, and what nearly has one. */
INSERT INTO mysql_servers (hostgroup_id,hostname,port,gtid_port,status,weight,compression,max_connections,max_replication_lag,use_ssl,max_latency_ms,comment)
VALUES (0,'127.0.0.1',3306,3310,'ONLINE',5000,0,100,0,0,0,''),(0,'127.0.0.1',3307,0,'ONLINE',1,0,200,10,0,0,'a second writer'),
(1,'127.0.0.1',3308,0,'SHUNNED',1,0,200,20,0,0,NULL),(7,'127.0.0.1',3309,0,'OFFLINE_HARD',1,0,200,20,0,0,NULL);
REPLACE INTO mysql_users (username,password,default_hostgroup,fast_forward,schema_locked,transaction_persistent,backend,frontend,attributes) VALUES
('a','pa',0,1,1,0,1,0,''),('a','pa',0,0,0,1,0,1,''),('b','pb',1,0,0,1,1,1,'{"spiffe_id":"x"}');
INSERT INTO mysql_query_rules (rule_id,active,username,schemaname,flagIN,client_addr,proxy_port,digest,match_digest,match_pattern,negate_match_pattern,re_modifiers,flagOUT,replace_pattern,destination_hostgroup,cache_ttl,timeout,delay,mirror_hostgroup,error_msg,OK_msg,multiplex,log,apply,comment) VALUES
(1,1,'a','shop',0,'10.0.0.5',NULL,NULL,NULL,'DROP',0,'CASELESS',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'No "DROP" here',NULL,NULL,1,1,'guard'),
(2,1,NULL,NULL,0,NULL,NULL,NULL,NULL,'FROM old_(\w+) WHERE cost > \$5',0,'GLOBAL',NULL,'FROM new_\1 WHERE cost > $5',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL),
(3,1,NULL,NULL,0,NULL,6034,NULL,NULL,NULL,0,'CASELESS',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,NULL),
(4,1,NULL,NULL,0,NULL,NULL,'0x38BE36BDFFDBE638','^(?!SELECT)',NULL,0,'CASELESS',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,NULL),
(5,1,NULL,NULL,0,NULL,NULL,NULL,'^SELECT',NULL,1,'CASELESS',NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,'all but reads'),
(6,1,NULL,NULL,0,'10.%.3',NULL,NULL,'^SELECT',NULL,0,'CASELESS',100,NULL,7,NULL,2500,10,9,NULL,NULL,0,NULL,0,NULL),
(7,1,NULL,NULL,100,NULL,NULL,NULL,NULL,NULL,0,'CASELESS',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,NULL),
(8,1,NULL,NULL,0,NULL,NULL,NULL,'^SHOW',NULL,0,'CASELESS',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'fine',NULL,NULL,0,NULL);
INSERT INTO mysql_hostgroup_attributes (hostgroup_id, max_num_online_servers, init_connect) VALUES (0, 2, 'SET @x = 1');
INSERT INTO mysql_galera_hostgroups (writer_hostgroup) VALUES (3);
INSERT INTO mysql_replication_hostgroups (writer_hostgroup, reader_hostgroup) VALUES (0, 1), (50, 51);
INSERT INTO mysql_servers (hostgroup_id, hostname) VALUES (50, 'other-cluster'), (1, '/run/mysqld/mysqld.sock');
