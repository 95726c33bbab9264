package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// groupName is the workers' consumer group.
const groupName = "faults"

// configText is a worker's configuration: timeouts of seconds, so that a run
// of minutes has every one of them run out often, and small batches.
const configText = `kafka:
  brokers: ["${FAULTS_KAFKA}"]
  cluster: faults
  group: %[11]s
  topics: [%[1]s, %[2]s]
  first_start: earliest
  group_protocol: %[10]s
  session_timeout: %[3]s
clickhouse:
  addresses: ["${FAULTS_CLICKHOUSE}"]
  user: tocsin
  password: "${FAULTS_PASSWORD}"
  insert_timeout: %[4]s
nats:
  servers: ["${FAULTS_NATS}"]
  reconcile_every: 0s # it would hide that the loop had lost an alert
rules:
  pack: %[5]s
worker:
  max_records: 1000
  max_bytes: %[12]d
  max_unpacked_bytes: %[13]d
  linger: 150ms
  step_timeout: %[6]s
  drain_timeout: %[7]s
  rebalance_grace: %[8]s
  intent_ttl: %[9]s
  backoff_max: 1s
http:
  listen: 127.0.0.1:0
log:
  level: info
  format: text
`

// writePacks writes packs below dir and returns their directories.
func writePacks(dir string) (dirs []string, err error) {
	for i, l := range packs {
		pack := filepath.Join(dir, fmt.Sprintf("pack-%d", i+1))
		if err := writePack(pack, i+1, l); err != nil {
			return nil, err
		}
		dirs = append(dirs, pack)
	}
	return dirs, nil
}

// writeConfig writes the configuration of a slot's workers below dir and returns
// its path. pack may be a link that is exchanged.
func writeConfig(dir string, number int, pack, protocol string, ttl time.Duration) (string, error) {
	config := filepath.Join(dir, fmt.Sprintf("slot-%d.yaml", number))
	text := fmt.Sprintf(configText, contractTopic, outageTopic, sessionTimeout, insertTimeout, pack, stepTimeout, drainTimeout, rebalanceGrace, ttl, protocol, groupName, maxCycle, maxUnpacked)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write a configuration: %w", err)
	}
	return config, nil
}
