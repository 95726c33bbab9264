package event_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"weak"

	"tocsin/rules/event"
)

// booked is a journal with so many empty lines.
func booked(lines int) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"s","type":"ledger.journal_entry.posted","data":{"header_text":"%s","lines":[%s]}}`,
		strings.Repeat("x", 1000), strings.TrimSuffix(strings.Repeat("{},", lines), ","))
}

// heap is how many bytes are alive.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestSize compares the size that an event reports with the growth of the heap.
func TestSize(t *testing.T) {
	d := event.NewDecoder(event.Limits{})
	for _, lines := range []int{0, 1, 6, 5_000} {
		value := booked(lines)
		events := make([]event.Event, 200_000/(lines+20))
		before := heap()
		size := 0
		for i := range events {
			if failure := d.Decode(&events[i], value, nil); failure != nil {
				t.Fatal(failure)
			}
			size += events[i].Size()
		}
		took := heap() - before
		size -= len(events) * 144 // events themselves were there before
		t.Logf("%d lines: %d bytes an event by Size, %d by the heap", lines, size/len(events), took/len(events))
		if took < size*9/10 || took > size*14/10 {
			t.Errorf("%d lines: Size is %d bytes, the heap %d", lines, size, took)
		}
		runtime.KeepAlive(events)
	}
}

func TestForgetKeepsStorageAndNoText(t *testing.T) {
	d, e := event.NewDecoder(event.Limits{}), &event.Event{}
	few, many := booked(1), booked(1000)
	decode := func(value []byte) {
		t.Helper()
		if failure := d.Decode(e, value, nil); failure != nil {
			t.Fatal(failure)
		}
	}
	decode(many)
	large := e.Size()
	if kept := e.Forget(); kept < large {
		t.Errorf("the storage takes %d bytes, the event in it %d", kept, large)
	}
	if text := e.Text(event.Ledger.Lookup("header_text")); text != "" {
		t.Error("the event keeps a text")
	}
	decode(few)
	if small := e.Size(); small >= large/100 {
		t.Errorf("an event of one line takes %d bytes, one of 1,000 lines %d", small, large)
	}
	if kept := e.Forget(); kept < large {
		t.Errorf("the storage takes %d bytes, less than what it once held: %d", kept, large)
	}
	if n := testing.AllocsPerRun(10, func() { decode(many); e.Forget() }); n != 0 {
		t.Errorf("an event in storage that was kept costs %v allocations", n)
	}
}

// A decoder keeps nothing of a record: a record is a part of its producer's batch,
// all of which would stay in memory.
func TestADecoderKeepsNoRecord(t *testing.T) {
	d := event.NewDecoder(event.Limits{})
	for name, text := range map[string]string{
		"an event":               string(booked(3)),
		"unknown members":        `{"specversion":"1.0","id":"1","source":"s","type":"ledger.contract.executed","x1":1,"x2":2,"data":{"x3":{"x4":1,"x5":2},"contract":{"x6":1,"x7":2}}}`,
		"an unknown member, cut": `{"specversion":"1.0","id":"1","source":"s","type":"ledger.contract.executed","data":{"x1":1,"x2":2,"contract":{"x3":1,"x4"`,
		"the same member twice":  `{"specversion":"1.0","id":"1","source":"s","type":"ledger.contract.executed","data":{"x1":1,"x1":2}}`,
		"data before the type":   `{"data":{"x1":1,"x2":2},"specversion":"1.0","id":"1","source":"s","type":"ledger.contract.executed"}`,
		"no JSON":                `this is no JSON at all`,
		"longer than the limit":  strings.Repeat("x", 2<<20),
		"not an attribute":       `{                    }`,
	} {
		value, header := []byte(text), []byte("application/cloudevents+json; charset=utf-8")
		weakly, headerWeakly := weak.Make(&value[0]), weak.Make(&header[0])
		d.Decode(&event.Event{}, value, func(yield func(string, []byte) bool) { yield("content-type", header) })
		value, header = nil, nil
		runtime.GC()
		if weakly.Value() != nil || headerWeakly.Value() != nil {
			t.Errorf("%s: the record is still in memory", name)
		}
	}
	runtime.KeepAlive(d)
}
