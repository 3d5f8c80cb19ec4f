#!/bin/bash
# Sourced by the image's entry point when a replica's data folder is new. What the entry point itself has written there
# (root's password) has GTIDs of its own, which the replica must not keep.
docker_process_sql <<SQL
RESET BINARY LOGS AND GTIDS;
CHANGE REPLICATION SOURCE TO SOURCE_HOST='primary', SOURCE_USER='repl', SOURCE_PASSWORD='${REPLICATION_PASSWORD}',
    SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1;
START REPLICA;
-- Not an option of the server: the entry point itself has to write while it prepares the data.
SET PERSIST super_read_only = ON;
SQL
