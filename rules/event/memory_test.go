package event_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

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

// TestSize compares what an event says that it takes with what the heap says.
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
			t.Errorf("%d lines: Size says %d bytes, the heap %d", lines, size, took)
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
