package load

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/authority"
	"tocsin/cmd/tocsin/cli"
	"tocsin/rules/event"
)

const (
	smallLedger = `Journal_ID,Journal_ID_Line_Number,Fiscal_Year,Business_Unit_Code,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator,Amount_Currency
1,1,2026,A,100,10,D,USD
2,1,2026,A,100,7.25,D,USD
1,2,2026,A,200,10,C,USD
2,2,2026,A,200,7.25,C,USD
`
	badLine = "3,1,2026,A,100,SECRET,D,USD\n"
)

// loaded runs the command as a user does.
func loaded(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Command.Run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func written(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadUsage(t *testing.T) {
	t.Setenv("TOCSIN_KAFKA", "")
	for _, c := range []struct{ args, want string }{
		{"x.csv --out -", "--format is missing: use ads-gl or cloudevents"},
		{"--format avro x.csv --out -", `--format "avro" is unknown: use ads-gl or cloudevents`},
		{"--format adsgl x.csv --out -", `--format "adsgl" is unknown: did you mean ads-gl?`},
		{"--format cloudevent x.csv --out -", `--format "cloudevent" is unknown: did you mean cloudevents?`},
		{"--format ads-gl a --out - --encoding utf8", `--encoding "utf8" is unknown: did you mean utf-8?`},
		{"--format ads-gl a --out - --date-order ymd", `--date-order "ymd" is unknown: use mdy or dmy`},
		{"--format ads-gl a --out - --numbers compny", `--numbers "compny" is unknown: did you mean company?`},
		{"--format ads-gl a --out - --columns spa_line_items", `--columns "spa_line_items": no file has this name, and none that ships: did you mean sap_line_items?`},
		{"--format ads-gl a --out - --columns absent.yaml", `--columns "absent.yaml": no file has this name, and none that ships: name one, or oracle_ebs_journals, quickbooks_journal or sap_line_items`},
		{"--format ads-gl --out -", "one file"},
		{"--format ads-gl a b --out -", "one file"},
		{"--format ads-gl a", "name the destination"},
		{"--format ads-gl a --out - --topic t", "name the destination"},
		{"--format ads-gl a --topic t", "--brokers"},
		{"--format ads-gl a --topic t --brokers b:1 --config f", "--brokers"},
		{"--format ads-gl a --topic t --brokers b:1,b", "address 2 of --brokers (or $TOCSIN_KAFKA) has no port: write it as kafka:9092"},
		{"--format ads-gl a --topic t --brokers u:CANARY@b:1", "address 1 of --brokers (or $TOCSIN_KAFKA) has a user or a password"},
		{"--format ads-gl a --out - --config f", "--config"},
		{"--format ads-gl a --out - --decimal ;", `--decimal ";" is unknown: use . or ,`},
		{"--format ads-gl a --out - --credits never", `--credits "never" is unknown: use auto, signed or unsigned`},
		{"--format ads-gl a --out - --registrant 12x", "--registrant"},
		{"--format ads-gl a --out - --timezone Mars/Base", "--timezone"},
		{"--format ads-gl a --out - --group-currency dollars", "--group-currency"},
		{"--format ads-gl a --out - --colour", "colour"},
	} {
		code, stdout, stderr := loaded(t, "", strings.Fields(c.args)...)
		if code != cli.Usage || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 || strings.Contains(stderr, "CANARY") {
			t.Errorf("%s: exit %d, %q, %q", c.args, code, stdout, stderr)
		}
	}
	code, help, _ := loaded(t, "", "-h")
	if code != cli.OK || !strings.Contains(help, "tocsin load --format ads-gl") || !strings.Contains(help, "-skip-bad") {
		t.Errorf("help: exit %d, %s", code, help)
	}
}

// The same events come from a file, from gzip of two members, and from standard
// input, and flags may stand behind the file.
func TestLoadSources(t *testing.T) {
	plain := written(t, "gl.csv", []byte(smallLedger))
	var packed bytes.Buffer
	for _, part := range []string{smallLedger[:100], smallLedger[100:]} {
		w := gzip.NewWriter(&packed)
		w.Write([]byte(part))
		w.Close()
	}
	zipped := written(t, "gl.csv.gz", packed.Bytes())
	code, want, report := loaded(t, "", "--format", "ads-gl", "--out", "-", plain)
	if code != cli.OK || strings.Count(want, "\n") != 2 || !strings.Contains(report, "USD  debit 17.25  credit 17.25  (4 lines)\nevery journal balances\nno gap") {
		t.Fatalf("exit %d\n%s%s", code, want, report)
	}
	to := filepath.Join(t.TempDir(), "events.jsonl")
	for _, args := range [][]string{{zipped, "--format", "ads-gl", "--out", "-"}, {"--format=ads-gl", "-", "--out=-"}, {"--format", "ads-gl", plain, "--out", to}} {
		code, got, stderr := loaded(t, smallLedger, args...)
		if args[len(args)-1] == to {
			data, err := os.ReadFile(to)
			if err != nil {
				t.Fatal(err)
			}
			got = string(data)
		}
		if diff := cmp.Diff(want, got); code != cli.OK || diff != "" {
			t.Errorf("%v: exit %d, %s\n%s", args, code, stderr, diff)
		}
	}
	cut := written(t, "cut.csv.gz", packed.Bytes()[:packed.Len()-12])
	if code, got, stderr := loaded(t, "", cut, "--format", "ads-gl", "--out", "-"); code != cli.Failed || got != "" || !strings.Contains(stderr, "unexpected EOF") {
		t.Errorf("gzip that was cut: exit %d, %q, %q", code, got, stderr)
	}
	if code, _, stderr := loaded(t, "", plain, "--format", "ads-gl", "--out", plain); code != cli.Failed || !strings.Contains(stderr, "names the file that is loaded") {
		t.Errorf("out over the input: exit %d, %q", code, stderr)
	}
}

// A line that cannot be read fails the load before anything is written, and its
// value is never printed.
func TestLoadRefusesBadLines(t *testing.T) {
	file := written(t, "gl.csv", []byte(smallLedger+badLine))
	out := filepath.Join(t.TempDir(), "events.jsonl")
	code, stdout, stderr := loaded(t, "", "--format", "ads-gl", file, "--out", out)
	if code != cli.Failed || stdout != "" || !strings.Contains(stderr, "gl.csv:6:16: Amount is not an amount") || !strings.Contains(stderr, "nothing was produced") || strings.Contains(stderr, "SECRET") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("the load failed and left %s: %v", out, err)
	}
	code, stdout, _ = loaded(t, "", "--format", "ads-gl", file, "--out", out, "--skip-bad", "--json")
	var report struct {
		Journals int `json:"journals"`
		Refused  []struct {
			Line   int    `json:"line"`
			Field  string `json:"field"`
			Reason string `json:"reason"`
		} `json:"refused"`
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != cli.OK || report.Journals != 2 || len(report.Refused) != 1 || report.Refused[0].Line != 6 || report.Refused[0].Field != "Amount" {
		t.Errorf("exit %d, %v: %+v", code, err, report)
	}
}

// A journal that no Kafka record holds is refused and not cut.
func TestLoadRefusesHugeJournals(t *testing.T) {
	var b strings.Builder
	b.WriteString(smallLedger)
	for n := range 12_000 {
		fmt.Fprintf(&b, "9,%d,2026,A,100,1,%c,USD\n", n+1, "DC"[n%2])
	}
	code, _, stderr := loaded(t, b.String(), "--format", "ads-gl", "-", "--out", "-")
	if code != cli.Failed || !strings.Contains(stderr, "line 6: begins a journal whose event is larger than") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	code, stdout, _ := loaded(t, b.String(), "--format", "ads-gl", "-", "--out", "-", "--skip-bad")
	if code != cli.OK || strings.Count(stdout, "\n") != 2 {
		t.Errorf("exit %d, %d events", code, strings.Count(stdout, "\n"))
	}
}

func TestLoadEvents(t *testing.T) {
	_, lines, _ := loaded(t, smallLedger, "--format", "ads-gl", "-", "--out", "-")
	input := "\n" + lines + `{"specversion":"1.0"}` + "\n" + strings.Repeat("x", MaxRecord+10) + "\n" + strings.TrimSuffix(lines, "\n")
	code, stdout, stderr := loaded(t, input, "--format", "cloudevents", "-", "--out", "-")
	if code != cli.Failed || stdout != "" || !strings.Contains(stderr, "line 4: ") || !strings.Contains(stderr, "line 5: is longer than") {
		t.Errorf("exit %d, %d bytes\n%s", code, len(stdout), stderr)
	}
	code, stdout, stderr = loaded(t, input, "--format", "cloudevents", "-", "--out", "-", "--skip-bad")
	if diff := cmp.Diff(lines+lines, stdout); code != cli.OK || diff != "" || !strings.Contains(stderr, "4 ledger.journal_entry.posted") {
		t.Errorf("exit %d, %s\n%s", code, stderr, diff)
	}
}

// Both formats reach Kafka: keyed by business object, with the content type
// that makes the record a CloudEvent, and each event once.
func TestLoadProduces(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	args := []string{"-", "--format", "ads-gl", "--topic", "ledger", "--brokers", brokers, "--registrant", "9999999", "--json"}
	code, stdout, stderr := loaded(t, smallLedger, args...)
	if code != cli.OK || !strings.Contains(stdout, `"journals": 2`) {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	_, lines, _ := loaded(t, smallLedger, "-", "--format", "ads-gl", "--out", "-", "--registrant", "9999999")
	if code, _, stderr := loaded(t, lines, "-", "--format", "cloudevents", "--topic", "ledger", "--brokers", brokers); code != cli.OK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	records := consumed(t, cluster.ListenAddrs(), 4)
	decoder, e := event.NewDecoder(event.Limits{}), event.New(event.Types()[0])
	seen := make(map[string]int)
	for _, r := range records {
		headers := func(yield func(string, []byte) bool) {
			for _, h := range r.Headers {
				if !yield(h.Key, h.Value) {
					return
				}
			}
		}
		if f := decoder.Decode(e, r.Value, headers); f != nil {
			t.Fatal(f)
		}
		seen[string(r.Key)+" "+e.Text(event.Ledger.Lookup("event_id"))]++
	}
	keys := make([]string, 0, len(seen))
	for k, n := range seen {
		keys = append(keys, fmt.Sprint(strings.Fields(k)[0], " ", n))
	}
	slices.Sort(keys)
	if diff := cmp.Diff([]string{"0009999999/A/2026/1 2", "0009999999/A/2026/2 2"}, keys); diff != "" {
		t.Errorf("each event once from each format (-want +got):\n%s", diff)
	}
	code, _, stderr = loaded(t, smallLedger, "-", "--format", "ads-gl", "--topic", "nowhere", "--brokers", brokers)
	if code != cli.Failed || !strings.Contains(stderr, "the topic nowhere does not exist") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// reaching is a configuration with those lines in its section kafka.
func reaching(t *testing.T, brokers, lines string) string {
	t.Helper()
	return written(t, "tocsin.yaml", fmt.Appendf(nil, "kafka:\n  brokers: [\"%s\"]\n  cluster: main\n  group: tocsin\n  topics: [ledger.events]\n%s"+
		"clickhouse: { addresses: [h:1], user: u }\nnats: { servers: [\"h:4222\"] }\nrules: { pack: sox409 }\n", brokers, lines))
}

// With a configuration the brokers are reached as a worker reaches them.
func TestLoadProducesOverTLSAndSASL(t *testing.T) {
	a := authority.New(t, "first")
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "ledger"), kfake.TLS(a.Server(a.Pool())), kfake.EnableSASL(),
		kfake.Superuser("SCRAM-SHA-512", "scram", "s-secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	files := authority.In(t.TempDir())
	a.Write(files, "client")
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	config := reaching(t, brokers, fmt.Sprintf("  tls: { ca: %s, cert: %s, key: %s }\n", files.CA, files.Cert, files.Key)+"  sasl: { mechanism: SCRAM-SHA-512, user: scram, password: s-secret }\n")
	code, stdout, stderr := loaded(t, smallLedger, "-", "--format", "ads-gl", "--topic", "ledger", "--config", config, "--json")
	if code != cli.OK || !strings.Contains(stdout, `"journals": 2`) {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if newest := cluster.PartitionInfo("ledger", 0).HighWatermark; newest != 2 {
		t.Errorf("%d records are there, want 2", newest)
	}
	for args, want := range map[string]string{
		"--brokers " + brokers: "kafka.tls: the broker",
		"--config " + reaching(t, brokers, fmt.Sprintf("  tls: { ca: %s }\n", files.CA)): "Give kafka.tls.cert and kafka.tls.key",
		"--config " + files.CA: "E104",
	} {
		code, _, stderr := loaded(t, smallLedger, append([]string{"-", "--format", "ads-gl", "--topic", "ledger"}, strings.Fields(args)...)...)
		if code != cli.Failed || !strings.Contains(stderr, want) || strings.Contains(stderr, "s-secret") {
			t.Errorf("%s: exit %d, want %q: %s", args, code, want, stderr)
		}
	}
}

// consumed reads n records of the topic ledger.
func consumed(t *testing.T, brokers []string, n int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("ledger"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}
