package faults

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

const packA, packB = "digest of the first", "digest of the second"

// made is evidence of a run in which nothing went wrong: two batches of three
// records in one partition, one under each pack. In each the second record is
// a candidate of the first pack alone, in the first batch the third has no
// amount; the last record of all is no event.
func made() *evidence {
	p := partition{contractTopic, "id", 0}
	e := &evidence{logs: logs{topics: make(map[partition][]record)}, gone: make(map[string]bool), rows: make(map[partition][]row), limits: map[string]limits{packA: packs[0], packB: packs[1]}}
	values := [][]byte{
		event(false, "0", "M-0", 1, true), event(false, "1", "M-1", packs[0].Cents, true), event(false, "2", "M-2", 0, false),
		event(false, "3", "M-3", 1, true), event(false, "4", "M-4", packs[0].Cents, true), []byte("no event"),
	}
	outcomes := []string{noMatch, match, indeterminate, noMatch, noMatch, deadLetter}
	head := [sha256.Size]byte{}
	for i, value := range values {
		offset := int64(i) + 10 // where a topic begins is not of interest
		hash := sha256.Sum256(value)
		rec, judged := record{offset, hash, framed(&kgo.Record{Offset: offset, Value: value}, hash), understand(value)}, sha256.Sum256([]byte{byte(i)})
		head = link(head, rec.framed, judged)
		e.topics[p] = append(e.topics[p], rec)
		r := row{offset: offset, hash: hash, noted: hash, judged: judged, chain: head, first: 10, last: 12, size: 3, digest: packA}
		if i >= 3 {
			r.first, r.last, r.digest = 13, 15, packB
		}
		if outcomes[i] == deadLetter {
			r.stage, r.code = "decode", "syntax"
		} else {
			r.rules, r.outcomes = []string{contractRule}, []string{outcomes[i]}
		}
		if outcomes[i] == match || outcomes[i] == indeterminate {
			id := fmt.Sprint("id-", i)
			r.findings = []finding{{contractRule, id, fmt.Sprint("M-", i)}}
			e.messages = append(e.messages, message{id, id, place{p, offset}, r.digest})
		}
		e.rows[p] = append(e.rows[p], r)
	}
	return e
}

func TestCheck(t *testing.T) {
	p := partition{contractTopic, "id", 0}
	f := func(name string, change func(*evidence), want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			e := made()
			change(e)
			r := check(*e)
			var got []string
			for _, s := range []struct {
				name string
				tally
			}{{"lost", r.Lost}, {"doubled", r.Doubled}, {"wrong", r.Wrong}} {
				for _, line := range s.First {
					got = append(got, s.name+": "+strings.NewReplacer(p.String(), "P", contractTopic+"/0", "P").Replace(line))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	drop := func(i int) func(*evidence) {
		return func(e *evidence) { e.rows[p] = slices.Delete(e.rows[p], i, i+1) }
	}
	change := func(i int, change func(*row)) func(*evidence) {
		return func(e *evidence) { change(&e.rows[p][i]) }
	}
	f("nothing", func(*evidence) {})
	f("a row is missing", drop(3), "lost: P@13 has no row", "lost: P: the batch 13-15 has 2 rows of 3")
	f("a batch is missing", func(e *evidence) { e.rows[p] = e.rows[p][:3] },
		"lost: P@13 has no row", "lost: P@14 has no row", "lost: P@15 has no row")
	f("a row is there twice", func(e *evidence) { e.rows[p] = slices.Insert(e.rows[p], 3, e.rows[p][3]) },
		"doubled: P@13 is stored in the batch 13-15 and again in the batch 13-15", "doubled: P: the batch 13-15 has 4 rows of 3")
	f("a record is in two batches", func(e *evidence) {
		again := e.rows[p][3]
		again.first, again.last, again.size = 13, 13, 1
		e.rows[p] = slices.Insert(e.rows[p], 4, again)
	}, "doubled: P@13 is stored in the batch 13-15 and again in the batch 13-13", "doubled: P: the batches 13-15 and 13-13 overlap")
	f("a row has no record", func(e *evidence) { e.topics[p] = e.topics[p][:5] }, "wrong: P@15 is a row (of the batch 13-15) without a record")
	f("a partition has no record", func(e *evidence) { e.rows[partition{"else", "", 1}] = make([]row, 2) }, "wrong: else/1 has 2 rows and no record")
	f("other bytes", change(0, func(r *row) { r.hash[0]++; r.noted[0]++ }), "wrong: P@10 is stored with other bytes")
	f("another hash", change(0, func(r *row) { r.noted[0]++ }), "wrong: P@10 has a hash that is not its bytes'")
	f("the chain breaks", change(4, func(r *row) { r.chain[0]++ }), "wrong: P@14 breaks the chain")
	f("unknown rules", func(e *evidence) { delete(e.limits, packB) },
		"wrong: P@13 is judged by rules that were never deployed: "+packB, "wrong: P@14 is judged by rules that were never deployed: "+packB,
		"wrong: P@15 is judged by rules that were never deployed: "+packB)
	f("the verdict of the other pack", change(4, func(r *row) { r.outcomes[0] = match }),
		"wrong: P@14 is match under limits {200000000 7200}, want no_match")
	f("an event as a dead letter", change(3, func(r *row) { r.stage = "decode" }),
		"wrong: P@13 is dead letter under limits {200000000 7200}, want no_match")
	f("a batch under two packs", change(5, func(r *row) { r.digest = packA }), "wrong: P: the batch 13-15 is judged by two packs")
	f("a match that raises nothing", func(e *evidence) { e.rows[p][1].findings, e.messages = nil, e.messages[1:] },
		"wrong: P@11 is match and has 0 findings")
	f("another matter", change(1, func(r *row) { r.findings[0].matter = "M-9" }),
		`wrong: P@11 is a candidate of FLT-01 about "M-9", want FLT-01 about "M-1"`, "wrong: candidate id-1 is alerted for P@11 and no row raises it")
	f("two matters with one id", func(e *evidence) { e.rows[p][2].findings[0].id, e.messages = "id-1", e.messages[:1] },
		"wrong: P@12 gives the id id-1 to a second matter, M-2")
	f("no alert", func(e *evidence) { e.messages = e.messages[1:] }, "lost: candidate id-1 of P@11 is not alerted")
	f("two alerts", func(e *evidence) { e.messages = append(e.messages, e.messages[0]) }, "doubled: candidate id-1 of P@11 is alerted 2 times")
	f("an invented alert", func(e *evidence) {
		e.messages = append(e.messages, message{"id-4", "id-4", place{p, 14}, packA})
	}, "wrong: candidate id-4 is alerted for P@14 and no row raises it")
	f("an alert under other rules than its row", func(e *evidence) { e.messages[0].digest = packB },
		"wrong: candidate id-1 is alerted for P@11 under rules digest of th, which that row does not raise")
	deleted := func(change func(*evidence)) func(*evidence) {
		return func(e *evidence) { e.gone["id"] = true; change(e) }
	}
	f("the last batch of a deleted topic is missing", deleted(func(e *evidence) { e.rows[p] = e.rows[p][:3] }))
	f("a part of it is missing", deleted(drop(5)), "lost: P: the batch 13-15 has 2 rows of 3")
	f("an earlier batch of a deleted topic is missing", deleted(func(e *evidence) { e.rows[p], e.messages = e.rows[p][3:], nil }),
		"lost: P@10 has no row", "lost: P@11 has no row", "lost: P@12 has no row")
	f("a batch of a deleted topic is there twice", deleted(func(e *evidence) { e.rows[p] = slices.Insert(e.rows[p], 3, e.rows[p][3]) }),
		"doubled: P@13 is stored in the batch 13-15 and again in the batch 13-15", "doubled: P: the batch 13-15 has 4 rows of 3")
	f("the alerts of a deleted topic's last batch are missing", deleted(func(e *evidence) { e.rows[p], e.messages = e.rows[p][:3], nil }))
	f("the alerts of an earlier one are missing", deleted(func(e *evidence) { e.messages = nil }),
		"lost: candidate id-1 of P@11 is not alerted", "lost: candidate id-2 of P@12 is not alerted")
	f("the alerts of a batch that is missing", deleted(func(e *evidence) {
		e.rows[p] = e.rows[p][:3]
		e.messages = append(e.messages, message{"id-4", "id-4", place{p, 14}, packA})
	}))
	f("an alert of such a batch that no rules raise", deleted(func(e *evidence) {
		e.rows[p] = e.rows[p][:3]
		e.messages = append(e.messages, message{"id-4", "id-4", place{p, 14}, packB})
	}), "wrong: candidate id-4 is alerted for P@14 and no row raises it")
	forgotten := func(first, last int64) func(*evidence) {
		return func(e *evidence) {
			e.forgotten = []promise{{p, first, last, packA}}
			e.messages = append(e.messages, message{"id-4", "id-4", place{p, 14}, packA})
		}
	}
	f("an alert of a promise whose mark was deleted", forgotten(13, 15))
	f("an alert of another promise", forgotten(10, 12), "wrong: candidate id-4 is alerted for P@14 and no row raises it")
	again := partition{contractTopic, "another", 0}
	f("a topic made again", func(e *evidence) {
		e.topics[again], e.rows[again] = e.topics[p][:1], slices.Clone(e.rows[p][:1])
		e.rows[again][0].last, e.rows[again][0].size = 10, 1
	})
	f("rows of a topic made again are missing", func(e *evidence) { e.topics[again] = e.topics[p][:1] }, "lost: ledger.events/another/0@10 has no row")
	f("rows of the log before", func(e *evidence) {
		e.topics[again], e.rows[again] = nil, e.rows[p][:3]
	}, "wrong: ledger.events/another/0@10 is a row (of the batch 10-12) without a record", "wrong: ledger.events/another/0@11 is a row (of the batch 10-12) without a record",
		"wrong: ledger.events/another/0@12 is a row (of the batch 10-12) without a record")
	f("an alert about another matter than its subject", func(e *evidence) { e.messages[0].body = "id-2" },
		"wrong: candidate id-1 is alerted in a message about id-2")
}

// TestCheckOfABatchThatIsNotUnpacked: its rows have the hash of the batch, and no bytes.
func TestCheckOfABatchThatIsNotUnpacked(t *testing.T) {
	p := partition{contractTopic, "id", 0}
	of := func(change func(*row)) result {
		batch, judged := sha256.Sum256([]byte("a batch")), sha256.Sum256([]byte("its judgement"))
		rec := record{7, batch, framedPacked(7, 1000, batch), truth{kind: string(tooLarge)}}
		r := row{offset: 7, hash: sha256.Sum256(nil), noted: batch, judged: judged, chain: link([sha256.Size]byte{}, rec.framed, judged),
			stage: "unpack", code: "batch_too_large", first: 7, last: 7, size: 1, digest: packA}
		change(&r)
		return check(evidence{logs: logs{topics: map[partition][]record{p: {rec}}}, rows: map[partition][]row{p: {r}}, limits: map[string]limits{packA: packs[0]}})
	}
	if r := of(func(*row) {}); r.Lost.Count+r.Doubled.Count+r.Wrong.Count != 0 || r.Produced != 1 {
		t.Errorf("a sound row: %+v", r)
	}
	for name, change := range map[string]func(*row){
		"bytes":          func(r *row) { r.hash[0]++ },
		"another batch":  func(r *row) { r.noted[0]++ },
		"another reason": func(r *row) { r.code = "batch_unreadable" },
		"unpacked":       func(r *row) { r.stage = "decode" },
	} {
		if r := of(change); r.Wrong.Count != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestUnderstand(t *testing.T) {
	f := func(value []byte, first, second string) {
		t.Helper()
		for i, want := range []string{first, second} {
			if _, got := understand(value).verdict(packs[i]); got != want {
				t.Errorf("%s under limits %v: %s, want %s", value, packs[i], got, want)
			}
		}
	}
	for _, outage := range []bool{false, true} {
		low, high := packs[0].Cents, packs[1].Cents
		if outage {
			low, high = packs[0].Seconds, packs[1].Seconds
		}
		f(event(outage, "i", "m", low-1, true), noMatch, noMatch)
		f(event(outage, "i", "m", low, true), match, noMatch)
		f(event(outage, "i", "m", high-1, true), match, noMatch)
		f(event(outage, "i", "m", high, true), match, match)
		f(event(outage, "i", "m", 0, false), indeterminate, indeterminate)
	}
	f(nil, tombstone, tombstone)
	f([]byte{}, deadLetter, deadLetter)
	f([]byte("no event"), deadLetter, deadLetter)
	f([]byte(`{"type":"nobody.knows"}`), deadLetter, deadLetter)
}
