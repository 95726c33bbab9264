package endtoend

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/company"
)

// booked is a journal of so many lines, which balances, whose record has so many
// bytes or as many as the lines take. Its text is what no compression makes small.
func booked(i, lines, bytes int) *kgo.Record {
	var value strings.Builder
	fmt.Fprintf(&value, `{"specversion":"1.0","id":"journal-%[1]d","source":"endtoend","type":"ledger.journal_entry.posted","time":"2026-11-23T18:30:00-05:00",`+
		`"data":{"registrant_cik":"0009999999","company_code":"1000","ledger_role":"leading","document_number":"%[1]d","posting_date":"2026-11-23","functional_currency":"USD","group_currency":"USD","lines":[`, i)
	for line := range lines {
		if line > 0 {
			value.WriteByte(',')
		}
		fmt.Fprintf(&value, `{"line_number":%d,"account":"%06d","debit_credit":"%c","amount_functional":"%d.00","amount_group":"%d.00"}`,
			line+1, 400_000+line%1000, "DC"[line%2], 100+line/2, 100+line/2)
	}
	value.WriteString(`],"header_text":"`)
	random := rand.New(rand.NewPCG(uint64(i), 0))
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	for end := bytes - len(`"}}`); value.Len() < end; {
		value.WriteByte(letters[random.IntN(len(letters))])
	}
	value.WriteString(`"}}`)
	return &kgo.Record{Topic: loadTopic, Key: fmt.Appendf(nil, "J-%d", i), Value: []byte(value.String())}
}

// day are the events of the demonstration's company.
func day() func(int) *kgo.Record {
	g := company.New(2, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), company.Options{})
	return func(int) *kgo.Record {
		item := g.Next()
		return &kgo.Record{Topic: item.Topic, Key: []byte(item.Key), Value: item.Event.AppendJSON(nil)}
	}
}

// expected is a worker's peak by deploy/README.md, in MiB: records of
// so many bytes with so many lines and candidates, at most so many MiB in hand, and
// fetches that bring so many MiB when they are unpacked.
func expected(bytes, lines, candidates, maxMiB int, fetchedMiB float64) float64 {
	event := 2700 + 460*lines + 8192*candidates
	n := max(maxMiB<<20/(bytes+event+250), 1)
	const mib = 1 << 20
	return 80 + (20*float64(n)*float64(bytes)+4*float64(n)*float64(event))/mib + 4*fetchedMiB
}
