#!/bin/bash
# Sourced by the image's entry point when the primary's data folder is new.
docker_process_sql <<SQL
CREATE DATABASE IF NOT EXISTS social;
CREATE USER 'repl'@'%' IDENTIFIED BY '${REPLICATION_PASSWORD}';
GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%';
CREATE USER 'monitor'@'%' IDENTIFIED BY '${MONITOR_PASSWORD}';
GRANT REPLICATION CLIENT ON *.* TO 'monitor'@'%';
CREATE USER 'app'@'%' IDENTIFIED BY '${APP_DB_PASSWORD}';
GRANT ALL ON social.* TO 'app'@'%';
SQL
