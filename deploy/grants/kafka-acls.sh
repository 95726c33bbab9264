#!/bin/sh
# What each role may do in Kafka. Run it once as an administrator:
#   KAFKA_OPTS="--bootstrap-server kafka:9093 --command-config admin.properties" sh kafka-acls.sh
# Names are those of tocsin.example.yaml; principals are User:NAME for SASL.
set -eu
acls="kafka-acls.sh ${KAFKA_OPTS:?} --add"

# worker: reads, joins, commits; and reads the settings that tocsin check compares.
$acls --allow-principal User:tocsin --operation READ --operation DESCRIBE_CONFIGS --topic ledger.events
$acls --allow-principal User:tocsin --operation READ --operation DESCRIBE_CONFIGS --topic system.events
$acls --allow-principal User:tocsin --operation READ --group tocsin
$acls --allow-principal User:tocsin --operation DESCRIBE_CONFIGS --cluster

# operator of dead letters: sends them again.
$acls --allow-principal User:tocsin-operator --operation WRITE --topic ledger.events
$acls --allow-principal User:tocsin-operator --operation WRITE --topic system.events

# auditor: the group's commits, which say where each chain ends. Kafka leaves the
# partitions of a topic out that may not be described.
$acls --allow-principal User:tocsin-auditor --operation DESCRIBE --group tocsin
$acls --allow-principal User:tocsin-auditor --operation DESCRIBE --topic ledger.events
$acls --allow-principal User:tocsin-auditor --operation DESCRIBE --topic system.events
# migrator, analyst: nothing.
