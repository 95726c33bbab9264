#!/bin/sh
# Rights of each role in Kafka. Run this once as an administrator:
#   KAFKA_OPTS="--bootstrap-server kafka:9093 --command-config admin.properties" sh kafka-acls.sh
# Names match tocsin.example.yaml; principals are User:NAME for SASL.
set -eu
acls="kafka-acls.sh ${KAFKA_OPTS:?} --add"

# worker: reads, joins, commits, and reads the settings that tocsin check compares.
$acls --allow-principal User:tocsin --operation READ --operation DESCRIBE_CONFIGS --topic ledger.events
$acls --allow-principal User:tocsin --operation READ --operation DESCRIBE_CONFIGS --topic system.events
$acls --allow-principal User:tocsin --operation READ --group tocsin
$acls --allow-principal User:tocsin --operation DESCRIBE_CONFIGS --cluster

# operator of dead letters: sends records again.
$acls --allow-principal User:tocsin-operator --operation WRITE --topic ledger.events
$acls --allow-principal User:tocsin-operator --operation WRITE --topic system.events

# auditor: reads the group's commits, which record the end of each chain. Kafka
# omits the partitions of a topic without DESCRIBE.
$acls --allow-principal User:tocsin-auditor --operation DESCRIBE --group tocsin
$acls --allow-principal User:tocsin-auditor --operation DESCRIBE --topic ledger.events
$acls --allow-principal User:tocsin-auditor --operation DESCRIBE --topic system.events
# migrator, analyst: no rights.
