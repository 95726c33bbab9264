// Package endtoend holds tests of the tocsin program as a whole: real
// processes on a real ClickHouse and JetStream, and, under the build tag
// integration, on Apache Kafka itself. What was produced is compared with what
// is stored and alerted by SQL and by reading the stream; nothing of the loop
// is used to check the loop.
package endtoend
