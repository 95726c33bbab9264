package main

// queries are what the demo proposes to ask. A test runs each of them.
var queries = []string{
	"SELECT due_at, item, rule, severity, key, value FROM candidates ORDER BY due_at LIMIT 10",
	"SELECT account, sum(if(debit_credit = 'D', amount_group, -amount_group)) AS balance FROM ledger_lines GROUP BY account ORDER BY account LIMIT 10",
	"SELECT topic, partition, rows, first_offset, last_offset, lost, doubled, skipped FROM completeness",
}

// further shows where to look while servers and worker stay up.
func (d *demonstration) further() {
	say(d.out, `
Look further from another terminal, in this directory:

  set -a; . %s; set +a
  ask() { curl -s "$TOCSIN_CLICKHOUSE_HTTP/?database=tocsin" -u "$TOCSIN_ANALYST_USER:$TOCSIN_ANALYST_PASSWORD" -d "$1 FORMAT PrettyCompact"; }
`, d.state.dotenv())
	for _, q := range queries {
		say(d.out, "  ask %q", q)
	}
	say(d.out, `
  alerts   %s, stream DISCLOSURE, subjects disclosure.candidate.>
           nats --server "$TOCSIN_NATS" stream view DISCLOSURE
  metrics  http://%s/metrics`, d.NATS, d.Metrics)
}
