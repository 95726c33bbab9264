package clickhouse

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/cmd/devstack/company"
	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/packs"
)

// alter helps to try another form of the table:
//
//	go test ./sinks/clickhouse -run '^$' -bench Server -benchtime 1x -count 5 -alter 'MODIFY SETTING index_granularity = 1024'
var alter = flag.String("alter", "", "what BenchmarkServer does to the table first: the `end` of ALTER TABLE events")

// BenchmarkServer is the work that rows of the demo's company are for the server:
// the CPU time of its process for the inserts, and for the merge of all their parts
// into one for each topic and month. The figures of two builds compare only when
// they are made in turn, on the same machine.
func BenchmarkServer(b *testing.B) {
	for _, n := range []int{100, 2_000, 20_000} {
		batches := companyBatches(b, min(100*n, 40_000), n)
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			var client, insert, merge, stored int64
			for b.Loop() {
				b.StopTimer()
				c := migrated(b)
				c.InsertTimeout = time.Hour // the machine may be shared
				s, conn := opened(b, c), reader(b, c)
				if *alter != "" {
					execute(b, conn, "ALTER TABLE events "+*alter)
				}
				execute(b, conn, "SYSTEM STOP MERGES events")
				first := *batches[0]
				first.Cluster = "first" // connects, and warms both sides up
				if err := s.Store(b.Context(), &first); err != nil {
					b.Fatal(err)
				}
				execute(b, conn, "TRUNCATE TABLE events")
				b.StartTimer()
				ours, began := cpu(b), serverCPU(b)
				for _, batch := range batches {
					if err := s.Store(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
					stored += int64(len(batch.Rows))
				}
				inserted := serverCPU(b)
				client, insert = client+cpu(b)-ours, insert+inserted-began
				execute(b, conn, "SYSTEM START MERGES events")
				execute(b, conn, "OPTIMIZE TABLE events FINAL")
				merge += serverCPU(b) - inserted
			}
			b.ReportMetric(float64(client)/float64(stored), "client-us/row")
			b.ReportMetric(float64(insert)/float64(stored), "insert-us/row")
			b.ReportMetric(float64(merge)/float64(stored), "merge-us/row")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// companyBatches are the first rows of the demo's company, judged by the shipped
// pack, in batches of n rows of one topic.
func companyBatches(b *testing.B, rows, n int) (full []*pipeline.Batch) {
	b.Helper()
	files, _ := packs.Open("sox409")
	pack, mistakes := rules.Load(files, "sox409", calendar.Default())
	if len(mistakes) > 0 {
		b.Fatal(mistakes)
	}
	engine := rules.NewEngine(pack)
	g := company.New(1, time.Date(2026, 3, 9, 13, 0, 0, 0, time.UTC), company.Options{})
	open, next := make(map[string]*pipeline.Batch), make(map[string]int64)
	for len(full)*n < rows {
		item := g.Next()
		batch := open[item.Topic]
		if batch == nil {
			batch = &pipeline.Batch{Cluster: "main", Topic: item.Topic, First: next[item.Topic], At: g.Now(),
				Digest: pack.Digest(), Calendar: pack.CalendarVersion(), MaxBytes: 1 << 20}
			open[item.Topic] = batch
		}
		row := pipeline.Row{Offset: next[item.Topic], Timestamp: g.Now().Add(time.Second), Key: []byte(item.Key), Raw: item.Event.AppendJSON(nil), Event: item.Event,
			Headers: []pipeline.Header{{Key: "content-type", Value: []byte("application/cloudevents+json")}}}
		row.Verdicts = engine.Judge(nil, item.Event, row.Timestamp)
		row.RawHash = sha256.Sum256(row.Raw)
		row.Judged = batch.JudgementHash(&row)
		row.Chain = sha256.Sum256(append(row.RawHash[:], row.Judged[:]...))
		batch.Rows, batch.Last = append(batch.Rows, row), row.Offset
		if next[item.Topic]++; len(batch.Rows) == n {
			full, open[item.Topic] = append(full, batch), nil
		}
	}
	return full
}

// serverCPU is the time the server's process has computed, in microseconds. The
// kernel counts it in hundredths of a second.
func serverCPU(b *testing.B) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", chtest.Server(b).Pid()))
	if err != nil {
		b.Fatal(err)
	}
	of := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // from the third field on
	var ticks int64
	for _, field := range of[11:13] { // utime and stime
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return ticks * 10_000
}
