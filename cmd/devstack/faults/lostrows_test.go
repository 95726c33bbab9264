package faults

import (
	"syscall"
	"testing"
)

// An aim strikes renames of new parts of one table, and so many of them.
func TestAnAim(t *testing.T) {
	const part = "/data/store/abc/abcdef/tmp_insert_202611_7_7_0/"
	var a aim
	if got := a.answer(part); got != 0 {
		t.Errorf("without an aim: %v", got)
	}
	lower := a.take("abcdef", 0, 2)
	for path, want := range map[string]syscall.Errno{
		"/data/store/abc/abcdef/tmp_merge_202611_1_6_1/":  0,
		"/data/store/fed/fedcba/tmp_insert_202611_7_7_0/": 0,
		part: syscall.ENOSPC,
	} {
		if got := a.answer(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if a.struck() {
		t.Error("struck after one of two")
	}
	if got := a.answer(part); got != syscall.ENOSPC || !a.struck() {
		t.Errorf("the second: %v, struck %v", got, a.struck())
	}
	if got := a.answer(part); got != 0 {
		t.Errorf("the third: %v", got)
	}
	if !lower() {
		t.Error("not all were struck")
	}
	lower = a.take("abcdef", 0, 1)
	if lower() {
		t.Error("struck without a rename")
	}
	if got := a.answer(part); got != 0 {
		t.Errorf("after the aim was lowered: %v", got)
	}
}
