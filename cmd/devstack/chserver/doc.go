// Package chserver starts a real ClickHouse server on loopback ports for
// development and tests, with nothing installed beforehand but npm.
//
// # Why libchdb
//
// libchdb, as published on npm, carries clickhouse-local, whose statement
// SYSTEM START LISTEN starts the very protocol handlers of clickhouse-server:
// native TCP and HTTP, MergeTree, deduplication, users, merges. It is one
// shared object that needs no root, no container and no cgo, and it starts in
// a fraction of a second, so that each test package can have a server of its
// own. What it lacks is replication (no Keeper), TLS listeners and users made
// by SQL. Options.Binary runs an installed ClickHouse instead.
//
// # Why a child process
//
// The library can be started once in a process, ends the process on a fatal
// error, and must be killable without the test dying with it. So the program
// executes itself again, and the copy, seeing a variable in its environment,
// becomes the server: Main must come first in main or TestMain.
//
// # Why a pseudo-terminal
//
// clickhouse-local, when it is not interactive, aborts the process on any
// exception that leaves a connection handler: one wrong password would be the
// end of the server. With a terminal as standard input it takes itself to be
// interactive and does not. The child opens one that is shown nowhere.
package chserver
